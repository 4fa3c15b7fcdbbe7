//! Limits and clocks of a WebSocket.

use core::time::Duration;

/// How a WebSocket is served. The defaults suit the open internet.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub(crate) frames: ws_frame::Config,
    pub(crate) ping_after: Duration,
    pub(crate) pong_within: Duration,
    pub(crate) write_deadline: Duration,
    pub(crate) close_within: Duration,
    pub(crate) handshake_within: Duration,
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<super::Deflate>,
}

impl Config {
    /// Limits of frames and messages, and who answers pings; default
    /// [`ws_frame::Config::default`].
    #[must_use]
    pub const fn frames(mut self, frames: ws_frame::Config) -> Self {
        self.frames = frames;
        self
    }

    /// A peer that sent nothing for this long is pinged; default 25 s. Longer risks the idle
    /// time-out of a proxy (often 60 s), shorter costs wake-ups.
    #[must_use]
    pub const fn ping_after(mut self, quiet: Duration) -> Self {
        self.ping_after = quiet;
        self
    }

    /// A pinged peer that sends no byte for this long is dead; default 10 s.
    #[must_use]
    pub const fn pong_within(mut self, silent: Duration) -> Self {
        self.pong_within = silent;
        self
    }

    /// A peer that takes no byte for this long while some wait is given up; default 10 s.
    #[must_use]
    pub const fn write_deadline(mut self, after: Duration) -> Self {
        self.write_deadline = after;
        self
    }

    /// How long the closing handshake may take, and the end of the TCP connection after it;
    /// default 5 s.
    #[must_use]
    pub const fn close_within(mut self, after: Duration) -> Self {
        self.close_within = after;
        self
    }

    /// How long [`accept`](super::accept) waits for the request; default 10 s.
    #[must_use]
    pub const fn handshake_within(mut self, after: Duration) -> Self {
        self.handshake_within = after;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            frames: ws_frame::Config::default(),
            ping_after: Duration::from_secs(25),
            pong_within: Duration::from_secs(10),
            write_deadline: Duration::from_secs(10),
            close_within: Duration::from_secs(5),
            handshake_within: Duration::from_secs(10),
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }
}
