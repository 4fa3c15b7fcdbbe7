//! An event stream as the body of a hyper response: HTTP/2, or a connection hyper already owns.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Frame;

use super::pace::{Pace, Timing};
use super::{Fill, Reply, Source};
use crate::buffer::Batch;

/// A response body that yields what its [`Source`] has due, and a heartbeat when quiet.
///
/// It is asked only when hyper has room, so flow control bounds what a peer that does not read
/// holds; but no body can end a response for which nobody asks. [`http::serve`] and a connection
/// over [`http::WriteDeadline`] do that, and a [channel](super::channel()) tells its sender.
///
/// [`http::serve`]: crate::http::serve
/// [`http::WriteDeadline`]: crate::http::WriteDeadline
#[derive(Debug)]
pub struct Body<S> {
    source: S,
    batch: Batch,
    pace: Pace,
    ending: Option<Fill>,
}

/// The source [cut off](Fill::Cut) its stream.
///
/// Hyper then closes the connection without the last chunk, or resets the stream of HTTP/2, so
/// that the peer does not take what it has for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it says only that it happened")]
pub struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event stream was cut off before its end")
    }
}

impl core::error::Error for Cut {}

/// Makes the response to an event-stream request: 200, the headers of an event stream and
/// `headers` beside them. [`Reply`] is the same with more choices.
#[must_use]
pub fn response<S: Source>(headers: HeaderMap, source: S, timing: Timing) -> Response<Body<S>> {
    Reply::new(source)
        .headers(headers)
        .timing(timing)
        .into_response()
}

impl<S: Source> Body<S> {
    /// Makes the body that yields the events of `source`.
    #[must_use]
    pub fn new(source: S, timing: Timing) -> Self {
        Self {
            source,
            batch: Batch::new(),
            pace: Pace::new(timing),
            ending: None,
        }
    }
}

impl<S> Body<S> {
    /// The body of the answer to HEAD, which is none (RFC 9110 §9.3.2).
    pub(super) fn head_only(mut self) -> Self {
        self.ending = Some(Fill::End);
        self
    }
}

impl<S: Source> http_body::Body for Body<S> {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.batch.take() {
                this.pace.sent();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            match this.ending {
                Some(Fill::Cut) => return Poll::Ready(Some(Err(Cut))),
                Some(_) => return Poll::Ready(None),
                None => {}
            }
            match this.source.poll_fill(cx, &mut this.batch) {
                Poll::Ready(Fill::More) => {}
                Poll::Ready(fill) => this.ending = Some(fill),
                Poll::Pending => {
                    ready!(this.pace.poll_heartbeat(cx));
                    this.source.heartbeat(&mut this.batch);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ending == Some(Fill::End) && self.batch.is_empty()
    }
}
