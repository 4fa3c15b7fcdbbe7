//! `http::serve` over TLS, from the client's side.

use core::net::SocketAddr;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use longwire::http::{Config, Handler, Take, serve};
use longwire::net::{Connector, Endpoint, ServerTls, Stream};
use longwire::sse::{Fill, Source};
use longwire::ws::{self, Outbox, Received, Session};
use longwire::{Batch, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use ws_handshake::RequestHead;

use crate::support::{Authority, within};
use crate::tls::{server, trusting};

/// So many events of 1 KiB, then the end.
struct Events(usize);

impl Source for Events {
    fn poll_fill(&mut self, _: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        while self.0 > 0 && !batch.is_full() {
            self.0 -= 1;
            batch.push(format!("data: {:01016}\n\n", self.0).as_bytes());
        }
        Poll::Ready(if self.0 == 0 { Fill::End } else { Fill::More })
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
    failures: mpsc::UnboundedSender<Error>,
}

impl Handler for App {
    type EventStream = Events;
    type WebSocket = Echo;
    type Body = Full<Bytes>;

    fn take(&self, head: &RequestHead<'_>, _: SocketAddr) -> Take<Events, Echo> {
        match head.path() {
            "/events" => Take::EventStream(HeaderMap::new(), Events(1024)),
            "/echo" => {
                let request = ws_handshake::Request::from_head(head.clone()).unwrap();
                let answer = ws::Answer::new(request.accept(), Arc::default());
                Take::WebSocket(answer, Echo)
            }
            _ => Take::Http,
        }
    }

    async fn http(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
        Response::new(format!("{:?}", request.version()).into())
    }

    fn failed(&self, _: Option<SocketAddr>, error: Error) {
        self.failures.send(error).unwrap();
    }
}

/// Serves on a port of its own, with what it hears of failures.
pub(crate) async fn start(config: Config) -> (u16, mpsc::UnboundedReceiver<Error>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (failures, failed) = mpsc::unbounded_channel();
    let app = Arc::new(App { failures });
    tokio::spawn(serve(listener, app, config, core::future::pending()));
    (port, failed)
}

async fn connect(authority: &Authority, tls: ServerTls, alpn: &[&str]) -> Stream {
    let (port, _) = start(Config::default().tls(tls)).await;
    let connector = Connector::new().tls(trusting(authority));
    let endpoint = Endpoint::tls("localhost", port).alpn(alpn);
    connector.connect(endpoint).await.unwrap()
}

#[tokio::test]
async fn an_event_stream_that_the_client_reads_late_is_whole() {
    let authority = Authority::new();
    let mut stream = connect(&authority, server(&authority.server()), &["http/1.1"]).await;
    let request = b"GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    // The server cannot go on meanwhile.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut answer = Vec::new();
    within("the end", stream.read_to_end(&mut answer))
        .await
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{}", &answer[..200]);
    assert_eq!(answer.matches("data: ").count(), 1024);
    assert!(
        answer.ends_with("0\r\n\r\n"),
        "{}",
        &answer[answer.len() - 20..]
    );
}

#[tokio::test]
async fn other_requests_are_served_over_both_versions() {
    let authority = Authority::new();
    let tls = server(&authority.server());
    let stream = connect(&authority, tls.clone(), &["h2", "http/1.1"]).await;
    assert_eq!(stream.alpn(), Some(&b"h2"[..]));
    let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut client, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/").body(Full::<Bytes>::default());
    let answer = client.send_request(request.unwrap()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "HTTP/2.0");

    let mut stream = connect(&authority, tls, &[]).await;
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    within("the end", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    assert!(answer.ends_with("\r\n\r\nHTTP/1.1"), "{answer}");
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# If this fails (e.g., the client indicated a host name in the extended client hello "server_name"
//# extension that the server does not host), then close the connection; otherwise, all further
//# communication for the connection (including the server's handshake) MUST run through the
//# encrypted tunnel [RFC5246].
#[tokio::test]
async fn a_client_that_does_not_finish_the_handshake_is_closed() {
    let tls = server(&Authority::new().server());
    let config = Config::default()
        .tls(tls)
        .tls_deadline(Duration::from_millis(50));
    let (port, mut failed) = start(config).await;
    let mut silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The first bytes of a ClientHello.
    silent.write_all(b"\x16\x03\x01\x02").await.unwrap();
    let ended = within("the end", silent.read(&mut [0])).await;
    assert!(!matches!(ended, Ok(1..)), "{ended:?}");
    let error = failed.recv().await.unwrap();
    let deadline = longwire::net::ConnectError::TlsDeadline;
    assert_eq!(error.to_string(), deadline.to_string());
}

#[tokio::test]
async fn one_deadline_bounds_the_handshake_and_the_head() {
    let authority = Authority::new();
    let config = Config::default()
        .tls(server(&authority.server()))
        .head_deadline(Duration::from_millis(200));
    let (port, mut failed) = start(config).await;
    let connector = Connector::new().tls(trusting(&authority));
    let endpoint = Endpoint::tls("localhost", port);
    let mut stream = connector.connect(endpoint).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert!(within("the end", stream.read(&mut [0])).await.is_err());
    assert!(matches!(failed.recv().await, Some(Error::HeadDeadline)));
}
