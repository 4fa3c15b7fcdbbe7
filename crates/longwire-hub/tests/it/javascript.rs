//! `/longwire.js` in real browsers, against hubs that are killed, drained and hidden behind nginx.

use core::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Authority, Browser, Directory, ENDPOINT, Hub, Nginx, Page, Program, Tool, npm_packages, within,
};

/// A page of the hub's origin on which nothing else runs.
pub(crate) const BLANK: &str = "/longwire.d.ts";

/// Connects a client named `name` in the current tab, which keeps what it is told.
pub(crate) async fn connect(page: &mut Page, name: &str, url: &str, options: &str) {
    let script = format!(
        "import('/longwire.js').then(({{ connect }}) => {{
            const log = [];
            const client = connect({url:?}, {{ topics: 'numbers', name: {name:?}, ...{options} }});
            for (const type of ['event', 'gap', 'skipped', 'state', 'error']) {{
                client.addEventListener(type, ({{ detail }}) => log.push({{ type, ...detail }}));
            }}
            globalThis.{name} = {{ client, log, of: (type) => log.filter((e) => e.type === type) }};
        }})"
    );
    page.evaluate(&script).await;
}

pub(crate) async fn open(page: &mut Page, name: &str) {
    page.until(&format!(
        "{name}.client.state === 'open' && {name}.client.position !== null"
    ))
    .await;
}

/// Waits until the client has as many events, and gives their data in order.
pub(crate) async fn numbers(page: &mut Page, name: &str, count: usize) -> Vec<usize> {
    page.until(&format!("{name}.of('event').length >= {count}"))
        .await;
    let data = page
        .evaluate(&format!(
            "{name}.of('event').map(({{ data }}) => Number(data))"
        ))
        .await;
    serde_json::from_value(data).unwrap()
}

pub(crate) async fn gaps(page: &mut Page, name: &str) -> Vec<Value> {
    let gaps = page.evaluate(&format!("{name}.of('gap')")).await;
    serde_json::from_value(gaps).unwrap()
}

fn all(range: core::ops::RangeInclusive<usize>) -> Vec<usize> {
    range.collect()
}

/// Every way to carry events.
pub(crate) const WAYS: [(&str, &str); 3] = [
    ("socket", "{ shared: false }"),
    ("streamed", "{ shared: false, transport: 'sse' }"),
    (
        "native",
        "{ shared: false, transport: 'sse', events: ['tick'] }",
    ),
];

macro_rules! in_browsers {
    ($($test:ident => $chromium:ident, $firefox:ident;)*) => {$(
        #[tokio::test]
        async fn $chromium() {
            $test(Browser::Chromium).await;
        }

        #[tokio::test]
        async fn $firefox() {
            $test(Browser::Firefox).await;
        }
    )*};
}
pub(crate) use in_browsers;

in_browsers! {
    goes_on => chromium_goes_on_through_kills_and_drains, firefox_goes_on_through_kills_and_drains;
    keeps_its_place => chromium_keeps_its_place_for_the_next_page, firefox_keeps_its_place_for_the_next_page;
    waits_out => chromium_waits_out_a_proxy_without_a_hub, firefox_waits_out_a_proxy_without_a_hub;
    falls_back => chromium_falls_back_where_upgrades_are_lost, firefox_falls_back_where_upgrades_are_lost;
    shows_tokens => chromium_shows_its_token_at_every_attempt, firefox_shows_its_token_at_every_attempt;
}

async fn goes_on(browser: Browser) {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(browser, &hub.url("http", BLANK)).await else {
        return;
    };
    for (name, options) in WAYS {
        connect(&mut page, name, ENDPOINT, options).await;
    }
    for (name, _) in WAYS {
        open(&mut page, name).await;
    }
    hub.publish_numbers("numbers", 1..=20).await;
    numbers(&mut page, "socket", 20).await;
    assert_eq!(page.problems().await, Vec::<String>::new());
    hub.kill().await;
    let options = ["--data", directory.path()];
    let hub = Hub::start_on(&listen, &options).await;
    hub.publish_numbers("numbers", 21..=40).await;
    for (name, _) in WAYS {
        assert_eq!(numbers(&mut page, name, 40).await, all(1..=40), "{name}");
    }
    hub.stop().await;
    let hub = Hub::start_on(&listen, &options).await;
    hub.publish_numbers("numbers", 41..=60).await;
    for (name, _) in WAYS {
        assert_eq!(numbers(&mut page, name, 60).await, all(1..=60), "{name}");
        assert_eq!(gaps(&mut page, name).await, Vec::<Value>::new(), "{name}");
    }

    // Away for longer than the hub remembers.
    for (name, _) in WAYS {
        page.evaluate(&format!("{name}.client.pause()")).await;
    }
    hub.stop().await;
    let options = ["--data", directory.path(), "--keep-events", "10"];
    let hub = Hub::start_on(&listen, &options).await;
    hub.publish_numbers("numbers", 61..=100).await;
    for (name, _) in WAYS {
        page.evaluate(&format!("{name}.client.resume()")).await;
        let wanted = [all(1..=60), all(91..=100)].concat();
        assert_eq!(numbers(&mut page, name, 70).await, wanted, "{name}");
        let [gap] = &gaps(&mut page, name).await[..] else {
            panic!("not one gap over {name}");
        };
        assert_eq!(gap["reason"], "evicted", "{name}");
        let carrier = if name == "socket" { "websocket" } else { "sse" };
        let transport = page.evaluate(&format!("{name}.client.transport")).await;
        assert_eq!(transport, carrier, "{name}");
    }
    // The names that an EventSource was told, and all of them otherwise.
    let fields = [("topic", "numbers"), ("type", "tick"), ("data", "101")];
    assert_eq!(hub.publish(&fields).await.status, 200);
    for (name, _) in WAYS {
        assert_eq!(numbers(&mut page, name, 71).await[70], 101, "{name}");
        let event = format!("{name}.of('event').at(-1).event");
        assert_eq!(page.evaluate(&event).await, "tick", "{name}");
    }
    page.close().await;
}

async fn keeps_its_place(browser: Browser) {
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(browser, &hub.url("http", BLANK)).await else {
        return;
    };
    for (name, options) in [WAYS[0], WAYS[1]] {
        connect(&mut page, name, ENDPOINT, options).await;
        open(&mut page, name).await;
    }
    hub.publish_numbers("numbers", 1..=5).await;
    for name in ["socket", "streamed"] {
        numbers(&mut page, name, 5).await;
    }
    page.go("about:blank").await;
    hub.publish_numbers("numbers", 6..=9).await;
    page.go(&hub.url("http", BLANK)).await;
    for (name, options) in [WAYS[0], WAYS[1]] {
        connect(&mut page, name, ENDPOINT, options).await;
        assert_eq!(numbers(&mut page, name, 4).await, all(6..=9), "{name}");
        assert_eq!(gaps(&mut page, name).await, Vec::<Value>::new(), "{name}");
    }
    // Where nothing new has come, it is connected all the same.
    page.go(&hub.url("http", BLANK)).await;
    for (name, options) in [WAYS[0], WAYS[1]] {
        connect(&mut page, name, ENDPOINT, options).await;
        open(&mut page, name).await;
        let ends = page.evaluate(&format!("{name}.of('error').length")).await;
        assert_eq!(ends, 0, "{name}");
    }
    // Another topic from here on; then without the first.
    page.evaluate("socket.client.subscribe(['others'])").await;
    hub.publish_data("numbers", "10").await;
    hub.publish_data("others", "11").await;
    assert_eq!(numbers(&mut page, "socket", 2).await, all(10..=11));
    page.evaluate("socket.client.unsubscribe('numbers')").await;
    hub.publish_data("numbers", "12").await;
    hub.publish_data("others", "13").await;
    assert_eq!(numbers(&mut page, "socket", 3).await[2], 13);

    // What is published is answered with its place, or with the reason why not.
    let published = page
        .evaluate("socket.client.publish({ topic: 'others', data: '14', id: 'mine' })")
        .await;
    assert_eq!(published["id"], "mine");
    assert_eq!(numbers(&mut page, "socket", 4).await[3], 14);
    let position = page.evaluate("socket.client.position").await;
    assert_eq!(published["position"], position);
    let refused = "socket.client.publish({ topic: 'others', data: 'x', id: 'mine' })
        .catch(({ status, message }) => ({ status, message }))";
    assert_eq!(page.evaluate(refused).await["status"], 409);
    let bytes = "socket.client.publish({ topic: 'others', data: Uint8Array.of(0, 255) })
        .then(() => new Promise((resolve) => setTimeout(resolve, 100)))
        .then(() => socket.of('event').length)";
    page.evaluate(bytes).await;
    page.until("socket.of('event').length === 5").await;
    let last = page.evaluate("[...socket.log.findLast(({ type }) => type === 'event').data]");
    assert_eq!(last.await, json!([0, 255]));

    // As an iteration, which ends with the client.
    let iterated = "(async () => {
        const ends = new AbortController();
        const { connect } = await import('/longwire.js');
        const all = connect('/.well-known/mercure',
            { topics: '*', after: 'earliest', store: false, shared: false, signal: ends.signal });
        const found = [];
        for await (const item of all) {
            found.push(item.type);
            if (found.length === 5) ends.abort();
        }
        return [found.length, all.state];
    })()";
    assert_eq!(page.evaluate(iterated).await, json!([5, "closed"]));
    page.close().await;
}

/// nginx answers 502 for a while, at which an EventSource gives up for ever.
async fn waits_out(browser: Browser) {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let listen = hub.address().to_string();
    let Some(nginx) = Nginx::start(hub.address(), true).await else {
        return;
    };
    let url = format!("http://127.0.0.1:{}", nginx.port);
    let Some(mut page) = Page::open(browser, &format!("{url}{BLANK}")).await else {
        return;
    };
    page.evaluate(
        "void (globalThis.sources = [],
        globalThis.EventSource = class extends EventSource {
            constructor(...all) { super(...all); sources.push(this); this.first = performance.now(); }
        })",
    )
    .await;
    for (name, options) in WAYS {
        connect(&mut page, name, ENDPOINT, options).await;
        open(&mut page, name).await;
    }
    hub.publish_numbers("numbers", 1..=3).await;
    for (name, _) in WAYS {
        numbers(&mut page, name, 3).await;
    }
    hub.kill().await;
    let refused = "native.of('error').some(({ status }) => status === 502)";
    page.until(refused).await;
    for name in ["socket", "streamed"] {
        page.until(&format!("{name}.of('error').length > 1")).await;
    }
    tokio::time::sleep(outage()).await;
    let states = "[native, socket, streamed].map(({ client }) => client.state)";
    for state in page.evaluate(states).await.as_array().unwrap() {
        assert!(state == "waiting" || state == "connecting", "{state}");
    }

    let hub = Hub::start_on(&listen, &["--data", directory.path()]).await;
    hub.publish_numbers("numbers", 4..=6).await;
    for (name, _) in WAYS {
        assert_eq!(numbers(&mut page, name, 6).await, all(1..=6), "{name}");
        assert_eq!(gaps(&mut page, name).await, Vec::<Value>::new(), "{name}");
    }
    // The first one is closed, and the last one was told where to go on.
    let sources = page
        .evaluate("sources.map(({ readyState, url }) => [readyState, new URL(url).searchParams.get('lastEventID')])")
        .await;
    let sources: Vec<(u8, Option<String>)> = serde_json::from_value(sources).unwrap();
    assert!(sources.len() > 1, "{sources:?}");
    assert_eq!(sources[0], (2, None));
    let (state, resumed) = sources.last().unwrap();
    assert_eq!(*state, 1, "{sources:?}");
    assert!(resumed.as_ref().unwrap().ends_with("-3"), "{sources:?}");
    page.close().await;
}

/// How long there is no hub: 60 s at full size.
fn outage() -> Duration {
    let full = std::env::var_os("LONGWIRE_FULL_SIZE").is_some();
    Duration::from_secs(if full { 60 } else { 2 })
}

async fn falls_back(browser: Browser) {
    let hub = Hub::start(&[]).await;
    let Some(nginx) = Nginx::start(hub.address(), false).await else {
        return;
    };
    let blank = format!("http://127.0.0.1:{}{BLANK}", nginx.port);
    let Some(mut page) = Page::open(browser, &blank).await else {
        return;
    };
    connect(&mut page, "first", ENDPOINT, "{ shared: false }").await;
    open(&mut page, "first").await;
    assert_eq!(page.evaluate("first.client.transport").await, "sse");
    hub.publish_data("numbers", "1").await;
    numbers(&mut page, "first", 1).await;
    // The next page knows.
    page.go(&blank).await;
    page.evaluate(
        "void (globalThis.tried = 0,
        globalThis.WebSocket = class extends WebSocket {
            constructor(...all) { super(...all); tried += 1; }
        })",
    )
    .await;
    connect(&mut page, "second", ENDPOINT, "{ shared: false }").await;
    open(&mut page, "second").await;
    assert_eq!(
        page.evaluate("[second.client.transport, tried]").await,
        json!(["sse", 0])
    );
    page.close().await;
}

async fn shows_tokens(browser: Browser) {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let listen = hub.address().to_string();
    let Some(mut page) = Page::open(browser, &hub.url("http", BLANK)).await else {
        return;
    };
    let token = authority.token(&["*"], &["*"], 600);
    let headers = format!("{{ Authorization: 'Bearer {token}' }}");
    page.evaluate("void (globalThis.asked = {})").await;
    let hook = |name: &str| {
        format!(
            "token: ({{ refresh }}) => {{
                const times = asked.{name} = (asked.{name} ?? 0) + 1;
                return times === 1 ? 'refused' : times === 2 && !refresh ? 'again' : {token:?};
            }}"
        )
    };
    let ways = [
        (
            "fields",
            format!("{{ shared: false, transport: 'sse', headers: {headers} }}"),
        ),
        (
            "socket",
            format!(
                "{{ shared: false, transport: 'websocket', {} }}",
                hook("socket")
            ),
        ),
        (
            "streamed",
            format!(
                "{{ shared: false, transport: 'sse', {} }}",
                hook("streamed")
            ),
        ),
        (
            "native",
            format!(
                "{{ shared: false, transport: 'sse', events: [], {} }}",
                hook("native")
            ),
        ),
        ("tabs", format!("{{ {} }}", hook("tabs"))),
    ];
    for (name, options) in &ways {
        connect(&mut page, name, ENDPOINT, options).await;
    }
    for (name, _) in &ways {
        open(&mut page, name).await;
    }
    let publish = |n: usize| {
        format!("fields.client.publish({{ topic: 'numbers', data: '{n}', private: true }})")
    };
    page.evaluate(&publish(1)).await;
    for (name, _) in &ways {
        numbers(&mut page, name, 1).await;
    }
    let before = page.evaluate("asked.socket").await.as_u64().unwrap();
    hub.stop().await;
    let hub = authority.hub_on(&listen, &[]).await;
    page.until("Object.values(asked).length === 4").await;
    for (name, _) in &ways {
        open(&mut page, name).await;
        // The log went with the hub.
        page.until(&format!("{name}.of('gap').length === 1")).await;
    }
    page.evaluate(&publish(2)).await;
    for (name, _) in &ways {
        assert_eq!(numbers(&mut page, name, 2).await, [1, 2], "{name}");
    }
    let after = page.evaluate("asked.socket").await.as_u64().unwrap();
    assert!(
        after > before,
        "a ticket for each attempt: {before}, {after}"
    );

    // The end of a token is no loss, as long as there is another one.
    let short = authority.token(&["*"], &["*"], 8);
    let hook = format!(
        "{{ shared: false, transport: 'websocket',
            token: ({{ refresh }}) => refresh ? {token:?} : {short:?} }}"
    );
    connect(&mut page, "ending", ENDPOINT, &hook).await;
    page.until("ending.of('error').some(({ code }) => code === 4001)")
        .await;
    page.evaluate(&publish(3)).await;
    assert_eq!(numbers(&mut page, "ending", 1).await, [3]);

    // Who is refused for good does not come back.
    for (name, options) in [
        (
            "wrong",
            "{ shared: false, transport: 'sse', headers: { Authorization: 'Bearer x' } }",
        ),
        ("nobody", "{ shared: false, transport: 'websocket' }"),
        ("unheard", "{ shared: false, transport: 'sse', events: [] }"),
        ("refused", "{ shared: false, token: () => 'x' }"),
    ] {
        connect(&mut page, name, ENDPOINT, options).await;
        page.until(&format!("{name}.client.state === 'closed'"))
            .await;
        let error = page.evaluate(&format!("{name}.of('error').at(-1)")).await;
        assert_eq!(error["status"], 401, "{name}: {error}");
        assert_eq!(error["final"], true, "{name}: {error}");
    }
    drop(hub);
    page.close().await;
}

#[tokio::test]
async fn a_quiet_hub_is_told_from_a_dead_one() {
    let hub = Hub::start(&[]).await;
    let Some(mut page) = Page::open(Browser::Chromium, &hub.url("http", BLANK)).await else {
        return;
    };
    let ways = [WAYS[0], WAYS[1]];
    for (name, options) in ways {
        connect(&mut page, name, ENDPOINT, options).await;
        open(&mut page, name).await;
    }
    // Longer than a WebSocket on which nothing was heard, and no answer, is kept.
    tokio::time::sleep(Duration::from_secs(40)).await;
    for (name, _) in ways {
        let ends = page.evaluate(&format!("{name}.of('error').length")).await;
        assert_eq!(ends, 0, "{name}");
    }
    hub.signal(Signal::STOP);
    for (name, _) in ways {
        page.until(&format!(
            "{name}.of('error').some(({{ reason }}) => reason === 'nothing was heard')"
        ))
        .await;
    }
    hub.signal(Signal::CONT);
    hub.publish_data("numbers", "1").await;
    for (name, _) in ways {
        assert_eq!(numbers(&mut page, name, 1).await, [1], "{name}");
    }
    page.close().await;
}

#[tokio::test]
async fn without_a_network_nothing_is_tried() {
    let hub = Hub::start(&[]).await;
    let listen = hub.address().to_string();
    let Some(nginx) = Nginx::start(hub.address(), true).await else {
        return;
    };
    // A name that is not of this machine, which can always be reached.
    let blank = format!("http://hub.example:{}{BLANK}", nginx.port);
    let Some(mut page) = Page::open(Browser::Chromium, &blank).await else {
        return;
    };
    connect(
        &mut page,
        "away",
        ENDPOINT,
        "{ shared: false, transport: 'sse' }",
    )
    .await;
    open(&mut page, "away").await;
    page.offline(true).await;
    hub.kill().await;
    page.until("away.client.state === 'waiting' && away.of('state').at(-1).reason === 'offline'")
        .await;
    let hub = Hub::start_on(&listen, &[]).await;
    let before = page.evaluate("away.log.length").await;
    // What is published waits too, and so it does while nobody wants a connection.
    let publish = |n: usize| {
        format!(
            "void (globalThis.published = away.client.publish({{ topic: 'numbers', data: '{n}' }}))"
        )
    };
    page.evaluate(
        "void (globalThis.posts = 0, globalThis.direct = fetch,
        globalThis.fetch = (...request) => {
            posts += request[1]?.method === 'POST';
            return direct(...request);
        })",
    )
    .await;
    page.evaluate(&publish(1)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(page.evaluate("away.log.length").await, before);
    assert_eq!(
        page.evaluate("[posts, away.client.queued]").await,
        json!([0, 1])
    );
    page.offline(false).await;
    open(&mut page, "away").await;
    assert!(page.evaluate("published").await["position"].is_string());
    assert_eq!(numbers(&mut page, "away", 1).await, [1]);

    page.offline(true).await;
    page.until("!navigator.onLine").await;
    page.evaluate("away.client.pause()").await;
    page.evaluate(&publish(2)).await;
    assert_eq!(
        page.evaluate("[posts, away.client.queued]").await,
        json!([1, 1])
    );
    page.offline(false).await;
    assert!(page.evaluate("published").await["position"].is_string());
    page.evaluate("away.client.resume()").await;
    assert_eq!(numbers(&mut page, "away", 2).await, [1, 2]);
    drop(hub);
    page.close().await;
}

#[tokio::test]
async fn the_parts_that_need_no_browser_do_what_they_should() {
    let Some([node]) = Tool::find([Tool::Node]) else {
        return;
    };
    let scripts = ["longwire", "outbox"]
        .map(|name| format!("{}/tests/node/{name}.test.mjs", env!("CARGO_MANIFEST_DIR")));
    let arguments = ["--test"]
        .into_iter()
        .chain(scripts.iter().map(|path| &**path));
    let (output, content) = Program::start(node, arguments).finish().await;
    assert!(content, "{}", output.join("\n"));
    assert!(output.iter().any(|line| line == "# fail 0"), "{output:?}");
}

/// The book states the size.
#[tokio::test]
async fn the_module_is_small() {
    let Some([node]) = Tool::find([Tool::Node]) else {
        return;
    };
    let hub = Hub::start(&[]).await;
    let script = "fetch(process.argv[1]).then((answer) => answer.arrayBuffer())
        .then((module) => console.log(require('node:zlib').gzipSync(module).length))";
    let url = hub.url("http", "/longwire.js");
    let (output, _) = Program::start(node, ["-e", script, &url]).finish().await;
    let bytes: usize = output[0].parse().unwrap();
    assert!((1..13 * 1024).contains(&bytes), "{bytes} bytes");
}

#[tokio::test]
async fn the_types_are_those_of_the_module() {
    let Some([node]) = Tool::find([Tool::Node]) else {
        return;
    };
    let compiler = npm_packages().join("typescript/bin/tsc");
    let source = format!("{}/tests/node/types.ts", env!("CARGO_MANIFEST_DIR"));
    let arguments = [
        compiler.to_str().unwrap(),
        "--noEmit",
        "--strict",
        "--target",
        "es2023",
        "--lib",
        "es2023,dom,dom.iterable,dom.asynciterable",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
        "--types",
        "",
        &source,
    ];
    let (output, content) = within("the compiler", Program::start(node, arguments).finish()).await;
    assert!(content, "{}", output.join("\n"));
}
