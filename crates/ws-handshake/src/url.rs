//! `ws:` and `wss:` URLs of RFC 6455 §3.

use crate::UrlError;
use crate::authority::Authority;
use crate::key::BASE64;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use core::fmt;

/// A `ws:`, `wss:`, `http:` or `https:` URL taken apart, borrowed.
///
/// ```
/// use ws_handshake::Url;
///
/// let url = Url::parse("wss://Aladdin:open%20sesame@example.com/chat?room=1")?;
/// assert_eq!((url.host(), url.port(), url.is_secure()), ("example.com", 443, true));
/// assert_eq!((url.authority().as_str(), &*url.target()), ("example.com", "/chat?room=1"));
/// assert_eq!(url.authorization().as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
/// # Ok::<(), ws_handshake::UrlError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Url<'a> {
    secure: bool,
    userinfo: Option<&'a str>,
    authority: Authority<'a>,
    /// Path and query; may be empty or start with `?`.
    resource: &'a str,
}

impl<'a> Url<'a> {
    /// Takes `url` apart, which must be absolute and without a fragment.
    ///
    /// # Errors
    ///
    /// [`UrlError`] names the part that is wrong.
    //= https://www.rfc-editor.org/rfc/rfc6455#section-3
    //# ws-URI = "ws:" "//" host [ ":" port ] path [ "?" query ]
    //# wss-URI = "wss:" "//" host [ ":" port ] path [ "?" query ]
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        if !url.bytes().all(is_url_byte) {
            return Err(UrlError::Character);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-3
        //# Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be
        //# used on these URIs.
        if url.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let is = |known: &str| scheme.eq_ignore_ascii_case(known);
        let secure = is("wss") || is("https");
        if !secure && !is("ws") && !is("http") {
            return Err(UrlError::Scheme);
        }
        let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (userinfo, authority) = match authority.rsplit_once('@') {
            Some((userinfo, authority)) => (Some(userinfo), authority),
            None => (None, authority),
        };
        let authority = Authority::parse(authority).ok_or(UrlError::Host)?;
        if let Some(userinfo) = userinfo {
            credentials(userinfo)?;
        }
        Ok(Self {
            secure,
            userinfo,
            authority,
            resource,
        })
    }

    /// Whether the scheme is `wss` or `https`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host to connect to; an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &'a str {
        self.authority
            .host
            .trim_start_matches('[')
            .trim_end_matches(']')
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority.port.unwrap_or_else(|| self.default_port())
    }

    /// The value of `Host`, and of `:authority` in HTTP/2: the port only if it is not the default.
    #[must_use]
    pub fn authority(&self) -> String {
        let mut authority = Vec::new();
        self.write_authority(&mut authority);
        String::from_utf8(authority).unwrap_or_default()
    }

    /// The request target, and `:path` in HTTP/2.
    #[must_use]
    pub fn target(&self) -> Cow<'a, str> {
        match self.slash() {
            "" => Cow::Borrowed(self.resource),
            slash => Cow::Owned([slash, self.resource].concat()),
        }
    }

    /// The user information as a value of `Authorization`, by HTTP's Basic scheme.
    #[must_use]
    pub fn authorization(&self) -> Option<String> {
        let pair = credentials(self.userinfo?).ok()?;
        Some(["Basic ", &BASE64.encode(pair)].concat())
    }

    /// The user information as name and password, percent-decoded; a missing password is empty.
    #[must_use]
    pub fn user_info(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut name = credentials(self.userinfo?).ok()?;
        let colon = name.iter().position(|&b| b == b':')?;
        let password = name.split_off(colon + 1);
        name.truncate(colon);
        Some((name, password))
    }

    /// Whether both have the same security, host and port (RFC 6454 §5; `ws` counts as `http`).
    #[must_use]
    pub fn is_same_origin(&self, other: &Url<'_>) -> bool {
        self.secure == other.secure
            && self.port() == other.port()
            && self.authority.same_host(other.authority.host)
    }

    pub(crate) fn write_authority(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.authority.host.as_bytes());
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
        //# The request MUST contain a |Host| header field whose value contains /host/ plus
        //# optionally ":" followed by /port/ (when not using the default port).
        if let Some(port) = self.authority.port.filter(|&p| p != self.default_port()) {
            out.push(b':');
            out.extend_from_slice(itoa(port, &mut [0; 5]));
        }
    }

    pub(crate) fn write_target(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.slash().as_bytes());
        out.extend_from_slice(self.resource.as_bytes());
    }

    const fn default_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }

    /// `"/" if the path component is empty`, then path and query.
    fn slash(&self) -> &'static str {
        if self.resource.starts_with('/') {
            ""
        } else {
            "/"
        }
    }
}

impl fmt::Debug for Url<'_> {
    /// Without user information, path and query: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Url")
            .field("secure", &self.secure)
            .field("host", &self.authority.host)
            .field("port", &self.port())
            .finish_non_exhaustive()
    }
}

fn itoa(mut n: u16, digits: &mut [u8; 5]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        let digit = (n % 10) as u8;
        digits[start] = b'0' + digit;
        n /= 10;
        if n == 0 {
            return &digits[start..];
        }
    }
}

const fn is_url_byte(b: u8) -> bool {
    matches!(b, 0x21..=0x7e)
        && !matches!(
            b,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

/// `user:password` with the percent-encoding taken off, as HTTP's Basic scheme wants it.
//= https://www.rfc-editor.org/rfc/rfc7617#section-2
//# a user-id containing a colon character is invalid, as the first colon in a user-pass string
//# separates user-id and password from one another
fn credentials(userinfo: &str) -> Result<Vec<u8>, UrlError> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let mut pair = Vec::with_capacity(userinfo.len() + 1);
    percent_decode(user, &mut pair)?;
    if pair.contains(&b':') {
        return Err(UrlError::UserInfo);
    }
    pair.push(b':');
    percent_decode(password, &mut pair)?;
    if pair.iter().any(u8::is_ascii_control) {
        return Err(UrlError::UserInfo);
    }
    Ok(pair)
}

fn percent_decode(text: &str, out: &mut Vec<u8>) -> Result<(), UrlError> {
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let mut digit = || bytes.next().and_then(hex).ok_or(UrlError::UserInfo);
        let high = digit()?;
        out.push(high << 4 | digit()?);
    }
    Ok(())
}

const fn hex(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_security_host_and_port() {
        let same = |a, b| {
            let (a, b) = (Url::parse(a).unwrap(), Url::parse(b).unwrap());
            assert_eq!(a.is_same_origin(&b), b.is_same_origin(&a));
            a.is_same_origin(&b)
        };
        assert!(same("ws://example.com/a", "http://u:p@EXAMPLE.com:80/b?c"));
        assert!(same("wss://[::1]", "https://[0:0::1]:443/"));
        assert!(!same("ws://example.com", "wss://example.com"));
        assert!(!same("ws://example.com:443", "wss://example.com"));
        assert!(!same("ws://example.com", "ws://example.com:8080"));
        assert!(!same("ws://example.com", "ws://www.example.com"));
    }

    #[test]
    fn user_information_is_decoded_in_two_parts() {
        let parts = |url| Url::parse(url).unwrap().user_info();
        let of = |name: &[u8], password: &[u8]| Some((name.to_vec(), password.to_vec()));
        assert_eq!(parts("http://a%40b:c%3Ad:e@h/"), of(b"a@b", b"c:d:e"));
        assert_eq!(parts("http://a@h/"), of(b"a", b""));
        assert_eq!(parts("http://:@h/"), of(b"", b""));
        assert_eq!(parts("http://h/"), None);
    }

    #[test]
    fn debug_output_has_no_secrets() {
        let url = Url::parse("ws://user:secret@example.com/?token=secret").unwrap();
        let shown = alloc::format!("{url:?}");
        assert!(
            shown.contains("example.com") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
