//! Subscribers that read slowly or not at all hold little, are sent away, and come back without
//! loss.

use core::time::Duration;

use tokio::task::JoinSet;

use super::size;
use crate::support::{CARRIERS, Carrier, Connection, Directory, Hub, Seen, Subscriber, within};

/// What a subscriber that was sent away does when it is quick again: it reads what was on its way,
/// and resumes. Gives how many events it saw in all.
async fn catches_up(
    mut slow: Subscriber,
    carrier: Carrier,
    hub: &Hub,
    (first, after, events): (usize, &str, usize),
) -> usize {
    slow.set_pace(None);
    let mut ids: Vec<String> = Vec::new();
    let expect = |event: Seen, ids: &mut Vec<String>| match event {
        Seen::Event { id, data, .. } => {
            let next = format!("{} ", first + ids.len());
            assert!(data.starts_with(&next), "{carrier:?}: {data:.20} at {next}");
            ids.push(id);
        }
        Seen::Position(_) => {}
        other => panic!("{carrier:?}: {other:?}"),
    };
    while ids.len() < events
        && let Some(event) = within("the rest of the stream", slow.try_next()).await
    {
        expect(event, &mut ids);
    }
    if ids.len() < events {
        let last = ids.last().map_or(after, |id| id);
        let mut resumed = Subscriber::after(carrier, hub, "t", last).await;
        while ids.len() < events {
            expect(resumed.next().await, &mut ids);
        }
    }
    ids.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_little_and_come_back_without_loss_hostile() {
    const DATA: usize = 16 << 10;
    let (events, healthy, each) = (size(6_000, 700), size(200, 4), size(100, 20));
    let before = events - size(1_000, 100);
    let directory = Directory::new();
    let options = ["--fsync", "never", "--recent-bytes", "4m"];
    let hub = Hub::on_disk(&directory, &options).await;
    let publish = async |from: usize, to: usize| {
        let mut connection = hub.connect().await;
        let mut id = String::new();
        for n in from..to {
            let data = format!("{n} {}", "x".repeat(DATA));
            let body = crate::support::form(&[("topic", "t"), ("data", &data)]);
            let request = crate::support::Request::publish(&body);
            let response = connection.request(request).await;
            assert_eq!(response.status, 200);
            id = response.text().to_owned();
        }
        id
    };
    let mut readers = JoinSet::new();
    for n in 0..healthy {
        let carrier = CARRIERS[n % 2];
        let mut subscriber = Subscriber::live(carrier, &hub, "t").await;
        readers.spawn(async move {
            let mut seen = 0;
            while seen < events {
                let event = within("an event", subscriber.try_next()).await;
                let Some(Seen::Event { data, .. }) = event else {
                    panic!("{carrier:?} at {seen}: {event:?}")
                };
                assert!(data.starts_with(&format!("{seen} ")));
                seen += 1;
            }
        });
    }
    // All that the hub needs for them, for its own memory of recent events, and for the pages of
    // the database that older ones are read from.
    let first = before - size(1_000, 100);
    let after = publish(0, first).await;
    publish(first, before).await;
    for carrier in CARRIERS {
        let mut reader = Subscriber::after(carrier, &hub, "t", "earliest").await;
        for _ in 0..before {
            reader.next().await;
        }
    }
    let base = (hub.resident(), hub.sockets());

    let mut slow = Vec::new();
    for n in 0..each {
        let carrier = CARRIERS[n % 2];
        for pace in [None, Some(1 << 10)] {
            let connection = Connection::open_small(hub.address()).await;
            let parameters = [("topic", "t"), ("lastEventID", after.as_str())];
            let opening = Subscriber::open_on(connection, carrier, &hub, &parameters);
            let mut subscriber = opening.await;
            subscriber.set_pace(pace);
            slow.push((carrier, subscriber));
        }
    }
    let most = core::sync::atomic::AtomicUsize::new(0);
    let watch = async {
        loop {
            most.fetch_max(hub.resident(), core::sync::atomic::Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let work = async {
        publish(before, events).await;
        // Whoever reads nothing is sent away; some of the others may be.
        within("stalled subscribers are sent away", async {
            while hub.sockets() > base.1 + each {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    };
    // Those who read 1 KiB in a second do so meanwhile.
    let mut reading = JoinSet::new();
    let mut stalled = Vec::new();
    for (n, (carrier, mut subscriber)) in slow.into_iter().enumerate() {
        if n % 2 == 0 {
            stalled.push((carrier, subscriber));
            continue;
        }
        reading.spawn(async move {
            let slowly = async {
                loop {
                    subscriber.read_a_little().await;
                }
            };
            let () = tokio::time::timeout(Duration::from_secs(8), slowly)
                .await
                .unwrap_or_default();
            (carrier, subscriber)
        });
    }
    tokio::select! {
        () = watch => {}
        () = work => {}
    }
    let most = most.into_inner();
    let allowed = base.0 + base.0 / 10 + 2 * each * 64;
    println!(
        "{} slow subscribers: the hub had {} KiB before and at most {most} KiB with them, of \
         {allowed} KiB",
        2 * each,
        base.0
    );
    assert!(most <= allowed, "{most} KiB of {allowed} KiB");
    stalled.extend(reading.join_all().await);
    readers.join_all().await;
    let mut all = 0;
    for (carrier, subscriber) in stalled {
        let missed = (first, after.as_str(), events - first);
        all += catches_up(subscriber, carrier, &hub, missed).await;
    }
    assert_eq!(all, 2 * each * (events - first));
}
