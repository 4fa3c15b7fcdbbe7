//! Framing, headers, HEAD and ends, over each carrier alike.

use http::{HeaderMap, HeaderValue, Method, Response, header};
use http_body::Body as _;
use longwire::sse::{Fields, Reply, channel};

use super::reading::exchange;
use super::site::{Answer, Running};

const HEADERS: [&str; 3] = [
    "content-type: text/event-stream\r\n",
    "cache-control: no-cache, no-transform\r\n",
    "x-accel-buffering: no\r\n",
];

async fn two_events() -> Running {
    Running::start(|_| {
        Answer::sent(async |sender| {
            sender.send(&Fields::new("one")).await.unwrap();
            sender.send(&Fields::new("two")).await.unwrap();
        })
    })
    .await
}

#[tokio::test]
async fn the_headers_of_an_event_stream_and_the_framing_of_the_version() {
    let server = two_events().await;
    for path in ["/", "/hyper"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = exchange(server.address, &request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let head = format!("{head}\r\n");
        for header in HEADERS {
            assert!(head.contains(header), "{header} in {head}");
        }
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        let chunk = "data: one\n\ndata: two\n\n";
        assert_eq!(body, format!("16\r\n{chunk}\r\n0\r\n\r\n"), "{path}");

        let answer = exchange(server.address, &format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("transfer-encoding"), "{head}");
        assert_eq!(body, chunk, "{path}");
    }
}

#[tokio::test]
async fn head_is_answered_with_the_headers_of_get_and_ends() {
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let server = Running::start(move |_| {
        let (sender, events) = channel();
        let ended = ended.clone();
        tokio::spawn(async move {
            sender.closed().await;
            ended.send(()).unwrap();
        });
        Answer::Stream(HeaderMap::new(), events)
    })
    .await;
    for path in ["/", "/hyper"] {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = exchange(server.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"));
        for header in HEADERS {
            assert!(answer.contains(header), "{header} in {answer}");
        }
        super::support::within("the sender hears of it", ends.recv())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn under_another_server_the_reply_has_no_body_for_head() {
    for (method, ends) in [(Method::HEAD, true), (Method::GET, false)] {
        let (_sender, events) = channel();
        let response = Reply::new(events).method(&method).into_response();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.body().is_end_stream(), ends, "{method}");
    }
}

#[tokio::test]
async fn a_cut_stream_has_no_last_chunk() {
    let server = Running::start(|_| {
        Answer::sent(async |sender| {
            sender.send(&Fields::new("one")).await.unwrap();
            while sender.buffered_amount() > 0 {
                tokio::task::yield_now().await;
            }
            sender.cut();
        })
    })
    .await;
    for path in ["/", "/hyper"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = exchange(server.address, &request).await;
        let answer = answer.to_ascii_lowercase();
        assert!(answer.ends_with("\r\nb\r\ndata: one\n\n\r\n"), "{answer}");
    }
}

/// Those that make it an event stream stay as they are, whatever else is added.
#[test]
fn a_reply_has_the_fields_that_were_added() {
    let value = HeaderValue::from_static;
    let (_sender, events) = channel();
    let more = HeaderMap::from_iter([
        (header::VARY, value("origin")),
        (header::CACHE_CONTROL, value("public")),
    ]);
    let response: Response<_> = Reply::new(events)
        .header(header::VARY, value("accept"))
        .header(header::CONTENT_TYPE, value("text/html"))
        .headers(more)
        .into();
    let field = |name| response.headers().get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(field(header::CONTENT_TYPE), ["text/event-stream"]);
    assert_eq!(field(header::CACHE_CONTROL), ["no-cache, no-transform"]);
    assert!(field(header::VARY).contains(&&value("origin")));
}
