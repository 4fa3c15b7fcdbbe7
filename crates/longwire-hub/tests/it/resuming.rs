//! A subscriber that was away gets exactly what it missed, or is told that it cannot.

use crate::support::{CARRIERS, Carrier, EventStream, Hub, Request, Seen, Subscriber, target};

/// Publishes 1 to a subscriber that then goes away, and 2 to 101 while nobody listens.
async fn away(hub: &Hub, carrier: Carrier) -> (String, Vec<String>) {
    let mut subscriber = Subscriber::live(carrier, hub, "numbers").await;
    let seen = hub.publish_numbers("numbers", 1..=1).await.remove(0);
    assert_eq!(subscriber.next().await, Seen::event(&seen, "1"));
    drop(subscriber);
    (seen, hub.publish_numbers("numbers", 2..=101).await)
}

/// The subscriber gets the last of the ids, which are those of the numbers up to 101, and then
/// what is published now: nothing came between or twice.
async fn gets(subscriber: &mut Subscriber, hub: &Hub, ids: &[String]) {
    for (id, number) in ids.iter().zip(102 - ids.len()..) {
        assert_eq!(
            subscriber.next().await,
            Seen::event(id, &number.to_string())
        );
    }
    let now = hub.publish_data("numbers", "now").await;
    assert_eq!(subscriber.next().await, Seen::event(&now, "now"));
}

#[tokio::test]
async fn what_was_missed_comes_in_order_and_once() {
    for carrier in CARRIERS {
        let hub = Hub::start(&[]).await;
        let (seen, missed) = away(&hub, carrier).await;
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", &seen).await;
        gets(&mut subscriber, &hub, &missed).await;
    }
}

#[tokio::test]
async fn events_of_other_topics_are_no_gap() {
    for carrier in CARRIERS {
        let hub = Hub::start(&[]).await;
        let (seen, missed) = away(&hub, carrier).await;
        hub.publish_numbers("others", 1..=5).await;
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", &seen).await;
        gets(&mut subscriber, &hub, &missed).await;
    }
}

#[tokio::test]
async fn the_header_goes_before_the_query() {
    let hub = Hub::start(&[]).await;
    let (seen, missed) = away(&hub, Carrier::EventStream).await;
    let target = target(&[("topic", "numbers"), ("lastEventID", "earliest")]);
    let request = Request::new("GET", &target).header("Last-Event-ID", &seen);
    let stream = EventStream::open(hub.connect().await, request).await;
    assert_eq!(stream.response.header("last-event-id"), Some(seen.as_str()));
    gets(&mut Subscriber::EventStream(stream), &hub, &missed).await;
}

#[tokio::test]
async fn a_position_may_come_without_its_hash_sign() {
    for carrier in CARRIERS {
        let hub = Hub::start(&[]).await;
        let (seen, missed) = away(&hub, carrier).await;
        let bare = seen.strip_prefix('#').unwrap();
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", bare).await;
        gets(&mut subscriber, &hub, &missed).await;
    }
}

#[tokio::test]
async fn a_publishers_id_resumes_as_a_position_does() {
    for carrier in CARRIERS {
        let hub = Hub::start(&[]).await;
        let (_, mut missed) = away(&hub, carrier).await;
        let fields = [("topic", "numbers"), ("data", "named"), ("id", "order-7")];
        assert_eq!(hub.publish(&fields).await.text(), "order-7");
        let last = missed.pop().unwrap();
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", &last).await;
        assert_eq!(subscriber.next().await, Seen::event("order-7", "named"));
        drop(subscriber);
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", "order-7").await;
        gets(&mut subscriber, &hub, &[]).await;
    }
}

#[tokio::test]
async fn earliest_is_everything_kept() {
    for carrier in CARRIERS {
        let hub = Hub::start(&[]).await;
        let (seen, mut all) = away(&hub, carrier).await;
        all.insert(0, seen);
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", "earliest").await;
        gets(&mut subscriber, &hub, &all).await;
    }
}

#[tokio::test]
async fn what_is_no_longer_kept_is_a_gap_before_the_rest() {
    for carrier in CARRIERS {
        let hub = Hub::start(&["--keep-events", "50"]).await;
        let (seen, missed) = away(&hub, carrier).await;
        let (lost, kept) = missed.split_at(50);
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", &seen).await;
        let expected = serde_json::json!({
            "requested": seen, "resumed": lost.last(), "reason": "evicted",
            "earliest": kept.first(), "head": kept.last(),
        });
        assert_eq!(subscriber.next().await, Seen::Gap(expected), "{carrier:?}");
        gets(&mut subscriber, &hub, kept).await;
    }
}

#[tokio::test]
async fn the_oldest_event_kept_is_no_gap_for_who_saw_the_one_before() {
    for carrier in CARRIERS {
        let hub = Hub::start(&["--keep-events", "50"]).await;
        let (_, missed) = away(&hub, carrier).await;
        let (lost, kept) = missed.split_at(50);
        let before = lost.last().unwrap();
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", before).await;
        gets(&mut subscriber, &hub, kept).await;
    }
}

#[tokio::test]
async fn an_id_that_was_never_issued_is_a_gap() {
    for carrier in CARRIERS {
        let hub = Hub::start(&["--keep-events", "50"]).await;
        let (seen, missed) = away(&hub, carrier).await;
        let (lost, kept) = missed.split_at(50);
        let epoch = seen.strip_suffix("-1").unwrap();
        let ahead = format!("{epoch}-102");
        let other = "#000000000000000000000000-60";
        let too_large = format!("{epoch}-99999999999999999999");
        let unusable = [
            ("never-issued", "unknown"),
            (&ahead, "ahead"),
            (other, "epoch"),
            ("#nonsense", "malformed"),
            (&too_large, "malformed"),
        ];
        for (id, reason) in unusable {
            let mut subscriber = Subscriber::after(carrier, &hub, "numbers", id).await;
            let expected = serde_json::json!({
                "requested": id, "resumed": lost.last(), "reason": reason,
                "earliest": kept.first(), "head": kept.last(),
            });
            assert_eq!(subscriber.next().await, Seen::Gap(expected), "{carrier:?}");
            for (id, number) in kept.iter().zip(52..) {
                assert_eq!(
                    subscriber.next().await,
                    Seen::event(id, &number.to_string())
                );
            }
        }
    }
}

#[tokio::test]
async fn a_hub_that_was_started_again_says_that_its_history_is_another() {
    for carrier in CARRIERS {
        let hub = Hub::start(&[]).await;
        let (seen, _) = away(&hub, carrier).await;
        let listen = hub.address().to_string();
        hub.kill().await;

        let hub = Hub::start_on(&listen, &[]).await;
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", &seen).await;
        let Seen::Gap(gap) = subscriber.next().await else {
            panic!("no gap over {carrier:?}")
        };
        assert_eq!(
            (&gap["requested"], &gap["reason"]),
            (&seen.as_str().into(), &"epoch".into())
        );
        gets(&mut subscriber, &hub, &[]).await;
    }
}
