//! Accepting connections, and who serves them: event streams and WebSockets the bare socket,
//! hyper the rest.

use core::any::Any;
use core::fmt;
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use ws_handshake::{Limits, RequestHead};

use super::WriteDeadline;
use super::brief::Reply;
use super::connection::{Connection, Shared};
use super::rewind::Rewind;
use crate::buffer::ReadBuffer;
#[cfg(feature = "tls")]
use crate::net::ServerTls;
use crate::{Error, sse, ws};

/// What a connection holds as long as it lasts; dropped, its place is free.
///
/// A request that [`Handler::http`] gets has it among its extensions: what goes on after the
/// connection of hyper has ended, such as a WebSocket, should hold a clone.
#[derive(Clone, Default)]
pub struct Permit(Option<Arc<dyn Any + Send + Sync>>);

impl Permit {
    /// Holds a value.
    #[must_use]
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(held)))
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.0.is_some()).finish()
    }
}

/// The application behind [`serve`].
pub trait Handler: Send + Sync + 'static {
    /// What an event stream is pulled from.
    type EventStream: sse::Source + 'static;
    /// What speaks on a WebSocket.
    type WebSocket: ws::Session + 'static;
    /// The body of the other responses.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn core::error::Error + Send + Sync>>>
        + Send
        + 'static;

    /// Whether a connection of this peer is served; what is returned is held until it has ended.
    /// `None` closes it unanswered. By default all are.
    ///
    /// Nothing has been read yet, and nothing more is accepted until this returns.
    fn admit(&self, peer: SocketAddr) -> Option<Permit> {
        let _ = peer;
        Some(Permit::default())
    }

    /// Decides about the first request of an HTTP/1.x connection, from its head, and about each
    /// one after a [brief](Take::Brief) one.
    ///
    /// Event streams and WebSockets are taken over here, on the bare socket, at a tenth of the
    /// memory, and brief requests at half the time. The same request may also come to
    /// [`http`](Self::http): as a later one on a connection that hyper serves, or over HTTP/2.
    fn take(
        &self,
        head: &RequestHead<'_>,
        peer: SocketAddr,
    ) -> Take<Self::EventStream, Self::WebSocket>;

    /// Answers a request that was [taken as brief](Take::Brief), with its whole body.
    ///
    /// Up to eight connections of such requests share a task, and wait for each other here: what
    /// takes longer than some microseconds belongs into [`Reply::Later`].
    ///
    /// By default with 501: [`take`](Self::take) takes none.
    ///
    /// # Panics
    ///
    /// A panic ends the connection, and no other one.
    fn brief(&self, head: &RequestHead<'_>, body: &[u8], peer: SocketAddr) -> Reply {
        let _ = (head, body, peer);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
        Reply::Now(response)
    }

    /// Answers every other request.
    fn http(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// Hears of what went wrong on a connection, or with accepting one (then without a peer).
    fn failed(&self, peer: Option<SocketAddr>, error: Error) {
        let _ = (peer, error);
    }
}

/// Who serves a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Take<E, W> {
    /// 200 with the headers of an event stream and these beside them, then what the source yields;
    /// nothing more if the method is HEAD.
    EventStream(HeaderMap, E),
    /// The 101 response, then the session.
    WebSocket(ws::Answer, W),
    /// The bytes of a response that says `Connection: close`; nothing after the head is read.
    Refuse(Vec<u8>),
    /// [`Handler::brief`], on the bare socket, which goes on with the next request; hyper if the
    /// body is longer than 64 KiB, or than 8 KiB and has not come with the head, or of unknown
    /// length, if the client waits for `100 Continue`, for HEAD and for HTTP/1.0.
    Brief,
    /// Hyper, with the bytes already read put back.
    Http,
}

/// How connections are served.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) limits: Limits,
    pub(super) head_deadline: Duration,
    pub(super) max_pending: usize,
    pub(super) dead_after: Duration,
    pub(super) event_stream: sse::Timing,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<ServerTls>,
    #[cfg(feature = "tls")]
    pub(super) tls_deadline: Duration,
}

impl Config {
    /// Limits of a request head; default [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A connection that has not sent a complete head by then is closed; default 10 s. It also
    /// bounds how long the head of a later request is waited for, and a [brief](Take::Brief) one as
    /// a whole, which is answered with 408 then.
    #[must_use]
    pub fn head_deadline(mut self, after: Duration) -> Self {
        self.head_deadline = after;
        self
    }

    /// Most connections that have not sent their first head, with its body if that is
    /// [brief](Take::Brief), nor finished the TLS handshake; default 1,024. One more closes the oldest of them with [`Error::Displaced`]: whoever sends
    /// its head at once is served, however many others do not.
    #[must_use]
    pub fn max_pending(mut self, count: usize) -> Self {
        self.max_pending = count;
        self
    }

    /// Speaks TLS with this certificate; by default the connections are bare TCP.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// A connection that has not finished the TLS handshake by then is closed; default 5 s. The
    /// [deadline of the head](Self::head_deadline) runs meanwhile.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_deadline(mut self, after: Duration) -> Self {
        self.tls_deadline = after;
        self
    }

    /// A peer whose system has not confirmed what was sent to it after this long is gone, which
    /// with the heartbeat bounds how long one that vanished is served; default 30 s, Linux only
    /// (elsewhere the system's own time-out holds).
    #[must_use]
    pub fn dead_after(mut self, after: Duration) -> Self {
        self.dead_after = after;
        self
    }

    /// The clocks of event streams on the bare socket; the write deadline is that of what hyper
    /// serves, too.
    #[must_use]
    pub fn event_stream(mut self, timing: sse::Timing) -> Self {
        self.event_stream = timing;
        self
    }
}

impl Config {
    /// A connection for hyper, with the bytes already read put back.
    pub(super) fn rewind<Io>(&self, bytes: ReadBuffer, io: Io) -> WriteDeadline<Rewind<Io>> {
        WriteDeadline::new(Rewind::new(bytes, io), self.event_stream.deadline())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            head_deadline: Duration::from_secs(10),
            max_pending: 1_024,
            dead_after: Duration::from_secs(30),
            event_stream: sse::Timing::default(),
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            tls_deadline: Duration::from_secs(5),
        }
    }
}

/// Accepts connections and serves them until `stop` is ready, then lets those that are open end.
///
/// After `stop` no connection is accepted, idle ones are closed, and hyper finishes the requests
/// under way. Event streams and WebSockets end when the handler's sources and sessions say so:
/// tell them. The future is ready when the last connection has ended; bound it with a time-out.
///
/// # Cancel safety
///
/// Dropping the future closes the listener and tells hyper's connections to finish; event streams
/// and WebSockets go on in their own tasks.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    handler: Arc<H>,
    config: Config,
    stop: impl Future<Output = ()>,
) {
    let max_pending = config.max_pending;
    let shared = Arc::new(Shared {
        config,
        groups: Arc::default(),
    });
    let (draining, drain) = watch::channel(false);
    let mut pending = Pending::default();
    let mut stop = pin!(stop);
    loop {
        let accepted = poll_fn(|cx| {
            if stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            listener.poll_accept(cx).map(Some)
        });
        match accepted.await {
            None => break,
            Some(Ok((io, peer))) => {
                let Some(permit) = handler.admit(peer) else {
                    continue;
                };
                let connection = Connection {
                    peer,
                    handler: handler.clone(),
                    drain: drain.clone(),
                    permit,
                };
                let oldest = pending.make_room(max_pending);
                if let Some(peer) = oldest {
                    handler.failed(Some(peer), Error::Displaced);
                }
                pending.add(peer, connection.start(io, shared.clone()));
            }
            Some(Err(error)) => {
                let pause = pause_after(&error);
                handler.failed(None, error.into());
                tokio::time::sleep(pause).await;
            }
        }
    }
    drop((listener, drain));
    draining.send_replace(true);
    draining.closed().await;
}

/// The connections whose first head is being read, the oldest first, among some whose was.
#[derive(Debug, Default)]
struct Pending(VecDeque<(SocketAddr, AbortHandle)>);

impl Pending {
    fn add(&mut self, peer: SocketAddr, reading: AbortHandle) {
        self.0.push_back((peer, reading));
    }

    /// Makes room for one more among `most`; gives the peer that had to go for it.
    fn make_room(&mut self, most: usize) -> Option<SocketAddr> {
        while self
            .0
            .pop_front_if(|(_, reading)| reading.is_finished())
            .is_some()
        {}
        if self.0.len() < most {
            return None;
        }
        self.0.retain(|(_, reading)| !reading.is_finished());
        if self.0.len() < most {
            return None;
        }
        let (peer, reading) = self.0.pop_front()?;
        reading.abort();
        Some(peer)
    }
}

/// Out of descriptors or memory, trying at once would spin; one connection's error is its own.
fn pause_after(error: &io::Error) -> Duration {
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::Interrupted => Duration::ZERO,
        _ => Duration::from_millis(100),
    }
}
