//! The Web Platform Tests of `eventsource/` that a client without a page can answer, over the
//! wire: each file's stream, sent whole and byte by byte.
//!
//! Not here: what needs a document, a worker or CORS (`eventsource-constructor-document-domain`,
//! `-non-same-origin`, `-stringify`, `eventsource-cross-origin`, `eventsource-eventtarget`,
//! `eventsource-onmessage-realm`, `-trusted`, `eventsource-prototype`,
//! `eventsource-request-cancellation`, `request-credentials`, the worker folders).

use longwire::sse::{EventSource, EventSourceConfig, ReadyState, Update};
use tokio::join;

use crate::client::{data, eager, failure, get};
use crate::site::{Exchange, Site, stream};
use crate::support::within;

/// Name, data, and id of an event.
type Event = (&'static str, &'static str, &'static str);

const fn message(data: &'static str) -> Event {
    ("message", data, "")
}

/// File, stream, and the events that it is.
const FORMAT: &[(&str, &[u8], &[Event])] = &[
    (
        "event-data.any.js",
        b"data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\n\
          data\n\ndata:end\n\n",
        &[message("msg\nmsg"), message(""), message("end")],
    ),
    (
        "format-bom.any.js",
        b"\xef\xbb\xbfdata:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n",
        &[message("1"), message("3")],
    ),
    (
        "format-bom-2.any.js",
        b"\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\ndata:3\n\n",
        &[message("2"), message("3")],
    ),
    (
        "format-comments.any.js",
        b"data:1\n:\0\n:\r\ndata:2\n:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n\
          data:3\n:data:fail\n:\r:data:fail\ndata:4\n\n",
        &[message("1\n2\n3\n4")],
    ),
    (
        "format-data-before-final-empty-line.any.js",
        b"retry:1000\ndata:test1\n\nid:test\ndata:test2",
        &[message("test1")],
    ),
    (
        "format-field-data.any.js",
        b"data:\n\ndata\ndata\n\ndata:test\n\n",
        &[message(""), message("\n"), message("test")],
    ),
    (
        "format-field-event.any.js",
        b"event:test\ndata:x\n\ndata:x\n\n",
        &[("test", "x", ""), message("x")],
    ),
    (
        "format-field-event-empty.any.js",
        b"event: \ndata:data\n\n",
        &[message("data")],
    ),
    (
        "format-field-parsing.any.js",
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\r\
          data:\r\n data:32\ndata:4\n\n",
        &[message("\0\n 2\n1\n3\n\n4")],
    ),
    (
        "format-field-unknown.any.js",
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        &[message("test\n\ntest")],
    ),
    (
        "format-leading-space.any.js",
        b"data:\ttest\rdata: \ndata:test\n\n",
        &[message("\ttest\n\ntest")],
    ),
    (
        "format-newlines.any.js",
        b"data:test\r\ndata\ndata:test\r\n\r",
        &[message("test\n\ntest")],
    ),
    (
        "format-null-character.any.js",
        b"data:\0\n\n\n\n",
        &[message("\0")],
    ),
    (
        "format-utf-8.any.js",
        "data:ok…\n\n".as_bytes(),
        &[message("ok…")],
    ),
    (
        "format-field-id-3.window.js",
        b"id: 1\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\ndata: 4\n\n",
        &[
            ("message", "1", "1"),
            ("message", "2", "1"),
            message("3"),
            message("4"),
        ],
    ),
    (
        "format-field-id-null.window.js",
        b"id: 1\ndata: 1\n\nid: \0 \ndata: 2\n\nid: x\0\ndata: 3\n\n",
        &[
            ("message", "1", "1"),
            ("message", "2", "1"),
            ("message", "3", "1"),
        ],
    ),
];

async fn expect(source: &mut EventSource, file: &str, events: &[Event]) {
    for &(name, data, id) in events {
        let event = within(file, source.next()).await.unwrap().unwrap();
        assert_eq!(
            (event.name, event.data, event.id),
            (name, data, id),
            "{file}"
        );
    }
}

#[tokio::test]
async fn format_whole() {
    for &(file, bytes, events) in FORMAT {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let answer = [stream("").as_bytes(), bytes].concat();
        // The next connection is the proof that nothing else came before it.
        let server = site.answers([answer, stream("event: end\ndata\n\n").into_bytes()]);
        let client = async {
            expect(&mut source, file, events).await;
            let event = within(file, source.next()).await.unwrap().unwrap();
            assert_eq!(event.name, "end", "{file}: {event:?}");
        };
        join!(server, client);
    }
}

/// Chunked, a chunk for every byte.
#[tokio::test]
async fn format_byte_by_byte() {
    for &(file, bytes, events) in FORMAT {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let server = async {
            let mut exchange = site.request().await;
            exchange
                .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await;
            for byte in bytes {
                for part in [&b"1\r"[..], b"\n", &[*byte], b"\r\n"] {
                    exchange.send(part).await;
                    tokio::task::yield_now().await;
                }
            }
            exchange
        };
        join!(server, expect(&mut source, file, events));
    }
}

/// What each request of a client that is told `answers` sends, and the data it makes of them.
async fn requests<const N: usize>(answers: [&str; N], events: &[&str]) -> Vec<Exchange> {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let client = async {
        for event in events {
            assert_eq!(data(&mut source).await, *event);
        }
    };
    join!(site.answers(answers.map(stream)), client).0
}

fn ids(exchanges: &[Exchange]) -> Vec<Option<&[u8]>> {
    exchanges
        .iter()
        .map(|exchange| exchange.raw("last-event-id"))
        .collect()
}

#[tokio::test]
async fn format_field_id_any_js() {
    let asked = requests(["id: …\ndata: hello\n\n", "data: …\n\n"], &["hello", "…"]).await;
    assert_eq!(ids(&asked), [None, Some("…".as_bytes())]);
}

#[tokio::test]
async fn format_field_id_2_any_js() {
    let answers = [
        "id: …\nretry:200\ndata:hello\n\n",
        "data: a\n\nid\n\n",
        "data: b\n\n",
    ];
    let asked = requests(answers, &["hello", "a", "b"]).await;
    assert_eq!(ids(&asked), [None, Some("…".as_bytes()), None]);
}

/// The reconnection time after a stream, in milliseconds, without jitter.
async fn retry_in(text: &str) -> u128 {
    let site = Site::start().await;
    let config = EventSourceConfig::new().random(|| 0);
    let mut source = get(&site.url("/"), config);
    let client = async {
        loop {
            if let Update::Lost { retry_in, .. } = source.next_update().await.unwrap().unwrap() {
                return retry_in.as_millis();
            }
        }
    };
    join!(site.answer(stream(text)), client).1
}

#[tokio::test]
async fn format_field_retry_any_js() {
    assert_eq!(
        retry_in("retry:3000\ndata:x\n\n").await,
        3000,
        "format-field-retry.any.js"
    );
    assert_eq!(
        retry_in("retry:3000\nretry:1000x\ndata:x\n\n").await,
        3000,
        "format-field-retry-bogus.any.js"
    );
    // No time of the server's: the floor of ours.
    assert_eq!(
        retry_in("retry\ndata:test\n\n").await,
        100,
        "format-field-retry-empty.any.js"
    );
}

#[tokio::test]
async fn format_mime() {
    for (file, kind, opens) in [
        ("format-mime-bogus.any.js", "x bogus", false),
        (
            "format-mime-trailing-semicolon.any.js",
            "text/event-stream;",
            true,
        ),
        ("format-mime-valid-bogus.any.js", "text/x-bogus", false),
    ] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\ndata: x\n\n");
        if opens {
            assert_eq!(
                join!(site.answer(answer), data(&mut source)).1,
                "x",
                "{file}"
            );
        } else {
            join!(site.answer(answer), failure(&mut source));
            assert_eq!(source.ready_state(), ReadyState::Closed, "{file}");
        }
    }
}

#[tokio::test]
async fn requests_of_an_event_source() {
    let asked = requests(["data: x\n\n"], &["x"]).await;
    let header = |name| asked[0].header(name).unwrap();
    assert_eq!(
        header("accept"),
        "text/event-stream",
        "request-accept.any.js"
    );
    assert_eq!(
        header("cache-control"),
        "no-store",
        "request-cache-control.any.js"
    );
    assert_eq!(asked[0].method, "GET", "request-post-to-connect.any.js");
}

#[tokio::test]
async fn request_redirect_window_js() {
    for status in [301, 302, 303, 307] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let redirect = format!("HTTP/1.1 {status} x\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
        let server = site.answers([redirect, stream("data: x\n\n")]);
        let (asked, _) = join!(server, data(&mut source));
        assert_eq!(asked[1].target, "/to", "{status}");
    }
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro
//= type=test
//# Clients will reconnect if the connection is closed; a client can be told to stop reconnecting
//# using the HTTP 204 No Content response code.
#[tokio::test]
async fn request_status_error_window_js() {
    for status in [204, 205, 210, 299, 404, 410, 503] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let answer =
            format!("HTTP/1.1 {status} x\r\nContent-Type: text/event-stream\r\n\r\ndata: data\n\n");
        let (_, end) = join!(site.answer(answer), source.next_update());
        assert!(!matches!(end, Some(Ok(_))), "{status}: {end:?}");
        assert_eq!(source.ready_state(), ReadyState::Closed, "{status}");
        assert!(site.is_quiet());
    }
}

#[tokio::test]
async fn eventsource_reconnect_window_js() {
    let answers = ["retry: 2\nid: ETag\ndata: hello\n\n", "data: again\n\n"];
    let asked = requests(answers, &["hello", "again"]).await;
    assert_eq!(ids(&asked), [None, Some(&b"ETag"[..])]);
}

#[tokio::test]
async fn eventsource_close_window_js() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let (_, _) = join!(site.answer(stream("data: x\n\n")), data(&mut source));
    source.close();
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert!(source.next_update().await.is_none());
    assert!(site.is_quiet());
}

#[test]
fn eventsource_constructor_and_url() {
    for (file, url) in [
        ("eventsource-constructor-empty-url.any.js", ""),
        (
            "eventsource-constructor-url-bogus.any.js",
            "http://this is invalid/",
        ),
    ] {
        assert!(EventSource::new(url).is_err(), "{file}");
    }
}

/// `eventsource-onopen.any.js`, `eventsource-onmessage.any.js`: opened before any event.
#[tokio::test]
async fn eventsource_onopen_and_onmessage() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let client = async {
        let first = source.next_update().await.unwrap().unwrap();
        assert!(matches!(first, Update::Opened(_)), "{first:?}");
        let second = source.next_update().await.unwrap().unwrap();
        assert!(
            matches!(second, Update::Event(event) if event.data == "x"),
            "{second:?}"
        );
    };
    join!(site.answer(stream("data: x\n\n")), client);
}
