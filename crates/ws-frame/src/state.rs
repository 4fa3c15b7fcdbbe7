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
