//! Topics that change while there is a connection.

use longwire::hub::{Carrier, ErrorCode, Event, SelectorError, Start};
use serde_json::json;

use crate::scripted::Hub;
use crate::{message, next, opened, quick};

#[tokio::test]
async fn topics_are_added_and_removed_by_frames() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::WebSocket);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        let asked = link.object().await;
        assert_eq!(
            (&asked["type"], &asked["topics"]),
            (&json!("subscribe"), &json!(["b"]))
        );
        let error = json!({
            "type": "error", "ref": asked["ref"], "code": "forbidden", "message": "not for you",
        });
        link.text(&error.to_string()).await;
        let asked = link.object().await;
        assert_eq!(asked["type"], "unsubscribe");
        assert!(asked["topics"].as_array().unwrap().contains(&json!("a")));
        // On its way before: it is not wanted any more.
        link.event(1, "late").await;
        link.text(r#"{"type":"skipped","reason":"ephemeral"}"#)
            .await;
        let asked = link.object().await;
        assert_eq!(
            (&asked["type"], &asked["topics"]),
            (&json!("subscribe"), &json!(["a"]))
        );
        link.event(2, "wanted again").await;
        link
    });
    opened(&mut client).await;
    client.subscribe("b", Start::Live).unwrap();
    let refused = next(&mut client, "a refusal", |event| match event {
        Event::Refused {
            topics,
            code,
            message,
        } => Some((topics, code, message)),
        _ => None,
    })
    .await;
    let topics = vec![longwire::hub::TopicSelector::parse("b").unwrap()];
    assert_eq!(
        refused,
        (topics, ErrorCode::Forbidden, "not for you".into())
    );
    client.unsubscribe("a").unwrap();
    next(&mut client, "what follows it", |event| match event {
        Event::Skipped(_) => Some(()),
        Event::Message(message) => panic!("{message:?} is not wanted"),
        _ => None,
    })
    .await;
    client.subscribe("a", Start::Live).unwrap();
    let wanted = message(&mut client).await;
    assert_eq!(
        wanted.data,
        longwire::hub::Data::Text("wanted again".into())
    );
    drop(script.await.unwrap());
}

/// An event stream has its topics in the URL: it is opened anew, from where it stands.
#[tokio::test]
async fn an_event_stream_is_opened_anew_for_another_topic() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let first = hub.opens(4).await;
        let asked = hub.asked().await;
        assert!(
            asked.head.starts_with("GET /hub?topic=a&topic=b "),
            "{}",
            asked.head
        );
        assert_eq!(
            asked.field("last-event-id"),
            Some(&*crate::scripted::position(4))
        );
        let mut second = asked.opens(4).await;
        first.gone().await;
        second.event(5, "five").await;
        second
    });
    opened(&mut client).await;
    client.subscribe("b", Start::Live).unwrap();
    message(&mut client).await;
    drop(script.await.unwrap());
}

#[test]
fn a_topic_that_is_none_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.unwrap();
    let _guard = runtime.enter();
    let nowhere = || longwire::connect("http://127.0.0.1:1/");
    assert!(nowhere().topic("").open().is_err());
    let mut client = nowhere().topic("a").open().unwrap();
    let error: SelectorError = client.subscribe("", Start::Live).unwrap_err();
    assert_eq!(client.unsubscribe(""), Err(error));
}
