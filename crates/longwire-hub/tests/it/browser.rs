//! The page in Chromium: both carriers side by side, through restarts and gaps.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{CARRIERS, ENDPOINT, Hub, Page, Program, Seen, Subscriber, Tool};

const PANES: [&str; 2] = ["[data-carrier=sse]", "[data-carrier=ws]"];

/// Waits until a field of both carriers contains `text`.
async fn both(page: &mut Page, field: &str, text: &str) {
    for pane in PANES {
        page.wait_for(&format!("{pane} [data-field={field}]"), text)
            .await;
    }
}

async fn click_both(page: &mut Page, action: &str) {
    for pane in PANES {
        page.click(&format!("{pane} [data-action={action}]")).await;
    }
}

/// Waits until the page counts `events` events, and the subscribers beside it have the last.
async fn arrived(page: &mut Page, beside: &mut [Subscriber], events: usize) {
    both(page, "events", &events.to_string()).await;
    for subscriber in beside {
        assert!(matches!(subscriber.next().await, Seen::Event { .. }));
    }
}

/// The digits in the text of a carrier's field, as a number.
async fn first_number(page: &mut Page, pane: &str, field: &str) -> usize {
    let text = page.text(&format!("{pane} [data-field={field}]")).await;
    let digits = text.replace(',', "");
    let digits = digits
        .split(|c: char| !c.is_ascii_digit())
        .find(|run| !run.is_empty());
    digits
        .unwrap_or_else(|| panic!("no number in {text:?}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn an_event_from_curl_arrives_through_event_source_and_web_socket() {
    let Some([curl]) = Tool::find([Tool::Curl]) else {
        return;
    };
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(&hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "1 OPEN").await;
    both(&mut page, "cursor", "-0").await;

    let endpoint = hub.url("http", ENDPOINT);
    let arguments = [
        "-sS",
        "--noproxy",
        "*",
        &endpoint,
        "-d",
        "topic=demo",
        "-d",
        "data=Hello from curl",
    ];
    let (answer, content) = Program::start(curl, arguments).finish().await;
    assert!(content && answer.len() == 1, "{answer:?}");
    both(&mut page, "log", "Hello from curl").await;
    both(&mut page, "cursor", &answer[0]).await;

    // What the page publishes is timed, and counted byte by byte: beside it, subscribers that see
    // what is on the wire.
    let mut beside = Vec::new();
    for carrier in CARRIERS {
        beside.push(Subscriber::live(carrier, &hub, "demo").await);
    }
    click_both(&mut page, "clear").await;
    let before: Vec<_> = beside.iter().map(Subscriber::received).collect();
    // Longer ones go in fragments, which no page sees.
    let long = "long ".repeat(12_000);
    for (n, text) in ["short", &"middle ".repeat(20), &long]
        .into_iter()
        .enumerate()
    {
        page.fill("#text", text).await;
        page.press("Control+Enter").await;
        // One at a time, so that each is a chunk of its own.
        arrived(&mut page, &mut beside, n + 1).await;
    }
    let named = [
        ("topic", "demo"),
        ("type", "hello"),
        ("data", "a\n\nb"),
        ("id", "named"),
    ];
    page.fill("#name", "hello").await;
    page.click("#publish button").await;
    arrived(&mut page, &mut beside, 4).await;
    hub.publish(&named).await;
    arrived(&mut page, &mut beside, 5).await;
    hub.publish_data("demo", "").await;
    arrived(&mut page, &mut beside, 6).await;
    for ((pane, subscriber), before) in PANES.iter().zip(&beside).zip(before) {
        let shown = first_number(&mut page, pane, "wire").await;
        assert_eq!(shown, subscriber.received() - before, "{pane}");
    }
    both(&mut page, "latency", "ms").await;
    assert_eq!(page.problems().await, Vec::<String>::new());

    page.fill("#text", "Hello over both carriers").await;
    page.click("#publish button").await;
    both(&mut page, "events", "7").await;
    page.wait_for("#published", "answered after").await;
    page.window(1200, 900, "light").await;
    page.screenshot("page-light").await;
    page.window(390, 844, "dark").await;
    page.screenshot("page-phone-dark").await;
    let overflow = page
        .evaluate("document.documentElement.scrollWidth - innerWidth")
        .await;
    assert_eq!(overflow, Value::from(0), "the page is wider than a phone");
    page.close().await;
}

#[tokio::test]
async fn every_topic_can_be_watched_and_named_events_are_heard() {
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(&hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "1 OPEN").await;
    both(&mut page, "cursor", "-0").await;
    hub.publish_data("other", "not for the page").await;

    // With the keyboard alone.
    page.evaluate("document.querySelector('#topic').select()")
        .await;
    page.press("*").await;
    page.press("Enter").await;
    both(&mut page, "cursor", "-1").await;
    hub.publish_data("other", "for all").await;
    both(&mut page, "log", "for all").await;
    for name in ["tick", "tock", "tick"] {
        let fields = [("topic", "clock"), ("type", name), ("data", name)];
        assert_eq!(hub.publish(&fields).await.status, 200);
    }
    both(&mut page, "events", "4").await;
    page.fill("#name", "greeting").await;
    page.click("#publish button").await;
    both(&mut page, "events", "5").await;
    both(&mut page, "log", "greeting").await;
    assert!(!page.text(PANES[0]).await.contains("not for the page"));

    page.fill("#name", "line\u{2028}break").await;
    page.fill("#publish-topic", &"t".repeat(256)).await;
    page.click("#publish button").await;
    both(&mut page, "events", "6").await;
    // What the hub refuses, the page explains.
    page.evaluate("document.querySelector('#publish-topic').maxLength = 300")
        .await;
    page.fill("#publish-topic", &"t".repeat(257)).await;
    page.click("#publish button").await;
    page.wait_for("#published", "a topic is longer than 256 bytes")
        .await;
    assert_eq!(
        page.problems().await.len(),
        1,
        "the refusal itself: {:?}",
        page.problems().await
    );
    page.close().await;
}

#[tokio::test]
async fn several_topics_share_one_connection() {
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(&hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "1 OPEN").await;
    page.fill("#topic", " alpha  beta ").await;
    page.click("#subscribe button").await;
    both(&mut page, "cursor", "-0").await;
    for topic in ["alpha", "gamma", "beta"] {
        hub.publish_data(topic, &format!("from {topic}")).await;
    }
    both(&mut page, "log", "from beta").await;
    both(&mut page, "log", "from alpha").await;
    both(&mut page, "events", "2").await;
    let curl = page.text("#curl-subscribe").await;
    assert!(curl.contains("?topic=alpha&topic=beta&"), "{curl}");
    assert_eq!(
        page.text("#curl-publish").await.matches("topic=").count(),
        1
    );
    page.close().await;
}

#[tokio::test]
async fn the_page_comes_back_after_a_restart_and_says_what_it_missed() {
    let hub = Hub::start(&[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(&hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "1 OPEN").await;
    hub.publish_data("demo", "before the restart").await;
    both(&mut page, "log", "before the restart").await;

    hub.signal(Signal::TERM);
    let [sse, ws] = PANES.map(|pane| format!("{pane} [data-field=notice]"));
    page.wait_for(&sse, "Connection lost: EventSource reconnects by itself")
        .await;
    page.wait_for(&ws, "Closed with code 1012: the hub restarts")
        .await;
    assert_eq!(hub.ended().await.0.code(), Some(0));
    page.click("#publish button").await;
    page.wait_for("#published", "Not published").await;

    let hub = Hub::start_on(&listen, &[]).await;
    both(&mut page, "state", "1 OPEN").await;
    both(
        &mut page,
        "notice",
        "The hub restarted: its history is another one",
    )
    .await;
    both(
        &mut page,
        "notice",
        "whatever came after event 1 of the old one is lost",
    )
    .await;
    both(&mut page, "reconnects", "1").await;
    hub.publish_data("demo", "after the restart").await;
    both(&mut page, "log", "after the restart").await;
    both(&mut page, "events", "2").await;
    page.window(1200, 900, "dark").await;
    page.screenshot("page-restarted").await;
    page.close().await;
}

#[tokio::test]
async fn the_page_goes_on_where_it_was_and_names_the_events_it_missed() {
    let hub = Hub::start(&["--keep-events", "50"]).await;
    let Some(mut page) = Page::open(&hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "1 OPEN").await;
    hub.publish_numbers("demo", 1..=2).await;
    both(&mut page, "events", "2").await;

    // Within what is kept: nothing is missed.
    click_both(&mut page, "toggle").await;
    both(&mut page, "state", "no connection").await;
    hub.publish_numbers("demo", 3..=22).await;
    click_both(&mut page, "toggle").await;
    both(&mut page, "events", "22").await;
    both(&mut page, "notice", "Connected: goes on after event 2").await;

    // Beyond it: events 23 to 72 are gone, 73 to 122 follow.
    click_both(&mut page, "toggle").await;
    hub.publish_numbers("demo", 23..=122).await;
    click_both(&mut page, "toggle").await;
    both(&mut page, "notice", "Missed events 23–72").await;
    both(&mut page, "events", "72").await;
    both(&mut page, "cursor", "-122").await;
    page.window(1200, 900, "light").await;
    page.screenshot("page-gap").await;
    assert_eq!(page.problems().await, Vec::<String>::new());
    page.close().await;
}

#[tokio::test]
async fn an_event_source_that_was_refused_for_good_is_replaced() {
    let hub = Hub::start(&[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(&hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "1 OPEN").await;
    hub.publish_data("demo", "seen").await;
    both(&mut page, "log", "seen").await;
    hub.kill().await;

    // A proxy without a hub behind it answers 502, and EventSource stops for ever.
    let proxy = tokio::net::TcpListener::bind(&listen).await.unwrap();
    let answering = tokio::spawn(async move {
        loop {
            let (mut io, _) = proxy.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut io, &mut head).await;
            let answer =
                b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut io, answer).await;
        }
    });
    page.wait_for(
        &format!("{} [data-field=state]", PANES[0]),
        "2 CLOSED, tries again in",
    )
    .await;
    answering.abort();
    let _ = answering.await;

    let hub = Hub::start_on(&listen, &[]).await;
    both(&mut page, "state", "1 OPEN").await;
    hub.publish_data("demo", "after the proxy").await;
    both(&mut page, "log", "after the proxy").await;
    page.close().await;
}
