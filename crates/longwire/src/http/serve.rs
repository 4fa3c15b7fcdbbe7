//! Accepting connections, and who serves them: event streams and WebSockets the bare socket,
//! hyper the rest.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use ws_handshake::{Limits, RequestHead};

use super::head::{First, after, read_first};
use super::rewind::Rewind;
use crate::buffer::{Batch, ReadBuffer};
use crate::{Error, sse, ws};

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

    /// Decides about the first request of an HTTP/1.x connection, from its head.
    ///
    /// Event streams and WebSockets are taken over here, on the bare socket, at a tenth of the
    /// memory. The same request may also come to [`http`](Self::http): as a later one on a kept
    /// connection, or over HTTP/2.
    fn first(
        &self,
        head: &RequestHead<'_>,
        peer: SocketAddr,
    ) -> Take<Self::EventStream, Self::WebSocket>;

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
    /// 200 with the headers of an event stream and these beside them, then what the source yields.
    EventStream(HeaderMap, E),
    /// The bytes of a 101 response ([`ws_handshake::Accept::encode`]), then the session.
    WebSocket(Vec<u8>, W),
    /// The bytes of a response that says `Connection: close`; nothing after the head is read.
    Refuse(Vec<u8>),
    /// Hyper, with the bytes already read put back.
    Http,
}

/// How connections are served.
#[derive(Clone, Debug)]
pub struct Config {
    limits: Limits,
    head_deadline: Duration,
    event_stream: sse::Timing,
    web_socket: Arc<ws::Config>,
}

impl Config {
    /// Limits of a request head; default [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A connection that has not sent a complete head by then is closed; default 10 s. It also
    /// bounds how long hyper waits for the head of a later request.
    #[must_use]
    pub fn head_deadline(mut self, after: Duration) -> Self {
        self.head_deadline = after;
        self
    }

    /// The clocks of event streams on the bare socket.
    #[must_use]
    pub fn event_stream(mut self, timing: sse::Timing) -> Self {
        self.event_stream = timing;
        self
    }

    /// Limits and clocks of WebSockets on the bare socket.
    #[must_use]
    pub fn web_socket(mut self, config: ws::Config) -> Self {
        self.web_socket = Arc::new(config);
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            head_deadline: Duration::from_secs(10),
            event_stream: sse::Timing::default(),
            web_socket: Arc::new(ws::Config::default()),
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
    let config = Arc::new(config);
    let (draining, drain) = watch::channel(false);
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
                let connection = Connection {
                    io,
                    peer,
                    handler: handler.clone(),
                    drain: drain.clone(),
                };
                tokio::spawn(connection.run(config.clone()));
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

/// One accepted connection.
struct Connection<H> {
    io: TcpStream,
    peer: SocketAddr,
    handler: Arc<H>,
    /// Becomes true when the server drains; [`serve`] waits until every receiver is gone.
    drain: watch::Receiver<bool>,
}

impl<H: Handler> Connection<H> {
    async fn run(mut self, config: Arc<Config>) {
        if let Err(error) = tune(&self.io) {
            return self.handler.failed(Some(self.peer), error.into());
        }
        let first = match self.first(&config).await {
            Ok(first) => first,
            Err(error) => return self.handler.failed(Some(self.peer), error),
        };
        match first {
            First::Head {
                value: (Take::EventStream(headers, source), version),
                ..
            } => {
                self.event_stream(version, &headers, source, &config).await;
            }
            First::Head {
                value: (Take::WebSocket(response, session), _),
                bytes,
                len,
            } => {
                let unused = after(bytes, len);
                let web_socket = config.web_socket.clone();
                drop(config);
                let socket = ws::Socket::accepted(self.io, unused, &response, web_socket);
                if let Err(error) = socket.run(session).await {
                    self.handler.failed(Some(self.peer), error);
                }
            }
            First::Head {
                value: (Take::Refuse(response), _),
                ..
            } => {
                self.refuse(&response, config.head_deadline).await;
            }
            First::Refused(error) => {
                let mut response = Vec::new();
                error.reject().encode(&mut response);
                self.refuse(&response, config.head_deadline).await;
                self.handler.failed(Some(self.peer), error.into());
            }
            // Boxed, so that a connection that never enters hyper does not pay for it.
            First::Head {
                value: (Take::Http, _),
                bytes,
                ..
            } => {
                Box::pin(self.http1(bytes, config)).await;
            }
            First::Http2 { bytes } => Box::pin(self.http2(bytes, config)).await,
            First::Eof => {}
        }
    }
}

impl<H: Handler> Connection<H> {
    /// Reads the first head and lets the handler decide about it.
    async fn first(
        &mut self,
        config: &Config,
    ) -> Result<First<(Take<H::EventStream, H::WebSocket>, Version)>, Error> {
        let Self {
            io,
            peer,
            handler,
            drain,
        } = self;
        let deadline = Instant::now() + config.head_deadline;
        let read = read_first(io, &config.limits, |head| {
            (handler.first(head, *peer), version(head))
        });
        let mut read = pin!(timeout_at(deadline, read));
        let mut drained = pin!(drain.wait_for(|draining| *draining));
        poll_fn(|cx| {
            if let Poll::Ready(first) = read.as_mut().poll(cx) {
                let first = first.map_err(|_| Error::HeadDeadline)?;
                return Poll::Ready(first.map_err(Error::from));
            }
            // Nothing was asked yet: a draining server need not wait for it.
            drained.as_mut().poll(cx).map(|_| Ok(First::Eof))
        })
        .await
    }

    async fn event_stream(
        &mut self,
        version: Version,
        headers: &HeaderMap,
        source: H::EventStream,
        config: &Config,
    ) {
        let mut head = Batch::new();
        let framing = sse::respond(version, headers, head.out());
        let stream = sse::Stream::new(&mut self.io, head, framing, source, config.event_stream);
        match stream.run().await {
            sse::Ended::Io(error) => self.handler.failed(Some(self.peer), error.into()),
            sse::Ended::Source | sse::Ended::Peer | sse::Ended::Stalled => {}
        }
    }

    /// Sends a response, ends our side and reads on for a moment: closing a socket with unread
    /// bytes would reset the connection before the peer has seen the answer (RFC 9112 §9.6).
    async fn refuse(&mut self, response: &[u8], within: Duration) {
        let io = &mut self.io;
        let refused = async {
            io.write_all(response).await?;
            io.shutdown().await?;
            let mut ignored = [0; 1024];
            for _ in 0..64 {
                if io.read(&mut ignored).await? == 0 {
                    break;
                }
            }
            Ok(())
        };
        match timeout_at(Instant::now() + within, refused).await {
            // A peer that keeps its side open has had its answer.
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => self.handler.failed(Some(self.peer), error),
        }
    }

    async fn http1(self, bytes: ReadBuffer, config: Arc<Config>) {
        let Self {
            io,
            peer,
            handler,
            mut drain,
        } = self;
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(config.head_deadline)
            .max_headers(MAX_FIELDS)
            .max_buf_size(MAX_BUFFER);
        let service = service(&handler, peer);
        let connection = builder
            .serve_connection(TokioIo::new(Rewind::new(bytes, io)), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut drained = pin!(drain.wait_for(|draining| *draining));
        let mut draining = false;
        let served = poll_fn(|cx| {
            if !draining && drained.as_mut().poll(cx).is_ready() {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(cx)
        });
        if let Err(error) = served.await {
            handler.failed(Some(peer), error.into());
        }
    }

    #[cfg(not(feature = "http2"))]
    async fn http2(self, _: ReadBuffer, _: Arc<Config>) {
        // The preface alone was read; without HTTP/2 the only answer is to close.
        self.handler.failed(Some(self.peer), Error::Http2);
    }

    #[cfg(feature = "http2")]
    async fn http2(self, bytes: ReadBuffer, config: Arc<Config>) {
        let Self {
            io,
            peer,
            handler,
            mut drain,
        } = self;
        let executor = hyper_util::rt::TokioExecutor::new();
        let mut builder = hyper::server::conn::http2::Builder::new(executor);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(100)
            .max_header_list_size(16 * 1024)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(128)
            .initial_stream_window_size(256 * 1024)
            .initial_connection_window_size(1024 * 1024)
            .max_send_buf_size(64 * 1024)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20));
        drop(config);
        let service = service(&handler, peer);
        let connection = builder.serve_connection(TokioIo::new(Rewind::new(bytes, io)), service);
        let mut connection = pin!(connection);
        let mut drained = pin!(drain.wait_for(|draining| *draining));
        let mut draining = false;
        let served = poll_fn(|cx| {
            if !draining && drained.as_mut().poll(cx).is_ready() {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(cx)
        });
        if let Err(error) = served.await {
            handler.failed(Some(peer), error.into());
        }
    }
}

/// Header fields of a request on hyper's connections.
const MAX_FIELDS: usize = 100;
/// Bytes that hyper may hold of a request it reads or a response it writes.
const MAX_BUFFER: usize = 64 * 1024;

fn service<H: Handler>(
    handler: &Arc<H>,
    peer: SocketAddr,
) -> impl hyper::service::HttpService<Incoming, ResBody = H::Body, Error = Infallible, Future: Send>
+ use<H> {
    let handler = handler.clone();
    hyper::service::service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok(handler.http(request, peer).await) }
    })
}

/// Dead peers are noticed by the kernel too, with data under way or without.
fn tune(io: &TcpStream) -> io::Result<()> {
    io.set_nodelay(true)?;
    let socket = socket2::SockRef::from(io);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10));
    socket.set_tcp_keepalive(&keepalive)
}

fn version(head: &RequestHead<'_>) -> Version {
    match head.minor_version() {
        0 => Version::HTTP_10,
        _ => Version::HTTP_11,
    }
}
