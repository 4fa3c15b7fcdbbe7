//! The client's side: the request that is sent.

use crate::accept::{check_header, is_handshake_header, write_field};
use crate::grammar::{is_field_value, is_token};
use crate::{Extensions, HeaderError, Limits, Url, UrlError};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What a client asks for. [`ClientHandshake::start`](crate::ClientHandshake::start) sends it.
///
/// Everything is checked when it is set, so that no text can add a line to the request.
///
/// ```
/// use ws_handshake::{ClientHandshake, ClientRequest, Nonce};
///
/// let request = ClientRequest::new("wss://example.com/chat?room=1")?
///     .protocol("chat")?
///     .header("User-Agent", b"example/1.0")?;
/// assert_eq!((request.host(), request.port(), request.is_secure()), ("example.com", 443, true));
///
/// let mut out = Vec::new();
/// let nonce = Nonce::new(*b"the sample nonce"); // from the system's random generator
/// let handshake = ClientHandshake::start(&request, nonce, &mut out);
/// assert!(out.starts_with(b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent before `ClientHandshake::start`"]
pub struct ClientRequest<'a> {
    url: Url<'a>,
    origin: Option<&'a str>,
    protocols: Vec<&'a str>,
    extensions: Vec<&'a str>,
    headers: Vec<(&'a str, &'a [u8])>,
    limits: Limits,
}

impl<'a> ClientRequest<'a> {
    /// A request for `url`, whose scheme is `ws` or `wss` (`http` and `https` mean the same).
    /// User information becomes an `Authorization` field of the Basic scheme.
    ///
    /// # Errors
    ///
    /// [`UrlError`] names the part that is wrong.
    pub fn new(url: &'a str) -> Result<Self, UrlError> {
        Ok(Self {
            url: Url::parse(url)?,
            origin: None,
            protocols: Vec::new(),
            extensions: Vec::new(),
            headers: Vec::new(),
            limits: Limits::default(),
        })
    }

    /// Offers a subprotocol, after those already offered.
    ///
    /// # Errors
    ///
    /// [`Value`](HeaderError::Value) if it is no token, [`Repeated`](HeaderError::Repeated) if it
    /// is already offered.
    //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
    //# The elements that comprise this value MUST be non-empty strings with characters in the range
    //# U+0021 to U+007E not including separator characters as defined in [RFC2616] and MUST all be
    //# unique strings.
    pub fn protocol(mut self, protocol: &'a str) -> Result<Self, HeaderError> {
        if !is_token(protocol.as_bytes()) {
            return Err(HeaderError::Value);
        }
        if self.protocols.contains(&protocol) {
            return Err(HeaderError::Repeated);
        }
        self.protocols.push(protocol);
        Ok(self)
    }

    /// Offers an extension with its parameters, or a list of them, after those already offered.
    ///
    /// # Errors
    ///
    /// [`Value`](HeaderError::Value) if it breaks the grammar of RFC 6455 §9.1.
    pub fn extension(mut self, extension: &'a str) -> Result<Self, HeaderError> {
        Extensions::parse(extension.as_bytes()).map_err(|_| HeaderError::Value)?;
        if !is_field_value(extension.as_bytes()) {
            return Err(HeaderError::Value);
        }
        self.extensions.push(extension);
        Ok(self)
    }

    /// Sets `Origin`, which browsers send and servers may ask for.
    ///
    /// # Errors
    ///
    /// [`Value`](HeaderError::Value) if it has spaces, controls or bytes beyond ASCII, or is empty.
    pub fn origin(mut self, origin: &'a str) -> Result<Self, HeaderError> {
        if origin.is_empty() || !origin.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(HeaderError::Value);
        }
        self.origin = Some(origin);
        Ok(self)
    }

    /// Adds a field. `Authorization` replaces what the URL's user information gives.
    ///
    /// # Errors
    ///
    /// [`Name`](HeaderError::Name) and [`Value`](HeaderError::Value) if it could not be read back
    /// as it is, [`Reserved`](HeaderError::Reserved) for `Host`, `Origin`, fields of the
    /// handshake and those that announce a body.
    pub fn header(mut self, name: &'a str, value: &'a [u8]) -> Result<Self, HeaderError> {
        check_header(name, value)?;
        if is_handshake_header(name)
            || name.eq_ignore_ascii_case("host")
            || name.eq_ignore_ascii_case("origin")
        {
            return Err(HeaderError::Reserved);
        }
        self.headers.push((name, value));
        Ok(self)
    }

    /// Sets the bounds on the answer's head.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub(crate) const fn answer_limits(&self) -> Limits {
        self.limits
    }

    /// The host to connect to; an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &'a str {
        self.url.host()
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url.port()
    }

    /// Whether the connection needs TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.url.is_secure()
    }

    /// The value of `Host`, and of `:authority` in HTTP/2: the port only if it is not the default.
    #[must_use]
    pub fn authority(&self) -> String {
        self.url.authority()
    }

    /// The request target, and `:path` in HTTP/2.
    #[must_use]
    pub fn target(&self) -> Cow<'a, str> {
        self.url.target()
    }

    /// The fields of an extended CONNECT besides the pseudo-header fields, names in lower case.
    /// The added ones come last, in the case they were given.
    #[must_use]
    pub fn connect_fields(&self) -> Vec<(Cow<'a, str>, Cow<'a, [u8]>)> {
        let mut fields = Vec::new();
        self.fields(|name, value| {
            fields.push((
                Cow::Owned(name.to_ascii_lowercase()),
                Cow::Owned(value.to_vec()),
            ));
        });
        fields
    }

    pub(crate) fn protocols(&self) -> &[&'a str] {
        &self.protocols
    }

    pub(crate) fn extensions(&self) -> &[&'a str] {
        &self.extensions
    }

    /// Calls `field` for each field that HTTP/1.1 and HTTP/2 have in common.
    fn fields(&self, mut field: impl FnMut(&str, &[u8])) {
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
        //# The request MUST include a header field with the name |Sec-WebSocket-Version|. The value
        //# of this header field MUST be 13.
        field("Sec-WebSocket-Version", b"13");
        if let Some(origin) = self.origin {
            field("Origin", origin.as_bytes());
        }
        if !self.protocols.is_empty() {
            field(
                "Sec-WebSocket-Protocol",
                self.protocols.join(", ").as_bytes(),
            );
        }
        if !self.extensions.is_empty() {
            field(
                "Sec-WebSocket-Extensions",
                self.extensions.join(", ").as_bytes(),
            );
        }
        let own = self
            .headers
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case("authorization"));
        if let Some(basic) = self.url.authorization().filter(|_| !own) {
            field("Authorization", basic.as_bytes());
        }
        for (name, value) in &self.headers {
            field(name, value);
        }
    }

    /// Appends the request.
    pub(crate) fn encode(&self, key: &[u8; 24], out: &mut Vec<u8>) {
        out.extend_from_slice(b"GET ");
        self.url.write_target(out);
        out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        self.url.write_authority(out);
        out.extend_from_slice(
            b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ",
        );
        out.extend_from_slice(key);
        out.extend_from_slice(b"\r\n");
        self.fields(|name, value| write_field(name, value, out));
        out.extend_from_slice(b"\r\n");
    }
}

impl fmt::Debug for ClientRequest<'_> {
    /// Without user information and field values: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("url", &self.url)
            .field("protocols", &self.protocols)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}
