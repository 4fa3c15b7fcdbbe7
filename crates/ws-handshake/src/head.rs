//! The head of any HTTP/1.1 request: request line and fields, checked against smuggling.

use crate::authority::Authority;
use crate::grammar::{self, ascii};
use crate::known::{Known, Once};
use crate::scan::{self, Scan};
use crate::{HandshakeError, HeaderIter, Headers, Initiator, Limits, Scheme};
use alloc::vec::Vec;
use core::fmt;
use core::mem::MaybeUninit;

/// A value read from the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the bytes after `len` belong to whoever reads next"]
#[expect(
    clippy::exhaustive_structs,
    reason = "a pair, taken apart by every caller"
)]
pub struct Head<T> {
    /// What was read.
    pub value: T,
    /// The bytes it took; `buf[len..]` is not touched and belongs to the frame layer, or to the
    /// request's body.
    pub len: usize,
}

/// How long the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 9112 §6.3 closes this set for requests"
)]
pub enum BodyLength {
    /// So many bytes; 0 without `Content-Length`.
    Bytes(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// The head of a request, WebSocket or not. [`Request::from_head`](crate::Request::from_head)
/// goes on from here if [`wants_upgrade`](Self::wants_upgrade) says so.
///
/// What this type holds has one reading: line ends are CR LF, the body's length is not in doubt,
/// `Host` is there (in HTTP/1.1), single and well-formed, the target has only visible ASCII.
#[derive(Clone)]
pub struct RequestHead<'b> {
    pub(crate) method: &'b str,
    pub(crate) target: &'b str,
    pub(crate) minor: u8,
    pub(crate) headers: Headers<'b>,
    pub(crate) known: Known<'b>,
    host: Option<&'b str>,
    /// Path and query: the target without scheme and authority.
    resource: &'b str,
    body: BodyLength,
}

impl<'b> RequestHead<'b> {
    /// Reads a request head from the front of `buf`. Nothing is consumed: the head's length is in
    /// [`Head::len`], and the value borrows from `buf`.
    ///
    /// `None` means that the head is not complete: read more bytes behind those already in `buf`
    /// and call again with the same `searched`, which starts at 0 and remembers how far the end
    /// was looked for, so that no byte is looked at twice. It is 0 again when a head is returned.
    ///
    /// # Errors
    ///
    /// [`RequestLineTooLong`](HandshakeError::RequestLineTooLong),
    /// [`HeadTooLarge`](HandshakeError::HeadTooLarge) and
    /// [`TooManyHeaders`](HandshakeError::TooManyHeaders) beyond `limits`;
    /// [`RequestLine`](HandshakeError::RequestLine), [`Target`](HandshakeError::Target),
    /// [`HttpVersion`](HandshakeError::HttpVersion), [`LineEnd`](HandshakeError::LineEnd),
    /// [`HeaderName`](HandshakeError::HeaderName) and
    /// [`HeaderValue`](HandshakeError::HeaderValue) where the grammar of RFC 9112 is broken;
    /// [`ContentLength`](HandshakeError::ContentLength),
    /// [`TransferEncoding`](HandshakeError::TransferEncoding) and
    /// [`Host`](HandshakeError::Host) where two servers could read the head differently.
    /// The same bytes give the same error however they were split, and the connection is over.
    ///
    /// # Example
    ///
    /// ```
    /// use ws_handshake::{Limits, RequestHead};
    ///
    /// let buf = b"GET /events?topic=a HTTP/1.1\r\nHost: example.com\r\n\r\nrest";
    /// let mut searched = 0;
    /// assert!(RequestHead::parse(&buf[..40], &mut searched, &Limits::default())?.is_none());
    /// let head = RequestHead::parse(buf, &mut searched, &Limits::default())?.expect("complete");
    /// assert_eq!(head.value.path(), "/events");
    /// assert_eq!(head.value.header("host"), Some(&b"example.com"[..]));
    /// assert!(!head.value.wants_upgrade());
    /// assert_eq!(&buf[head.len..], b"rest");
    /// # Ok::<(), ws_handshake::HandshakeError>(())
    /// ```
    pub fn parse(
        buf: &'b [u8],
        searched: &mut usize,
        limits: &Limits,
    ) -> Result<Option<Head<Self>>, HandshakeError> {
        let (start, end) = match scan::scan(buf, searched, limits) {
            Scan::Partial => return Ok(None),
            Scan::LineTooLong => return Err(HandshakeError::RequestLineTooLong),
            Scan::TooLarge => return Err(HandshakeError::HeadTooLarge),
            Scan::Complete { start, end } => (start, end),
        };
        let head = &buf[start..end];
        if !scan::has_clean_line_ends(head) {
            return Err(HandshakeError::LineEnd);
        }
        let value = if limits.max_headers() <= crate::DEFAULT_MAX_HEADERS {
            let mut fields = [const { MaybeUninit::uninit() }; crate::DEFAULT_MAX_HEADERS];
            Self::parse_complete(head, &mut fields[..limits.max_headers()])?
        } else {
            // No head of this length has more fields: each takes four bytes at least.
            let most = limits.max_headers().min(head.len() / 4);
            let mut fields: Vec<_> = (0..most).map(|_| MaybeUninit::uninit()).collect();
            Self::parse_complete(head, &mut fields)?
        };
        Ok(Some(Head { value, len: end }))
    }

    fn parse_complete(
        head: &'b [u8],
        fields: &mut [MaybeUninit<httparse::Header<'b>>],
    ) -> Result<Self, HandshakeError> {
        // The parser below would skip empty lines.
        if !head.first().is_some_and(|&b| grammar::is_tchar(b)) {
            return Err(HandshakeError::RequestLine);
        }
        let mut request = httparse::Request::new(&mut []);
        let parsed = httparse::ParserConfig::default()
            .parse_request_with_uninit_headers(&mut request, head, fields)
            .map_err(|error| match error {
                httparse::Error::HeaderName => HandshakeError::HeaderName,
                httparse::Error::HeaderValue => HandshakeError::HeaderValue,
                httparse::Error::NewLine => HandshakeError::LineEnd,
                httparse::Error::TooManyHeaders => HandshakeError::TooManyHeaders,
                httparse::Error::Version => HandshakeError::HttpVersion,
                httparse::Error::Status | httparse::Error::Token => HandshakeError::RequestLine,
            })?;
        let method = request.method.ok_or(HandshakeError::RequestLine)?;
        let target = request.path.ok_or(HandshakeError::RequestLine)?;
        let minor = request.version.ok_or(HandshakeError::RequestLine)?;
        debug_assert_eq!(parsed, httparse::Status::Complete(head.len()));
        let mut known = Known::default();
        for field in &*request.headers {
            known.add(field.name, field.value);
        }
        // `METHOD SP target SP HTTP/1.x CR LF`, then the fields, then the empty line.
        let line = method.len() + target.len() + " ".len() + " HTTP/1.1\r\n".len();
        let headers = Headers::block(&head[line..head.len() - 2], known.names);
        Self::checked(method, target, minor, headers, known)
    }

    /// A head that a HTTP library has read: the fields of an HTTP/1.1 request.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), except for what concerns lines and limits: the library saw them.
    pub fn from_parts(
        method: &'b str,
        target: &'b str,
        headers: impl IntoIterator<Item = (&'b str, &'b [u8])>,
    ) -> Result<Self, HandshakeError> {
        if !grammar::is_token(method.as_bytes()) {
            return Err(HandshakeError::RequestLine);
        }
        let (headers, known) = Self::collect(headers)?;
        Self::checked(method, target, 1, headers, known)
    }

    pub(crate) fn collect(
        headers: impl IntoIterator<Item = (&'b str, &'b [u8])>,
    ) -> Result<(Headers<'b>, Known<'b>), HandshakeError> {
        let mut known = Known::default();
        let mut list = Vec::new();
        for (name, value) in headers {
            if !grammar::is_token(name.as_bytes()) {
                return Err(HandshakeError::HeaderName);
            }
            let value = grammar::trim(value);
            if !grammar::is_field_value(value) {
                return Err(HandshakeError::HeaderValue);
            }
            known.add(name, value);
            list.push((name, value));
        }
        Ok((Headers::list(list), known))
    }

    /// The one place where a head comes into being.
    pub(crate) fn checked(
        method: &'b str,
        target: &'b str,
        minor: u8,
        headers: Headers<'b>,
        known: Known<'b>,
    ) -> Result<Self, HandshakeError> {
        //= https://www.rfc-editor.org/rfc/rfc6455#section-3
        //# Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be
        //# used on these URIs.
        if target.is_empty()
            || !target
                .bytes()
                .all(|b| matches!(b, 0x21..=0x7e) && b != b'#')
        {
            return Err(HandshakeError::Target);
        }
        let body = known.body(minor)?;
        //= https://www.rfc-editor.org/rfc/rfc9112#section-3.2
        //# A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request
        //# message that lacks a Host header field and to any request message that contains more
        //# than one Host header field line or a Host header field with an invalid field value.
        let host = match known.host {
            Once::Value(value) => {
                let host = ascii(value);
                Authority::parse(host).ok_or(HandshakeError::Host)?;
                Some(host)
            }
            Once::Never if minor == 0 => None,
            _ => return Err(HandshakeError::Host),
        };
        //= https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
        //# When an origin server receives a request with an absolute-form of request-target, the
        //# origin server MUST ignore the received Host header field (if any) and instead use the
        //# host information of the request-target.
        let (host, resource) = match absolute(target) {
            Some((authority, resource)) => {
                Authority::parse(authority).ok_or(HandshakeError::Target)?;
                (Some(authority), resource)
            }
            None => (host, target),
        };
        Ok(Self {
            method,
            target,
            minor,
            headers,
            known,
            host,
            resource,
            body,
        })
    }

    /// The method, as sent: methods are case-sensitive.
    #[must_use]
    pub const fn method(&self) -> &'b str {
        self.method
    }

    /// The request target as sent: `/path?query`, an absolute URL, or `*`.
    #[must_use]
    pub const fn target(&self) -> &'b str {
        self.target
    }

    /// The path of the target, still percent-encoded.
    #[must_use]
    pub fn path(&self) -> &'b str {
        let path = self
            .resource
            .split_once('?')
            .map_or(self.resource, |(path, _)| path);
        if path.is_empty() { "/" } else { path }
    }

    /// What follows the first `?` of the target, still percent-encoded.
    #[must_use]
    pub fn query(&self) -> Option<&'b str> {
        self.resource.split_once('?').map(|(_, query)| query)
    }

    /// Whether the target names a resource: it is a path or an absolute URL.
    pub(crate) fn has_resource(&self) -> bool {
        self.target.starts_with('/') || self.resource.len() < self.target.len()
    }

    /// The authority that the request is for, `host[:port]`: of an absolute target, else of the
    /// `Host` field (`:authority` in HTTP/2). Only an HTTP/1.0 request can be without.
    #[must_use]
    pub const fn host(&self) -> Option<&'b str> {
        self.host
    }

    /// The minor version: 1 for HTTP/1.1, 0 for HTTP/1.0.
    #[must_use]
    pub const fn minor_version(&self) -> u8 {
        self.minor
    }

    /// The length of the body that follows the head.
    #[must_use]
    pub const fn body(&self) -> BodyLength {
        self.body
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers<'b> {
        &self.headers
    }

    /// The value of the first field called `name`, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers.get(name)
    }

    /// All fields in order.
    #[must_use]
    pub fn iter(&self) -> HeaderIter<'_, 'b> {
        self.headers.iter()
    }

    /// Whether `Upgrade` lists `websocket`. If so, give the head to
    /// [`Request::from_head`](crate::Request::from_head), whose errors say what is missing.
    #[must_use]
    pub const fn wants_upgrade(&self) -> bool {
        self.known.upgrade_websocket
    }

    /// Whether the connection ends after this request: `Connection: close`, or HTTP/1.0 without
    /// `Connection: keep-alive`.
    #[must_use]
    pub fn closes(&self) -> bool {
        if self.minor == 0 {
            return !self.known.connection || !self.headers.has_token("connection", "keep-alive");
        }
        self.known.connection && self.headers.has_token("connection", "close")
    }

    /// What the head says about who started the request, for an
    /// [`OriginPolicy`](crate::OriginPolicy). `scheme` is what the client used, which a server
    /// behind a TLS proxy knows from its configuration.
    #[must_use]
    pub const fn initiator(&self, scheme: Scheme) -> Initiator<'b> {
        Initiator::of(scheme, self.host, self.known.origin, self.known.fetch_site)
    }
}

impl fmt::Debug for RequestHead<'_> {
    /// Without the query and the values of fields: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("host", &self.host)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl<'a, 'b> IntoIterator for &'a RequestHead<'b> {
    type Item = (&'b str, &'b [u8]);
    type IntoIter = HeaderIter<'a, 'b>;

    fn into_iter(self) -> HeaderIter<'a, 'b> {
        self.iter()
    }
}

/// The authority and the rest of an absolute `http` or `https` target.
fn absolute(target: &str) -> Option<(&str, &str)> {
    if target.starts_with('/') {
        return None;
    }
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(rest.split_at(end))
}
