//! What pages publish while there is no hub, or while its answers are lost.

use serde_json::{Value, json};

use crate::javascript::{BLANK, connect, in_browsers, numbers, open};
use crate::support::{Browser, Carrier, Directory, ENDPOINT, Hub, Page, Subscriber};

/// Publishes these numbers one after the other without waiting, and keeps the promises.
async fn publish(page: &mut Page, name: &str, numbers: core::ops::RangeInclusive<usize>) {
    let (first, last) = (numbers.start(), numbers.end());
    let script = format!(
        "void ({name}.promises ??= [], (() => {{
            for (let n = {first}; n <= {last}; n += 1) {{
                {name}.promises.push({name}.client.publish({{ topic: {name:?}, data: String(n) }}));
            }}
        }})())"
    );
    page.evaluate(&script).await;
}

/// Waits for the answers: the offsets of the events.
async fn answers(page: &mut Page, name: &str) -> Vec<u64> {
    let script = format!(
        "Promise.all({name}.promises).then((all) => all.map(({{ position }}) => position.split('-')[1]))"
    );
    let offsets: Vec<String> = serde_json::from_value(page.evaluate(&script).await).unwrap();
    offsets
        .iter()
        .map(|offset| offset.parse().unwrap())
        .collect()
}

/// What the log has of a topic, in order.
async fn logged(hub: &Hub, topic: &str) -> Vec<usize> {
    let end = hub.publish_data(topic, "end").await;
    assert!(end.starts_with('#'));
    let mut log = Subscriber::after(Carrier::EventStream, hub, topic, "earliest").await;
    let mut found = Vec::new();
    loop {
        match log.data().await.parse() {
            Ok(number) => found.push(number),
            Err(_) => return found,
        }
    }
}

const WAYS: [(&str, &str); 3] = [
    ("socket", "{ shared: false, topics: 'socket' }"),
    (
        "streamed",
        "{ shared: false, topics: 'streamed', transport: 'sse' }",
    ),
    (
        "native",
        "{ shared: false, topics: 'native', transport: 'sse', events: [] }",
    ),
];

in_browsers! {
    goes_through => chromium_publishes_through_a_kill, firefox_publishes_through_a_kill;
}

/// Each event is acknowledged, in the log, and seen by another client: once, and in order.
async fn goes_through(browser: Browser) {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(browser, &hub.url("http", BLANK)).await else {
        return;
    };
    // What is published before the first connection waits for it.
    for (name, options) in WAYS {
        connect(&mut page, name, ENDPOINT, options).await;
        publish(&mut page, name, 1..=20).await;
    }
    for (name, _) in WAYS {
        open(&mut page, name).await;
        assert_eq!(answers(&mut page, name).await.len(), 20);
    }
    // In the midst of many,
    for (name, _) in WAYS {
        publish(&mut page, name, 21..=60).await;
    }
    page.until("socket.client.queued < 40").await;
    hub.kill().await;
    // while nobody has noticed yet perhaps,
    for (name, _) in WAYS {
        publish(&mut page, name, 61..=70).await;
    }
    // and after everybody has.
    for (name, _) in WAYS {
        let waits = format!("['waiting', 'connecting'].includes({name}.client.state)");
        page.until(&waits).await;
        publish(&mut page, name, 71..=80).await;
        let queued = format!("{name}.client.queued");
        assert!(page.evaluate(&queued).await.as_u64().unwrap() >= 20);
    }
    let hub = Hub::start_on(&listen, &["--data", directory.path()]).await;
    let wanted: Vec<usize> = (1..=80).collect();
    for (name, _) in WAYS {
        let offsets = answers(&mut page, name).await;
        assert!(offsets.is_sorted_by(|a, b| a < b), "{name}: {offsets:?}");
        assert_eq!(numbers(&mut page, name, 80).await, wanted, "{name}");
        assert_eq!(logged(&hub, name).await, wanted, "{name}");
        let left = format!("{name}.client.queued");
        assert_eq!(page.evaluate(&left).await, 0);
    }
    page.close().await;
}

/// The hub takes an event, and its answer does not arrive.
#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_event() {
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", BLANK)).await else {
        return;
    };
    page.evaluate(
        "void (globalThis.posts = [], globalThis.direct = fetch,
        globalThis.fetch = async (...request) => {
            const response = await direct(...request);
            const body = request[1]?.body;
            if (!body || posts.push(body) % 2 === 0) return response;
            await response.text();
            throw new TypeError('the answer is lost');
        })",
    )
    .await;
    let options = "{ shared: false, topics: 'socket', backoff: { base: 10, floor: 1 } }";
    connect(&mut page, "socket", ENDPOINT, options).await;
    publish(&mut page, "socket", 1..=10).await;
    assert_eq!(
        answers(&mut page, "socket").await,
        (1..=10).collect::<Vec<u64>>()
    );
    let posts = page.evaluate("posts").await;
    let posts: Vec<String> = serde_json::from_value(posts).unwrap();
    assert_eq!(posts.len(), 20);
    for pair in posts.chunks(2) {
        assert_eq!(pair[0], pair[1], "the same again, its id included");
    }
    let wanted: Vec<usize> = (1..=10).collect();
    assert_eq!(logged(&hub, "socket").await, wanted);
    page.close().await;
}

#[tokio::test]
async fn a_queue_has_an_end() {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", BLANK)).await else {
        return;
    };
    let options = "{ shared: false, topics: 'few', queue: { items: 3, bytes: 1000 } }";
    connect(&mut page, "few", ENDPOINT, options).await;
    open(&mut page, "few").await;
    hub.kill().await;
    page.until("few.client.state !== 'open'").await;
    let refused = |data: &str| {
        format!(
            "few.client.publish({{ topic: 'few', data: {data} }}).then(() => null,
                ({{ name, code, status, message }}) => ({{ name, code, status, message }}))"
        )
    };
    let full = json!({
        "name": "PublishError", "code": "full", "status": null,
        "message": "too much waits to be published",
    });
    publish(&mut page, "few", 1..=2).await;
    assert_eq!(page.evaluate(&refused("'x'.repeat(999)")).await, full);
    publish(&mut page, "few", 3..=3).await;
    assert_eq!(page.evaluate(&refused("''")).await, full);
    // Who does not want to wait any more is not made to.
    connect(
        &mut page,
        "other",
        ENDPOINT,
        "{ shared: false, topics: 'few' }",
    )
    .await;
    let aborted =
        "other.client.publish({ topic: 'few', data: '0' }, { signal: AbortSignal.timeout(50) })
        .then(() => null, ({ name }) => name)";
    assert_eq!(page.evaluate(aborted).await, "TimeoutError");
    assert_eq!(page.evaluate("other.client.queued").await, 0);
    // And so does an end.
    let ended = "(() => {
        const waits = other.client.publish({ topic: 'few', data: '0' });
        other.client.close();
        return waits.then(() => null, ({ code }) => code);
    })()";
    assert_eq!(page.evaluate(ended).await, "closed");
    assert_eq!(
        page.evaluate(
            "other.client.publish({ topic: 'few' }).then(() => null, ({ code }) => code)"
        )
        .await,
        "closed"
    );

    let hub = Hub::start_on(&listen, &["--data", directory.path()]).await;
    page.until("few.client.queued === 0").await;
    assert_eq!(logged(&hub, "few").await, [1, 2, 3]);
    // What the hub does not want is no reason for what follows to wait.
    let long = refused("'x'.repeat(999), id: '#mine'");
    publish(&mut page, "few", 4..=4).await;
    let answer = page.evaluate(&long).await;
    assert_eq!(
        (&answer["code"], &answer["status"]),
        (&"refused".into(), &400.into())
    );
    publish(&mut page, "few", 5..=5).await;
    assert_eq!(answers(&mut page, "few").await.len(), 5);
    page.close().await;
}

/// Each tab has its own queue, whoever has the connection.
#[tokio::test]
async fn what_a_tab_publishes_outlives_the_tab_that_leads() {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let listen = hub.address().to_string();
    let blank = hub.url("http", BLANK);
    let Some(mut page) = Page::open(Browser::Chromium, &blank).await else {
        return;
    };
    let shared = [
        ("worker", "{ topics: 'worker', shared: true }"),
        ("locks", "{ topics: 'locks', shared: 'locks' }"),
    ];
    for tab in 0..2 {
        if tab > 0 {
            assert_eq!(page.tab(&blank).await, tab);
        }
        for (name, options) in shared {
            connect(&mut page, name, ENDPOINT, options).await;
            open(&mut page, name).await;
        }
    }
    for (name, _) in shared {
        publish(&mut page, name, 1..=10).await;
    }
    hub.kill().await;
    for (name, _) in shared {
        page.until(&format!("{name}.client.state !== 'open'")).await;
        publish(&mut page, name, 11..=20).await;
    }
    // The first tab leads.
    page.close_tab(0).await;
    page.look(1).await;
    let hub = Hub::start_on(&listen, &["--data", directory.path()]).await;
    let wanted: Vec<usize> = (1..=20).collect();
    for (name, _) in shared {
        let offsets = answers(&mut page, name).await;
        assert!(offsets.is_sorted_by(|a, b| a < b), "{name}: {offsets:?}");
        assert_eq!(numbers(&mut page, name, 20).await, wanted, "{name}");
        assert_eq!(logged(&hub, name).await, wanted, "{name}");
    }
    page.close().await;
}

/// A log in memory ends with its hub: what waits is published to the next one, and what may have
/// been in the last one is not.
#[tokio::test]
async fn nothing_is_repeated_to_another_log() {
    let hub = Hub::start(&[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", BLANK)).await else {
        return;
    };
    page.evaluate(
        "void (globalThis.direct = fetch,
        globalThis.fetch = async (...request) => {
            if (globalThis.taken === null && request[1]?.body?.includes('data=1&')) {
                const response = await direct(...request);
                globalThis.taken = await response.text();
                // Until the client has seen the end.
                await new Promise((resolve) => (globalThis.lose = resolve));
                throw new TypeError('the answer is lost');
            }
            return direct(...request);
        })",
    )
    .await;
    for (name, options) in [WAYS[0], WAYS[1]] {
        connect(&mut page, name, ENDPOINT, options).await;
        open(&mut page, name).await;
    }
    let mut hub = hub;
    for (name, _) in [WAYS[0], WAYS[1]] {
        page.evaluate("void (globalThis.taken = null)").await;
        open(&mut page, name).await;
        publish(&mut page, name, 1..=2).await;
        page.until("taken !== null").await;
        hub.kill().await;
        page.until(&format!("{name}.client.state !== 'open'")).await;
        page.evaluate("lose()").await;
        hub = Hub::start_on(&listen, &[]).await;
        let outcome = format!(
            "Promise.allSettled({name}.promises).then((all) => all.map(({{ status, reason }}) => [status, reason?.code]))"
        );
        let wanted = json!([["rejected", "unknown"], ["fulfilled", Value::Null]]);
        assert_eq!(page.evaluate(&outcome).await, wanted, "{name}");
        assert_eq!(logged(&hub, name).await, [2], "{name}");
    }
    page.close().await;
}
