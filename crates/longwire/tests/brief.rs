//! Brief requests: answered on the bare socket, one after the other, and who goes on after them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "serve")]

use core::convert::Infallible;
use core::net::SocketAddr;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use longwire::Batch;
use longwire::http::{Config, Handler, Reply, Take, serve};
use longwire::sse::{Fill, Source};
use longwire::ws::{Outbox, Received, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use ws_handshake::RequestHead;

/// Nothing but an end.
struct Empty;

impl Source for Empty {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Batch) -> Poll<Fill> {
        Poll::Ready(Fill::End)
    }
}

impl Session for Empty {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Outbox<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn receive(&mut self, _: Received<'_>, _: &mut Outbox<'_>) {}
}

/// Answers a POST with `brief` and its body, and what hyper gets with `hyper` and its body.
struct App {
    /// Opened, those who were taken at `/later` are answered.
    later: Arc<Semaphore>,
    /// How many heads were seen.
    seen: Arc<Semaphore>,
    stop: Stop,
}

/// Dropped, the server stops.
type Stop = Arc<Mutex<Option<oneshot::Sender<Infallible>>>>;

impl Handler for App {
    type EventStream = Empty;
    type WebSocket = Empty;
    type Body = Full<Bytes>;

    fn take(&self, head: &RequestHead<'_>, _: SocketAddr) -> Take<Empty, Empty> {
        self.seen.add_permits(1);
        match (head.method(), head.path()) {
            (_, "/stop") => {
                drop(self.stop.lock().unwrap().take());
                Take::Http
            }
            ("POST" | "HEAD", _) => Take::Brief,
            (_, "/events") => Take::EventStream(HeaderMap::new(), Empty),
            _ => Take::Http,
        }
    }

    fn brief(&self, head: &RequestHead<'_>, body: &[u8], _: SocketAddr) -> Reply {
        let mut response = Response::new([b"brief ", body].concat().into());
        match head.path() {
            "/later" => {
                let later = self.later.clone();
                return Reply::Later(Box::pin(async move {
                    later.acquire().await.unwrap().forget();
                    response
                }));
            }
            "/panic" => panic!("as asked"),
            "/refused" => *response.status_mut() = StatusCode::FORBIDDEN,
            "/none" => *response.status_mut() = StatusCode::NO_CONTENT,
            "/same" => *response.status_mut() = StatusCode::NOT_MODIFIED,
            "/last" => {
                let close = HeaderValue::from_static("upgrade, Close");
                response.headers_mut().insert("connection", close);
            }
            "/odd" => {
                let headers = response.headers_mut();
                headers.insert("content-length", HeaderValue::from_static("1"));
                headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
                headers.insert("date", HeaderValue::from_static("never"));
            }
            _ => {}
        }
        let place = HeaderValue::from_static("here");
        response.headers_mut().insert("x-place", place);
        Reply::Now(response)
    }

    async fn http(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(Full::from([b"hyper ", &body[..]].concat()))
    }
}

struct Server {
    address: SocketAddr,
    later: Arc<Semaphore>,
    seen: Arc<Semaphore>,
    stop: Stop,
    serving: JoinHandle<()>,
}

async fn start(config: Config) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let [later, seen] = [0; 2].map(|count| Arc::new(Semaphore::new(count)));
    let (stop, stopped) = oneshot::channel();
    let stop = Stop::new(Mutex::new(Some(stop)));
    let app = Arc::new(App {
        later: later.clone(),
        seen: seen.clone(),
        stop: stop.clone(),
    });
    let serving = tokio::spawn(serve(listener, app, config, async {
        let _ = stopped.await;
    }));
    Server {
        address,
        later,
        seen,
        stop,
        serving,
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// All that is answered to these bytes until the server ends the connection.
    async fn exchange(&self, pieces: &[&[u8]]) -> String {
        let mut stream = self.connect().await;
        for piece in pieces {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// The status lines and bodies of answers, without the heads.
fn outline(mut answers: &str) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((head, rest)) = answers.split_once("\r\n\r\n") {
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let found = name.eq_ignore_ascii_case("content-length");
            found.then(|| value.parse::<usize>().unwrap())
        });
        let (body, rest) = rest.split_at(length.unwrap_or(0));
        let status = head.get("HTTP/1.1 ".len()..).unwrap().get(..3).unwrap();
        found.push(format!("{status} {body}"));
        answers = rest;
    }
    assert_eq!(answers, "");
    found
}

fn post(path: &str, more: &str, body: &str) -> String {
    let len = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{more}Content-Length: {len}\r\n\r\n{body}")
}

const CLOSE: &str = "Connection: close\r\n";

#[tokio::test]
async fn one_after_the_other_however_they_are_cut() {
    let server = start(Config::default()).await;
    let requests = [
        post("/", "", "first"),
        post("/refused", "", "second"),
        post("/none", "", ""),
        post("/", "", ""),
        post("/", CLOSE, "last"),
    ]
    .concat();
    let expected = [
        "200 brief first",
        "403 brief second",
        "204 ",
        "200 brief ",
        "200 brief last",
    ];
    for at in 1..requests.len() {
        let (before, after) = requests.as_bytes().split_at(at);
        let answers = server.exchange(&[before, after]).await;
        assert_eq!(outline(&answers), expected, "cut at {at}");
    }
    let bytes: Vec<_> = requests.as_bytes().chunks(1).collect();
    assert_eq!(outline(&server.exchange(&bytes).await), expected);
}

#[tokio::test]
async fn an_answer_says_its_length_date_and_whether_it_is_the_last() {
    let server = start(Config::default()).await;
    let requests = [
        post("/", "", "1"),
        post("/none", "", ""),
        post("/", CLOSE, "3"),
    ]
    .concat();
    let answers = server.exchange(&[requests.as_bytes()]).await;
    let heads: Vec<_> = answers.split("HTTP/1.1 ").skip(1).collect();
    let [first, none, last] = &heads[..] else {
        panic!("{answers}")
    };
    assert!(first.starts_with("200 OK\r\nx-place: here\r\ncontent-length: 7\r\ndate: "));
    assert!(first.contains(" GMT\r\n\r\nbrief 1") && !first.contains("connection"));
    assert!(none.starts_with("204 No Content\r\n") && !none.contains("content-length"));
    assert!(last.ends_with("GMT\r\nconnection: close\r\n\r\nbrief 3"));
}

#[tokio::test]
async fn hyper_gets_what_is_not_brief_with_all_that_was_read() {
    let server = start(Config::default()).await;
    let long = "x".repeat(65_537);
    let first = post("/", "", "first");
    let last = post("/", CLOSE, "last");
    for (other, answer) in [
        (post("/", "", &long), format!("200 hyper {long}")),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
                .into(),
            "200 hyper hi".into(),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            "200 hyper ".into(),
        ),
    ] {
        let requests = [&first[..], &other, &last].concat();
        let answers = server.exchange(&[requests.as_bytes()]).await;
        // Once hyper has a connection, it keeps it.
        assert_eq!(
            outline(&answers),
            ["200 brief first", &answer, "200 hyper last"]
        );
    }
    let old = "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let answer = server.exchange(&[old.as_bytes()]).await;
    assert!(answer.ends_with("\r\n\r\nhyper hi"), "{answer}");
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
//= type=test
//# Upon receiving an HTTP/1.1 (or later) request that has a method, target URI, and complete header
//# section that contains a 100-continue expectation and indicates that request content will follow,
//# an origin server MUST send either:
#[tokio::test]
async fn who_waits_for_100_continue_gets_it() {
    let server = start(Config::default()).await;
    let mut stream = server.connect().await;
    let request = post("/", "Expect: 100-continue\r\nConnection: close\r\n", "late");
    let (head, body) = request.split_at(request.len() - 4);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer[..], b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(outline(&answer), ["200 hyper late"]);
}

#[tokio::test]
async fn an_event_stream_may_follow_and_what_is_wrong_is_refused() {
    let server = start(Config::default()).await;
    let first = post("/", "", "first");
    let events = format!("{first}GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    let answers = server.exchange(&[events.as_bytes()]).await;
    let (brief, stream) = answers.split_once("brief first").unwrap();
    assert!(brief.starts_with("HTTP/1.1 200 OK"), "{answers}");
    assert!(
        stream.contains("content-type: text/event-stream"),
        "{answers}"
    );
    let twice = format!("{first}POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    let answers = server.exchange(&[twice.as_bytes()]).await;
    assert!(answers.contains("brief firstHTTP/1.1 400 "), "{answers}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_and_so_is_who_asks_no_more() {
    let deadline = Duration::from_secs(2);
    let server = start(Config::default().head_deadline(deadline)).await;
    let first = post("/", "", "first");
    'round: loop {
        let mut begun = Instant::now();
        let mut stream = server.connect().await;
        // The next one is as late as it may be, several times: the clock begins anew with each.
        for _ in 0..4 {
            let before = core::mem::replace(&mut begun, Instant::now());
            let written = stream.write_all(first.as_bytes()).await;
            let mut answer = [0; 512];
            if written.is_err() || stream.read(&mut answer).await.unwrap_or(0) == 0 {
                // This machine was late itself, or else it is wrong.
                assert!(before.elapsed() >= deadline, "it is closed too soon");
                continue 'round;
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        // Where this machine is late it may be closed before that, and is reset.
        if stream.write_all(b"POST").await.is_ok()
            && let Ok(len) = stream.read(&mut [0]).await
        {
            assert_eq!(len, 0, "it is closed");
            break;
        }
    }
    let unfinished = first.strip_suffix('t').unwrap();
    for before in ["", &first] {
        let answers = server
            .exchange(&[before.as_bytes(), unfinished.as_bytes()])
            .await;
        let outline = outline(&answers);
        assert_eq!(outline.last().unwrap(), "408 ", "{answers}");
        assert!(
            answers.ends_with("\r\n\r\n") && answers.contains("onnection: close"),
            "{answers}"
        );
    }
}

#[tokio::test]
async fn who_is_answered_later_is_answered_in_order_and_before_the_server_ends() {
    let server = start(Config::default()).await;
    let requests = [post("/later", "", "1"), post("/", "", "2")].concat();
    let mut waiting = server.connect().await;
    waiting.write_all(requests.as_bytes()).await.unwrap();
    let mut idle = server.connect().await;
    idle.write_all(post("/", "", "0").as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    let mut partial = server.connect().await;
    let request = post("/", "", "partial");
    let (before, after) = request.split_at(request.len() - 1);
    partial.write_all(before.as_bytes()).await.unwrap();
    // The server has begun with all three before it is told to stop.
    let seen = server.seen.acquire_many(3).await.unwrap();
    seen.forget();

    drop(server.stop.lock().unwrap().take());
    // Who asks for nothing is sent away at once.
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0);
    partial.write_all(after.as_bytes()).await.unwrap();
    let mut answers = String::new();
    partial.read_to_string(&mut answers).await.unwrap();
    assert_eq!(outline(&answers), ["200 brief partial"]);
    assert!(!server.serving.is_finished());
    server.later.add_permits(1);
    let mut answers = String::new();
    waiting.read_to_string(&mut answers).await.unwrap();
    assert_eq!(
        outline(&answers),
        ["200 brief 1"],
        "the next one is not begun"
    );
    assert!(answers.contains("connection: close"));
    server.serving.await.unwrap();
}

//= https://www.rfc-editor.org/rfc/rfc9112#section-6.3
//= type=test
//# Any response to a HEAD request and any response with a 1xx (Informational), 204 (No Content),
//# or 304 (Not Modified) status code is always terminated by the first empty line after the
//# header fields, regardless of the header fields present in the message, and thus cannot
//# contain a message body or trailer section.
#[tokio::test]
async fn whatever_the_handler_says_the_next_answer_begins_where_this_one_ends() {
    let server = start(Config::default()).await;
    let requests = [
        post("/none", "", "no body"),
        post("/same", "", "no body"),
        post("/odd", "", "framed"),
        post("/last", "", "the end"),
        post("/", "", "not answered"),
    ];
    let answers = server.exchange(&[requests.concat().as_bytes()]).await;
    let expected = ["204 ", "304 ", "200 brief framed", "200 brief the end"];
    assert_eq!(outline(&answers), expected);
    assert!(
        !answers.contains("chunked") && !answers.contains("never"),
        "{answers}"
    );
    // Hyper knows that there is no body.
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = server.exchange(&[head.as_bytes()]).await;
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

/// Nothing of a long body is held for whoever sends it slowly: hyper hands it on as it comes.
#[tokio::test]
async fn a_long_body_is_brief_only_if_it_comes_with_its_head() {
    let server = start(Config::default()).await;
    let body = "x".repeat(8_193);
    let request = post("/", CLOSE, &body);
    let (head, late) = request.split_at(request.len() - 1);
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    server.seen.acquire().await.unwrap().forget();
    stream.write_all(late.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(outline(&answer), [format!("200 hyper {body}")]);
    let answer = server.exchange(&[request.as_bytes()]).await;
    assert_eq!(outline(&answer), [format!("200 brief {body}")]);
}

#[tokio::test]
async fn http_2_begins_with_the_connection_or_not_at_all() {
    let server = start(Config::default()).await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let requests = [&post("/", "", "first"), preface].concat();
    let answers = server.exchange(&[requests.as_bytes()]).await;
    assert!(answers.contains("brief firstHTTP/1.1 505 "), "{answers}");
}

/// The server stops between the reading of a request and the moment at which hyper sees it.
#[tokio::test]
async fn a_request_that_was_read_is_answered_although_the_server_stops() {
    let server = start(Config::default()).await;
    let answer = server
        .exchange(&[b"GET /stop HTTP/1.1\r\nHost: a\r\n\r\n"])
        .await;
    assert_eq!(outline(&answer), ["200 hyper "]);
    server.serving.await.unwrap();
}

#[tokio::test]
async fn a_request_that_panics_ends_its_connection_and_no_other() {
    let server = start(Config::default()).await;
    let mut others = Vec::new();
    for _ in 0..20 {
        let mut other = server.connect().await;
        other
            .write_all(post("/", "", "1").as_bytes())
            .await
            .unwrap();
        others.push(other);
    }
    let requests = [post("/", "", "1"), post("/panic", "", "2")].concat();
    let answers = server.exchange(&[requests.as_bytes()]).await;
    assert_eq!(outline(&answers), ["200 brief 1"]);
    for mut other in others {
        let last = post("/", CLOSE, "3");
        other.write_all(last.as_bytes()).await.unwrap();
        let mut answers = String::new();
        other.read_to_string(&mut answers).await.unwrap();
        assert_eq!(outline(&answers), ["200 brief 1", "200 brief 3"]);
    }
}
