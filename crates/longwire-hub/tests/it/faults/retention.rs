//! Who was away for longer than events are kept is told, without exception; who was not, misses
//! nothing.

use serde_json::json;

use super::size;
use crate::support::{CARRIERS, Directory, Hub, Seen, Subscriber};

const KEPT: usize = 100;

#[tokio::test]
async fn everybody_who_was_away_for_too_long_is_told() {
    let directory = Directory::new();
    // In memory, and on disk.
    for place in [&[][..], &["--data", directory.path()]] {
        let kept = KEPT.to_string();
        let options = [place, &["--keep-events", &kept]].concat();
        let mut hub = Hub::start(&options).await;
        let ids = hub.publish_numbers("t", 1..=3 * KEPT).await;
        for restart in [false, true] {
            if restart && place.is_empty() {
                continue;
            }
            if restart {
                hub.kill().await;
                hub = Hub::start(&options).await;
            }
            for n in 0..size(1_000, 60) {
                let carrier = CARRIERS[n % 2];
                // The last one that can be resumed from is the one before the oldest.
                let at = n * 37 % (3 * KEPT - 1);
                let mut subscriber = Subscriber::after(carrier, &hub, "t", &ids[at]).await;
                let mut next = at + 1;
                if at + 1 < 2 * KEPT {
                    let gap = json!({
                        "requested": ids[at], "resumed": ids[2 * KEPT - 1], "reason": "evicted",
                        "earliest": ids[2 * KEPT], "head": ids[3 * KEPT - 1],
                    });
                    assert_eq!(
                        subscriber.next().await,
                        Seen::Gap(gap),
                        "{carrier:?} at {at}"
                    );
                    next = 2 * KEPT;
                }
                let event = Seen::event(&ids[next], &(next + 1).to_string());
                assert_eq!(subscriber.next().await, event, "{carrier:?} at {at}");
            }
        }
        hub.stop().await;
    }
}

#[tokio::test]
async fn a_hub_without_its_log_tells_everybody_and_with_it_nobody() {
    let directory = Directory::new();
    let options = ["--data", directory.path()];
    let hub = Hub::start(&options).await;
    let ids = hub.publish_numbers("t", 1..=20).await;
    hub.kill().await;
    let hub = Hub::start(&options).await;
    for carrier in CARRIERS {
        for at in 0..19 {
            let mut subscriber = Subscriber::after(carrier, &hub, "t", &ids[at]).await;
            let event = Seen::event(&ids[at + 1], &(at + 2).to_string());
            assert_eq!(subscriber.next().await, event, "{carrier:?} at {at}");
        }
    }
    hub.kill().await;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let hub = Hub::start(&options).await;
    hub.publish_numbers("t", 1..=20).await;
    for carrier in CARRIERS {
        for id in &ids {
            let mut subscriber = Subscriber::after(carrier, &hub, "t", id).await;
            let Seen::Gap(gap) = subscriber.next().await else {
                panic!("{carrier:?}: the log is another")
            };
            assert_eq!(gap["reason"], "epoch");
        }
    }
}

#[tokio::test]
async fn a_log_put_back_from_a_backup_begins_a_new_epoch() {
    let directory = Directory::new();
    let options = ["--data", directory.path()];
    let files = ["log.redb", "journal"].map(|name| format!("{}/{name}", directory.path()));
    let hub = Hub::start(&options).await;
    hub.publish_numbers("t", 1..=10).await;
    hub.stop().await;
    let backup = files.each_ref().map(|file| std::fs::read(file).unwrap());
    let hub = Hub::start(&options).await;
    let ids = hub.publish_numbers("t", 11..=20).await;
    hub.kill().await;
    for (file, bytes) in files.iter().zip(backup) {
        std::fs::write(file, bytes).unwrap();
    }
    let hub = Hub::start(&options).await;
    // Without a new epoch, this event would have the offset of another that was seen.
    let id = hub.publish_data("t", "other").await;
    for carrier in CARRIERS {
        let mut subscriber = Subscriber::after(carrier, &hub, "t", &ids[4]).await;
        let Seen::Gap(gap) = subscriber.next().await else {
            panic!("{carrier:?}: events were lost")
        };
        assert_eq!(gap["reason"], "epoch");
        assert_ne!(id, ids[0]);
    }
    hub.signal(rustix::process::Signal::TERM);
    let (_, stderr) = hub.ended().await;
    assert!(
        stderr.contains("a new epoch begins after offset 10"),
        "{stderr}"
    );
}
