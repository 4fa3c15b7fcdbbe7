//! Topics added and removed while a WebSocket is open.

use serde_json::{Value, json};
use ws_handshake::ClientRequest;

use crate::support::{Directory, Hub, Message, WebSocket, target, within};

async fn open(hub: &Hub, parameters: &[(&str, &str)]) -> WebSocket {
    let url = hub.url("ws", &target(parameters));
    let request = ClientRequest::new(&url).unwrap();
    let mut socket = WebSocket::open(hub.connect().await, request).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "open");
    socket
}

async fn next(socket: &mut WebSocket) -> Value {
    match within("a frame", socket.next()).await {
        Some(Message::Json(frame)) => frame,
        other => panic!("{other:?}"),
    }
}

async fn ask(socket: &mut WebSocket, frame: Value) -> Value {
    socket.send(&frame).await;
    next(socket).await
}

#[tokio::test]
async fn topics_are_added_and_removed_in_flight() {
    let hub = Hub::start(&[]).await;
    let mut socket = open(&hub, &[]).await;
    hub.publish_data("a", "before").await;
    for topic in ["a", "/books/{id}"] {
        let subscribe = json!({ "type": "subscribe", "topics": [topic], "ref": topic });
        let answer = ask(&mut socket, subscribe).await;
        assert_eq!(answer, json!({ "type": "ack", "ref": topic }));
    }
    for (topic, data) in [("a", "1"), ("b", "not this"), ("/books/7", "2")] {
        hub.publish_data(topic, data).await;
    }
    assert_eq!(next(&mut socket).await["data"], "1");
    assert_eq!(next(&mut socket).await["data"], "2");
    let unsubscribe = json!({ "type": "unsubscribe", "topics": ["a", "never"], "ref": "u" });
    let answer = ask(&mut socket, unsubscribe).await;
    assert_eq!(answer, json!({ "type": "ack", "ref": "u" }));
    hub.publish_data("a", "not this either").await;
    hub.publish_data("/books/8", "3").await;
    assert_eq!(next(&mut socket).await["data"], "3");
}

#[tokio::test]
async fn added_topics_are_replayed_up_to_the_cursor_and_then_live() {
    let directory = Directory::new();
    for place in ["1", "64m"] {
        let hub = Hub::on_disk(&directory, &["--fsync", "never", "--recent-bytes", place]).await;
        let mut socket = open(&hub, &[("topic", "a")]).await;
        let before = hub.publish_data("c", "").await;
        for n in 1..=20 {
            hub.publish_data("b", &n.to_string()).await;
            hub.publish_data("c", "not this").await;
            let both = [("topic", "a"), ("topic", "b"), ("data", "live already")];
            hub.publish(&both).await;
        }
        for _ in 1..=20 {
            assert_eq!(next(&mut socket).await["data"], "live already");
        }
        let subscribe =
            json!({ "type": "subscribe", "topics": ["b"], "after": before, "ref": "r" });
        assert_eq!(
            ask(&mut socket, subscribe).await,
            json!({ "type": "ack", "ref": "r" })
        );
        for n in 1..=20 {
            let event = next(&mut socket).await;
            assert_eq!(event["data"], n.to_string());
            assert_eq!(
                (&event["replay"], &event["prev"]),
                (&"r".into(), &Value::Null)
            );
        }
        let caught_up = next(&mut socket).await;
        assert_eq!(caught_up, json!({ "type": "caught-up", "ref": "r" }));
        hub.publish_data("b", "now").await;
        let event = next(&mut socket).await;
        assert_eq!(
            (&event["data"], &event["replay"]),
            (&"now".into(), &Value::Null)
        );
        hub.stop().await;
    }
}

#[tokio::test]
async fn a_replay_that_the_log_cannot_continue_says_so_and_moves_no_cursor() {
    let hub = Hub::start(&["--keep-events", "3"]).await;
    let mut socket = open(&hub, &[("topic", "a")]).await;
    let ids = hub.publish_numbers("b", 1..=9).await;
    let subscribe = json!({ "type": "subscribe", "topics": ["b"], "after": ids[0], "ref": "r" });
    ask(&mut socket, subscribe).await;
    let gap = next(&mut socket).await;
    assert_eq!(
        (&gap["type"], &gap["reason"], &gap["replay"]),
        (&"gap".into(), &"evicted".into(), &"r".into())
    );
    for n in 7..=9 {
        assert_eq!(next(&mut socket).await["data"], n.to_string());
    }
    // Where the replay ended, so that what was replayed does not come again after a reconnect.
    let position = next(&mut socket).await;
    assert_eq!(
        (&position["type"], &position["position"]),
        (&"position".into(), &ids[8].as_str().into())
    );
    let caught_up = next(&mut socket).await;
    assert_eq!(caught_up, json!({ "type": "caught-up", "ref": "r" }));
    let now = hub.publish_data("a", "now").await;
    assert_eq!(next(&mut socket).await["position"], now.as_str());
}

#[tokio::test]
async fn what_cannot_be_added_is_refused_and_changes_nothing() {
    let hub = Hub::start(&[]).await;
    let mut socket = open(&hub, &[("topic", "a")]).await;
    let many: Vec<_> = (0..128).map(|n| format!("t{n}")).collect();
    for (frame, code) in [
        (
            json!({ "type": "subscribe", "topics": many, "ref": "1" }),
            "invalid",
        ),
        (
            json!({ "type": "subscribe", "topics": ["{a*}"], "ref": "1" }),
            "invalid",
        ),
        (
            json!({ "type": "subscribe", "topics": [], "ref": "1" }),
            "invalid",
        ),
        (json!({ "type": "nonsense", "ref": "1" }), "unsupported"),
    ] {
        let error = ask(&mut socket, frame).await;
        let told = (&error["type"], &error["ref"], &error["code"]);
        assert_eq!(
            told,
            (&"error".into(), &"1".into(), &code.into()),
            "{error}"
        );
    }
    hub.publish_data("t5", "not this").await;
    hub.publish_data("a", "this").await;
    assert_eq!(next(&mut socket).await["data"], "this");
}
