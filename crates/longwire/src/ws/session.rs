//! Messages pulled from a session instead of sent to a socket.

use core::task::{Context, Poll};

use bytes::Bytes;
use ws_frame::{
    CloseCode, Connection, FrameHeader, OpCode, OutboundData, SendError, Server, Side, State,
};

use super::Received;
use crate::buffer::Batch;

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

/// Where a [`Session`] sends messages: they leave in one write when the session returns.
///
/// Once [`close`](Self::close) was called or the peer closed, every send is
/// [`SendError::Closed`].
#[derive(Debug)]
pub struct Outbox<'a, S = Server> {
    pub(super) connection: &'a mut Connection<S>,
    pub(super) batch: &'a mut Batch,
}

impl<S: Side> Outbox<'_, S> {
    /// Whether 64 KiB or more wait to be written.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batch.is_full()
    }

    /// Sends one text message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn text(&mut self, text: &str) -> Result<(), SendError> {
        self.connection
            .send(OutboundData::text(text), self.batch.out())
    }

    /// Sends one binary message.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn binary(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.connection
            .send(OutboundData::binary(bytes), self.batch.out())
    }

    /// Begins the closing handshake; the session is not asked again. `reason` is cut at 123 bytes.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] if it has begun already, [`SendError::UnsendableCode`].
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.connection.close(code, reason, self.batch.out())
    }
}

impl Outbox<'_> {
    /// Sends one text message whose larger part many connections share: `own` and `shared`
    /// together, which the caller knows to be UTF-8. A large `shared` is not copied.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn text_shared(&mut self, own: &str, shared: &Bytes) -> Result<(), SendError> {
        self.shared(OpCode::Text, own.as_bytes(), shared)
    }

    /// Sends one binary message whose larger part many connections share.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`].
    pub fn binary_shared(&mut self, own: &[u8], shared: &Bytes) -> Result<(), SendError> {
        self.shared(OpCode::Binary, own, shared)
    }

    fn shared(&mut self, opcode: OpCode, own: &[u8], shared: &Bytes) -> Result<(), SendError> {
        if self.connection.state() != State::Open {
            return Err(SendError::Closed);
        }
        let len = (own.len() + shared.len()) as u64;
        self.batch
            .push(FrameHeader::new(opcode, len).encode().as_ref());
        self.batch.push(own);
        self.batch.push_shared(shared);
        Ok(())
    }
}
