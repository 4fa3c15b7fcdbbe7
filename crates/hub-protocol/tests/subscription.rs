//! Documents and addresses of active subscriptions.

use hub_protocol::{SUBSCRIPTIONS, Subscription, SubscriptionList, SubscriptionPath};
use proptest::prelude::*;
use serde_json::{Value, json};

const SUBSCRIBER: &str = "urn:uuid:bb3de268-05b0-4c65-b44e-8f9acefc29d6";

/// The example of the protocol's text.
#[test]
fn a_document_looks_like_this() {
    let subscription = Subscription {
        topic: "https://example.com/{selector}",
        subscriber: SUBSCRIBER,
        active: true,
        payload: Some(r#"{"foo":"bar"}"#),
    };
    let id = "/.well-known/mercure/subscriptions/https%3A%2F%2Fexample.com%2F%7Bselector%7D/\
              urn%3Auuid%3Abb3de268-05b0-4c65-b44e-8f9acefc29d6";
    let mut out = Vec::new();
    subscription.encode(
        Some("urn:uuid:5e94c686-2c0b-4f9b-958c-92ccc3bbb4eb"),
        &mut out,
    );
    let mut document: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        document,
        json!({
            "@context": "https://mercure.rocks/",
            "id": id,
            "type": "Subscription",
            "topic": "https://example.com/{selector}",
            "subscriber": SUBSCRIBER,
            "active": true,
            "payload": { "foo": "bar" },
            "lastEventID": "urn:uuid:5e94c686-2c0b-4f9b-958c-92ccc3bbb4eb",
        })
    );

    // In a list, the context and the last event are said once.
    let path = SubscriptionPath::parse(SUBSCRIPTIONS).unwrap();
    let mut list = SubscriptionList::new(&path, "earliest");
    assert!(list.is_empty());
    list.push(&subscription);
    list.push(&Subscription {
        active: false,
        payload: None,
        ..subscription
    });
    assert!(!list.is_empty());
    let list: Value = serde_json::from_slice(&list.finish()).unwrap();
    let members = document.as_object_mut().unwrap();
    members.remove("@context");
    members.remove("lastEventID");
    let mut ended = document.clone();
    ended["active"] = false.into();
    ended.as_object_mut().unwrap().remove("payload");
    assert_eq!(
        list,
        json!({
            "@context": "https://mercure.rocks/",
            "id": SUBSCRIPTIONS,
            "type": "Subscriptions",
            "lastEventID": "earliest",
            "subscriptions": [document, ended],
        })
    );
}

#[test]
fn other_paths_are_none_of_these() {
    for path in [
        "",
        "/",
        "/.well-known/mercure",
        "/.well-known/mercure/subscriptionsish",
        "/.well-known/mercure/subscriptions/",
        "/.well-known/mercure/subscriptions//a",
        "/.well-known/mercure/subscriptions/a/",
        "/.well-known/mercure/subscriptions/a/b/c",
        "/.well-known/mercure/subscriptions/%FF",
        "/.well-known/mercure/subscriptions/a/%ff",
    ] {
        assert_eq!(SubscriptionPath::parse(path), None, "{path}");
    }
    // A plus sign is one; a percent sign without digits, too.
    let path = SubscriptionPath::parse("/.well-known/mercure/subscriptions/a+b%2/%2a").unwrap();
    assert_eq!(path.topic.as_deref(), Some("a+b%2"));
    assert_eq!(path.subscriber.as_deref(), Some("*"));
    assert_eq!(
        path.to_string(),
        "/.well-known/mercure/subscriptions/a%2Bb%252/%2A"
    );
}

proptest! {
    #[test]
    fn addresses_are_read_as_they_were_written(topic in ".{1,20}", subscriber in ".{1,20}") {
        let subscription = Subscription {
            topic: &topic,
            subscriber: &subscriber,
            active: true,
            payload: None,
        };
        let id = subscription.id();
        prop_assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
        let path = SubscriptionPath::parse(&id).unwrap();
        prop_assert_eq!(path.topic.as_deref(), Some(topic.as_str()));
        prop_assert_eq!(path.subscriber.as_deref(), Some(subscriber.as_str()));
        prop_assert_eq!(path.to_string(), id.clone());
        let mut out = Vec::new();
        subscription.encode(None, &mut out);
        let document: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(&document["id"], &Value::from(id));
        prop_assert_eq!(&document["topic"], &Value::from(topic.as_str()));
    }

    #[test]
    fn any_path_is_read_or_is_another(path in ".{0,20}") {
        let path = format!("{SUBSCRIPTIONS}{path}");
        if let Some(parsed) = SubscriptionPath::parse(&path) {
            let written = parsed.to_string();
            prop_assert_eq!(SubscriptionPath::parse(&written).unwrap(), parsed);
        }
    }
}
