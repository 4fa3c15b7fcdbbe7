//! Many subscribers get everything, in order.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;

use crate::support::{CARRIERS, Hub, Request, Seen, Subscriber, form, within};

const SUBSCRIBERS: usize = 500;
const EVENTS: usize = 1_000;
/// Requests sent before the first of them is answered, so that events come in bursts as well.
const WINDOW: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_subscribers_of_each_carrier_get_a_thousand_events() {
    // The hub inherits it.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )
    .unwrap();
    let hub = Hub::start(&[]).await;
    let mut subscribers = JoinSet::new();
    for n in 0..SUBSCRIBERS {
        for carrier in CARRIERS {
            let mut subscriber = Subscriber::live(carrier, &hub, "numbers").await;
            subscribers.spawn(async move {
                for event in 0..EVENTS {
                    let seen = within("all events", subscriber.try_next()).await;
                    let Some(Seen::Event { id, data, .. }) = seen else {
                        panic!("{carrier:?} {n} at event {event}: {seen:?}");
                    };
                    assert_eq!(data, event.to_string(), "{carrier:?} {n}");
                    assert_eq!(offset(&id), event + 1, "{carrier:?} {n}");
                }
                (carrier, subscriber)
            });
        }
    }

    let mut publisher = hub.connect().await;
    for window in 0..EVENTS / WINDOW {
        for event in window * WINDOW..(window + 1) * WINDOW {
            let body = form(&[("topic", "numbers"), ("data", &event.to_string())]);
            publisher.send(&Request::publish(&body)).await;
        }
        for _ in 0..WINDOW {
            assert_eq!(publisher.response(false).await.status, 200);
        }
    }

    // Nothing came twice: what follows the last event is the next one.
    let mut left = Vec::new();
    while let Some(subscriber) = subscribers.join_next().await {
        left.push(subscriber.unwrap());
    }
    let end = hub.publish_data("numbers", "end").await;
    for (carrier, subscriber) in &mut left {
        assert_eq!(
            subscriber.next().await,
            Seen::event(&end, "end"),
            "{carrier:?}"
        );
    }
    assert_eq!(left.len(), SUBSCRIBERS * CARRIERS.len());
}

fn offset(id: &str) -> usize {
    id.rsplit_once('-').unwrap().1.parse().unwrap()
}
