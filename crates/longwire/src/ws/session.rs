//! Messages pulled from a session instead of sent to a socket.

use core::task::{Context, Poll};

use bytes::Bytes;
use ws_frame::{CloseCode, DataKind, SendError, Server, Side};

use super::socket::Output;
use super::{Config, Outbound, Received};

/// Speaks on a [`Socket`](super::Socket) that [runs](super::Socket::run) it: is handed what
/// arrives, and asked for what is due.
///
/// A peer that does not read is not asked for, so nothing queues up for it.
pub trait Session: Send + Unpin {
    /// Sends what is due to `out`, and stops early once it [is full](Outbox::is_full).
    ///
    /// `Pending` means that nothing is due; the task is woken when that may have changed. Nothing
    /// waits to be written at the time of the call, and what it sends leaves in one write.
    fn poll_fill(&mut self, cx: &mut Context<'_>, out: &mut Outbox<'_>) -> Poll<()>;

    /// Takes a message from the peer. Answers go to `out`; while these fill it, no further
    /// message is read.
    fn receive(&mut self, message: Received<'_>, out: &mut Outbox<'_>);

    /// Called before a quiet peer is pinged; what it sends goes out together with the ping. By
    /// default nothing.
    fn quiet(&mut self, out: &mut Outbox<'_>) {
        let _ = out;
    }
}

/// Where a [`Session`] sends messages: they leave in one write when the session returns, those of
/// more than 64 KiB in fragments.
///
/// Once [`close`](Self::close) was called or the peer closed, every send is
/// [`SendError::Closed`].
#[derive(Debug)]
pub struct Outbox<'a, S = Server> {
    pub(super) output: &'a mut Output<S>,
    pub(super) config: &'a Config,
}

impl<S: Side> Outbox<'_, S> {
    /// Whether 64 KiB or more wait to be written.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        !self.output.has_room()
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.output.len()
    }

    /// Sends one message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    #[inline]
    pub fn send<'a>(&mut self, message: impl Into<Outbound<'a>>) -> Result<(), SendError> {
        self.output
            .add(self.config, message.into())
            .map_err(|_| SendError::Closed)
    }

    /// Sends one text message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    #[inline]
    pub fn text(&mut self, text: &str) -> Result<(), SendError> {
        self.send(text)
    }

    /// Sends one binary message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    #[inline]
    pub fn binary(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.send(bytes)
    }

    /// Sends one text message whose larger part many connections share: `own` and `shared`
    /// together, which the caller knows to be UTF-8. A server does not copy a large `shared`. The
    /// message is not compressed.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn text_shared(&mut self, own: &str, shared: &Bytes) -> Result<(), SendError> {
        self.output
            .add_shared(self.config, DataKind::Text, own.as_bytes(), shared)
            .map_err(|_| SendError::Closed)
    }

    /// Sends one binary message whose larger part many connections share.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn binary_shared(&mut self, own: &[u8], shared: &Bytes) -> Result<(), SendError> {
        self.output
            .add_shared(self.config, DataKind::Binary, own, shared)
            .map_err(|_| SendError::Closed)
    }

    /// Begins the closing handshake behind what waits; the session is not asked again. `reason` is
    /// cut at 123 bytes.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] if it has begun already, or `code` is not one to send.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.output
            .close(code, reason)
            .map_err(|_| SendError::Closed)
    }
}
