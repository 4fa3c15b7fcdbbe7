//! Peers of HTTP/2 that make us answer, and never read the answers.

use core::net::{Ipv4Addr, SocketAddr};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use longwire::http::{Config, Handler, Take, serve};
use longwire::sse::{Fill, Source, Timing};
use longwire::ws::{self, Outbox, Received, Session};
use longwire::{Batch, Error};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use ws_handshake::RequestHead;

use crate::process::{Server, is_server};
use crate::raw::Bystander;
use crate::size;
use crate::support::within;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Literal fields without indexing, of fewer than 127 bytes each (RFC 7541 §6.2.2).
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// A request, up to the end of its fields.
fn request() -> Vec<u8> {
    fields(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/"),
    ])
}

/// Several connections each send `first` and then `more` without end, until they are ended, and
/// read nothing. What each costs is bounded, and nobody else notices.
async fn attack<M>(test: &str, first: &[u8], more: M)
where
    M: Iterator<Item = Vec<u8>> + Clone + Send + 'static,
{
    if is_server() {
        echo().await;
    }
    let mut server = Server::spawn(test).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = (server.resident(), server.descriptors());
    server.forget_peak();
    let count = size(100, 4);
    let mut attackers = Vec::new();
    for _ in 0..count {
        let mut io = TcpStream::connect(server.address).await.unwrap();
        let start = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            &*frame(SETTINGS, 0, 0, b""),
            first,
        ];
        io.write_all(&start.concat()).await.unwrap();
        let more = more.clone();
        attackers.push(tokio::spawn(async move {
            for bytes in more {
                if io.write_all(&bytes).await.is_err() {
                    break;
                }
            }
        }));
    }
    for attacker in attackers {
        within("the end of a connection", attacker).await.unwrap();
    }
    // Nobody reads the answers: they are given up for that, or for what they are.
    for _ in 0..count {
        within("an end", server.ended()).await;
    }
    let each = server.peak().saturating_sub(before.0) / count;
    assert!(each <= 1 << 20, "{each} bytes a connection");
    somebody.is_served().await;
    server.has_descriptors(before.1).await;
    somebody.finish().await;
}

/// CVE-2019-9512.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_never_read_hostile() {
    let pings = frame(PING, 0, 0, b"12345678").repeat(1000);
    let test = "floods_h2::pings_never_read_hostile";
    attack(test, b"", core::iter::repeat(pings)).await;
}

/// CVE-2019-9515.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_never_read_hostile() {
    // SETTINGS_MAX_CONCURRENT_STREAMS, which a client has no use for.
    let settings = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1]).repeat(1000);
    let test = "floods_h2::settings_never_read_hostile";
    attack(test, b"", core::iter::repeat(settings)).await;
}

/// CVE-2023-44487.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_opened_and_reset_hostile() {
    let streams = (1..1 << 30).step_by(2).map(|stream| {
        let open = frame(HEADERS, END_STREAM | END_HEADERS, stream, &request());
        [open, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    });
    let test = "floods_h2::streams_opened_and_reset_hostile";
    attack(test, b"", streams).await;
}

/// CVE-2024-27316.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_headers_hostile() {
    let first = frame(HEADERS, END_STREAM, 1, &request());
    let more = frame(CONTINUATION, 0, 1, &fields(&[("x", "y"); 1000]));
    let test = "floods_h2::endless_headers_hostile";
    attack(test, &first, core::iter::repeat(more)).await;
}

/// RUSTSEC-2026-0258.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_data_hostile() {
    let first = frame(HEADERS, END_HEADERS, 1, &request());
    let more = frame(DATA, 0, 1, b"").repeat(1000);
    let test = "floods_h2::empty_data_hostile";
    attack(test, &first, core::iter::repeat(more)).await;
}

struct App;

struct Echo;

impl Session for Echo {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Outbox<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn receive(&mut self, message: Received<'_>, out: &mut Outbox<'_>) {
        let _ = out.send(message);
    }
}

impl Source for Echo {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Batch) -> Poll<Fill> {
        Poll::Pending
    }
}

impl Handler for App {
    type EventStream = Echo;
    type WebSocket = Echo;
    type Body = Full<Bytes>;

    fn take(&self, _: &RequestHead<'_>, _: SocketAddr) -> Take<Echo, Echo> {
        Take::Http
    }

    async fn http(&self, mut request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
        let config = Arc::new(ws::Config::default());
        match ws::upgrade(&mut request, config, |accept| Ok(accept)) {
            Ok((response, upgrade)) => {
                tokio::spawn(async move { upgrade.socket().await?.run(Echo).await });
                response.map(|()| Full::default())
            }
            Err(response) => response.map(Full::new),
        }
    }

    fn failed(&self, _: Option<SocketAddr>, error: Error) {
        println!("ended {error:?}");
    }
}

async fn echo() -> ! {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("\nlistens on {}", listener.local_addr().unwrap());
    let deadline = Duration::from_secs(size(10, 1));
    let timing = Timing::default().write_deadline(deadline);
    let config = Config::default().event_stream(timing);
    serve(listener, Arc::new(App), config, core::future::pending()).await;
    unreachable!("serves until it is killed");
}
