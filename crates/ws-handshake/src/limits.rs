//! How much of a head is read before it is refused.

/// Bytes of a whole head, request line included: 16 KiB.
pub const DEFAULT_MAX_HEAD: usize = 16 * 1024;
/// Header fields of a head.
pub const DEFAULT_MAX_HEADERS: usize = 100;
/// Bytes of a request line or status line without its CRLF: 8 KiB.
pub const DEFAULT_MAX_LINE: usize = 8 * 1024;

/// Bounds on a head. The defaults suit a server on the open internet.
///
/// ```
/// use ws_handshake::Limits;
///
/// let limits = Limits::default().head(4096).headers(40).line(1024);
/// assert_eq!(limits.max_head(), 4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    head: usize,
    headers: usize,
    line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Limits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            head: DEFAULT_MAX_HEAD,
            headers: DEFAULT_MAX_HEADERS,
            line: DEFAULT_MAX_LINE,
        }
    }

    /// Sets the bytes that a head may take, first line and closing empty line included
    /// (default 16 KiB). This is also what a peer can make the caller buffer. Beyond it:
    /// [`HandshakeError::HeadTooLarge`](crate::HandshakeError::HeadTooLarge), 431.
    #[must_use]
    pub const fn head(mut self, bytes: usize) -> Self {
        self.head = bytes;
        self
    }

    /// Sets the number of header fields (default 100). Above 100 each parse allocates 32 bytes
    /// per allowed field. Beyond it:
    /// [`HandshakeError::TooManyHeaders`](crate::HandshakeError::TooManyHeaders), 431.
    #[must_use]
    pub const fn headers(mut self, fields: usize) -> Self {
        self.headers = fields;
        self
    }

    /// Sets the bytes of the first line without its CRLF (default 8 KiB). Beyond it:
    /// [`HandshakeError::RequestLineTooLong`](crate::HandshakeError::RequestLineTooLong), 414.
    #[must_use]
    pub const fn line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }

    /// The bytes that a head may take.
    #[must_use]
    pub const fn max_head(&self) -> usize {
        self.head
    }

    /// The number of header fields that a head may have.
    #[must_use]
    pub const fn max_headers(&self) -> usize {
        self.headers
    }

    /// The bytes that the first line may have, without its CRLF.
    #[must_use]
    pub const fn max_line(&self) -> usize {
        self.line
    }
}
