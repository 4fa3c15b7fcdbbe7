//! HTTP/2 connections, shared by the responses on them.

use core::future::{Future, poll_fn};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use http::{Request, Response, header};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;

use super::{Body, Connection as BodyConnection, Once, RequestError, Target};
use crate::net::Stream;

/// Bytes of a response head, as HPACK counts them.
const HEADER_LIST_MAX: u32 = 16 * 1024;
/// Bytes that may be under way on a stream, and on a connection.
const WINDOWS: (u32, u32) = (256 * 1024, 1024 * 1024);
/// A silent connection is asked for a sign of life after this long, and given as much to answer.
const PING: Duration = Duration::from_secs(20);

/// Scheme and authority.
type Origin = (bool, Box<str>);

/// The connections that somebody uses.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<HashMap<Origin, Weak<Connection>>>);

impl Connections {
    /// A connection to `target` that takes one more request.
    pub(super) fn find(&self, target: &Target) -> Option<Arc<Connection>> {
        let connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = connections.get(&origin(target))?.upgrade()?;
        connection.has_room().then_some(connection)
    }

    /// Shakes hands on `stream`; if another connection was made meanwhile, that is taken.
    pub(super) async fn open(
        &self,
        target: &Target,
        stream: Stream,
    ) -> Result<Arc<Connection>, RequestError> {
        let connection = Arc::new(Connection::open(stream).await?);
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|_, connection| connection.strong_count() > 0);
        let found = connections.get(&origin(target)).and_then(Weak::upgrade);
        if let Some(found) = found.filter(|found| found.has_room()) {
            return Ok(found);
        }
        connections.insert(origin(target), Arc::downgrade(&connection));
        Ok(connection)
    }
}

fn origin(target: &Target) -> Origin {
    let (host, port) = (target.host().to_ascii_lowercase(), target.port());
    (target.secure, format!("{host}:{port}").into())
}

/// One connection. When it is dropped, nothing of it is left.
#[derive(Debug)]
pub(super) struct Connection {
    sender: http2::SendRequest<Once>,
    /// As many as the server allows at once.
    streams: Arc<AtomicUsize>,
    _tasks: Tasks,
}

impl Connection {
    async fn open(stream: Stream) -> Result<Self, hyper::Error> {
        let tasks = Tasks::default();
        let executor = Executor(Arc::downgrade(&tasks.0));
        let (sender, connection) = http2::Builder::new(executor)
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOWS.0)
            .initial_connection_window_size(WINDOWS.1)
            .max_header_list_size(HEADER_LIST_MAX)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .handshake(TokioIo::new(stream))
            .await?;
        let streams = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
        let room = Arc::clone(&streams);
        let mut connection = Box::pin(connection);
        tasks.spawn(poll_fn(move |cx| {
            // How it ended is told to every response on it.
            let ended = connection.as_mut().poll(cx).map(drop);
            room.store(connection.current_max_send_streams(), Ordering::Relaxed);
            ended
        }));
        Ok(Self {
            sender,
            streams,
            _tasks: tasks,
        })
    }

    fn has_room(self: &Arc<Self>) -> bool {
        // One is held by the caller.
        let used = Arc::strong_count(self) - 1;
        !self.sender.is_closed() && used < self.streams.load(Ordering::Relaxed)
    }

    pub(super) async fn send(
        self: Arc<Self>,
        target: &Target,
        mut request: Request<Bytes>,
    ) -> Result<Response<Body>, RequestError> {
        *request.uri_mut() = target.absolute()?;
        // The authority says it.
        request.headers_mut().remove(header::HOST);
        *request.version_mut() = http::Version::HTTP_2;
        let response = self.sender.clone().send_request(request.map(Once::new));
        let (parts, incoming) = response.await?.into_parts();
        let connection = BodyConnection::Shared(self);
        Ok(Response::from_parts(
            parts,
            Body {
                incoming,
                connection,
            },
        ))
    }
}

/// The tasks of a connection, ended with it.
#[derive(Debug, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        spawn(&self.0, task);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.abort_all();
    }
}

fn spawn(tasks: &Mutex<JoinSet<()>>, task: impl Future<Output = ()> + Send + 'static) {
    let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
    while tasks.try_join_next().is_some() {}
    tasks.spawn(task);
}

/// Runs what hyper wants to run, while the connection is there. The tasks hold it, so it must not
/// hold them.
#[derive(Clone, Debug)]
struct Executor(Weak<Mutex<JoinSet<()>>>);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        if let Some(tasks) = self.0.upgrade() {
            spawn(&tasks, async {
                let _ = future.await;
            });
        }
    }
}
