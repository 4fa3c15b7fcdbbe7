//! Connections on which nothing happens, and connections that nobody reads.

use core::time::Duration;

use tokio::task::JoinSet;

use crate::support::{CARRIERS, Hub, Seen, Subscriber, within};

#[tokio::test]
async fn the_cursor_of_a_quiet_subscriber_moves_over_what_is_not_for_it() {
    let mut carriers = JoinSet::new();
    for carrier in CARRIERS {
        carriers.spawn(async move {
            let hub = Hub::start(&["--keep-events", "1"]).await;
            let mut quiet = Subscriber::live(carrier, &hub, "quiet").await;
            let last = hub.publish_numbers("busy", 1..=3).await.remove(2);
            // The clocks of the hub: after 15 s, or together with a ping after 25 s.
            assert_eq!(
                quiet.next().await,
                Seen::Position(last.clone()),
                "{carrier:?}"
            );
            drop(quiet);
            // Where it began is no longer kept; where it was told to be is no gap.
            let mut back = Subscriber::after(carrier, &hub, "quiet", &last).await;
            let id = hub.publish_data("quiet", "at last").await;
            assert_eq!(
                back.next().await,
                Seen::event(&id, "at last"),
                "{carrier:?}"
            );
        });
    }
    carriers.join_all().await;
}

#[tokio::test]
async fn that_other_topics_were_evicted_is_no_gap_for_who_is_connected() {
    let hub = Hub::start(&["--keep-events", "50"]).await;
    let mut quiet = Vec::new();
    for carrier in CARRIERS {
        quiet.push((carrier, Subscriber::live(carrier, &hub, "quiet").await));
    }
    for round in ["first", "second"] {
        hub.publish_numbers("busy", 1..=120).await;
        let id = hub.publish_data("quiet", round).await;
        for (carrier, subscriber) in &mut quiet {
            assert_eq!(
                subscriber.next().await,
                Seen::event(&id, round),
                "{carrier:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_subscriber_that_falls_behind_what_is_kept_is_told() {
    // Far more than sockets hold.
    const EVENTS: usize = 24;
    let data = "x".repeat(1 << 19);
    let hub = Hub::start(&["--keep-events", "4"]).await;
    for carrier in CARRIERS {
        let mut slow = Subscriber::live(carrier, &hub, "t").await;
        let mut ids = Vec::new();
        for _ in 0..EVENTS {
            ids.push(hub.publish_data("t", &data).await);
        }
        let mut gaps = 0;
        let mut expected = ids.iter();
        while let Some(mut next) = expected.next() {
            let id = match slow.next().await {
                Seen::Event { id, .. } => id,
                Seen::Gap(gap) => {
                    gaps += 1;
                    assert_eq!(gap["reason"], "evicted");
                    while gap["resumed"] != next.as_str() {
                        next = expected.next().unwrap();
                    }
                    continue;
                }
                other => panic!("{carrier:?}: {other:?}"),
            };
            assert_eq!(
                id, *next,
                "{carrier:?}: not in order, or lost without a word"
            );
        }
        assert!(gaps > 0, "{carrier:?} was not slow");
    }
}

/// Seeing that the hub has given up a connection that is not read takes a look at the hub.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_subscriber_that_does_not_read_is_sent_away_and_loses_nothing() {
    // Far more than sockets hold.
    const EVENTS: usize = 24;
    let data = "x".repeat(1 << 19);
    let hub = Hub::start(&["--keep-bytes", "1g"]).await;
    let before = hub.sockets();
    let mut reading = JoinSet::new();
    let mut stalled = Vec::new();
    for carrier in CARRIERS {
        stalled.push((carrier, Subscriber::live(carrier, &hub, "t").await));
        let mut subscriber = Subscriber::live(carrier, &hub, "t").await;
        reading.spawn(async move {
            for _ in 0..EVENTS {
                assert!(matches!(subscriber.next().await, Seen::Event { .. }));
            }
        });
    }
    let mut ids = Vec::new();
    for _ in 0..EVENTS {
        ids.push(hub.publish_data("t", &data).await);
    }
    within("all events for those who read", reading.join_all()).await;

    let sent_away = async {
        while hub.sockets() > before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within("those who do not read to be sent away", sent_away).await;

    for (carrier, subscriber) in &mut stalled {
        let mut seen = Vec::new();
        while let Some(Seen::Event { id, .. }) = within("the end", subscriber.try_next()).await {
            seen.push(id);
        }
        assert!(seen.len() < EVENTS, "{carrier:?} was not held back");
        let last = seen.last().unwrap();
        let mut back = Subscriber::after(*carrier, &hub, "t", last).await;
        while seen.len() < EVENTS {
            let Seen::Event { id, .. } = back.next().await else {
                panic!("{carrier:?}")
            };
            seen.push(id);
        }
        assert_eq!(seen, ids, "{carrier:?}");
    }
}
