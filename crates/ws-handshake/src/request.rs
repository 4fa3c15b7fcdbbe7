//! The server's side: a request checked by RFC 6455 §4.2.1 or RFC 8441 §5.

use crate::authority::Authority;
use crate::grammar::{ascii, elements, is_token_list};
use crate::known::{Known, Once};
use crate::{Accept, BodyLength, Extension, Extensions, Head, Headers, Limits, Reject};
use crate::{HandshakeError, RequestHead, key};
use alloc::vec::Vec;
use core::fmt;

/// How a handshake travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// A GET that upgrades its HTTP/1.1 connection; answered with 101.
    Upgrade,
    /// The extended CONNECT of RFC 8441 on a stream of HTTP/2; answered with 200.
    ExtendedConnect,
}

/// The pseudo-header fields of an extended CONNECT, as the HTTP/2 library gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 8441 §4 closes this set")]
pub struct ConnectParts<'b> {
    /// `:protocol`
    pub protocol: &'b str,
    /// `:scheme`
    pub scheme: Option<&'b str>,
    /// `:authority`
    pub authority: Option<&'b str>,
    /// `:path`
    pub path: Option<&'b str>,
}

/// A client's opening handshake that keeps the rules. [`accept`](Self::accept) or
/// [`reject`](Self::reject) answers it.
#[derive(Clone)]
pub struct Request<'b> {
    head: RequestHead<'b>,
    carrier: Carrier,
    key: &'b [u8],
}

impl<'b> Request<'b> {
    /// Reads a handshake from the front of `buf`: [`RequestHead::parse`], then
    /// [`from_head`](Self::from_head). Consumes nothing; `None` asks for more bytes.
    ///
    /// # Errors
    ///
    /// Those of the two.
    ///
    /// # Example
    ///
    /// ```
    /// use ws_handshake::{Limits, Request};
    ///
    /// let buf = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    ///     Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";
    /// let head = Request::parse(buf, &mut 0, &Limits::default())?.expect("complete");
    /// let mut out = Vec::new();
    /// head.value.accept().protocol("chat")?.encode(&mut out);
    /// assert_eq!(
    ///     out,
    ///     b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    ///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    ///     Sec-WebSocket-Protocol: chat\r\n\r\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(
        buf: &'b [u8],
        searched: &mut usize,
        limits: &Limits,
    ) -> Result<Option<Head<Self>>, HandshakeError> {
        let Some(Head { value, len }) = RequestHead::parse(buf, searched, limits)? else {
            return Ok(None);
        };
        Ok(Some(Head {
            value: Self::from_head(value)?,
            len,
        }))
    }

    /// Checks a head that a HTTP library has read: the parts of an HTTP/1.1 request.
    ///
    /// # Errors
    ///
    /// Those of [`RequestHead::from_parts`] and [`from_head`](Self::from_head).
    pub fn from_parts(
        method: &'b str,
        target: &'b str,
        headers: impl IntoIterator<Item = (&'b str, &'b [u8])>,
    ) -> Result<Self, HandshakeError> {
        Self::from_head(RequestHead::from_parts(method, target, headers)?)
    }

    /// Checks a head against RFC 6455 §4.2.1.
    ///
    /// # Errors
    ///
    /// In this order: [`Upgrade`](HandshakeError::Upgrade),
    /// [`Method`](HandshakeError::Method), [`HttpVersion`](HandshakeError::HttpVersion),
    /// [`Connection`](HandshakeError::Connection), [`Version`](HandshakeError::Version),
    /// [`Key`](HandshakeError::Key), [`Body`](HandshakeError::Body),
    /// [`Subprotocols`](HandshakeError::Subprotocols),
    /// [`Extensions`](HandshakeError::Extensions). Answer with
    /// [`HandshakeError::reject`] and close the connection.
    pub fn from_head(head: RequestHead<'b>) -> Result<Self, HandshakeError> {
        let known = &head.known;
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
        //# An |Upgrade| header field containing the value "websocket", treated as an ASCII
        //# case-insensitive value.
        if !known.upgrade_websocket {
            return Err(HandshakeError::Upgrade);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
        //# An HTTP/1.1 or higher GET request, including a "Request-URI" [RFC2616] that should be
        //# interpreted as a /resource name/
        if head.method != "GET" {
            return Err(HandshakeError::Method);
        }
        if head.minor == 0 {
            return Err(HandshakeError::HttpVersion);
        }
        if !head.has_resource() {
            return Err(HandshakeError::Target);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
        //# A |Connection| header field that includes the token "Upgrade", treated as an ASCII
        //# case-insensitive value.
        if !known.connection_upgrade {
            return Err(HandshakeError::Connection);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
        //# A |Sec-WebSocket-Version| header field, with a value of 13.
        if known.version != Once::Value(b"13") {
            return Err(HandshakeError::Version);
        }
        let key = known
            .key
            .value()
            .filter(|key| key::is_key(key))
            .ok_or(HandshakeError::Key)?;
        Self::checked(head, Carrier::Upgrade, key)
    }

    /// Checks an extended CONNECT of HTTP/2 against RFC 8441. `headers` are the ordinary fields.
    ///
    /// # Errors
    ///
    /// [`ConnectProtocol`](HandshakeError::ConnectProtocol) if `:protocol` is not `websocket`;
    /// [`ConnectFields`](HandshakeError::ConnectFields) if another pseudo-header field is missing
    /// or malformed, or a field of HTTP/1.1 is there; else as [`from_head`](Self::from_head).
    ///
    /// # Example
    ///
    /// ```
    /// use ws_handshake::{ConnectParts, Request};
    ///
    /// let parts = ConnectParts {
    ///     protocol: "websocket",
    ///     scheme: Some("https"),
    ///     authority: Some("server.example.com"),
    ///     path: Some("/chat"),
    /// };
    /// let headers = [("sec-websocket-version", &b"13"[..])];
    /// let accept = Request::from_connect(parts, headers)?.accept();
    /// assert_eq!(accept.status(), 200);
    /// # Ok::<(), ws_handshake::HandshakeError>(())
    /// ```
    pub fn from_connect(
        parts: ConnectParts<'b>,
        headers: impl IntoIterator<Item = (&'b str, &'b [u8])>,
    ) -> Result<Self, HandshakeError> {
        let (headers, known) = RequestHead::collect(headers)?;
        Self::from_connect_head(parts, headers, known)
    }

    pub(crate) fn from_connect_head(
        parts: ConnectParts<'b>,
        headers: Headers<'b>,
        mut known: Known<'b>,
    ) -> Result<Self, HandshakeError> {
        //= https://www.rfc-editor.org/rfc/rfc8441#section-5
        //# The :protocol pseudo-header field MUST be included in the CONNECT request, and it MUST
        //# have a value of "websocket" to initiate a WebSocket connection on an HTTP/2 stream.
        if !parts.protocol.eq_ignore_ascii_case("websocket") {
            return Err(HandshakeError::ConnectProtocol);
        }
        //= https://www.rfc-editor.org/rfc/rfc8441#section-4
        //# On requests that contain the :protocol pseudo-header field, the :scheme and :path
        //# pseudo-header fields of the target URI (see Section 5) MUST also be included.
        let (Some("http" | "https"), Some(authority), Some(path)) =
            (parts.scheme, parts.authority, parts.path)
        else {
            return Err(HandshakeError::ConnectFields);
        };
        if Authority::parse(authority).is_none() || !path.starts_with('/') {
            return Err(HandshakeError::ConnectFields);
        }
        //= https://www.rfc-editor.org/rfc/rfc8441#section-5
        //# [RFC6455] requires the use of Connection and Upgrade header fields that are not part of
        //# HTTP/2. They MUST NOT be included in the CONNECT request defined here.
        if known.connection
            || known.upgrade != Once::Never
            || known.transfer_encoding != Once::Never
        {
            return Err(HandshakeError::ConnectFields);
        }
        // Host may stand beside :authority, and must then say the same.
        match known.host {
            Once::Never => known.host = Once::Value(authority.as_bytes()),
            Once::Value(host) if host.eq_ignore_ascii_case(authority.as_bytes()) => {}
            _ => return Err(HandshakeError::Host),
        }
        if known.version != Once::Value(b"13") {
            return Err(HandshakeError::Version);
        }
        let head = RequestHead::checked("CONNECT", path, 1, headers, known)?;
        //= https://www.rfc-editor.org/rfc/rfc8441#section-5
        //# Implementations using this extended CONNECT to bootstrap WebSockets do not do the
        //# processing of the Sec-WebSocket-Key and Sec-WebSocket-Accept header fields of [RFC6455]
        Self::checked(head, Carrier::ExtendedConnect, b"")
    }

    fn checked(
        head: RequestHead<'b>,
        carrier: Carrier,
        key: &'b [u8],
    ) -> Result<Self, HandshakeError> {
        // What follows the head must be frames: a body would be read as them, or they as a body.
        if head.body() != BodyLength::Bytes(0) {
            return Err(HandshakeError::Body);
        }
        if !values(
            head.known.protocols,
            &head.headers,
            "sec-websocket-protocol",
        )
        .all(is_token_list)
        {
            return Err(HandshakeError::Subprotocols);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-9.1
        //# If a value is received by either the client or the server during negotiation that does
        //# not conform to the ABNF below, the recipient of such malformed data MUST immediately
        //# _Fail the WebSocket Connection_.
        if !values(
            head.known.extensions,
            &head.headers,
            "sec-websocket-extensions",
        )
        .all(|value| Extensions::parse(value).is_ok())
        {
            return Err(HandshakeError::Extensions);
        }
        Ok(Self { head, carrier, key })
    }

    /// How the handshake came, which decides how it is answered.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// The head: target, host, header fields, who started it.
    #[must_use]
    pub const fn head(&self) -> &RequestHead<'b> {
        &self.head
    }

    /// The value of the first field called `name`, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.head.header(name)
    }

    /// The subprotocols that the client offers, most preferred first. One may stand twice.
    pub fn protocols(&self) -> impl Iterator<Item = &'b str> + use<'_, 'b> {
        values(
            self.head.known.protocols,
            &self.head.headers,
            "sec-websocket-protocol",
        )
        .flat_map(elements)
        .map(ascii)
    }

    /// The extensions that the client offers, most preferred first.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'b>> + use<'_, 'b> {
        values(
            self.head.known.extensions,
            &self.head.headers,
            "sec-websocket-extensions",
        )
        .flat_map(|value| Extensions::parse(value).unwrap_or_default())
    }

    /// Goes on to say yes. Nothing is written before [`Accept::encode`].
    pub fn accept(self) -> Accept<'b> {
        let accept = match self.carrier {
            Carrier::Upgrade => key::accept_key(self.key),
            Carrier::ExtendedConnect => [0; 28],
        };
        Accept::new(self, accept)
    }

    /// Says no: appends a response with `status`, `Connection: close` and `body` as plain text to
    /// `out`. A status outside 300..=599 is sent as 500. Write `out`, then close the connection:
    /// nothing after this request may be read as another one. [`Reject`] can say more.
    pub fn reject(self, status: u16, body: &[u8], out: &mut Vec<u8>) {
        Reject::new(status).body(body).encode(out);
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("head", &self.head)
            .field("carrier", &self.carrier)
            .finish_non_exhaustive()
    }
}

/// All values of a field: from `once` if there are not several, so that nothing is searched.
fn values<'a, 'b>(
    once: Once<'b>,
    headers: &'a Headers<'b>,
    name: &'static str,
) -> impl Iterator<Item = &'b [u8]> + use<'a, 'b> {
    let repeated = (once == Once::Repeated).then(|| headers.get_all(name));
    once.value()
        .into_iter()
        .chain(repeated.into_iter().flatten())
}
