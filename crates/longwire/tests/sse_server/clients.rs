//! Other people's `EventSource`s: Chromium's, undici's, the npm package's.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderValue};
use longwire::http::Config;
use longwire::net::ServerTls;
use longwire::sse::{Fields, POSITION, Timing, channel};
use serde_json::{Value, json};

use super::site::{Answer, Asked, Running};
use super::support::{Authority, Page, Program, Tool};

const PAGE: &str = "<!doctype html><title>Streams</title>";

/// Ends its stream again and again, each time told by the client where it was.
fn resumed(asked: &Asked) -> Answer {
    match asked.path.as_str() {
        "/stream" => {}
        "/" => return Answer::Page(PAGE),
        _ => return Answer::Status(404),
    }
    match asked.header("last-event-id") {
        None => Answer::sent(async |sender| {
            let named = Fields::new("one").with_name("tick").with_id("1");
            let retry = named.with_retry(Duration::from_millis(10));
            sender.send(&retry).await.unwrap();
            let lines = Fields::new("two\r\nlines\rand\n\nmore").with_id("zwei");
            sender.send(&lines).await.unwrap();
        }),
        Some("zwei") => Answer::sent(async |sender| {
            let position = Fields::new("").with_name(POSITION).with_id("#e-3");
            sender.send(&position).await.unwrap();
        }),
        Some("#e-3") => Answer::sent(async |sender| {
            sender
                .send(&Fields::new("four").with_id("4"))
                .await
                .unwrap();
        }),
        Some("4") => Answer::Status(204),
        other => panic!("{other:?}"),
    }
}

/// What every client hears of it.
fn heard() -> Value {
    json!([
        ["tick", "1", "one"],
        ["message", "zwei", "two\nlines\nand\n\nmore"],
        ["longwire-position", "#e-3", ""],
        ["message", "4", "four"],
    ])
}

#[tokio::test]
async fn chromium_hears_names_and_ids_across_reconnects_until_204() {
    let server = Running::start(resumed).await;
    let Some(mut page) = Page::start().await else {
        return;
    };
    page.open(&server.url("/hyper/")).await;
    for path in ["/stream", "/hyper/stream"] {
        let listening = format!(
            "new Promise((resolve) => {{
                const source = new EventSource('{path}');
                const heard = [];
                for (const name of ['tick', 'message', 'longwire-position'])
                    source.addEventListener(name, (e) => heard.push([e.type, e.lastEventId, e.data]));
                source.onerror = () => source.readyState === 2 && resolve(heard);
            }})"
        );
        assert_eq!(page.evaluate(&listening).await, heard(), "{path}");
    }
    page.close().await;
}

async fn node(library: &str) {
    let server = Running::start(resumed).await;
    let Some([node]) = Tool::find([Tool::Node]) else {
        return;
    };
    for path in ["/stream", "/hyper/stream"] {
        let url = server.url(path);
        let arguments = [library, &url];
        let mut client = Program::script(&node, "sse_server/node/event_source.mjs", arguments);
        let line = client.line().await.expect("what it heard");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line, heard(), "{library} {path}");
    }
}

#[tokio::test]
async fn undici_hears_the_same() {
    node("undici").await;
}

#[tokio::test]
async fn npms_eventsource_hears_the_same() {
    node("eventsource").await;
}

/// A stream for another origin, as the header fields allow it; notes the cookies it was sent.
fn allowing(
    allow: &'static [(&'static str, &'static str)],
    cookies: Arc<Mutex<Vec<Option<String>>>>,
) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked| {
        let (sender, events) = channel();
        sender.try_send(&Fields::new("for you")).unwrap();
        tokio::spawn(async move { sender.closed().await });
        cookies
            .lock()
            .unwrap()
            .push(asked.header("cookie").map(str::to_owned));
        let origin = asked.headers.get("origin").unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in allow {
            let value = match *value {
                "its own" => origin.clone(),
                value => HeaderValue::from_static(value),
            };
            headers.insert(*name, value);
        }
        Answer::Stream(headers, events)
    }
}

#[tokio::test]
async fn chromium_reads_other_origins_as_they_allow_it() {
    const ORIGIN: &str = "access-control-allow-origin";
    const CREDENTIALS: &str = "access-control-allow-credentials";
    let home = Running::start(|_| Answer::Page(PAGE)).await;
    let Some(mut page) = Page::start().await else {
        return;
    };
    page.open(&home.url("/")).await;
    page.evaluate("document.cookie = 'who=me'").await;
    let rows: [(&[_], bool, bool); 6] = [
        (&[], false, false),
        (&[(ORIGIN, "*")], false, true),
        (&[(ORIGIN, "*")], true, false),
        (&[(ORIGIN, "its own")], true, false),
        (&[(ORIGIN, "its own"), (CREDENTIALS, "true")], true, true),
        (&[(ORIGIN, "https://other.example")], false, false),
    ];
    for (allow, with_credentials, reads) in rows {
        let cookies = Arc::default();
        let server = Running::start(allowing(allow, Arc::clone(&cookies))).await;
        let listening = format!(
            "new Promise((resolve) => {{
                const source = new EventSource('{}', {{ withCredentials: {with_credentials} }});
                const end = (with_) => {{ source.close(); resolve(with_); }};
                source.onmessage = (event) => end(event.data);
                source.onerror = () => end(source.readyState === 2 ? 'closed' : 'retries');
            }})",
            server.url("/stream"),
        );
        let expected = if reads { "for you" } else { "closed" };
        assert_eq!(
            page.evaluate(&listening).await,
            json!(expected),
            "{allow:?}"
        );
        let sent = cookies.lock().unwrap().clone();
        let cookie = with_credentials.then(|| "who=me".to_owned());
        assert_eq!(sent, [cookie], "{allow:?}");
    }
    page.close().await;
}

/// Opens seven streams in as many tabs, waits until `open` are, then closes one of these; the
/// states at both moments, and the most streams that the server had at once.
async fn seven_tabs(config: Config, scheme: &str, open: usize) -> Option<(Value, usize)> {
    let streams = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let counted = streams.clone();
    let timing = Timing::default();
    let server = Running::configured(timing, config, move |asked| {
        match asked.path.as_str() {
            "/stream" => {}
            "/" => return Answer::Page(PAGE),
            _ => return Answer::Status(404),
        }
        let streams = counted.clone();
        Answer::sent(async move |sender| {
            let now = streams.0.fetch_add(1, Ordering::SeqCst) + 1;
            streams.1.fetch_max(now, Ordering::SeqCst);
            sender.closed().await;
            streams.0.fetch_sub(1, Ordering::SeqCst);
        })
    })
    .await;
    let mut page = Page::start().await?;
    page.open(&format!("{scheme}://{}/", server.address)).await;
    let seen = page
        .evaluate(&format!(
            "(async () => {{
                const tabs = Array.from({{ length: 7 }}, () => window.open('about:blank'));
                const sources = tabs.map((tab) => new tab.EventSource('{scheme}://{}/stream'));
                const states = () => sources.map((source) => source.readyState).toSorted();
                const opened = () => sources.filter((source) => source.readyState === 1).length;
                const until = async (done) => {{
                    while (!done()) await new Promise((resolve) => setTimeout(resolve, 10));
                }};
                await until(() => opened() === {open});
                const before = states();
                sources.find((source) => source.readyState === 1).close();
                await until(() => opened() === 6);
                return [before, states()];
            }})()",
            server.address,
        ))
        .await;
    page.close().await;
    Some((seen, streams.1.load(Ordering::SeqCst)))
}

#[tokio::test]
async fn over_http_1_1_six_tabs_have_a_stream_and_the_seventh_waits() {
    let Some((seen, most)) = seven_tabs(Config::default(), "http", 6).await else {
        return;
    };
    let (six, rest) = ([0, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 2]);
    assert_eq!(seen, json!([six, rest]));
    assert_eq!(most, 6, "the server never had a seventh");
}

#[tokio::test]
async fn over_http_2_all_seven_tabs_have_one() {
    let identity = Authority::new().server();
    let tls = ServerTls::from_pem(identity.certificate.as_bytes(), identity.key.as_bytes());
    let config = Config::default().tls(tls.unwrap());
    let Some((seen, most)) = seven_tabs(config, "https", 7).await else {
        return;
    };
    let (seven, rest) = ([1; 7], [1, 1, 1, 1, 1, 1, 2]);
    assert_eq!(seen, json!([seven, rest]));
    assert_eq!(most, 7);
}
