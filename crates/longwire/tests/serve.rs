//! `http::serve` on real sockets: what is taken over, what hyper gets, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "http2")]

use core::net::SocketAddr;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use longwire::http::{Config, Handler, Permit, Take, serve};
use longwire::sse::{Fill, Source};
use longwire::ws::{self, Outbox, Received, Session};
use longwire::{Batch, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use ws_handshake::{Reject, RequestHead};

/// One event, then the end.
struct Once(bool);

impl Source for Once {
    fn poll_fill(&mut self, _: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        if core::mem::replace(&mut self.0, true) {
            return Poll::Ready(Fill::End);
        }
        batch.push(b"data: once\n\n");
        Poll::Ready(Fill::More)
    }
}

/// Sends back what it receives.
struct Echo;

impl Session for Echo {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Outbox<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn receive(&mut self, message: Received<'_>, out: &mut Outbox<'_>) {
        match message {
            Received::Text(text) => out.text(text).unwrap(),
            Received::Binary(bytes) => out.binary(bytes).unwrap(),
        }
    }
}

struct App {
    failures: mpsc::UnboundedSender<String>,
    places: Arc<Semaphore>,
}

impl Handler for App {
    type EventStream = Once;
    type WebSocket = Echo;
    type Body = Full<Bytes>;

    fn admit(&self, _: SocketAddr) -> Option<Permit> {
        self.places
            .clone()
            .try_acquire_owned()
            .ok()
            .map(Permit::new)
    }

    fn take(&self, head: &RequestHead<'_>, _: SocketAddr) -> Take<Once, Echo> {
        let mut out = Vec::new();
        match head.path() {
            "/first/panic" => panic!("as asked"),
            "/events" => Take::EventStream(HeaderMap::new(), Once(false)),
            "/socket" => {
                let request = ws_handshake::Request::from_head(head.clone()).unwrap();
                let config = ws::Config::default();
                #[cfg(feature = "deflate")]
                let config = config.deflate(Some(ws::Deflate::default()));
                let answer = ws::Answer::new(request.accept(), Arc::new(config));
                Take::WebSocket(answer, Echo)
            }
            "/forbidden" => {
                Reject::new(403).encode(&mut out);
                Take::Refuse(out)
            }
            _ => Take::Http,
        }
    }

    async fn http(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
        assert_ne!(request.uri().path(), "/http/panic");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(Full::from(body))
    }

    fn failed(&self, _: Option<SocketAddr>, error: Error) {
        self.failures.send(error.to_string()).unwrap();
    }
}

struct Server {
    address: SocketAddr,
    places: Arc<Semaphore>,
    failures: mpsc::UnboundedReceiver<String>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

async fn start(config: Config) -> Server {
    start_with(config, Semaphore::MAX_PERMITS).await
}

/// A server with so many places.
async fn start_with(config: Config, places: usize) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, failures) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let places = Arc::new(Semaphore::new(places));
    let app = Arc::new(App {
        failures: sender,
        places: places.clone(),
    });
    let serving = tokio::spawn(serve(listener, app, config, async {
        stopped.await.unwrap();
    }));
    Server {
        address,
        places,
        failures,
        stop,
        serving,
    }
}

async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn an_event_stream_is_served_on_the_bare_socket() {
    let server = start(Config::default()).await;
    let answer = exchange(server.address, b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let body = "\r\n\r\nc\r\ndata: once\n\n\r\n0\r\n\r\n";
    assert!(answer.ends_with(body), "{answer}");
}

#[tokio::test]
async fn hyper_gets_the_bytes_that_were_read() {
    let server = start(Config::default()).await;
    let request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst\
        POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecond";
    // In one piece, and cut everywhere.
    for at in 1..request.len() {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(&request[..at]).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(&request[at..]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.contains("\r\n\r\nfirstHTTP/1.1 200") && answer.ends_with("second"),
            "{at}"
        );
    }
}

#[tokio::test]
async fn a_web_socket_reads_what_came_behind_its_request() {
    let server = start(Config::default()).await;
    let request = b"GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
        \x81\x82\0\0\0\0hi\x88\x80\0\0\0\0";
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(
        answer.ends_with(b"\r\n\r\n\x81\x02hi\x88\x00"),
        "{}",
        answer.escape_ascii()
    );
}

#[cfg(all(feature = "client", feature = "deflate"))]
#[tokio::test]
async fn compression_is_agreed_on_the_bare_socket_too() {
    let server = start(Config::default()).await;
    let url = format!("ws://{}/socket", server.address);
    let config = ws::Config::default().deflate(Some(ws::Deflate::default()));
    let (mut socket, response) = ws::connect(&url)
        .config(config)
        .with_response()
        .await
        .unwrap();
    let agreed = response.headers()[http::header::SEC_WEBSOCKET_EXTENSIONS].to_str();
    assert!(agreed.unwrap().starts_with("permessage-deflate"));
    let text = "the same again, ".repeat(1000);
    socket.send(text.clone()).await.unwrap();
    let echoed = socket.recv().await.unwrap().unwrap();
    assert_eq!(echoed, ws::Message::from(text));
}

#[tokio::test]
async fn a_refused_peer_reads_its_answer_although_it_sent_more() {
    let mut server = start(Config::default()).await;
    let more = vec![b'x'; 30_000];
    for (head, status) in [
        (&b"GET /forbidden HTTP/1.1\r\nHost: a\r\n\r\n"[..], "403"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&[head, &more[..]].concat()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    assert!(server.failures.recv().await.unwrap().contains("refused"));
}

#[tokio::test]
async fn a_head_that_grows_for_ever_is_refused() {
    let server = start(Config::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut request = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    request.resize(17 * 1024, b'x');
    stream.write_all(&request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn the_limits_of_a_head_are_the_application_s() {
    let limits = ws_handshake::Limits::default().headers(3);
    let server = start(Config::default().limits(limits)).await;
    for (fields, status) in [(1, 200), (2, 431)] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n",
            "X: y\r\n".repeat(fields)
        );
        let answer = exchange(server.address, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_slow_head_is_given_up() {
    let config = Config::default().head_deadline(Duration::from_millis(50));
    let mut server = start(config).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert!(server.failures.recv().await.unwrap().contains("in time"));
}

#[tokio::test]
async fn http_2_with_prior_knowledge_is_hypers() {
    let server = start(Config::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The preface in two pieces, then an empty SETTINGS frame.
    stream.write_all(b"PRI * HT").await.unwrap();
    tokio::task::yield_now().await;
    stream
        .write_all(b"TP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let mut settings = [0; 9];
    stream.read_exact(&mut settings).await.unwrap();
    assert_eq!(settings[3], 4, "the server answers with SETTINGS");
}

#[tokio::test]
async fn draining_closes_idle_connections_and_ends() {
    let server = start(Config::default()).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    kept.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    assert!(kept.read(&mut [0; 512]).await.unwrap() > 0);
    server.stop.send(()).unwrap();
    server.serving.await.unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(kept.read(&mut [0]).await.unwrap(), 0);
    TcpStream::connect(server.address).await.unwrap_err();
}

const SOCKET: &[u8] = b"GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn read_until(stream: &mut TcpStream, end: &[u8]) {
    let mut answer = Vec::new();
    while !answer.ends_with(end) {
        let read = stream.read_buf(&mut answer).await.unwrap();
        assert!(read > 0, "{}", answer.escape_ascii());
    }
}

#[tokio::test]
async fn whoever_asks_for_nothing_gives_way_to_those_who_do() {
    let mut server = start(Config::default().max_pending(3)).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
        let answer = exchange(server.address, b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
    }
    // The oldest had to go, and the newest are still waited for.
    for mut stream in silent.drain(..17) {
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    }
    let last = silent.last_mut().unwrap();
    last.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(last, b"0\r\n\r\n").await;
    let displaced = Error::Displaced.to_string();
    assert_eq!(server.failures.recv().await, Some(displaced));
}

#[tokio::test]
async fn a_place_is_held_until_its_connection_ends() {
    let server = start_with(Config::default(), 2).await;
    // A WebSocket on the bare socket, and a connection that hyper keeps.
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(SOCKET).await.unwrap();
    read_until(&mut socket, b"\r\n\r\n").await;
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    let request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    for _ in 0..2 {
        kept.write_all(request).await.unwrap();
        read_until(&mut kept, b"hi").await;
        assert_eq!(server.places.available_permits(), 0);
    }
    let mut refused = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(refused.read(&mut [0]).await.unwrap_or(0), 0);
    // The others are none the worse, and their places are free when they go.
    socket.write_all(b"\x81\x82\0\0\0\0hi").await.unwrap();
    read_until(&mut socket, b"\x81\x02hi").await;
    drop((socket, kept));
    let _places = server.places.acquire_many(2).await.unwrap();
}

#[tokio::test]
async fn a_panic_ends_the_connection_of_whoever_caused_it_and_no_other() {
    const OTHERS: usize = 100;
    let server = start_with(Config::default(), OTHERS + 1).await;
    let mut others = Vec::new();
    for _ in 0..OTHERS {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(SOCKET).await.unwrap();
        read_until(&mut socket, b"\r\n\r\n").await;
        others.push(socket);
    }
    for path in ["/first/panic", "/http/panic"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0, "{path}");
        // Its place is free again.
        let _place = server.places.acquire().await.unwrap();
    }
    for mut socket in others {
        socket.write_all(b"\x81\x82\0\0\0\0hi").await.unwrap();
        read_until(&mut socket, b"\x81\x02hi").await;
    }
}
