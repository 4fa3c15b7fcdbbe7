//! `ws:` and `wss:` URLs of RFC 6455 §3.

use crate::UrlError;
use crate::authority::Authority;
use alloc::vec::Vec;

/// A URL taken apart, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Url<'a> {
    pub(crate) secure: bool,
    pub(crate) userinfo: Option<&'a str>,
    pub(crate) authority: Authority<'a>,
    /// Path and query; may be empty or start with `?`.
    pub(crate) resource: &'a str,
}

impl<'a> Url<'a> {
    //= https://www.rfc-editor.org/rfc/rfc6455#section-3
    //# ws-URI = "ws:" "//" host [ ":" port ] path [ "?" query ]
    //# wss-URI = "wss:" "//" host [ ":" port ] path [ "?" query ]
    pub(crate) fn parse(url: &'a str) -> Result<Self, UrlError> {
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

    pub(crate) const fn default_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }

    /// `"/" if the path component is empty`, then path and query.
    pub(crate) fn slash(&self) -> &'static str {
        if self.resource.starts_with('/') {
            ""
        } else {
            "/"
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
pub(crate) fn credentials(userinfo: &str) -> Result<Vec<u8>, UrlError> {
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
