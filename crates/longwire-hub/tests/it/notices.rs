//! What pages are told beside events and gaps: what was left out, that a token has ended; and events
//! that have no place in the log.

use serde_json::{Value, json};

use crate::javascript::{BLANK, WAYS, connect, gaps, in_browsers, numbers, open};
use crate::support::{Authority, Browser, ENDPOINT, Hub, Page, Request, Stall, form};

/// So many large events do not fit into the sockets between the hub and a page.
const ROUNDS: usize = 100;

in_browsers! {
    left_out => chromium_is_told_what_was_left_out, firefox_is_told_what_was_left_out;
    live_only => chromium_gets_what_is_ephemeral, firefox_gets_what_is_ephemeral;
    renews => chromium_renews_a_token_at_once_but_not_for_ever, firefox_renews_a_token_at_once_but_not_for_ever;
}

async fn left_out(browser: Browser) {
    let hub = Hub::start(&[]).await;
    let stall = Stall::before(&hub).await;
    let blank = format!("http://127.0.0.1:{}{BLANK}", stall.port);
    let Some(mut page) = Page::open(browser, &blank).await else {
        return;
    };
    let large = "x".repeat(64 * 1024);
    for (name, options) in WAYS {
        // The rest stays as it is: one at a time, so that five seconds are enough.
        let options = format!("{{ ...{options}, topics: ['/{name}/{{any}}'], slow: 'latest' }}");
        connect(&mut page, name, ENDPOINT, &options).await;
        open(&mut page, name).await;
        // On a connection that was not idle meanwhile: the hub would leave it.
        let mut publisher = hub.connect().await;
        stall.hold(true);
        let topics = ["a", "b", "c"].map(|topic| format!("/{name}/{topic}"));
        for round in 0..ROUNDS + 3 {
            let data = if round < ROUNDS { &*large } else { "last" };
            let body = form(&[("topic", &topics[round % 3]), ("data", data)]);
            let response = publisher.request(Request::publish(&body)).await;
            assert_eq!(response.status, 200);
        }
        stall.hold(false);
        page.until(&format!(
            "{name}.of('event').filter(({{ data }}) => data === 'last').length === 3"
        ))
        .await;
        let skipped = page.evaluate(&format!("{name}.of('skipped')")).await;
        let skipped: Vec<Value> = serde_json::from_value(skipped).unwrap();
        assert!(!skipped.is_empty(), "the stall was too short for {name}");
        for one in &skipped {
            assert_eq!(one["reason"], "latest", "{name}: {one}");
            for place in ["after", "until"] {
                assert!(one[place].as_str().unwrap().starts_with('#'), "{one}");
            }
        }
        let left_out: u64 = skipped
            .iter()
            .map(|one| one["count"].as_u64().unwrap())
            .sum();
        let came = page.evaluate(&format!("{name}.of('event').length")).await;
        // Nothing is missing that was not said.
        assert_eq!(
            came.as_u64().unwrap() + left_out,
            ROUNDS as u64 + 3,
            "{name}"
        );
        assert_eq!(gaps(&mut page, name).await, Vec::<Value>::new(), "{name}");
    }
    page.close().await;
}

async fn live_only(browser: Browser) {
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(browser, &hub.url("http", BLANK)).await else {
        return;
    };
    for (name, options) in WAYS {
        connect(&mut page, name, ENDPOINT, options).await;
        open(&mut page, name).await;
    }
    connect(&mut page, "together", ENDPOINT, "{ transport: 'sse' }").await;
    open(&mut page, "together").await;
    let live = |n: usize| {
        format!("socket.client.publish({{ topic: 'numbers', data: '{n}', ephemeral: true }})")
    };
    // Before and after events of either kind, and one like the other.
    for n in [1, 1] {
        let published = page.evaluate(&live(n)).await;
        assert_eq!(published, json!({ "id": "", "position": null }));
    }
    hub.publish_data("numbers", "2").await;
    page.evaluate(&live(3)).await;
    page.evaluate("socket.client.publish({ topic: 'numbers', data: '4' })")
        .await;
    for n in [5, 5] {
        page.evaluate(&live(n)).await;
    }
    hub.publish_data("numbers", "6").await;
    for name in ["socket", "streamed", "native", "together"] {
        let wanted = [1, 1, 2, 3, 4, 5, 5, 6];
        assert_eq!(numbers(&mut page, name, 8).await, wanted, "{name}");
        let places =
            format!("{name}.of('event').map(({{ id, position }}) => Boolean(id || position))");
        let wanted = json!([false, false, true, false, true, false, false, true]);
        assert_eq!(page.evaluate(&places).await, wanted, "{name}");
        assert_eq!(gaps(&mut page, name).await, Vec::<Value>::new(), "{name}");
    }
    // What is live only does not wait.
    hub.kill().await;
    let unknown = format!("{}.then(() => null, ({{ code }}) => code)", live(7));
    assert_eq!(page.evaluate(&unknown).await, "unknown");
    assert_eq!(page.evaluate("socket.client.queued").await, 0);
    page.close().await;
}

/// A token that ends is replaced without delay; one that ends as soon again is not believed so fast.
async fn renews(browser: Browser) {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let Some(mut page) = Page::open(browser, &hub.url("http", BLANK)).await else {
        return;
    };
    let token = |seconds| authority.token(&["*"], &["*"], seconds);
    let (ended, last) = (token(0), token(600));
    for (name, options) in WAYS {
        // One after the other, so that each connects with a token that has not ended yet.
        // The second ends sooner after the first than a connection takes to be healthy, by four
        // seconds.
        let (first, second) = (token(8), token(14));
        // Delays that nobody takes for none.
        let options = format!(
            "{{ ...{options}, backoff: {{ base: 3000, floor: 3000 }}, token: ({{ refresh }}) => {{
                const tokens = [{first:?}, {second:?}, {last:?}];
                const times = globalThis.{name}Refreshed ??= [];
                if (refresh) times.push(performance.now());
                return tokens[Math.min(times.length, 2)];
            }} }}"
        );
        connect(&mut page, name, ENDPOINT, &options).await;
        open(&mut page, name).await;
    }
    for (name, _) in WAYS {
        page.until(&format!("{name}Refreshed.length === 2")).await;
        open(&mut page, name).await;
        let ends = page.evaluate(&format!("{name}.of('error')")).await;
        let end = json!({
            "type": "error", "reason": "the token has ended", "code": 4001, "final": false,
        });
        assert_eq!(ends, json!([end, end]), "{name}");
        let waits = format!(
            "{name}.of('state').filter(({{ state }}) => state === 'waiting')
                .map(({{ reason, retryIn }}) => [reason, retryIn === 0, retryIn >= 3000])"
        );
        let wanted = json!([
            ["the token has ended", true, false],
            ["the token has ended", false, true],
        ]);
        assert_eq!(page.evaluate(&waits).await, wanted, "{name}");
    }
    let publish = "socket.client.publish({ topic: 'numbers', data: '1', private: true })";
    page.evaluate(publish).await;
    for (name, _) in WAYS {
        assert_eq!(numbers(&mut page, name, 1).await, [1], "{name}");
        assert_eq!(gaps(&mut page, name).await, Vec::<Value>::new(), "{name}");
    }

    // Without another one it is the end.
    for (name, options) in WAYS {
        let token = token(3);
        let options = format!("{{ ...{options}, token: {token:?} }}");
        let name = format!("{name}Ends");
        connect(&mut page, &name, ENDPOINT, &options).await;
        page.until(&format!("{name}.client.state === 'closed'"))
            .await;
        let error = page.evaluate(&format!("{name}.of('error').at(-1)")).await;
        assert_eq!(error["final"], true, "{name}: {error}");
    }
    // What is published with a token that has ended is published with the next one.
    let options =
        format!("{{ shared: false, token: ({{ refresh }}) => refresh ? {last:?} : {ended:?} }}");
    connect(&mut page, "late", ENDPOINT, &options).await;
    open(&mut page, "late").await;
    let publish = "late.client.publish({ topic: 'numbers', data: '2' })";
    assert!(page.evaluate(publish).await["position"].is_string());
    page.close().await;
}
