//! What shows how the hub is.

use jsonwebtoken::{EncodingKey, Header, encode};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    CARRIERS, Carrier, Connection, Directory, Hub, Program, Request, Seen, Subscriber, Tool, form,
    free_address, number, within,
};

async fn get(address: core::net::SocketAddr, path: &str) -> (u16, String) {
    let mut connection = Connection::open(address).await;
    let response = within("an answer", connection.request(Request::new("GET", path))).await;
    (response.status, response.text().to_owned())
}

#[tokio::test]
async fn the_numbers_say_what_happened() {
    let hub = Hub::start(&["--keep-events", "5"]).await;
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push(Subscriber::live(carrier, &hub, "t").await);
    }
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(hub.publish_data("t", "x").await);
        // Read before the next: who is five behind has a gap.
        for subscriber in &mut subscribers {
            assert!(matches!(subscriber.next().await, Seen::Event { .. }));
        }
    }
    // One that comes back in time, one that does not, and one that publishes again.
    let mut back = Subscriber::after(Carrier::WebSocket, &hub, "t", &ids[8]).await;
    assert!(matches!(back.next().await, Seen::Event { .. }));
    let mut late = Subscriber::after(Carrier::EventStream, &hub, "t", &ids[0]).await;
    assert!(matches!(late.next().await, Seen::Gap(_)));
    for _ in 0..5 {
        assert!(matches!(late.next().await, Seen::Event { .. }));
    }
    for _ in 0..2 {
        let again = hub
            .publish(&[("topic", "t"), ("id", "again"), ("data", "x")])
            .await;
        assert_eq!(again.status, 200);
    }
    assert_eq!(hub.publish(&[("data", "no topic")]).await.status, 400);
    let text = hub.request(Request::new("GET", "/metrics")).await;
    let content_type = text.header("content-type");
    assert_eq!(
        content_type,
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = text.text().to_owned();
    for (name, value) in [
        ("longwire_subscribers{carrier=\"sse\"}", 2.0),
        ("longwire_subscribers{carrier=\"websocket\"}", 2.0),
        ("longwire_subscriptions_total{carrier=\"sse\"}", 1.0),
        ("longwire_reconnects_total{carrier=\"sse\"}", 1.0),
        ("longwire_reconnects_total{carrier=\"websocket\"}", 1.0),
        ("longwire_events_in_total", 11.0),
        ("longwire_events_repeated_total", 1.0),
        ("longwire_gaps_total{reason=\"evicted\"}", 1.0),
        ("longwire_gaps_total{reason=\"epoch\"}", 0.0),
        ("longwire_log_events", 5.0),
        ("longwire_log_head", 11.0),
        ("longwire_log_writable", 1.0),
        ("longwire_draining", 0.0),
        ("longwire_refused_total{status=\"400\"}", 1.0),
        ("longwire_rate_limited_total", 0.0),
    ] {
        assert_eq!(number(&text, name), Some(value), "{name} in {text}");
    }
    let lag = number(&text, "longwire_delivery_lag_seconds_count").unwrap();
    assert!((1.0..=24.0).contains(&lag), "{text}");
    let out = number(&text, "longwire_events_out_total{carrier=\"sse\"}").unwrap();
    assert!(out >= 15.0, "ten live, and the five kept at least: {text}");
    assert!(number(&text, "longwire_log_bytes").unwrap() > 5.0, "{text}");
    // Those who leave are counted out, and nothing of theirs stays unsent.
    drop((subscribers, back, late));
    within("nobody", async {
        for name in [
            "longwire_subscribers{carrier=\"sse\"}",
            "longwire_subscribers{carrier=\"websocket\"}",
            "longwire_unsent_bytes",
        ] {
            while hub.metric(name).await != Some(0.0) {
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn on_disk_the_wait_for_it_is_shown() {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    hub.publish_numbers("t", 1..=3).await;
    let count = hub.metric("longwire_commit_seconds_count").await;
    assert_eq!(count, Some(3.0));
    assert!(hub.metric("longwire_log_bytes").await.unwrap() > 0.0);
}

#[tokio::test]
async fn unread_bytes_are_seen() {
    let hub = Hub::start(&[]).await;
    let stalled = Subscriber::live(Carrier::EventStream, &hub, "t").await;
    let data = "x".repeat(1 << 19);
    // More than sockets hold.
    for _ in 0..24 {
        hub.publish_data("t", &data).await;
    }
    let unsent = hub.metric("longwire_unsent_bytes").await.unwrap();
    assert!((1.0..2e6).contains(&unsent), "{unsent}");
    // Who leaves leaves nothing behind.
    drop(stalled);
    within("nothing unsent", async {
        while hub.metric("longwire_unsent_bytes").await != Some(0.0) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn as_many_series_however_many_topics() {
    let hub = Hub::start(&[]).await;
    hub.publish_data("t", "x").await;
    let lines = async || {
        let text = hub.request(Request::new("GET", "/metrics")).await;
        text.text().lines().count()
    };
    let before = lines().await;
    let mut connection = hub.connect().await;
    for n in 0..2_000 {
        let body = form(&[
            ("topic", &format!("topic-{n}")),
            ("type", &format!("type-{n}")),
        ]);
        assert_eq!(
            connection.request(Request::publish(&body)).await.status,
            200
        );
    }
    assert_eq!(lines().await, before);
}

#[tokio::test]
async fn the_numbers_are_for_those_with_a_grant() {
    const SECRET: &str = "a secret that has thirty-two bytes";
    let directory = Directory::new();
    let path = format!("{}/secret", directory.path());
    std::fs::write(&path, SECRET).unwrap();
    let key = format!("HS256:{path}");
    for options in [&["--key", &key][..], &["--key", &key, "--anonymous"]] {
        let hub = Hub::start(options).await;
        let status = async |subscribe: Option<&str>| {
            let claims = json!({
                "exp": jsonwebtoken::get_current_timestamp() + 600,
                "mercure": { "publish": ["*"], "subscribe": subscribe.as_slice() },
            });
            let key = EncodingKey::from_secret(SECRET.as_bytes());
            let token = encode(&Header::default(), &claims, &key).unwrap();
            let bearer = format!("Bearer {token}");
            let request = Request::new("GET", "/metrics");
            let request = match subscribe {
                Some(_) => request.header("Authorization", &bearer),
                None => request,
            };
            hub.request(request).await.status
        };
        assert_eq!(status(None).await, 401);
        assert_eq!(status(Some("/other")).await, 403);
        assert_eq!(status(Some("/metrics")).await, 200);
        assert_eq!(status(Some("*")).await, 200);
        for path in ["/healthz", "/readyz"] {
            assert_eq!(get(hub.address(), path).await.0, 200);
        }
    }
}

#[tokio::test]
async fn the_parser_of_prometheus_reads_them() {
    let Some([python]) = Tool::find([Tool::Python]) else {
        return;
    };
    let hub = Hub::start(&[]).await;
    let mut subscriber = Subscriber::live(Carrier::EventStream, &hub, "t").await;
    hub.publish_data("t", "x").await;
    subscriber.next().await;
    let url = hub.url("http", "/metrics");
    let (lines, content) = Program::script(python, "python/metrics.py", [url])
        .finish()
        .await;
    assert!(content, "{lines:#?}");
    let samples: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for sample in [
        json!(["gauge", "longwire_subscribers", { "carrier": "sse" }, 1.0]),
        json!(["counter", "longwire_events_in_total", {}, 1.0]),
        json!(["histogram", "longwire_delivery_lag_seconds_bucket", { "le": "+Inf" }, 1.0]),
        json!(["histogram", "longwire_delivery_lag_seconds_count", {}, 1.0]),
    ] {
        assert!(samples.contains(&sample), "{sample} is not in {lines:#?}");
    }
}

#[tokio::test]
async fn a_probe_need_not_say_whom_it_asks() {
    let hub = Hub::start(&[]).await;
    for path in ["/healthz", "/readyz"] {
        let mut connection = hub.connect().await;
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        connection.write(request.as_bytes()).await;
        while within("the end", connection.read()).await > 0 {}
        let answer = String::from_utf8_lossy(&connection.unused);
        assert!(
            answer.starts_with("HTTP/1.0 200") && answer.ends_with("ok\n"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_hub_that_drains_is_not_ready_and_shows_it_until_the_end() {
    let watched = free_address();
    let hub = Hub::start(&["--metrics-listen", &watched.to_string()]).await;
    assert_eq!(get(watched, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(get(watched, "/readyz").await, (200, "ok\n".into()));
    assert_eq!(get(watched, "/").await.0, 404);
    // One that does not read its end holds the hub, until it has read nothing for five seconds: so
    // little is sent that the rest takes only a moment, and yet more than the sockets hold.
    let (carrier, topic) = (Carrier::EventStream, [("topic", "t")]);
    let small = hub.connect_small().await;
    let mut stalled = Subscriber::open_on(small, carrier, &hub, &topic).await;
    assert!(matches!(stalled.next().await, Seen::Position(_)));
    let data = "x".repeat(1 << 19);
    for _ in 0..10 {
        hub.publish_data("t", &data).await;
    }
    hub.signal(Signal::TERM);
    within("draining", async {
        while get(watched, "/readyz").await.0 == 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        get(watched, "/readyz").await,
        (503, "the hub is stopping\n".into())
    );
    assert_eq!(get(watched, "/healthz").await.0, 200);
    let (_, text) = get(watched, "/metrics").await;
    assert_eq!(number(&text, "longwire_draining"), Some(1.0));
    while within("the end", stalled.try_next()).await.is_some() {}
    drop(stalled);
    assert_eq!(hub.ended().await.0.code(), Some(0));
}
