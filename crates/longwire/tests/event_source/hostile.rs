//! Servers that mean harm (hazards S3 to S6): what they cost is bounded, and the client goes on.

use core::time::Duration;
use std::fs;

use longwire::sse::{EventSource, EventSourceError, Update};
use sse_parse::{LimitError, Limits};
use tokio::join;

use crate::client::{data, eager, get};
use crate::site::{Site, stream};
use crate::support::within;

/// Peak of the memory of this process, in bytes. Each test has a process of its own.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// The limit that `times` times `block` passes; then the next event comes.
async fn limit(start: &[u8], block: &[u8], times: usize, end: &[u8]) -> LimitError {
    let site = Site::start().await;
    let limits = Limits::default()
        .with_max_line(512 << 10)
        .with_max_event(512 << 10);
    let mut source = get(&site.url("/"), eager().limits(limits));
    let server = async {
        let mut exchange = site.request().await.open().await;
        exchange.send(start).await;
        for _ in 0..times {
            exchange.send(block).await;
        }
        exchange.send(end).await;
        exchange.send("data: next\n\n").await;
        exchange
    };
    let before = peak();
    let client = async {
        let error = within("a limit", source.next()).await.unwrap().unwrap_err();
        assert_eq!(data(&mut source).await, "next");
        error
    };
    let (_, error) = join!(server, client);
    let grown = peak() - before;
    assert!(grown < 4 << 20, "{grown} bytes");
    match error {
        EventSourceError::Limit(limit) => limit,
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn lines_events_and_fields_without_end() {
    // 64 MiB each: far more than may be kept.
    let block = [b'x'; 64 << 10];
    let line = limit(b"data: ", &block, 1024, b"\n\n").await;
    assert!(
        matches!(line, LimitError::Line { limit: 524_288 }),
        "{line}"
    );
    let unknown = limit(b"", &block, 1024, b"\n\n").await;
    assert!(matches!(unknown, LimitError::Line { .. }), "{unknown}");
    let comment = limit(b":", &block, 1024, b"\n\n").await;
    assert!(matches!(comment, LimitError::Line { .. }), "{comment}");
    let many = b"data: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789\n".repeat(1000);
    let event = limit(b"", &many, 1000, b"\n").await;
    assert!(matches!(
        event,
        LimitError::Event { limit: 524_288 } | LimitError::Lines { .. }
    ));
    let empty = b"data:\n".repeat(10_000);
    let lines = limit(b"", &empty, 100, b"\n").await;
    assert!(
        matches!(lines, LimitError::Lines { limit: 8_192 }),
        "{lines}"
    );
}

#[tokio::test]
async fn a_million_comments_are_no_event() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let before = peak();
    let server = async {
        let mut exchange = site.request().await.open().await;
        let comments = b":\n".repeat(10_000);
        for _ in 0..100 {
            exchange.send(&comments).await;
        }
        exchange.send("data: 1\n\n").await;
        exchange
    };
    let (_, seen) = join!(server, data(&mut source));
    assert_eq!(seen, "1");
    assert!(peak() - before < 4 << 20);
}

async fn lost(source: &mut EventSource) -> String {
    match within("the loss", source.next_update()).await {
        Some(Ok(Update::Lost { error, .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn heads_without_end_are_bounded() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let before = peak();
    let fields = |n: usize| {
        let fields: String = (0..n).map(|n| format!("X-{n}: y\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{fields}\r\n")
    };
    let heads = [
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(8 << 20)),
        fields(101),
        fields(10_000),
        format!("HTTP/1.1 200 {}\r\n\r\n", "K".repeat(1 << 20)),
    ];
    for head in heads {
        let why = join!(site.answer(&head), lost(&mut source)).1;
        assert!(why.contains("http failed"), "{why}");
    }
    drop(source);
    // Answers that announce an answer, for ever.
    let deadline = eager().head_deadline(Duration::from_secs(1));
    let mut source = get(&site.url("/"), deadline);
    let flood = async {
        let mut exchange = site.request().await;
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
        loop {
            exchange.send(&interim).await;
            tokio::task::yield_now().await;
        }
    };
    let why = tokio::select! {
        why = lost(&mut source) => why,
        () = flood => unreachable!("it goes on for ever"),
    };
    assert_eq!(why, EventSourceError::HeadDeadline.to_string());
    let grown = peak() - before;
    assert!(
        grown < 24 << 20,
        "{grown} bytes, those of the server included"
    );
}

/// A length that is said twice or is none: not one event of that is believed.
#[tokio::test]
async fn bodies_whose_length_is_ambiguous() {
    for fields in [
        "Content-Length: 9\r\nContent-Length: 10",
        "Content-Length: +9",
        "Content-Length: 9x",
    ] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{fields}\r\n\r\ndata: x\n\n"
        );
        let server = site.answers([answer, stream("data: next\n\n")]);
        let client = async {
            loop {
                let update = within("an update", source.next_update()).await;
                if let Update::Event(event) = update.unwrap().unwrap() {
                    return event.data.to_owned();
                }
            }
        };
        let seen = join!(server, client).1;
        assert_eq!(seen, "next", "{fields}");
    }
}
