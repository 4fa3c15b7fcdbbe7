//! The page: both carriers side by side, through restarts and gaps.

use rustix::process::Signal;
use serde_json::Value;

use crate::javascript::in_browsers;
use crate::support::{
    Authority, Browser, CARRIERS, Directory, ENDPOINT, Hub, Page, Program, Seen, Subscriber, Tool,
};

const PANES: [&str; 2] = ["[data-carrier=sse]", "[data-carrier=websocket]"];

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
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "Connected").await;
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
    page.close().await;
}

#[tokio::test]
async fn every_topic_can_be_watched_and_named_events_are_heard() {
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "Connected").await;
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
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "Connected").await;
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
    let curl = page.text("#curl-publish").await;
    assert_eq!(curl.matches("topic=").count(), 1);
    page.close().await;
}

in_browsers! {
    comes_back => the_page_comes_back_in_chromium, the_page_comes_back_in_firefox;
    goes_on => the_page_goes_on_after_a_kill_in_chromium, the_page_goes_on_after_a_kill_in_firefox;
}

/// A hub without its log says that its history is another one.
async fn comes_back(browser: Browser) {
    let hub = Hub::start(&[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(browser, &hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "Connected").await;
    hub.publish_data("demo", "before the restart").await;
    both(&mut page, "log", "before the restart").await;
    assert_eq!(page.problems().await, Vec::<String>::new());

    hub.signal(Signal::TERM);
    let [sse, ws] = PANES.map(|pane| format!("{pane} [data-field=notice]"));
    page.wait_for(&sse, "Connection lost").await;
    page.wait_for(&ws, "Connection lost: the hub restarts")
        .await;
    assert_eq!(hub.ended().await.0.code(), Some(0));
    page.click("#publish button").await;
    page.wait_for("#published", "Waits for the hub").await;

    let hub = Hub::start_on(&listen, &[]).await;
    page.wait_for("#published", "answered after").await;
    both(&mut page, "state", "Connected").await;
    let epoch = "The hub's history is another one: whatever came after event 1";
    both(&mut page, "notice", epoch).await;
    both(&mut page, "reconnects", "1").await;
    both(&mut page, "gaps", "1").await;
    hub.publish_data("demo", "after the restart").await;
    both(&mut page, "log", "after the restart").await;
    both(&mut page, "events", "3").await;
    page.window(1200, 900, "dark").await;
    page.screenshot(&format!("page-restarted-{browser:?}"))
        .await;
    page.close().await;
}

async fn goes_on(browser: Browser) {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(browser, &hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "Connected").await;
    hub.publish_numbers("demo", 1..=3).await;
    both(&mut page, "events", "3").await;
    hub.kill().await;
    let hub = Hub::start_on(&listen, &["--data", directory.path()]).await;
    hub.publish_numbers("demo", 4..=5).await;
    both(&mut page, "events", "5").await;
    both(&mut page, "reconnects", "1").await;
    both(&mut page, "gaps", "0").await;
    page.close().await;
}

#[tokio::test]
async fn the_page_goes_on_where_it_was_and_names_the_events_it_missed() {
    let hub = Hub::start(&["--keep-events", "50"]).await;
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "Connected").await;
    hub.publish_numbers("demo", 1..=2).await;
    both(&mut page, "events", "2").await;

    // Within what is kept: nothing is missed.
    click_both(&mut page, "toggle").await;
    both(&mut page, "state", "Disconnected").await;
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
async fn the_page_works_by_keyboard_and_on_a_phone() {
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", "/")).await else {
        return;
    };
    page.window(360, 740, "light").await;
    both(&mut page, "state", "Connected").await;

    // In the order in which one reads, everything that can be used has a name.
    let focused = "(({ activeElement: e }) => e.labels?.[0]?.innerText
        || e.getAttribute('aria-label') || e.innerText || e.tagName)(document)";
    let mut walk = Vec::new();
    loop {
        page.press("Tab").await;
        let name = page.evaluate(focused).await;
        let name = name.as_str().unwrap().to_owned();
        if name.is_empty() || name.starts_with("Longwire hub") || walk.len() > 30 {
            break;
        }
        walk.push(name);
    }
    let wanted = [
        "Topics (spaces between, * for all)",
        "Subscribe from now on",
        "From the beginning",
        "With a token",
        "In a terminal",
        "Topic",
        "Event name (optional)",
        "Text (Ctrl+Enter sends)",
        "Publish",
        "Publish 100",
        "Disconnect",
        "Clear",
        "Events, newest first",
        "Disconnect",
        "Clear",
        "Events, newest first",
        "What to try",
        "How the figures are made",
    ];
    assert_eq!(walk, wanted);

    page.evaluate("document.querySelector('#text').focus()")
        .await;
    page.press("Control+Enter").await;
    both(&mut page, "events", "1").await;
    page.press("Tab").await;
    page.press("Tab").await;
    page.press("Enter").await;
    both(&mut page, "events", "101").await;
    page.press("Tab").await;
    page.press("Enter").await;
    let state = format!("{} [data-field=state]", PANES[0]);
    page.wait_for(&state, "Disconnected").await;
    // What changes is said aloud.
    let live = "document.querySelectorAll('[role=status]').length";
    assert_eq!(page.evaluate(live).await, 5);

    for (width, colors) in [
        (360, "light"),
        (360, "dark"),
        (1200, "light"),
        (1200, "dark"),
    ] {
        page.window(width, 740, colors).await;
        let overflow = "document.documentElement.scrollWidth - innerWidth";
        let overflow = page.evaluate(overflow).await;
        assert_eq!(overflow, Value::from(0), "wider than {width} pixels");
        page.screenshot(&format!("page-{width}-{colors}")).await;
    }
    assert_eq!(page.problems().await, Vec::<String>::new());
    page.close().await;
}

#[tokio::test]
async fn the_page_shows_a_token() {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", "/")).await else {
        return;
    };
    both(&mut page, "state", "Ended").await;
    both(&mut page, "notice", "Ended: a token is needed").await;
    page.click("#publish button").await;
    let refused = "Not published: the client has closed: a token is needed";
    page.wait_for("#published", refused).await;
    let token = authority.token(&["*"], &["*"], 600);
    page.evaluate("document.querySelector('#subscribe details').open = true")
        .await;
    page.fill("#token", &token).await;
    page.click("#subscribe button").await;
    both(&mut page, "state", "Connected").await;
    page.click("#publish button").await;
    both(&mut page, "events", "1").await;
    page.close().await;
}
