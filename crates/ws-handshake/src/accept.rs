//! Saying yes: the 101 of HTTP/1.1, the 200 of an extended CONNECT.

use crate::grammar::{is_field_value, is_token};
use crate::{Carrier, Extension, Extensions, HeaderError, Request};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// An acceptance being put together; [`encode`](Self::encode) writes it.
#[derive(Clone, Debug)]
#[must_use = "nothing is written before `encode`"]
pub struct Accept<'b> {
    pub(crate) request: Request<'b>,
    pub(crate) key: [u8; 28],
    pub(crate) protocol: Option<&'b str>,
    /// The first extension; more of them and other fields go to the heap.
    extension: Option<Cow<'b, str>>,
    more_extensions: Vec<Cow<'b, str>>,
    pub(crate) headers: Vec<(&'b str, Cow<'b, [u8]>)>,
}

impl<'b> Accept<'b> {
    pub(crate) const fn new(request: Request<'b>, key: [u8; 28]) -> Self {
        Self {
            request,
            key,
            protocol: None,
            extension: None,
            more_extensions: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// The request that is accepted.
    #[must_use]
    pub const fn request(&self) -> &Request<'b> {
        &self.request
    }

    /// Chooses a subprotocol. Calling it again replaces the choice.
    ///
    /// # Errors
    ///
    /// [`NotOffered`](HeaderError::NotOffered) if the client did not offer exactly this one.
    //= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
    //# The value chosen MUST be derived from the client's handshake, specifically by selecting one
    //# of the values from the |Sec-WebSocket-Protocol| field that the server is willing to use for
    //# this connection (if any).
    pub fn protocol(mut self, protocol: &'b str) -> Result<Self, HeaderError> {
        if !self.request.protocols().any(|offered| offered == protocol) {
            return Err(HeaderError::NotOffered);
        }
        self.protocol = Some(protocol);
        Ok(self)
    }

    /// Adds an extension with its parameters, as `permessage-deflate; server_max_window_bits=10`.
    /// Several are applied in the order in which they were added.
    ///
    /// # Errors
    ///
    /// [`Value`](HeaderError::Value) if it breaks the grammar of RFC 6455 §9.1,
    /// [`NotOffered`](HeaderError::NotOffered) if the client did not offer one of this name,
    /// [`Repeated`](HeaderError::Repeated) if one of this name is already chosen.
    //= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
    //# Extensions not listed by the client MUST NOT be listed.
    pub fn extension(mut self, extension: impl Into<Cow<'b, str>>) -> Result<Self, HeaderError> {
        let extension = extension.into();
        let mut chosen = Extensions::parse(extension.as_bytes()).map_err(|_| HeaderError::Value)?;
        while let Some(one) = chosen.next() {
            let is_this = |other: Extension<'_>| other.name() == one.name();
            if !self.request.extensions().any(is_this) {
                return Err(HeaderError::NotOffered);
            }
            if self.extensions().flat_map(parsed).any(is_this) || chosen.clone().any(is_this) {
                return Err(HeaderError::Repeated);
            }
        }
        if self.extension.is_none() {
            self.extension = Some(extension);
        } else {
            self.more_extensions.push(extension);
        }
        Ok(self)
    }

    /// Adds a field, `Set-Cookie` for example. It allocates.
    ///
    /// # Errors
    ///
    /// [`Name`](HeaderError::Name) and [`Value`](HeaderError::Value) if it could not be read back
    /// as it is, [`Reserved`](HeaderError::Reserved) for fields of the handshake and those that
    /// announce a body.
    pub fn header(
        mut self,
        name: &'b str,
        value: impl Into<Cow<'b, [u8]>>,
    ) -> Result<Self, HeaderError> {
        let value = value.into();
        check_header(name, &value)?;
        if is_handshake_header(name) {
            return Err(HeaderError::Reserved);
        }
        self.headers.push((name, value));
        Ok(self)
    }

    /// The status: 101, or 200 for an extended CONNECT.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.request.carrier() {
            Carrier::Upgrade => 101,
            Carrier::ExtendedConnect => 200,
        }
    }

    /// The extensions in order.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = &str> {
        self.extension
            .iter()
            .chain(&self.more_extensions)
            .map(AsRef::as_ref)
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (*name, value.as_ref()))
    }

    /// The fields of the response, for a HTTP library that writes it: those of the handshake with
    /// names in lower case, then the added ones.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let handshake: [(&str, &[u8]); 3] = [
            ("upgrade", b"websocket"),
            ("connection", b"Upgrade"),
            ("sec-websocket-accept", &self.key),
        ];
        let upgrade = matches!(self.request.carrier(), Carrier::Upgrade);
        handshake
            .into_iter()
            .filter(move |_| upgrade)
            .chain(
                self.protocol
                    .map(|p| ("sec-websocket-protocol", p.as_bytes())),
            )
            .chain(
                self.extensions()
                    .map(|e| ("sec-websocket-extensions", e.as_bytes())),
            )
            .chain(self.headers())
    }

    /// Appends the response to `out`: write it, then speak WebSocket. The bytes after the request
    /// are the first frames.
    ///
    /// For an extended CONNECT there are no bytes, its HTTP/2 library writes
    /// [`status`](Self::status) and [`fields`](Self::fields): nothing is appended.
    //= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
    //# A Status-Line with a 101 response code as per RFC 2616 [RFC2616]. Such a response could look
    //# like "HTTP/1.1 101 Switching Protocols".
    pub fn encode(&self, out: &mut Vec<u8>) {
        const START: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
            Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
        if matches!(self.request.carrier(), Carrier::ExtendedConnect) {
            return;
        }
        let fields = || {
            let protocol = self
                .protocol
                .map(|p| ("Sec-WebSocket-Protocol", p.as_bytes()));
            let extensions = self
                .extensions()
                .map(|e| ("Sec-WebSocket-Extensions", e.as_bytes()));
            protocol.into_iter().chain(extensions).chain(self.headers())
        };
        let len: usize = fields()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        out.reserve(START.len() + self.key.len() + len + 4);
        out.extend_from_slice(START);
        out.extend_from_slice(&self.key);
        out.extend_from_slice(b"\r\n");
        for (name, value) in fields() {
            write_field(name, value, out);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// The extensions of a list that has been checked.
pub(crate) fn parsed(list: &str) -> Extensions<'_> {
    Extensions::parse(list.as_bytes()).unwrap_or_default()
}

/// Appends one line.
pub(crate) fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Whether the field is read back as it is.
pub(crate) fn check_header(name: &str, value: &[u8]) -> Result<(), HeaderError> {
    if !is_token(name.as_bytes()) {
        return Err(HeaderError::Name);
    }
    if !is_field_value(value) {
        return Err(HeaderError::Value);
    }
    Ok(())
}

/// Fields that the handshake writes, or that would announce a body.
pub(crate) fn is_handshake_header(name: &str) -> bool {
    const PREFIX: &str = "sec-websocket-";
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
        || [
            "upgrade",
            "connection",
            "content-length",
            "transfer-encoding",
        ]
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
}
