//! Why there is no event stream, or no more.

use core::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use resume::Outcome;
use sse_parse::{LimitError, Verdict};

use crate::http::RequestError;

/// What an [`EventSource`](super::EventSource) met.
#[derive(Debug)]
#[non_exhaustive]
pub enum EventSourceError {
    /// The response has this `Content-Encoding`, which is not enabled here or one of several.
    Coding(HeaderValue),
    /// The stream ended before its compressed bytes did.
    Cut,
    /// The server ended the stream as it should be ended.
    Ended,
    /// The head of the response did not come in time.
    HeadDeadline,
    /// The connection failed while the stream was open.
    Http(hyper::Error),
    /// An event passed a limit and was skipped; the stream goes on.
    Limit(LimitError),
    /// The compressed bytes are not what their coding says.
    Malformed,
    /// A redirect that is not followed.
    Redirect(RedirectError),
    /// The response is no event stream.
    Refused(Box<Refusal>),
    /// There is no response.
    Request(RequestError),
    /// Nothing arrived for too long.
    Silent,
}

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// `Location` is no URL of `http` or `https`, or it leads from `https` to `http`.
    Location,
    /// One more than are followed.
    TooMany,
}

/// A response that is no event stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// What is wrong with it.
    pub verdict: Verdict,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The first [`BODY_MAX`](Self::BODY_MAX) bytes of its body, its coding taken off; less if the
    /// rest did not come in time.
    pub body: Bytes,
}

impl Refusal {
    /// Bytes that are kept of a body: 64 KiB.
    pub const BODY_MAX: usize = 64 * 1024;
}

impl EventSourceError {
    /// The response that was refused, if it was that.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// What it means for coming back.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Ended => Outcome::Ended,
            Self::Refused(refusal) if refusal.verdict == Verdict::WrongType => Outcome::Refused,
            Self::Refused(refusal) => Outcome::Status(refusal.status.as_u16()),
            Self::Coding(_) | Self::Redirect(_) | Self::Request(RequestError::Url) => {
                Outcome::Refused
            }
            _ => Outcome::Lost,
        }
    }
}

impl fmt::Display for EventSourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coding(coding) => write!(f, "the response is encoded as {coding:?}"),
            Self::Cut => f.write_str("the stream ended before its compressed bytes did"),
            Self::Ended => f.write_str("the server ended the stream"),
            Self::HeadDeadline => f.write_str("the head of the response did not come in time"),
            Self::Http(error) => write!(f, "the connection failed: {error}"),
            Self::Limit(error) => write!(f, "an event was skipped: {error}"),
            Self::Malformed => f.write_str("the compressed bytes are malformed"),
            Self::Redirect(error) => error.fmt(f),
            Self::Refused(refusal) => match refusal.verdict {
                Verdict::WrongType => f.write_str("the response is of another type"),
                _ => write!(f, "the server answered {}", refusal.status),
            },
            Self::Request(error) => error.fmt(f),
            Self::Silent => f.write_str("nothing arrived for too long"),
        }
    }
}

impl core::error::Error for EventSourceError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Http(error) => Some(error),
            Self::Limit(error) => Some(error),
            Self::Redirect(error) => Some(error),
            Self::Request(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Location => "a redirect leads to no url that may be followed",
            Self::TooMany => "there are too many redirects",
        })
    }
}

impl core::error::Error for RedirectError {}
