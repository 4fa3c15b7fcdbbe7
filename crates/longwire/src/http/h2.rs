//! HTTP/2 as hyper serves it: with every limit set, and without the streams whose peer takes
//! nothing.
//!
//! Hyper notices a peer that is gone (it answers no PING). A peer that is there but keeps the
//! window of a stream closed would hold what that stream has to send for as long as it likes;
//! such a stream is reset here.

use core::convert::Infallible;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioTimer;
use tokio::time::Instant;

use super::{Handler, Permit};
use crate::clock::Timer;

/// Streams that a peer may have open at once.
const MAX_STREAMS: u32 = 100;
/// Bytes of a header list, 32 for each field included (RFC 9113 §6.5.2).
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// Streams that were reset before the handler saw them (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
/// Streams that we reset because the peer broke a rule (CVE-2025-8671).
const MAX_LOCAL_RESETS: usize = 128;
/// Bytes that a peer may send ahead of being read, on one stream.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same for all streams: none of them, unread, takes the window of the others. Half of it is
/// what the framing of small DATA frames may cost until they are read, with 250 bytes for a
/// message of a byte or two; so a stream full of those cannot end the connection either.
const CONNECTION_WINDOW: u32 = MAX_STREAMS * STREAM_WINDOW;
/// Bytes that a stream may have buffered for its peer.
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// A quiet peer is pinged after this long, and has as long to answer.
const PING: Duration = Duration::from_secs(20);
/// A stream that has bytes to send and is not allowed to send one for this long is reset.
const TAKES_NOTHING: Duration = Duration::from_secs(30);

/// Hyper's server with these limits, and with WebSocket (RFC 8441) announced.
pub(super) fn server() -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams);
    //= https://www.rfc-editor.org/rfc/rfc8441#section-3
    //# Upon receipt of SETTINGS_ENABLE_CONNECT_PROTOCOL with a value of 1, a client MAY use the
    //# Extended CONNECT as defined in this document when creating new streams.
    builder
        .enable_connect_protocol()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// The handler as hyper's service on an HTTP/2 connection.
pub(super) fn service<H: Handler>(
    handler: &Arc<H>,
    peer: SocketAddr,
    permit: Permit,
) -> impl HttpService<Incoming, ResBody = Watched<H::Body>, Error = Infallible, Future: Send> + use<H>
{
    let handler = handler.clone();
    service_fn(move |mut request: Request<Incoming>| {
        let handler = handler.clone();
        request.extensions_mut().insert(permit.clone());
        async move {
            let stalled = STREAM.try_with(Stalled::clone).unwrap_or_default();
            // For `ws::upgrade`: the stream goes on as a tunnel.
            request.extensions_mut().insert(stalled.clone());
            //= https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2
            //# The HEAD method is identical to GET except that the server MUST NOT send
            //# content in the response.
            let head_only = request.method() == Method::HEAD;
            let response = handler.http(request, peer).await;
            Ok(response.map(|body| Watched {
                body: (!head_only).then(|| Box::pin(body)),
                rest: Bytes::new(),
                stalled,
            }))
        }
    })
}

tokio::task_local! {
    /// The stream whose task this is.
    static STREAM: Stalled;
}

/// Since when the bytes of a stream wait for its peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stalled(Arc<Mutex<Since>>);

#[derive(Debug, Default)]
struct Since {
    at: Option<Instant>,
    /// The task of the stream.
    waker: Option<Waker>,
}

impl Stalled {
    fn since(&self) -> MutexGuard<'_, Since> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the stream waits for its peer.
    fn begin(&self) {
        self.since().at = Some(Instant::now());
    }

    /// As [`begin`](Self::begin), from another task: what is left to send is all that there is.
    pub(crate) fn leave(&self) {
        self.begin();
        if let Some(waker) = self.since().waker.take() {
            waker.wake();
        }
    }

    fn end(&self) {
        self.since().at = None;
    }

    /// Ready when the peer has let the stream wait for too long.
    fn poll(&self, cx: &mut Context<'_>, timer: &mut Timer) -> Poll<()> {
        let mut since = self.since();
        let Some(at) = since.at else {
            since.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(since);
        timer.poll(cx, at + TAKES_NOTHING)
    }
}

/// Runs the streams of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams;

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        // What the task of a stream spawns in turn, when it becomes a tunnel, is the same stream.
        let stalled = STREAM.try_with(Stalled::clone).unwrap_or_default();
        tokio::spawn(async move {
            let mut stream = pin!(stream);
            let mut timer = Timer::default();
            poll_fn(|cx| {
                let step = || stream.as_mut().poll(cx);
                if STREAM.sync_scope(stalled.clone(), step).is_ready() {
                    return Poll::Ready(());
                }
                // Dropping the stream resets it.
                stalled.poll(cx, &mut timer)
            })
            .await;
        });
    }
}

/// The body of a response, of which hyper takes a frame only to send it: until it asks for the
/// next one, the frame waits for the peer. What it has taken last is what a peer can make us hold
/// for as long as the connection lasts, so its frames are small.
#[derive(Debug)]
pub(super) struct Watched<B> {
    /// Nothing if the response is to HEAD: hyper would send it.
    body: Option<Pin<Box<B>>>,
    /// Of a frame that was larger.
    rest: Bytes,
    stalled: Stalled,
}

/// What fits into one DATA frame (RFC 9113 §6.5.2).
const DATA_LEN: usize = 16 * 1024;

impl<B: Body<Data = Bytes>> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.stalled.end();
        if self.rest.is_empty() {
            let Some(body) = &mut self.body else {
                return Poll::Ready(None);
            };
            let frame = ready!(body.as_mut().poll_frame(cx));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) if data.len() > DATA_LEN => self.rest = data,
                other => {
                    self.stalled.begin();
                    return Poll::Ready(other.map(|frame| {
                        frame.map(|frame| frame.map_or_else(|frame| frame, Frame::data))
                    }));
                }
            }
        }
        let len = self.rest.len().min(DATA_LEN);
        let data = self.rest.split_to(len);
        self.stalled.begin();
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        let body = self.body.as_ref();
        self.rest.is_empty() && body.is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(SizeHint::new, |body| body.size_hint())
    }
}
