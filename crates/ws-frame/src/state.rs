//! The closing states.
//!
//! Theory of operation: a connection has sent its close frame or not, and has read to its end or
//! not. Everything that moves between the states is in this table; nothing here knows the role.
//!
//! ```text
//!                        Open              CloseSent         Closed
//!   send, ping, pong     appended          SendError::Closed SendError::Closed
//!   close()              -> CloseSent      SendError::Closed SendError::Closed
//!   data arrives         lent              lent              dropped
//!   ping arrives         pong appended     pong appended     dropped
//!   close arrives        answered, -> Closed  -> Closed      dropped
//!   violation arrives    close appended, -> Closed  -> Closed  dropped
//!   receive_eof()        -> Closed (1006)  -> Closed (1006)  (the peer's code, or 1006)
//! ```

use crate::{CloseCode, CloseReason, Connection, Side};

/// How far a connection is towards its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 closes this set")]
pub enum State {
    /// Messages go both ways.
    Open,
    /// This side has sent its close frame, the peer has not answered yet: it may still send, this
    /// side may not.
    CloseSent,
    /// Both close frames have passed, or the connection failed, or its input ended. Nothing more
    /// is read or sent. A server ends the TCP connection once `out` is written; a client waits for
    /// the server to do so, for a while.
    Closed,
}

impl<S: Side> Connection<S> {
    /// Says that the input has ended, and returns how the connection ended: with the code and
    /// reason of the peer's close frame, or with [`CloseCode::ABNORMAL`] (1006) if none came.
    ///
    /// The state is [`Closed`](State::Closed) from here on. Calling it again returns the same.
    pub fn receive_eof(&mut self) -> CloseReason {
        //= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5
        //# If _The WebSocket Connection is Closed_ and no Close control frame was received by the
        //# endpoint (such as could occur if the underlying transport connection is lost), _The
        //# WebSocket Connection Close Code_ is considered to be 1006.
        self.state = State::Closed;
        self.at_rest = false;
        self.ended = true;
        self.close_reason()
    }

    /// How the connection ended: with the peer's close frame, or with [`CloseCode::ABNORMAL`]
    /// (1006) as long as none came.
    pub fn close_reason(&self) -> CloseReason {
        match &self.received {
            Some(reason) => **reason,
            None => CloseReason::without_text(CloseCode::ABNORMAL),
        }
    }

    /// Whether this is the client's end, whose frames are masked.
    #[must_use]
    #[inline]
    pub const fn is_client(&self) -> bool {
        !S::PEER_MASKS
    }

    /// Whether the start of a message has been sent and its end has not: only continuations, and
    /// control frames, may be sent.
    #[must_use]
    #[inline]
    pub const fn is_sending_message(&self) -> bool {
        self.sending
    }

    /// How far the connection is towards its end.
    #[must_use]
    #[inline]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether the TCP connection is expected to end soon: a close frame was sent or received, or
    /// the connection failed, and [`receive_eof`](Self::receive_eof) was not called yet. A driver
    /// then arms a timer, and ends the TCP connection itself when that fires.
    #[must_use]
    pub fn close_expected(&self) -> bool {
        self.state != State::Open && !self.ended
    }

    /// Whether the start of a message has been received and its end has not. A driver bounds the
    /// time for which this may stay true.
    #[must_use]
    pub const fn is_receiving_message(&self) -> bool {
        self.message.is_some()
    }

    /// Payload bytes of the current frame that are still to come; 0 between frames.
    ///
    /// A driver with a large frame ahead can read up to this many bytes straight to where it wants
    /// the message, and hand over that memory as the next input: it is lent back whole.
    #[must_use]
    #[inline]
    pub const fn payload_remaining(&self) -> u64 {
        self.decoder.payload_remaining()
    }

    /// Allows [`Limits::max_fragments`](crate::Limits::max_fragments) frames of the message in
    /// progress from now on. A driver that lets a message last may call this at a steady pace.
    pub const fn refill_fragment_budget(&mut self) {
        self.fragments = 0;
    }

    /// Allows [`Limits::control_budget`](crate::Limits::control_budget) control frames from now
    /// on. The driver calls this at a steady pace.
    pub const fn refill_control_budget(&mut self) {
        self.control_left = self.config.limits.control_budget();
    }
}
