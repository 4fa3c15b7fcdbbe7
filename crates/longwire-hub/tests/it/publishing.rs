//! What may be published, and what becomes of the rest.

use serde_json::{Value, json};
use ws_handshake::ClientRequest;

use crate::support::{
    CARRIERS, Hub, Message, Request, Response, Seen, Subscriber, WebSocket, target,
};

/// Publishes what `refused` publishes, and then something good, which is all that arrives.
async fn reaches_nobody(hub: &Hub, refused: impl AsyncFnOnce()) {
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push(Subscriber::live(carrier, hub, "*").await);
    }
    refused().await;
    let id = hub.publish_data("good", "good").await;
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.next().await, Seen::event(&id, "good"));
    }
}

fn refused(response: &Response, status: u16, reason: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert!(
        response
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    assert!(
        response.text().contains(reason),
        "{reason:?} is not in {:?}",
        response.text()
    );
}

/// Fields beside a good topic and good data, and what the answer says.
const BAD: &[(&str, &str, &str)] = &[
    ("type", "a\rb", "type must not have a CR, LF or NUL"),
    ("type", "a\nb", "type must not have a CR, LF or NUL"),
    (
        "type",
        "a\r\nevent: admin",
        "type must not have a CR, LF or NUL",
    ),
    ("type", "a\0", "type must not have a CR, LF or NUL"),
    ("id", "a\rb", "id must not have control characters"),
    ("id", "a\nid: b", "id must not have control characters"),
    ("id", "a\0b", "id must not have control characters"),
    ("id", "a\u{85}", "id must not have control characters"),
    ("id", "#a", "id must not begin with #"),
    (
        "id",
        "#7477656c7665206279746573-1",
        "id must not begin with #",
    ),
    ("id", "7477656c7665206279746573-1", "the form of a position"),
    ("id", "earliest", "nor be earliest"),
    ("retry", "soon", "retry must be a number"),
    ("retry", "-1", "retry must be a number"),
    ("retry", "12345678901", "retry must be a number"),
    ("encoding", "gzip", "the only encoding is base64"),
    ("encoding", "base64", "not base64"),
    ("topic", "", "a topic must not be empty"),
    ("topic", "a\nb", "nor have control characters"),
    ("data", "again", "data was given more than once"),
    ("private", "on", "private events need tokens"),
    (
        "topic",
        "/.well-known/mercure/subscriptions/a/b",
        "the hub alone says",
    ),
];

#[tokio::test]
async fn what_breaks_a_rule_is_refused_with_the_reason_and_reaches_nobody() {
    let hub = Hub::start(&[]).await;
    let too_long = "n".repeat(256);
    let bad = BAD.iter().copied().chain([
        ("id", too_long.as_str(), "id is longer than 255 bytes"),
        ("type", &too_long, "type is longer than 255 bytes"),
    ]);
    reaches_nobody(&hub, async || {
        for (field, value, reason) in bad {
            let fields = [("topic", "good"), ("data", "a.b"), (field, value)];
            let response = hub.publish(&fields).await;
            let forbidden = field == "private" || value.starts_with("/.well-known");
            let status = if forbidden { 403 } else { 400 };
            refused(&response, status, reason);
        }
        refused(
            &hub.publish(&[("data", "nowhere")]).await,
            400,
            "there is no topic",
        );
        let not_utf8 = Request::publish("topic=good&data=%FF");
        refused(&hub.request(not_utf8).await, 400, "data is not UTF-8");
        let json = Request::new("POST", crate::support::ENDPOINT)
            .header("Content-Type", "application/json")
            .header("Content-Length", "0");
        refused(
            &hub.request(json).await,
            415,
            "application/x-www-form-urlencoded",
        );
    })
    .await;
}

#[tokio::test]
async fn what_breaks_a_rule_over_web_socket_is_refused_as_well() {
    let hub = Hub::start(&[]).await;
    let url = hub.url("ws", &target(&[("topic", "nothing")]));
    let request = ClientRequest::new(&url)
        .unwrap()
        .protocol("longwire.v1")
        .unwrap();
    let mut socket = WebSocket::open(hub.connect().await, request).await.unwrap();
    assert!(matches!(socket.next().await, Some(Message::Json(open)) if open["type"] == "open"));
    reaches_nobody(&hub, async || {
        for (n, (field, value, reason)) in BAD.iter().enumerate() {
            let member = if *field == "type" { "event" } else { field };
            let value = match *field {
                "topic" | "data" | "retry" => continue,
                "private" => Value::Bool(true),
                _ => Value::from(*value),
            };
            let mut frame = json!({ "type": "publish", "topics": ["good"], "data": "a.b" });
            frame["ref"] = n.to_string().into();
            frame[member] = value;
            socket.send(&frame).await;
            let Some(Message::Json(error)) = socket.next().await else {
                panic!("no answer")
            };
            assert_eq!(error["type"], "error", "{frame}: {error}");
            assert_eq!(error["ref"], frame["ref"]);
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(reason), "{reason:?} is not in {message:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn repeating_a_publish_with_an_id_is_harmless() {
    let hub = Hub::start(&[]).await;
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push(Subscriber::live(carrier, &hub, "orders").await);
    }
    let order = [
        ("topic", "orders"),
        ("data", "two\r\nlines"),
        ("id", "order-7"),
        ("type", "new"),
    ];
    let first = hub.publish(&order).await;
    assert_eq!((first.status, first.text()), (200, "order-7"));
    let position = first.header("longwire-position").unwrap();

    let again = hub.publish(&order).await;
    assert_eq!((again.status, again.text()), (200, "order-7"));
    assert_eq!(again.header("longwire-position"), Some(position));

    // Line ends are not content: what was stored is compared.
    let mut other_line_ends = order;
    other_line_ends[1].1 = "two\nlines";
    assert_eq!(hub.publish(&other_line_ends).await.status, 200);

    for (at, value) in [(0, "other"), (1, "other"), (3, "other")] {
        let mut other = order;
        other[at].1 = value;
        refused(&hub.publish(&other).await, 409, "another event has this id");
    }

    let end = hub.publish_data("orders", "end").await;
    for subscriber in &mut subscribers {
        let (id, name, data) = ("order-7".into(), "new".into(), "two\nlines".into());
        assert_eq!(subscriber.next().await, Seen::Event { id, name, data });
        assert_eq!(subscriber.next().await, Seen::event(&end, "end"));
    }
}

#[tokio::test]
async fn an_id_is_free_again_once_its_event_is_gone() {
    let hub = Hub::start(&["--keep-events", "2"]).await;
    let order = [("topic", "orders"), ("data", "a"), ("id", "order-7")];
    let other = [("topic", "orders"), ("data", "b"), ("id", "order-7")];
    assert_eq!(hub.publish(&order).await.status, 200);
    hub.publish_numbers("orders", 1..=1).await;
    assert_eq!(hub.publish(&other).await.status, 409);
    hub.publish_numbers("orders", 2..=2).await;
    assert_eq!(hub.publish(&other).await.status, 200);
}

#[tokio::test]
async fn an_event_goes_once_to_whoever_wants_one_of_its_topics() {
    let hub = Hub::start(&[]).await;
    for carrier in CARRIERS {
        let parameters = [("topic", "a"), ("topic", "b")];
        let mut both = Subscriber::open(carrier, &hub, &parameters).await;
        assert!(matches!(both.next().await, Seen::Position(_)));
        let mut other = Subscriber::live(carrier, &hub, "c").await;
        let fields = [
            ("topic", "b"),
            ("topic", "a"),
            ("topic", "b"),
            ("data", "once"),
        ];
        let id = hub.publish(&fields).await.text().to_owned();
        let end = hub
            .publish(&[("topic", "a"), ("topic", "c")])
            .await
            .text()
            .to_owned();
        assert_eq!(both.next().await, Seen::event(&id, "once"));
        assert_eq!(both.next().await, Seen::event(&end, ""));
        assert_eq!(other.next().await, Seen::event(&end, ""));
    }
}
