//! Many subscribers get everything, in order.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;
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
    let all = Arc::new(Semaphore::new(0));
    for n in 0..SUBSCRIBERS {
        for carrier in CARRIERS {
            let mut subscriber = Subscriber::live(carrier, &hub, "numbers").await;
            let all = all.clone();
            subscribers.spawn(async move {
                for event in 0..EVENTS {
                    let seen = subscriber.try_next().await;
                    let Some(Seen::Event { id, data, .. }) = seen else {
                        panic!("{carrier:?} {n} at event {event}: {seen:?}");
                    };
                    assert_eq!(data, event.to_string(), "{carrier:?} {n}");
                    assert_eq!(offset(&id), event + 1, "{carrier:?} {n}");
                    if (event + 1) % WINDOW == 0 {
                        all.add_permits(1);
                    }
                }
                // It reads on while others are not done, and answers pings.
                (carrier, subscriber.next().await)
            });
        }
    }

    let everybody = SUBSCRIBERS * CARRIERS.len();
    let mut publisher = hub.connect().await;
    for window in 0..EVENTS / WINDOW {
        for event in window * WINDOW..(window + 1) * WINDOW {
            let body = form(&[("topic", "numbers"), ("data", &event.to_string())]);
            publisher.send(&Request::publish(&body)).await;
        }
        for _ in 0..WINDOW {
            assert_eq!(publisher.response(false).await.status, 200);
        }
        // A client that has still to read what came before a ping answers it late, and on a slow
        // machine too late: nobody is left behind by more than a window.
        let done = all.acquire_many(everybody.try_into().unwrap());
        within("all subscribers", done).await.unwrap().forget();
    }

    // Nothing came twice: what follows the last event is the next one.
    let end = hub.publish_data("numbers", "end").await;
    let mut left = 0;
    while let Some(subscriber) = subscribers.join_next().await {
        let (carrier, seen) = subscriber.unwrap();
        assert_eq!(seen, Seen::event(&end, "end"), "{carrier:?}");
        left += 1;
    }
    assert_eq!(left, everybody);
}

fn offset(id: &str) -> usize {
    id.rsplit_once('-').unwrap().1.parse().unwrap()
}
