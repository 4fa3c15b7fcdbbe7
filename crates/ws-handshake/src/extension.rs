//! `Sec-WebSocket-Extensions`: names with parameters, in order, as plain values.

use crate::grammar::{ascii, is_tchar, is_token};
use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use core::iter::FusedIterator;

/// One extension with its parameters, as offered by a client or chosen by a server.
///
/// What a parameter means is the extension's matter; this type says only what stands there.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extension<'b> {
    name: &'b str,
    /// Empty, or `;` and what follows, checked.
    params: &'b str,
}

/// The value of `Sec-WebSocket-Extensions` breaks its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a unit")]
pub struct InvalidExtensions;

impl fmt::Display for InvalidExtensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of extensions is malformed")
    }
}

impl core::error::Error for InvalidExtensions {}

/// The extensions of one header value. Made by [`Extensions::parse`], which checks all of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extensions<'b>(&'b str);

impl<'b> Extensions<'b> {
    /// Checks the value of a `Sec-WebSocket-Extensions` field, in one pass.
    ///
    /// # Errors
    ///
    /// [`InvalidExtensions`] if it is not `1#extension` of RFC 6455 §9.1.
    ///
    /// # Example
    ///
    /// ```
    /// use ws_handshake::Extensions;
    ///
    /// let list = b"permessage-deflate; client_max_window_bits; server_max_window_bits=\"10\", foo";
    /// let mut list = Extensions::parse(list)?;
    /// let deflate = list.next().expect("the first");
    /// assert_eq!(deflate.name(), "permessage-deflate");
    /// let params: Vec<_> = deflate.params().collect();
    /// assert_eq!(params[0], ("client_max_window_bits", None));
    /// assert_eq!(params[1], ("server_max_window_bits", Some("10".into())));
    /// assert_eq!(list.next().expect("the second").name(), "foo");
    /// assert!(list.next().is_none());
    /// # Ok::<(), ws_handshake::InvalidExtensions>(())
    /// ```
    pub fn parse(value: &'b [u8]) -> Result<Self, InvalidExtensions> {
        let value = core::str::from_utf8(value).map_err(|_| InvalidExtensions)?;
        let mut rest = value;
        let mut any = false;
        while next_extension(&mut rest)?.is_some() {
            any = true;
        }
        if any {
            Ok(Self(value))
        } else {
            Err(InvalidExtensions)
        }
    }
}

impl<'b> Iterator for Extensions<'b> {
    type Item = Extension<'b>;

    fn next(&mut self) -> Option<Extension<'b>> {
        next_extension(&mut self.0).ok().flatten()
    }
}

impl FusedIterator for Extensions<'_> {}

impl<'b> Extension<'b> {
    /// The registered name, as written. Names compare exactly.
    #[must_use]
    pub const fn name(&self) -> &'b str {
        self.name
    }

    /// The parameters in order, each a name and perhaps a value. Quotes are taken off; only a
    /// value with a backslash allocates.
    pub fn params(&self) -> impl Iterator<Item = (&'b str, Option<Cow<'b, str>>)> + use<'b> {
        let mut rest = self.params;
        core::iter::from_fn(move || next_param(&mut rest).ok().flatten())
    }
}

impl fmt::Display for Extension<'_> {
    /// As it stands in a header field, values as tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for (name, value) in self.params() {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

fn skip_ows(rest: &mut &str) {
    *rest = rest.trim_start_matches([' ', '\t']);
}

fn token<'b>(rest: &mut &'b str) -> Result<&'b str, InvalidExtensions> {
    let end = rest
        .bytes()
        .position(|b| !is_tchar(b))
        .unwrap_or(rest.len());
    if end == 0 {
        return Err(InvalidExtensions);
    }
    // `end` stands behind ASCII, so on a character boundary.
    let (token, after) = rest.split_at(end);
    *rest = after;
    Ok(token)
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-9.1
//# extension-list = 1#extension
//# extension = extension-token *( ";" extension-param )
fn next_extension<'b>(rest: &mut &'b str) -> Result<Option<Extension<'b>>, InvalidExtensions> {
    *rest = rest.trim_start_matches([' ', '\t', ',']);
    if rest.is_empty() {
        return Ok(None);
    }
    let name = token(rest)?;
    let params = *rest;
    while next_param(rest)?.is_some() {}
    let params = &params[..params.len() - rest.len()];
    if !rest.is_empty() && !rest.starts_with(',') {
        return Err(InvalidExtensions);
    }
    Ok(Some(Extension { name, params }))
}

type Param<'b> = (&'b str, Option<Cow<'b, str>>);

//= https://www.rfc-editor.org/rfc/rfc6455#section-9.1
//# extension-param = token [ "=" (token | quoted-string) ]
//
// RFC 2616's "implied *LWS" allows whitespace around `;` and `=`.
fn next_param<'b>(rest: &mut &'b str) -> Result<Option<Param<'b>>, InvalidExtensions> {
    skip_ows(rest);
    let Some(after) = rest.strip_prefix(';') else {
        return Ok(None);
    };
    *rest = after;
    skip_ows(rest);
    let name = token(rest)?;
    skip_ows(rest);
    let Some(after) = rest.strip_prefix('=') else {
        return Ok(Some((name, None)));
    };
    *rest = after;
    skip_ows(rest);
    let value = match rest.strip_prefix('"') {
        Some(quoted) => {
            *rest = quoted;
            quoted_token(rest)?
        }
        None => Cow::Borrowed(token(rest)?),
    };
    Ok(Some((name, Some(value))))
}

/// What follows an opening quote, up to and with the closing one.
//= https://www.rfc-editor.org/rfc/rfc6455#section-9.1
//# When using the quoted-string syntax variant, the value after quoted-string unescaping MUST
//# conform to the 'token' ABNF.
fn quoted_token<'b>(rest: &mut &'b str) -> Result<Cow<'b, str>, InvalidExtensions> {
    let bytes = rest.as_bytes();
    let mut end = 0;
    let mut escaped = false;
    loop {
        match bytes.get(end) {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                end += 2;
            }
            Some(_) => end += 1,
            None => return Err(InvalidExtensions),
        }
    }
    let quoted = &bytes[..end];
    let value = if escaped {
        let mut value = String::with_capacity(end);
        let mut bytes = quoted.iter();
        while let Some(&b) = bytes.next() {
            let b = if b == b'\\' {
                *bytes.next().unwrap_or(&b)
            } else {
                b
            };
            // Anything beyond ASCII is no token, whatever it is as a character.
            value.push(char::from(b));
        }
        Cow::Owned(value)
    } else {
        Cow::Borrowed(ascii(quoted))
    };
    if !is_token(value.as_bytes()) {
        return Err(InvalidExtensions);
    }
    *rest = &rest[end + 1..];
    Ok(value)
}
