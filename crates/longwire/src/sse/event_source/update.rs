//! What an EventSource tells beside events.

use core::time::Duration;

use http::response;
use sse_parse::Event;

use super::EventSourceError;

/// The state of an [`EventSource`](super::EventSource), with the Standard's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the Standard closes this set")]
pub enum ReadyState {
    /// No stream is open: nothing was tried yet, an attempt is under way, or it waits for the next.
    Connecting,
    /// A stream is open.
    Open,
    /// It is over.
    Closed,
}

/// What happened to an [`EventSource`](super::EventSource).
#[derive(Debug)]
#[non_exhaustive]
pub enum Update<'a> {
    /// A stream was opened by this response.
    Opened(&'a response::Parts),
    /// An event.
    Event(Event<'a>),
    /// A comment. Servers send them to show that they are alive.
    Comment(&'a str),
    /// There is no connection, for this reason, and there will be another attempt.
    Lost {
        /// Why.
        error: &'a EventSourceError,
        /// When that attempt is made.
        retry_in: Duration,
    },
}

/// The same, while it is found.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Opened,
    Event(Event<'a>),
    Comment(&'a str),
    Lost { retry_in: Duration },
}

/// The same, kept until it is lent.
#[derive(Debug)]
pub(super) enum Kind {
    Opened,
    Event,
    Comment,
    Lost { retry_in: Duration },
}
