//! What it costs a client to read an event stream over loopback: CPU time of the thread that reads.
//!
//! A thread of its own serves the same LLM token stream to every case, over one connection each
//! run. "raw" reads the same bytes without looking at them: `hyper` through the same connections
//! and bodies as ours (`longwire::http::Client`, the frames' lengths added up), `tcp` by
//! `AsyncRead::poll_read` into one buffer of 16 KiB, without HTTP.

use std::future::poll_fn;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::thread;

use benches::{Group, workload};
use bytes::Bytes;
use http_body::Body as _;
use longwire::http::Client;
use longwire::sse::{EventSource, EventSourceConfig, decode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// Bytes of each stream.
const TOTAL: usize = 4 << 20;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let stream = workload::sse::tokens(TOTAL);
    let events: Vec<&[u8]> = split(&stream.bytes);
    assert_eq!(events.len() as u64, stream.events);
    let plain = [head("connection: close"), stream.bytes.clone()].concat();
    let chunked = [head("transfer-encoding: chunked"), chunks(&events)].concat();
    let groups = [
        ("plain, as it comes", serve(vec![plain])),
        (
            "a chunk an event, as it comes",
            serve(vec![chunked.clone()]),
        ),
        (
            "a chunk and a write an event",
            serve(writes(&chunked, &events)),
        ),
    ];
    let groups = groups.map(|(name, address)| {
        let runtime = &runtime;
        let (events, bytes) = (stream.events, stream.bytes.len());
        Group::new(format!("sse-client/tokens/{name}"), bytes as u64, events)
            .ours("EventSource", move || {
                event_source(runtime, address, events)
            })
            .ours("decode::body over hyper", move || {
                body(runtime, address, events)
            })
            .ours("decode::reader over tcp", move || {
                reader(runtime, address, events)
            })
            .limit("raw hyper", move || raw_hyper(runtime, address, bytes))
            .limit("raw tcp", move || raw_tcp(runtime, address, bytes))
    });
    benches::run(groups.into());
}

fn split(stream: &[u8]) -> Vec<&[u8]> {
    let mut events = Vec::new();
    let mut start = 0;
    for end in 2..=stream.len() {
        if &stream[end - 2..end] == b"\n\n" {
            events.push(&stream[start..end]);
            start = end;
        }
    }
    events
}

fn head(field: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{field}\r\n\r\n").into_bytes()
}

fn chunks(events: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        bytes.extend_from_slice(format!("{:x}\r\n", event.len()).as_bytes());
        bytes.extend_from_slice(event);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// The chunked stream, cut behind each chunk.
fn writes(chunked: &[u8], events: &[&[u8]]) -> Vec<Vec<u8>> {
    let head = head("transfer-encoding: chunked").len();
    let mut writes = vec![chunked[..head].to_vec()];
    let mut start = head;
    for event in events {
        let len = format!("{:x}\r\n", event.len()).len() + event.len() + 2;
        writes.push(chunked[start..start + len].to_vec());
        start += len;
    }
    writes.push(chunked[start..].to_vec());
    writes
}

/// Answers every connection with these writes, and closes it.
fn serve(writes: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for io in listener.incoming() {
            let mut io = io.unwrap();
            io.set_nodelay(true).unwrap();
            let mut request = [0; 1024];
            let _ = io.read(&mut request).unwrap();
            for bytes in &writes {
                // Whoever has all events may be gone.
                if io.write_all(bytes).is_err() {
                    break;
                }
            }
        }
    });
    address
}

fn event_source(runtime: &Runtime, address: SocketAddr, events: u64) {
    runtime.block_on(async {
        let request = http::Request::get(format!("http://{address}/")).body(Bytes::new());
        let config = EventSourceConfig::new().stop_at_end();
        let mut source = EventSource::with_config(request.unwrap(), config).unwrap();
        let mut seen = 0;
        while let Some(event) = source.next().await {
            black_box(event.unwrap().data);
            seen += 1;
        }
        assert_eq!(seen, events);
    });
}

fn body(runtime: &Runtime, address: SocketAddr, events: u64) {
    runtime.block_on(async {
        let request = http::Request::get(format!("http://{address}/")).body(Bytes::new());
        let response = Client::new().send(request.unwrap()).await.unwrap();
        let mut source = decode::body(response.into_body());
        let mut seen = 0;
        while let Some(event) = source.next().await {
            black_box(event.unwrap().data);
            seen += 1;
        }
        assert_eq!(seen, events);
    });
}

/// Head and chunk lines are left to the parser, which takes them for unknown fields.
fn reader(runtime: &Runtime, address: SocketAddr, events: u64) {
    runtime.block_on(async {
        let mut io = TcpStream::connect(address).await.unwrap();
        io.write_all(REQUEST).await.unwrap();
        let mut source = decode::reader(io);
        let mut seen = 0;
        while let Some(event) = source.next().await {
            black_box(event.unwrap().data);
            seen += 1;
        }
        assert_eq!(seen, events);
    });
}

fn raw_hyper(runtime: &Runtime, address: SocketAddr, bytes: usize) {
    runtime.block_on(async {
        let request = http::Request::get(format!("http://{address}/")).body(Bytes::new());
        let response = Client::new().send(request.unwrap()).await.unwrap();
        let mut body = response.into_body();
        let mut seen = 0;
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            seen += black_box(frame.unwrap().into_data().unwrap()).len();
        }
        assert_eq!(seen, bytes);
    });
}

fn raw_tcp(runtime: &Runtime, address: SocketAddr, bytes: usize) {
    runtime.block_on(async {
        let mut io = TcpStream::connect(address).await.unwrap();
        io.write_all(REQUEST).await.unwrap();
        let mut buffer = vec![0; 16 * 1024];
        let mut seen = 0;
        loop {
            match black_box(io.read(&mut buffer).await.unwrap()) {
                0 => break,
                len => seen += len,
            }
        }
        assert!(seen >= bytes);
    });
}
