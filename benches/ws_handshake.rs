//! `ws-handshake` against its peers: the server's side of Chromium's opening handshake.
//!
//! `bytes`: from the bytes of the request to the bytes of the 101. fastwebsockets has no parser of
//! its own; its row is hyper serving the request from memory with `upgrade`. `parsed`: from a
//! request that a HTTP library has read to the response it shall write.

use benches::Group;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::cell::RefCell;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server as peer;
use ws_handshake::{Limits, Request, RequestHead};

const REQUEST: &[u8] =
    include_bytes!("../crates/ws-handshake/tests/recorded/request-chromium-websocket.http");

/// A socket that holds one request; what is written goes to [`OUTPUT`], since hyper keeps the
/// socket.
struct Memory {
    input: &'static [u8],
}

thread_local! {
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Read for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.input.is_empty() {
            return Poll::Pending;
        }
        buf.put_slice(self.input);
        self.input = b"";
        Poll::Ready(Ok(()))
    }
}

impl Write for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        OUTPUT.with_borrow_mut(|output| output.extend_from_slice(buf));
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn ours(out: &mut Vec<u8>) {
    out.clear();
    let head = Request::parse(black_box(REQUEST), &mut 0, &Limits::default());
    let head = head.unwrap().expect("complete");
    head.value.accept().encode(out);
}

fn ours_with_protocol(out: &mut Vec<u8>) {
    out.clear();
    let head = Request::parse(black_box(REQUEST), &mut 0, &Limits::default());
    let accept = head.unwrap().expect("complete").value.accept();
    let accept = accept
        .protocol("chat")
        .unwrap()
        .extension("permessage-deflate")
        .unwrap();
    accept.encode(out);
}

fn tungstenite(out: &mut Vec<u8>) {
    out.clear();
    let (_, request) = peer::Request::try_parse(black_box(REQUEST))
        .unwrap()
        .expect("complete");
    let response = peer::create_response(&request).unwrap();
    peer::write_response(out, &response).unwrap();
}

async fn upgrade(
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Empty<Bytes>>, fastwebsockets::WebSocketError> {
    Ok(fastwebsockets::upgrade::upgrade(request)?.0)
}

fn fastwebsockets(out: &mut Vec<u8>) {
    out.clear();
    OUTPUT.with_borrow_mut(|output| std::mem::swap(output, out));
    let memory = Memory {
        input: black_box(REQUEST),
    };
    let connection = http1::Builder::new().serve_connection(memory, service_fn(upgrade));
    // One poll reads, answers and writes all, then hands the socket over.
    let poll = pin!(connection.with_upgrades()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(poll, Poll::Ready(Ok(()))), "{poll:?}");
    OUTPUT.with_borrow_mut(|output| std::mem::swap(output, out));
}

/// A handshake whose field `name` holds `b`, `size` bytes of `fill`, and `x`.
fn hostile(name: &str, fill: &str, size: usize) -> Vec<u8> {
    let value = fill.repeat(size / fill.len());
    format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        {name}: b{value}x\r\n\r\n"
    )
    .into_bytes()
}

/// Twice the input, at most 2.3 times the time: every row against the one before it.
fn linear(groups: &mut Vec<Group<'_>>) {
    const WIDE: Limits = Limits::new().head(usize::MAX);
    for (name, fill) in [
        ("Sec-WebSocket-Protocol", " "),
        ("Sec-WebSocket-Protocol", ","),
        ("Sec-WebSocket-Extensions", ";a"),
        ("Sec-WebSocket-Extensions", ";a=\"\\b\""),
        ("Connection", ","),
        ("X", "a"),
    ] {
        let mut group = Group::new(
            format!("ws-handshake/hostile/{name}: {fill:?}"),
            16 << 10,
            1,
        );
        for (size, case) in [
            (16 << 10, "16 KiB"),
            (32 << 10, "32 KiB"),
            (64 << 10, "64 KiB"),
        ] {
            let buf = hostile(name, fill, size);
            group = group.limit(case, move || {
                let _ = black_box(Request::parse(black_box(&buf), &mut 0, &WIDE));
            });
        }
        groups.push(group);
    }
    let mut group = Group::new("ws-handshake/hostile/one byte per read", 16 << 10, 1);
    for (size, case) in [
        (8 << 10, "8 KiB"),
        (16 << 10, "16 KiB"),
        (32 << 10, "32 KiB"),
    ] {
        let buf = hostile("X", "a", size);
        group = group.limit(case, move || {
            let mut searched = 0;
            for end in 0..buf.len() {
                let _ = black_box(Request::parse(black_box(&buf[..end]), &mut searched, &WIDE));
            }
        });
    }
    groups.push(group);
}

fn main() {
    let (mut a, mut b, mut c, mut d) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, run) in [
        ("tungstenite", tungstenite as fn(&mut Vec<u8>)),
        ("fastwebsockets", fastwebsockets),
    ] {
        run(&mut a);
        assert!(
            a.starts_with(b"HTTP/1.1 101"),
            "{name} did not accept: {a:?}"
        );
    }
    let parsed = {
        let head = RequestHead::parse(REQUEST, &mut 0, &Limits::default())
            .unwrap()
            .expect("whole");
        let request = http::Request::get(head.value.target());
        head.value
            .iter()
            .fold(request, |r, (name, value)| r.header(name, value))
            .body(())
            .unwrap()
    };
    let bytes = REQUEST.len() as u64;
    let mut groups = vec![
        Group::new("ws-handshake/server/chromium/bytes", bytes, 1)
            .ours("ws-handshake", || ours(&mut a))
            .ours("+ protocol, extension", || ours_with_protocol(&mut d))
            .peer("tungstenite", || tungstenite(&mut b))
            .peer("fastwebsockets (hyper)", || fastwebsockets(&mut c)),
        Group::new("ws-handshake/server/chromium/parsed", bytes, 1)
            .ours("ws-handshake", || {
                let request = Request::from_http(black_box(&parsed), None).unwrap();
                black_box(request.accept().to_http().unwrap());
            })
            .peer("tungstenite", || {
                black_box(peer::create_response(black_box(&parsed)).unwrap());
            })
            .peer("fastwebsockets", || {
                let mut request = black_box(&parsed).clone();
                black_box(fastwebsockets::upgrade::upgrade(&mut request).unwrap().0);
            })
            .limit("cloning the request", || {
                black_box(black_box(&parsed).clone());
            }),
        Group::new("ws-handshake/parts", bytes, 1)
            .ours("RequestHead::parse", || {
                let head = RequestHead::parse(black_box(REQUEST), &mut 0, &Limits::default());
                let _ = black_box(head.unwrap().expect("complete"));
            })
            .ours("Request::parse", || {
                let head = Request::parse(black_box(REQUEST), &mut 0, &Limits::default());
                let _ = black_box(head.unwrap().expect("complete"));
            })
            .ours("accept_key", || {
                black_box(ws_handshake::accept_key(black_box(
                    b"dGhlIHNhbXBsZSBub25jZQ==",
                )));
            })
            .limit("httparse alone", || {
                let mut fields = [httparse::EMPTY_HEADER; 100];
                let mut request = httparse::Request::new(&mut fields);
                black_box(request.parse(black_box(REQUEST)).unwrap());
            }),
    ];
    linear(&mut groups);
    benches::run(groups);
}
