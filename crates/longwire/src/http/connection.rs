//! One connection: its first head is read here, then a task of the right size takes it over.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::{Pin, pin};
use core::task::{Poll, ready};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use http::{Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1::UpgradeableConnection;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};
use ws_handshake::RequestHead;

use super::brief::{self, Brief};
use super::group::Groups;
#[cfg(feature = "http2")]
use super::h2;
use super::head::{Decision, First, Reading, after, refuse};
use super::rewind::Rewind;
use super::{Config, Handler, Permit, Take, WriteDeadline};
use crate::buffer::Batch;
#[cfg(feature = "tls")]
use crate::net::ServerTls;
use crate::net::{give_up_after, tune};
use crate::{Error, sse, ws};

/// TCP, with or without TLS. Connections without it have tasks of their own size.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for Io {}

/// What all connections of a server have in common.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) groups: Arc<Groups>,
}

/// What every task of a connection holds.
pub(super) struct Connection<H> {
    pub(super) peer: SocketAddr,
    pub(super) handler: Arc<H>,
    /// Becomes true when the server drains; [`serve`](super::serve) waits until every receiver is
    /// gone.
    pub(super) drain: watch::Receiver<bool>,
    pub(super) permit: Permit,
}

/// What ends the wait for a request.
pub(super) struct Until<'t, D> {
    /// May stand at an earlier time than the deadline.
    pub(super) clock: Pin<&'t mut Sleep>,
    pub(super) deadline: Instant,
    /// Ends when the server drains.
    pub(super) drained: Pin<&'t mut D>,
}

/// Waits until the server drains.
pub(super) async fn drained(mut drain: watch::Receiver<bool>) {
    // Without a sender there is no server.
    let _ = drain.wait_for(|draining| *draining).await;
}

/// What the handler decided about a request.
pub(super) enum Decided<H: Handler> {
    /// In a box: a brief request is not to be moved about with as many bytes.
    Take(Box<Taken<H>>),
    /// It is here as a whole, and answered.
    Brief(Brief),
}

/// A request that somebody else serves.
pub(super) struct Taken<H: Handler> {
    pub(super) take: Take<H::EventStream, H::WebSocket>,
    pub(super) asked: Asked,
}

/// What the answer depends on.
#[derive(Default)]
pub(super) struct Asked {
    version: Version,
    head_only: bool,
}

impl<H: Handler> Connection<H> {
    /// Reads the first head, in a task, and hands the socket to whom the handler decides.
    ///
    /// Each kind of connection goes on in a task of its own (brief requests in one that several
    /// share), so that one which lasts holds no more than it needs: the first task, with room for
    /// all of them, ends.
    pub(super) fn start(self, io: TcpStream, shared: Arc<Shared>) -> AbortHandle {
        let deadline = Instant::now() + shared.config.head_deadline;
        #[cfg(feature = "tls")]
        if let Some(tls) = shared.config.tls.clone() {
            return tokio::spawn(self.secure(io, tls, shared, deadline)).abort_handle();
        }
        tokio::spawn(self.bare(io, shared, deadline)).abort_handle()
    }

    async fn bare(self, io: TcpStream, shared: Arc<Shared>, deadline: Instant) {
        match prepare(&io, &shared.config) {
            Ok(()) => self.plain(io, shared, deadline).await,
            Err(error) => self.failed(error.into()),
        }
    }

    /// Shakes hands for TLS, then does the same over it; the deadline is one for both.
    #[cfg(feature = "tls")]
    async fn secure(self, io: TcpStream, tls: ServerTls, shared: Arc<Shared>, deadline: Instant) {
        if let Err(error) = prepare(&io, &shared.config) {
            return self.failed(error.into());
        }
        match tls.accept(io, shared.config.tls_deadline).await {
            #[cfg(feature = "http2")]
            Ok(io) if io.alpn() == Some(b"h2") => {
                tokio::spawn(
                    self.http2(
                        shared
                            .config
                            .rewind(crate::buffer::ReadBuffer::default(), io),
                    ),
                );
            }
            Ok(io) => self.plain(io, shared, deadline).await,
            Err(error) => self.failed(error.into()),
        }
    }

    async fn plain<Io: Transport>(self, mut io: Io, shared: Arc<Shared>, deadline: Instant) {
        let until = Until {
            clock: pin!(sleep_until(deadline)),
            deadline,
            drained: pin!(drained(self.drain.clone())),
        };
        let first = self.request(&mut io, Reading::first(), &shared.config, until);
        match first.await {
            Ok(first) => self.dispatch(io, first, shared),
            Err(error) => self.failed(error),
        }
    }

    pub(super) fn dispatch<Io: Transport>(
        self,
        io: Io,
        first: First<Decided<H>>,
        shared: Arc<Shared>,
    ) {
        match first {
            First::Head {
                value: Decided::Brief(brief),
                bytes,
                len,
            } => {
                let groups = shared.groups.clone();
                groups.join(self.brief(io, brief, after(bytes, len), shared));
            }
            First::Head {
                value: Decided::Take(taken),
                bytes,
                len,
            } => match taken.take {
                Take::EventStream(headers, source) => {
                    let mut head = Batch::new();
                    let framing = sse::respond(taken.asked.version, &headers, head.out());
                    let timing = shared.config.event_stream;
                    let mut stream = sse::Stream::new(io, head, framing, source, timing);
                    if taken.asked.head_only {
                        stream = stream.head_only();
                    }
                    tokio::spawn(self.event_stream(stream));
                }
                Take::WebSocket(answer, session) => {
                    let socket = answer.socket(io, after(bytes, len));
                    tokio::spawn(self.web_socket(socket, session));
                }
                Take::Refuse(response) => {
                    tokio::spawn(self.refuse(io, response, shared.config.head_deadline));
                }
                Take::Brief | Take::Http => {
                    tokio::spawn(
                        self.http1(shared.config.rewind(bytes, io), shared.config.head_deadline),
                    );
                }
            },
            First::Refused(error) => {
                let mut response = Vec::new();
                error.reject().encode(&mut response);
                self.failed(error.into());
                tokio::spawn(self.refuse(io, response, shared.config.head_deadline));
            }
            #[cfg(feature = "http2")]
            First::Http2 { bytes } => {
                tokio::spawn(self.http2(shared.config.rewind(bytes, io)));
            }
            #[cfg(not(feature = "http2"))]
            First::Http2 { .. } => self.failed(Error::Http2),
            First::Eof => {}
        }
    }

    pub(super) fn failed(&self, error: Error) {
        self.handler.failed(Some(self.peer), error);
    }

    /// Reads a request, of most only the head, and lets the handler decide about it.
    pub(super) async fn request<Io: Transport, D: Future<Output = ()>>(
        &self,
        io: &mut Io,
        mut reading: Reading,
        config: &Config,
        mut until: Until<'_, D>,
    ) -> Result<First<Decided<H>>, Error> {
        let Self { peer, handler, .. } = self;
        let mut brief = None;
        let mut decide = |head: &RequestHead<'_>, rest: &[u8]| {
            let len = match brief {
                Some(len) => len,
                None => match (handler.take(head, *peer), brief::body_len(head, rest.len())) {
                    (Take::Brief, Some(len)) => *brief.insert(len),
                    (take, _) => {
                        let asked = asked(head);
                        return Decision::Made(Decided::Take(Box::new(Taken { take, asked })));
                    }
                },
            };
            let Some(body) = rest.get(..len) else {
                return Decision::Body(len);
            };
            let reply = handler.brief(head, body, *peer);
            Decision::Made(Decided::Brief(Brief::new(head, len, reply)))
        };
        poll_fn(|cx| {
            if let Poll::Ready(first) = reading.poll(io, cx, &config.limits, &mut decide) {
                return Poll::Ready(first.map_err(Error::from));
            }
            while until.clock.as_mut().poll(cx).is_ready() {
                if Instant::now() >= until.deadline {
                    return Poll::Ready(if reading.has_head() {
                        handler.failed(Some(*peer), Error::HeadDeadline);
                        Ok(brief::too_late())
                    } else {
                        Err(Error::HeadDeadline)
                    });
                }
                until.clock.as_mut().reset(until.deadline);
            }
            // As long as nothing was asked, a draining server need not wait for it.
            if reading.has_head() {
                return Poll::Pending;
            }
            until.drained.as_mut().poll(cx).map(|()| Ok(First::Eof))
        })
        .await
    }

    /// Not an `async fn`: that would hold its arguments twice.
    fn event_stream<Io: Transport>(
        self,
        mut stream: sse::Stream<Io, H::EventStream>,
    ) -> impl Future<Output = ()> {
        poll_fn(move |cx| {
            match ready!(stream.poll(cx)) {
                sse::Ended::Io(error) => self.failed(error.into()),
                sse::Ended::Stalled => self.failed(Error::Stalled),
                sse::Ended::Cut | sse::Ended::Source | sse::Ended::Peer => {}
            }
            Poll::Ready(())
        })
    }

    /// Not an `async fn` either.
    fn web_socket<Io: Transport>(
        self,
        mut socket: ws::Socket<Io>,
        mut session: H::WebSocket,
    ) -> impl Future<Output = ()> {
        poll_fn(move |cx| {
            if let Err(error) = ready!(socket.poll_run(cx, &mut session)) {
                self.failed(error);
            }
            Poll::Ready(())
        })
    }

    async fn refuse<Io: Transport>(self, io: Io, response: Vec<u8>, within: Duration) {
        if let Err(error) = refuse(io, &response, within).await {
            self.failed(error.into());
        }
    }

    /// Not an `async fn` for the same reason; the connection is in a box, so that it is held once
    /// however it is handed on.
    fn http1<Io: Transport>(
        self,
        io: WriteDeadline<Rewind<Io>>,
        head_deadline: Duration,
    ) -> impl Future<Output = ()> + Send {
        let Self {
            peer,
            handler,
            drain,
            permit,
        } = self;
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(head_deadline)
            .max_headers(MAX_FIELDS)
            .max_buf_size(MAX_BUFFER);
        let service = service(&handler, peer, permit);
        let connection = builder.serve_connection(TokioIo::new(io), service);
        let connection = Box::pin(connection.with_upgrades());
        async move {
            let graceful_shutdown = UpgradeableConnection::graceful_shutdown;
            if let Err(error) = finished(connection, drain, graceful_shutdown).await {
                handler.failed(Some(peer), error.into());
            }
        }
    }

    #[cfg(feature = "http2")]
    fn http2<Io: Transport>(
        self,
        io: WriteDeadline<Rewind<Io>>,
    ) -> impl Future<Output = ()> + Send {
        let Self {
            peer,
            handler,
            drain,
            permit,
        } = self;
        let service = h2::service(&handler, peer, permit);
        let connection = Box::pin(h2::server().serve_connection(TokioIo::new(io), service));
        async move {
            let graceful_shutdown = hyper::server::conn::http2::Connection::graceful_shutdown;
            if let Err(error) = finished(connection, drain, graceful_shutdown).await {
                handler.failed(Some(peer), error.into());
            }
        }
    }
}

/// Waits for one of hyper's connections to end, and says so to it when the server drains.
async fn finished<C: Future>(
    mut connection: Pin<Box<C>>,
    mut drain: watch::Receiver<bool>,
    graceful_shutdown: impl Fn(Pin<&mut C>),
) -> C::Output {
    let mut drained = pin!(drain.wait_for(|draining| *draining));
    let mut draining = false;
    poll_fn(|cx| {
        // Before hyper has seen the bytes that were read for it, it would take the connection for
        // one on which nothing was asked.
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        if draining || drained.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        draining = true;
        graceful_shutdown(connection.as_mut());
        connection.as_mut().poll(cx)
    })
    .await
}

/// Header fields of a request on hyper's connections.
const MAX_FIELDS: usize = 100;
/// Bytes that hyper may hold of a request it reads or a response it writes.
const MAX_BUFFER: usize = 64 * 1024;

fn service<H: Handler>(
    handler: &Arc<H>,
    peer: SocketAddr,
    permit: Permit,
) -> impl hyper::service::HttpService<Incoming, ResBody = H::Body, Error = Infallible, Future: Send>
+ use<H> {
    let handler = handler.clone();
    hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let handler = handler.clone();
        request.extensions_mut().insert(permit.clone());
        async move { Ok(handler.http(request, peer).await) }
    })
}

fn prepare(io: &TcpStream, config: &Config) -> io::Result<()> {
    tune(io).and_then(|()| give_up_after(io, config.dead_after))
}

fn asked(head: &RequestHead<'_>) -> Asked {
    Asked {
        version: match head.minor_version() {
            0 => Version::HTTP_10,
            _ => Version::HTTP_11,
        },
        head_only: head.method() == "HEAD",
    }
}
