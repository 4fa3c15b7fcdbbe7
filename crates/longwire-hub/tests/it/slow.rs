//! What becomes of a subscriber that does not read for a while.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{
    Authority, CARRIERS, Carrier, Hub, Request, Seen, Subscriber, form, publish, target,
};

/// So many large events do not fit into the sockets between us and the hub.
const ROUNDS: usize = 100;

/// Subscribes on a socket that holds little, and gives the position where it begins.
async fn open(carrier: Carrier, hub: &Hub, parameters: &[(&str, &str)]) -> (Subscriber, String) {
    let connection = hub.connect_small().await;
    let mut subscriber = Subscriber::open_on(connection, carrier, hub, parameters).await;
    match subscriber.next().await {
        Seen::Position(position) => (subscriber, position),
        other => panic!("no position: {other:?}"),
    }
}

/// More events than the sockets between us hold, of a few topics; then a last one of each.
async fn flood(hub: &Hub, topics: &[&str]) -> Vec<String> {
    let large = "x".repeat(64 * 1024);
    let mut connection = hub.connect().await;
    let mut publish = async |topic: &str, data: &str| {
        let body = form(&[("topic", topic), ("data", data)]);
        let response = connection.request(Request::publish(&body)).await;
        assert_eq!(response.status, 200);
        response.text().to_owned()
    };
    for round in 0..ROUNDS {
        publish(topics[round % topics.len()], &large).await;
    }
    let mut last = Vec::new();
    for topic in topics {
        last.push(publish(topic, &format!("the last of {topic}")).await);
    }
    last
}

/// The offset of a position in JSON.
fn offset(position: &Value) -> u64 {
    let text = position.as_str().unwrap();
    text.rsplit_once('-').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn the_latest_of_each_topic_is_sent_after_a_stall_and_the_rest_is_said() {
    let topics = ["/a", "/b", "/c"];
    for carrier in CARRIERS {
        for topic in ["/{any}", "*"] {
            let hub = Hub::start(&[]).await;
            let parameters = [("topic", topic), ("slow", "latest")];
            let (mut subscriber, begin) = open(carrier, &hub, &parameters).await;
            let last = flood(&hub, &topics).await;

            let (mut came, mut left_out) = (0_u64, 0);
            let mut newest = BTreeMap::new();
            let mut cursor = offset(&begin.into());
            while newest.len() < topics.len() {
                match subscriber.next().await {
                    Seen::Event { id, data, .. } => {
                        came += 1;
                        // In order, as ever.
                        let at = offset(&Value::from(id.clone()));
                        assert!(at > cursor);
                        cursor = at;
                        if let Some(topic) = data.strip_prefix("the last of ") {
                            newest.insert(topic.to_owned(), id);
                        }
                    }
                    Seen::Skipped(skipped) => {
                        assert_eq!(skipped["reason"], "latest");
                        assert_eq!(offset(&skipped["after"]), cursor, "since the last event");
                        let until = offset(&skipped["until"]);
                        let count = skipped["count"].as_u64().unwrap();
                        assert_eq!(count, until - cursor, "all are for this subscriber");
                        left_out += count;
                    }
                    other => panic!("{other:?}"),
                }
            }
            let newest: Vec<_> = newest.into_values().collect();
            assert_eq!(newest, last, "{carrier:?}");
            // Nothing is missing that was not said.
            assert_eq!(came + left_out, ROUNDS as u64 + 3, "{carrier:?} {topic}");
            assert!(left_out > 0, "the stall was too short: all {came} came");
            // Who keeps up gets everything.
            for n in 0..10 {
                let id = hub.publish_data("/a", &n.to_string()).await;
                assert_eq!(subscriber.next().await, Seen::event(&id, &n.to_string()));
            }
        }
    }
}

#[tokio::test]
async fn without_that_wish_everything_is_sent() {
    let topics = ["/a", "/b"];
    for carrier in CARRIERS {
        let hub = Hub::start(&[]).await;
        let (mut subscriber, _) = open(carrier, &hub, &[("topic", "*")]).await;
        let last = flood(&hub, &topics).await;
        let mut ids = Vec::new();
        for _ in 0..ROUNDS + 2 {
            match subscriber.next().await {
                Seen::Event { id, .. } => ids.push(id),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ids[ROUNDS..], last);
    }
}

#[tokio::test]
async fn private_events_do_not_supersede_for_those_who_may_not_see_them() {
    let authority = Authority::new();
    let hub = authority.hub(&["--anonymous"]).await;
    let token = authority.token(&["*"], &[], 600);
    for carrier in CARRIERS {
        let parameters = [("topic", "a"), ("slow", "latest")];
        let (mut subscriber, _) = open(carrier, &hub, &parameters).await;
        let large = "x".repeat(64 * 1024);
        for _ in 0..ROUNDS {
            publish(&hub, &token, &[("topic", "a"), ("data", &large)]).await;
        }
        publish(&hub, &token, &[("topic", "a"), ("data", "public")]).await;
        let private = [("topic", "a"), ("data", "private"), ("private", "on")];
        publish(&hub, &token, &private).await;
        loop {
            match subscriber.next().await {
                Seen::Event { data, .. } if data == "public" => break,
                Seen::Event { data, .. } => assert_eq!(data, large),
                Seen::Skipped(_) => {}
                other => panic!("{other:?}"),
            }
        }
        publish(&hub, &token, &[("topic", "a"), ("data", "end")]).await;
        assert_eq!(subscriber.data().await, "end");
    }
}

#[tokio::test]
async fn another_wish_is_refused() {
    let hub = Hub::start(&[]).await;
    let target = target(&[("topic", "a"), ("slow", "oldest")]);
    assert_eq!(hub.status(Request::new("GET", &target)).await, 400);
}
