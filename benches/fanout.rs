//! One publisher, 500 event streams: CPU time of the server's thread for each delivery, one event
//! at a time and in bursts of 16.
//!
//! ```sh
//! cargo bench -p benches --no-default-features --features fanout --bench fanout -- --interleaved
//! ```
//!
//! Every server runs on one thread, the measured one; another thread reads what its clients get.
//! The events are those of an `application/json` feed, 100 bytes of data each. What is written for
//! a burst is the same for all but `axum` and `hyper`, which write each event as a chunk of its
//! own; the raw writers know nothing but their socket and a shared vector of encoded events.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use benches::Group;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use longwire::http::{Config, Handler, Take};
use longwire::sse::{self, Broadcast, Fields, Fill, Source, Subscription};
use longwire::ws::{Outbox, Received, Session};
use longwire::{Batch, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{broadcast, watch};
use tokio::task::yield_now;

const SUBSCRIBERS: usize = 500;
const BURSTS: [usize; 2] = [1, 16];

fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    let subscribers = if test { 5 } else { SUBSCRIBERS };
    let runtime = Rc::new(Builder::new_current_thread().enable_all().build().unwrap());
    let clients = Clients::start();
    let data = "x".repeat(100);
    let mut event = Vec::new();
    sse_parse::encode(&Fields::new(&data), &mut event).unwrap();
    let event = Bytes::from(event);

    let bare = Ours::start(&runtime, &clients, subscribers, "/");
    let hyper_ours = Ours::start(&runtime, &clients, subscribers, "/hyper");
    let coalescing = Raw::start(&runtime, &clients, subscribers, true);
    let singly = Raw::start(&runtime, &clients, subscribers, false);
    let axum = Shared::start(&runtime, &clients, subscribers, axum_app);
    let hyper = Shared::start(&runtime, &clients, subscribers, hyper_app);

    let (bare, hyper_ours, coalescing, singly) = (&bare, &hyper_ours, &coalescing, &singly);
    let (axum, hyper, data, event) = (&axum, &hyper, &data, &event);
    let mut groups = Vec::new();
    for burst in BURSTS {
        let deliveries = (subscribers * burst) as u64;
        let name = format!("longwire/fan-out/{subscribers} streams, bursts of {burst}");
        let group = Group::new(name, deliveries * event.len() as u64, deliveries)
            .ours("longwire, bare socket", move || bare.publish(data, burst))
            .ours("longwire, through hyper", move || {
                hyper_ours.publish(data, burst)
            })
            .peer("axum", move || axum.publish(event, burst))
            .peer("hyper", move || hyper.publish(event, burst))
            .limit("raw, one write a burst", move || {
                coalescing.publish(event, burst)
            })
            .limit("raw, one write an event", move || {
                singly.publish(event, burst)
            });
        groups.push(group);
    }
    benches::run(groups);
}

/// The other ends, read on a thread of their own.
struct Clients {
    streams: std::sync::mpsc::Sender<TcpStream2>,
}

type TcpStream2 = std::net::TcpStream;

impl Clients {
    fn start() -> Self {
        let (streams, added) = std::sync::mpsc::channel::<TcpStream2>();
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                loop {
                    while let Ok(stream) = added.try_recv() {
                        let mut stream = TcpStream::from_std(stream).unwrap();
                        tokio::spawn(async move {
                            let mut buf = [0; 4096];
                            while stream.read(&mut buf).await.is_ok_and(|len| len > 0) {}
                        });
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            });
        });
        Self { streams }
    }

    /// Opens streams, and waits for the head of each answer.
    fn open(&self, runtime: &Runtime, address: SocketAddr, path: &str, count: usize) {
        for _ in 0..count {
            let path = path.to_owned();
            let opening = std::thread::spawn(move || {
                use std::io::Write;
                let mut stream = TcpStream2::connect(address).unwrap();
                write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                assert!(head.starts_with(b"HTTP/1.1 200"));
                stream.set_nonblocking(true).unwrap();
                stream
            });
            runtime.block_on(async {
                while !opening.is_finished() {
                    tokio::time::sleep(std::time::Duration::from_micros(50)).await;
                }
            });
            self.streams.send(opening.join().unwrap()).unwrap();
        }
    }
}

/// Runs the server until as many deliveries were made.
fn until(runtime: &Runtime, delivered: &AtomicU64, count: u64) {
    runtime.block_on(async {
        while delivered.load(Ordering::Relaxed) < count {
            yield_now().await;
        }
    });
}

/// A [`Broadcast`] served by `http::serve`.
struct Ours {
    runtime: Rc<Runtime>,
    ticks: Broadcast,
    delivered: Arc<AtomicU64>,
    expected: Cell<u64>,
    subscribers: u64,
}

impl Ours {
    fn start(runtime: &Rc<Runtime>, clients: &Clients, subscribers: usize, path: &str) -> Self {
        let ticks = Broadcast::new();
        let delivered = Arc::new(AtomicU64::new(0));
        let app = Arc::new(App {
            ticks: ticks.clone(),
            delivered: delivered.clone(),
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let serving =
            longwire::http::serve(listener, app, Config::default(), std::future::pending());
        runtime.spawn(serving);
        clients.open(runtime, address, path, subscribers);
        Self {
            runtime: runtime.clone(),
            ticks,
            delivered,
            expected: Cell::new(0),
            subscribers: subscribers as u64,
        }
    }

    fn publish(&self, data: &str, burst: usize) {
        for _ in 0..burst {
            self.ticks.publish(&Fields::new(data)).unwrap();
        }
        // A stream that wakes takes all of a burst.
        self.expected.set(self.expected.get() + self.subscribers);
        until(&self.runtime, &self.delivered, self.expected.get());
    }
}

struct App {
    ticks: Broadcast,
    delivered: Arc<AtomicU64>,
}

impl App {
    fn source(&self) -> Counted {
        Counted {
            source: self.ticks.subscribe(),
            delivered: self.delivered.clone(),
        }
    }
}

impl Handler for App {
    type EventStream = Counted;
    type WebSocket = NoSocket;
    type Body = sse::Body<Counted>;

    fn take(&self, head: &ws_handshake::RequestHead<'_>, _: SocketAddr) -> Take<Counted, NoSocket> {
        match head.path() {
            "/" => Take::EventStream(HeaderMap::new(), self.source()),
            _ => Take::Http,
        }
    }

    async fn http(
        &self,
        _: Request<hyper::body::Incoming>,
        _: SocketAddr,
    ) -> Response<sse::Body<Counted>> {
        sse::Reply::new(self.source()).into_response()
    }

    fn failed(&self, _: Option<SocketAddr>, error: Error) {
        eprintln!("{error}");
    }
}

/// Counts the batches of a subscription.
struct Counted {
    source: Subscription,
    delivered: Arc<AtomicU64>,
}

impl Source for Counted {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        let filled = ready!(self.source.poll_fill(cx, batch));
        self.delivered.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(filled)
    }
}

struct NoSocket;

impl Session for NoSocket {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Outbox<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn receive(&mut self, _: Received<'_>, _: &mut Outbox<'_>) {}
}

/// A task for each socket that writes what it finds behind its position in a vector.
struct Raw {
    runtime: Rc<Runtime>,
    log: Arc<Mutex<Vec<Bytes>>>,
    published: watch::Sender<usize>,
    delivered: Arc<AtomicU64>,
    expected: Cell<u64>,
    subscribers: u64,
}

impl Raw {
    fn start(runtime: &Rc<Runtime>, clients: &Clients, subscribers: usize, coalesce: bool) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (published, changes) = watch::channel(0);
        let delivered = Arc::new(AtomicU64::new(0));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (task_log, task_delivered) = (log.clone(), delivered.clone());
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, delivered) = (task_log.clone(), task_delivered.clone());
                tokio::spawn(raw(stream, log, changes.clone(), delivered, coalesce));
            }
        });
        clients.open(runtime, address, "/", subscribers);
        Self {
            runtime: runtime.clone(),
            log,
            published,
            delivered,
            expected: Cell::new(0),
            subscribers: subscribers as u64,
        }
    }

    fn publish(&self, event: &Bytes, burst: usize) {
        let mut log = self.log.lock().unwrap();
        log.clear();
        log.extend((0..burst).map(|_| event.clone()));
        drop(log);
        self.published.send_replace(burst);
        self.expected.set(self.expected.get() + self.subscribers);
        until(&self.runtime, &self.delivered, self.expected.get());
    }
}

async fn raw(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Bytes>>>,
    mut changes: watch::Receiver<usize>,
    delivered: Arc<AtomicU64>,
    coalesce: bool,
) {
    stream.set_nodelay(true).unwrap();
    let mut head = [0; 1024];
    let _len = stream.read(&mut head).await.unwrap();
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    changes.mark_unchanged();
    let (mut events, mut out) = (Vec::new(), Vec::new());
    while changes.changed().await.is_ok() {
        out.clear();
        if coalesce {
            {
                let log = log.lock().unwrap();
                let len: usize = log.iter().map(Bytes::len).sum();
                chunk_size(len, &mut out);
                log.iter().for_each(|event| out.extend_from_slice(event));
            }
            out.extend_from_slice(b"\r\n");
            stream.write_all(&out).await.unwrap();
        } else {
            events.clone_from(&log.lock().unwrap());
            for event in &events {
                out.clear();
                chunk_size(event.len(), &mut out);
                out.extend_from_slice(event);
                out.extend_from_slice(b"\r\n");
                stream.write_all(&out).await.unwrap();
            }
        }
        delivered.fetch_add(1, Ordering::Relaxed);
    }
}

fn chunk_size(len: usize, out: &mut Vec<u8>) {
    use std::io::Write;
    write!(out, "{len:x}\r\n").unwrap();
}

/// Servers that get events from tokio's broadcast channel.
struct Shared {
    runtime: Rc<Runtime>,
    sender: broadcast::Sender<Bytes>,
    delivered: Arc<AtomicU64>,
    expected: Cell<u64>,
    subscribers: u64,
}

impl Shared {
    fn start(
        runtime: &Rc<Runtime>,
        clients: &Clients,
        subscribers: usize,
        serve: fn(TcpListener, broadcast::Sender<Bytes>, Arc<AtomicU64>) -> Serving,
    ) -> Self {
        let (sender, _) = broadcast::channel(1024);
        let delivered = Arc::new(AtomicU64::new(0));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, sender.clone(), delivered.clone()));
        clients.open(runtime, address, "/", subscribers);
        Self {
            runtime: runtime.clone(),
            sender,
            delivered,
            expected: Cell::new(0),
            subscribers: subscribers as u64,
        }
    }

    fn publish(&self, event: &Bytes, burst: usize) {
        for _ in 0..burst {
            self.sender.send(event.clone()).unwrap();
        }
        let deliveries = self.subscribers * burst as u64;
        self.expected.set(self.expected.get() + deliveries);
        until(&self.runtime, &self.delivered, self.expected.get());
    }
}

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// axum's own event stream; it encodes each event for each stream.
fn axum_app(
    listener: TcpListener,
    sender: broadcast::Sender<Bytes>,
    delivered: Arc<AtomicU64>,
) -> Serving {
    use axum::response::sse::{Event, Sse};
    let app = axum::Router::new().route(
        "/",
        axum::routing::get(move || {
            let events = received(sender.subscribe(), delivered.clone());
            async move {
                let data = "x".repeat(100);
                Sse::new(futures_util::StreamExt::map(events, move |_| {
                    Ok::<_, Infallible>(Event::default().data(&data))
                }))
            }
        }),
    );
    Box::pin(async move { axum::serve(listener, app).await.unwrap() })
}

/// hyper with the encoded events as frames of its body.
fn hyper_app(
    listener: TcpListener,
    sender: broadcast::Sender<Bytes>,
    delivered: Arc<AtomicU64>,
) -> Serving {
    Box::pin(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (sender, delivered) = (sender.clone(), delivered.clone());
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|_| {
                    let events = received(sender.subscribe(), delivered.clone());
                    async { Ok::<_, Infallible>(Response::new(Frames(Box::pin(events)))) }
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(io, service)
                    .await;
            });
        }
    })
}

struct Frames(Pin<Box<dyn futures_core::Stream<Item = Bytes> + Send>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let event = ready!(self.0.as_mut().poll_next(cx));
        Poll::Ready(event.map(|event| Ok(http_body::Frame::data(event))))
    }
}

fn received(
    receiver: broadcast::Receiver<Bytes>,
    delivered: Arc<AtomicU64>,
) -> impl futures_core::Stream<Item = Bytes> + Send {
    futures_util::stream::unfold((receiver, delivered), async |(mut receiver, delivered)| {
        let event = receiver.recv().await.ok()?;
        delivered.fetch_add(1, Ordering::Relaxed);
        Some((event, (receiver, delivered)))
    })
}
