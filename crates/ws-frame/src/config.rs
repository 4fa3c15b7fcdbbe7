//! What a connection accepts.

/// Bounds on what the peer may send, all finite by default.
///
/// ```
/// use ws_frame::Limits;
///
/// let limits = Limits::default().with_max_message(64 * 1024).with_max_fragments(16);
/// assert_eq!(limits.max_message(), 65_536);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    max_message: u64,
    max_frame: u64,
    max_fragments: u32,
    control_budget: u32,
}

impl Limits {
    /// 4 MiB.
    pub const DEFAULT_MAX_MESSAGE: u64 = 4 << 20;
    /// As large as a message.
    pub const DEFAULT_MAX_FRAME: u64 = Self::DEFAULT_MAX_MESSAGE;
    /// 1,024 frames.
    pub const DEFAULT_MAX_FRAGMENTS: u32 = 1024;
    /// 100 frames between two refills.
    pub const DEFAULT_CONTROL_BUDGET: u32 = 100;

    /// Most payload bytes of a message, its frames together, as they stand on the wire. A header
    /// that would exceed it fails the connection with 1009 before any of its payload.
    /// Default: 4 MiB. Raised, a receiver that joins messages holds more per connection; lowered,
    /// larger messages must be streamed some other way.
    #[must_use]
    pub const fn max_message(&self) -> u64 {
        self.max_message
    }

    /// Sets [`max_message`](Self::max_message), in bytes.
    #[must_use]
    pub const fn with_max_message(mut self, bytes: u64) -> Self {
        self.max_message = bytes;
        self
    }

    /// Most payload bytes of one data frame; more fails with 1009. Default: 4 MiB. Frames are lent
    /// in pieces, so that this bounds no memory here; lower it if what reads the events does less
    /// well with large frames than with large messages.
    #[must_use]
    pub const fn max_frame(&self) -> u64 {
        self.max_frame
    }

    /// Sets [`max_frame`](Self::max_frame), in bytes.
    #[must_use]
    pub const fn with_max_frame(mut self, bytes: u64) -> Self {
        self.max_frame = bytes;
        self
    }

    /// Most frames of a message, empty ones counted; more fails with 1008. Default: 1,024. A byte
    /// limit does not bound frames without bytes: raised, a peer can make the endpoint work for
    /// longer without ending a message.
    #[must_use]
    pub const fn max_fragments(&self) -> u32 {
        self.max_fragments
    }

    /// Sets [`max_fragments`](Self::max_fragments), in frames.
    #[must_use]
    pub const fn with_max_fragments(mut self, frames: u32) -> Self {
        self.max_fragments = frames;
        self
    }

    /// Most control frames between two calls of
    /// [`Connection::refill_control_budget`](crate::Connection::refill_control_budget); more fails
    /// with 1008. Default: 100, meant to be refilled every 10 seconds. Lowered under the peer's
    /// rate of pings, it ends honest connections.
    #[must_use]
    pub const fn control_budget(&self) -> u32 {
        self.control_budget
    }

    /// Sets [`control_budget`](Self::control_budget), in frames.
    #[must_use]
    pub const fn with_control_budget(mut self, frames: u32) -> Self {
        self.control_budget = frames;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: Self::DEFAULT_MAX_MESSAGE,
            max_frame: Self::DEFAULT_MAX_FRAME,
            max_fragments: Self::DEFAULT_MAX_FRAGMENTS,
            control_budget: Self::DEFAULT_CONTROL_BUDGET,
        }
    }
}

/// How a [`Connection`](crate::Connection) behaves. The default is safe for the open internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) limits: Limits,
    pub(crate) auto_pong: bool,
    pub(crate) compression: bool,
}

impl Config {
    /// Bounds on what the peer may send. Default: [`Limits::default`].
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Sets [`limits`](Self::limits).
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether each ping is answered by a pong appended to `out`. Default: true. Without it, the
    /// caller answers with [`Connection::send_pong`](crate::Connection::send_pong), as the RFC
    /// demands; peers that get no pong take the connection for dead.
    #[must_use]
    pub const fn auto_pong(&self) -> bool {
        self.auto_pong
    }

    /// Sets [`auto_pong`](Self::auto_pong).
    #[must_use]
    pub const fn with_auto_pong(mut self, answer: bool) -> Self {
        self.auto_pong = answer;
        self
    }

    /// Whether permessage-deflate (RFC 7692) was negotiated, so that RSV1 on the first frame of a
    /// data message is allowed, both ways. Default: false. The text of compressed messages is not
    /// checked here: the caller inflates it, with a limit, and then checks it with
    /// [`Utf8Validator`](crate::Utf8Validator).
    #[must_use]
    pub const fn compression(&self) -> bool {
        self.compression
    }

    /// Sets [`compression`](Self::compression).
    #[must_use]
    pub const fn with_compression(mut self, negotiated: bool) -> Self {
        self.compression = negotiated;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            auto_pong: true,
            compression: false,
        }
    }
}
