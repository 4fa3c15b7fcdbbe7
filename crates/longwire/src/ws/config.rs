//! Limits and clocks of a WebSocket.

use core::fmt;
use core::time::Duration;

/// How a WebSocket is served. The defaults suit the open internet.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub(crate) frames: ws_frame::Config,
    pub(crate) ping_after: Span,
    pub(crate) pong_within: Span,
    pub(crate) idle_within: Option<Span>,
    pub(crate) message_within: Span,
    pub(crate) write_deadline: Span,
    pub(crate) close_within: Span,
    pub(crate) handshake_within: Span,
    pub(crate) when_full: WhenFull,
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<super::Deflate>,
}

/// A time of a [`Config`], of at most 584 years: half as large as a [`Duration`], of which each
/// connection would hold seven, and the task that it was given to as many again.
#[derive(Clone, Copy)]
pub(crate) struct Span(u64);

impl Span {
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    const fn new(time: Duration) -> Self {
        let nanos = time.as_nanos();
        Self(if nanos < u64::MAX as u128 {
            nanos as u64
        } else {
            u64::MAX
        })
    }

    pub(crate) const fn get(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// What becomes of a message for which there is no room: 64 KiB or more wait to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Sending waits for room.
    #[default]
    Wait,
    /// Sending fails with [`Error::Full`](crate::Error::Full).
    Fail,
    /// The message waits in the place of the last one that found no room, which is dropped: for
    /// states of which only the newest matters.
    Latest,
    /// The message is dropped.
    Drop,
}

impl Config {
    /// Limits of frames and messages, and who answers pings; default
    /// [`ws_frame::Config::default`]. Whether messages may be compressed does not follow from
    /// this, but from what the peers agree on.
    #[must_use]
    pub const fn frames(mut self, frames: ws_frame::Config) -> Self {
        self.frames = frames;
        self
    }

    /// A peer that sent nothing for this long is pinged; default 25 s. Longer risks the idle
    /// time-out of a proxy (often 60 s), shorter costs wake-ups.
    #[must_use]
    pub const fn ping_after(mut self, quiet: Duration) -> Self {
        self.ping_after = Span::new(quiet);
        self
    }

    /// A pinged peer that sends no byte for this long is dead; default 10 s.
    #[must_use]
    pub const fn pong_within(mut self, silent: Duration) -> Self {
        self.pong_within = Span::new(silent);
        self
    }

    /// A connection on which no message passed for this long, either way, is closed with 1001;
    /// default `None`: pings alone keep it.
    #[must_use]
    pub const fn idle_within(mut self, after: Option<Duration>) -> Self {
        self.idle_within = match after {
            Some(after) => Some(Span::new(after)),
            None => None,
        };
        self
    }

    /// How long a message may take from its first byte to its last; default 60 s. A connection on
    /// which it takes longer is closed with 1008. Messages that are
    /// [received in pieces](super::Socket::recv_streamed) may last.
    #[must_use]
    pub const fn message_within(mut self, after: Duration) -> Self {
        self.message_within = Span::new(after);
        self
    }

    /// A peer that takes no byte for this long while some wait is given up; default 10 s.
    #[must_use]
    pub const fn write_deadline(mut self, after: Duration) -> Self {
        self.write_deadline = Span::new(after);
        self
    }

    /// How long the closing handshake may take, and the end of the TCP connection after it;
    /// default 5 s.
    #[must_use]
    pub const fn close_within(mut self, after: Duration) -> Self {
        self.close_within = Span::new(after);
        self
    }

    /// How long [`accept`](super::accept) waits for the request; default 10 s.
    #[must_use]
    pub const fn handshake_within(mut self, after: Duration) -> Self {
        self.handshake_within = Span::new(after);
        self
    }

    /// What becomes of a message for which there is no room; default [`WhenFull::Wait`].
    #[must_use]
    pub const fn when_full(mut self, policy: WhenFull) -> Self {
        self.when_full = policy;
        self
    }

    /// Compression of messages, offered as a client and accepted as a server; default `None`.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflate(mut self, deflate: Option<super::Deflate>) -> Self {
        self.deflate = deflate;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            frames: ws_frame::Config::default(),
            ping_after: Span::new(Duration::from_secs(25)),
            pong_within: Span::new(Duration::from_secs(10)),
            idle_within: None,
            message_within: Span::new(Duration::from_secs(60)),
            write_deadline: Span::new(Duration::from_secs(10)),
            close_within: Span::new(Duration::from_secs(5)),
            handshake_within: Span::new(Duration::from_secs(10)),
            when_full: WhenFull::Wait,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }
}
