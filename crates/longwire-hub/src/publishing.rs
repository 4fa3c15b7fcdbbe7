//! What becomes of an event that is published.

use core::time::Duration;
use std::sync::Arc;

use hub_protocol::ErrorCode;
use tokio::sync::oneshot;

use crate::event::Event;

/// What became of an event that was published.
pub(crate) type Outcome = Result<Arc<Event>, Refusal>;

/// What becomes of an event that is published.
#[derive(Debug)]
#[must_use = "who published waits for an answer"]
pub(crate) enum Publishing {
    Done(Outcome),
    /// It is to be written first.
    Waits(oneshot::Receiver<Outcome>),
}

impl Publishing {
    /// Waits for the outcome.
    pub(crate) async fn outcome(self) -> Outcome {
        match self {
            Self::Done(outcome) => outcome,
            Self::Waits(outcome) => outcome.await.unwrap_or(Err(Refusal::Unwritten)),
        }
    }
}

/// Why an event was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too much waits to be written.
    Busy,
    /// The id is that of another event.
    Conflict,
    /// The hub is about to stop, and its subscribers are sent away.
    Draining,
    /// The token does not grant all topics.
    Forbidden,
    /// Nobody could read a private event: there are no tokens.
    Private,
    /// Too many were published just before; after so long there is room.
    TooSoon(Duration),
    /// The topic is one of the hub's own.
    Reserved,
    /// The answer would be too long.
    TooMany,
    /// There is no token, or not any more.
    Unauthorized,
    /// The log cannot be written.
    Unwritten,
}

impl Refusal {
    pub(crate) const fn code(self) -> ErrorCode {
        match self {
            Self::Conflict => ErrorCode::Conflict,
            Self::TooSoon(_) => ErrorCode::RateLimited,
            Self::Busy | Self::Draining | Self::TooMany | Self::Unwritten => ErrorCode::Unavailable,
            Self::Forbidden | Self::Private | Self::Reserved => ErrorCode::Forbidden,
            Self::Unauthorized => ErrorCode::Unauthorized,
        }
    }

    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Busy => "the disk is behind: publish again in a moment",
            Self::Conflict => "another event has this id",
            Self::Draining => "the hub is stopping: publish again once it is back",
            Self::Forbidden => "the token does not grant every topic",
            Self::Private => "private events need tokens, for which the hub has no key",
            Self::TooSoon(_) => "too many events at once: publish again a little later",
            Self::Reserved => "what is said of subscriptions, the hub alone says",
            Self::TooMany => "the list is longer than 16 MiB: ask for the one of a topic",
            Self::Unauthorized => "a token is needed",
            Self::Unwritten => "the log cannot be written, so the event may be lost",
        }
    }

    /// When to publish again, if that is known.
    pub(crate) const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TooSoon(after) => Some(after),
            Self::Busy => Some(Duration::from_secs(1)),
            Self::Draining => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}
