//! An event stream as the body of a hyper response: HTTP/2, or a connection hyper already owns.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::Frame;
use tokio::time::Instant;

use super::{Fill, Source, Timing};
use crate::buffer::Batch;
use crate::clock::Timer;

/// A response body that yields what its [`Source`] has due, and a heartbeat when quiet.
///
/// A peer that does not read is not noticed here: HTTP/2 flow control is hyper's, and so are its
/// deadlines.
#[derive(Debug)]
pub struct Body<S> {
    source: S,
    batch: Batch,
    timing: Timing,
    progress: Instant,
    timer: Timer,
    ending: bool,
}

/// Makes the response to an event-stream request: 200, the headers of an event stream and
/// `headers` beside them.
#[must_use]
pub fn response<S: Source>(headers: HeaderMap, source: S, timing: Timing) -> Response<Body<S>> {
    let mut response = Response::new(Body::new(source, timing));
    *response.headers_mut() = headers;
    for (name, value) in super::HEADERS {
        let name = HeaderName::from_static(name);
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

impl<S: Source> Body<S> {
    /// Makes the body that yields the events of `source`.
    #[must_use]
    pub fn new(source: S, timing: Timing) -> Self {
        Self {
            source,
            batch: Batch::new(),
            timing,
            progress: Instant::now(),
            timer: Timer::default(),
            ending: false,
        }
    }
}

impl<S: Source> http_body::Body for Body<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.batch.take() {
                this.progress = Instant::now();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.ending {
                return Poll::Ready(None);
            }
            match this.source.poll_fill(cx, &mut this.batch) {
                Poll::Ready(fill) => this.ending = fill == Fill::End,
                Poll::Pending => {
                    let due = this.progress + this.timing.heartbeat_after();
                    core::task::ready!(this.timer.poll(cx, due));
                    this.source.heartbeat(&mut this.batch);
                }
            }
        }
    }
}
