//! Saying no: a complete HTTP/1.1 response, after which the connection is closed.

use crate::accept::{check_header, write_field};
use crate::{HandshakeError, HeaderError};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt::Write;

/// A refusal being put together; [`encode`](Self::encode) writes it. For any request, WebSocket or
/// not, that is answered and then closed.
///
/// ```
/// use ws_handshake::Reject;
///
/// let mut out = Vec::new();
/// Reject::new(401).header("WWW-Authenticate", b"Bearer")?.encode(&mut out);
/// assert_eq!(
///     out,
///     b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nConnection: close\r\n\
///     Content-Length: 0\r\n\r\n"
/// );
/// # Ok::<(), ws_handshake::HeaderError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is written before `encode`"]
pub struct Reject<'a> {
    status: u16,
    headers: Vec<(&'a str, Cow<'a, [u8]>)>,
    body: Cow<'a, [u8]>,
}

impl<'a> Reject<'a> {
    /// A response with `status` and no body. A status outside 300..=599 becomes 500.
    pub const fn new(status: u16) -> Self {
        let status = if matches!(status, 300..=599) {
            status
        } else {
            500
        };
        Self {
            status,
            headers: Vec::new(),
            body: Cow::Borrowed(b""),
        }
    }

    pub(crate) fn because(error: HandshakeError) -> Self {
        let mut reject = Self::new(error.status()).body(error.text().as_bytes());
        match error.status() {
            //= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6
            //# The origin server MUST generate an Allow header field in a 405 response
            405 => reject.headers.push(("Allow", b"GET".into())),
            426 => {
                //= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.22
                //# The server MUST send an Upgrade header field in a 426 response to indicate the
                //# required protocol(s)
                reject.headers.push(("Upgrade", b"websocket".into()));
                //= https://www.rfc-editor.org/rfc/rfc6455#section-4.4
                //# If the server doesn't support the requested version, it MUST respond with a
                //# |Sec-WebSocket-Version| header field (or multiple |Sec-WebSocket-Version| header
                //# fields) containing all versions it is willing to use.
                reject.headers.push(("Sec-WebSocket-Version", b"13".into()));
            }
            _ => {}
        }
        reject
    }

    /// Adds a field.
    ///
    /// # Errors
    ///
    /// [`Name`](HeaderError::Name) and [`Value`](HeaderError::Value) if it could not be read back
    /// as it is, [`Reserved`](HeaderError::Reserved) for `Connection`, `Content-Length` and
    /// `Transfer-Encoding`.
    pub fn header(
        mut self,
        name: &'a str,
        value: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, HeaderError> {
        let value = value.into();
        check_header(name, &value)?;
        if ["connection", "content-length", "transfer-encoding"]
            .iter()
            .any(|reserved| name.eq_ignore_ascii_case(reserved))
        {
            return Err(HeaderError::Reserved);
        }
        self.headers.push((name, value));
        Ok(self)
    }

    /// Sets the body, sent as `text/plain; charset=utf-8` unless a `Content-Type` was added.
    pub fn body(mut self, body: impl Into<Cow<'a, [u8]>>) -> Self {
        self.body = body.into();
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The body, for a HTTP library that writes the response.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.body
    }

    /// The fields that were added, for a HTTP library that writes the response.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (*name, value.as_ref()))
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-7.8
    //# A sender of Upgrade MUST also send an "Upgrade" connection option in the Connection header
    //# field
    pub(crate) fn connection(&self) -> &'static str {
        if self.has("upgrade") {
            "close, Upgrade"
        } else {
            "close"
        }
    }

    pub(crate) fn content_type(&self) -> Option<&'static str> {
        (!self.body.is_empty() && !self.has("content-type")).then_some("text/plain; charset=utf-8")
    }

    /// Appends the response to `out`, with `Connection: close` and `Content-Length`. Write it,
    /// then close the connection.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(160 + self.body.len());
        let mut text = Text(out);
        // A `Vec` takes everything.
        let _ = write!(text, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            write_field(name, value, out);
        }
        write_field("Connection", self.connection().as_bytes(), out);
        if let Some(content_type) = self.content_type() {
            write_field("Content-Type", content_type.as_bytes(), out);
        }
        let _ = write!(Text(out), "Content-Length: {}\r\n\r\n", self.body.len());
        out.extend_from_slice(&self.body);
    }
}

struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}

/// The reason phrase of RFC 9110 §15; empty for other codes.
const fn reason(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
