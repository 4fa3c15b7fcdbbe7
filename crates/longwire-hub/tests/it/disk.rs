//! The log outlives the hub.

use crate::support::{CARRIERS, Directory, Hub, Seen, Subscriber, run};

/// The subscriber gets events with these ids, which carry the numbers from `first` on.
async fn gets(subscriber: &mut Subscriber, ids: &[String], first: usize) {
    for (id, number) in ids.iter().zip(first..) {
        assert_eq!(
            subscriber.next().await,
            Seen::event(id, &number.to_string())
        );
    }
}

#[tokio::test]
async fn after_a_kill_a_subscriber_goes_on_where_it_was() {
    for carrier in CARRIERS {
        let directory = Directory::new();
        let hub = Hub::on_disk(&directory, &[]).await;
        let mut subscriber = Subscriber::live(carrier, &hub, "numbers").await;
        let mut ids = hub.publish_numbers("numbers", 1..=20).await;
        gets(&mut subscriber, &ids[..10], 1).await;
        drop(subscriber);
        hub.kill().await;

        let hub = Hub::on_disk(&directory, &[]).await;
        ids.extend(hub.publish_numbers("numbers", 21..=30).await);
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", &ids[9]).await;
        gets(&mut subscriber, &ids[10..], 11).await;
        // An id that its publisher gave is known as before, too.
        let fields = [("topic", "orders"), ("data", "one"), ("id", "order-7")];
        let first = hub.publish(&fields).await;
        hub.kill().await;
        let hub = Hub::on_disk(&directory, &[]).await;
        let again = hub.publish(&fields).await;
        assert_eq!(again.status, 200);
        let position = "longwire-position";
        assert_eq!(again.header(position), first.header(position));
        let other = [("topic", "orders"), ("data", "two"), ("id", "order-7")];
        assert_eq!(hub.publish(&other).await.status, 409);
    }
}

#[tokio::test]
async fn without_waiting_for_the_disk_a_kill_is_a_gap_and_a_stop_is_none() {
    for fsync in ["interval:1000", "never"] {
        let directory = Directory::new();
        let options = ["--fsync", fsync];
        let hub = Hub::on_disk(&directory, &options).await;
        let ids = hub.publish_numbers("numbers", 1..=20).await;
        hub.stop().await;
        let hub = Hub::on_disk(&directory, &options).await;
        let mut subscriber = Subscriber::after(CARRIERS[0], &hub, "numbers", &ids[4]).await;
        gets(&mut subscriber, &ids[5..], 6).await;
        hub.kill().await;

        let hub = Hub::on_disk(&directory, &options).await;
        let mut subscriber = Subscriber::after(CARRIERS[0], &hub, "numbers", &ids[4]).await;
        let Seen::Gap(gap) = subscriber.next().await else {
            panic!("no gap after a kill with {fsync}")
        };
        assert_eq!(gap["reason"], "epoch");
    }
}

#[tokio::test]
async fn events_that_are_not_in_memory_come_from_the_disk() {
    for carrier in CARRIERS {
        let directory = Directory::new();
        let hub = Hub::on_disk(&directory, &["--recent-bytes", "10k"]).await;
        let mut ids = hub.publish_numbers("numbers", 1..=1_000).await;
        hub.publish_numbers("others", 1..=50).await;
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", "earliest").await;
        gets(&mut subscriber, &ids[..500], 1).await;
        ids.extend(hub.publish_numbers("numbers", 1_001..=1_010).await);
        gets(&mut subscriber, &ids[500..], 501).await;
        let now = hub.publish_data("numbers", "now").await;
        assert_eq!(subscriber.next().await, Seen::event(&now, "now"));
        // One whose topic is rare finds its events among the others.
        let mut others = Subscriber::after(carrier, &hub, "others", "earliest").await;
        for number in 1..=50 {
            let Seen::Event { data, .. } = others.next().await else {
                panic!("no event")
            };
            assert_eq!(data, number.to_string());
        }
    }
}

#[tokio::test]
async fn what_is_kept_on_disk_is_bounded() {
    let directory = Directory::new();
    let options = ["--keep-events", "50", "--recent-bytes", "4k"];
    let hub = Hub::on_disk(&directory, &options).await;
    let ids = hub.publish_numbers("numbers", 1..=101).await;
    hub.kill().await;
    let hub = Hub::on_disk(&directory, &options).await;
    for carrier in CARRIERS {
        let mut subscriber = Subscriber::after(carrier, &hub, "numbers", &ids[0]).await;
        let expected = serde_json::json!({
            "requested": ids[0], "resumed": ids[50], "reason": "evicted",
            "earliest": ids[51], "head": ids[100],
        });
        assert_eq!(subscriber.next().await, Seen::Gap(expected), "{carrier:?}");
        gets(&mut subscriber, &ids[51..], 52).await;
    }
}

#[tokio::test]
async fn a_second_hub_on_the_same_directory_does_not_start() {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let arguments = ["--listen", "127.0.0.1:0", "--data", directory.path()];
    let (status, _, stderr) = run(&arguments).await;
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("belongs to a hub that is running"),
        "{stderr}"
    );
    assert!(stderr.contains(directory.path()), "{stderr}");
    assert_eq!(hub.publish(&[("topic", "a")]).await.status, 200);
}

#[tokio::test]
async fn where_the_log_is_stands_in_what_the_hub_says_at_its_start() {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    hub.signal(rustix::process::Signal::TERM);
    let (_, text) = hub.ended().await;
    assert!(text.contains(directory.path()), "{text}");
}
