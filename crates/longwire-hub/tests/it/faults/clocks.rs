//! A clock that is set while the hub runs: positions are not times, and nobody is sent away.

use super::outside::Tool;
use crate::support::{CARRIERS, Directory, Hub, Seen, Subscriber, longwire};

const STEPS: [&str; 7] = ["+0", "+1h", "-1h", "+3650d", "-3650d", "+12h", "+0"];

#[tokio::test]
async fn steps_change_nothing() {
    let Some([library]) = Tool::find([Tool::Faketime]) else {
        return;
    };
    let directory = Directory::new();
    let clock = format!("{}/clock", directory.path());
    let data = format!("{}/data", directory.path());
    let set = |time: &str| std::fs::write(&clock, time).unwrap();
    set(STEPS[0]);
    let hub = || {
        // Events are kept for a day: ten years are more.
        let mut command = longwire(&["--listen", "127.0.0.1:0", "--data", &data]);
        command
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_NO_CACHE", "1")
            // The other clock is not one that anybody sets.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Hub::spawn(command)
    };
    let first = hub().await;
    let mut live = Vec::new();
    for carrier in CARRIERS {
        live.push(Subscriber::live(carrier, &first, "t").await);
    }
    let mut ids = Vec::new();
    for step in STEPS {
        set(step);
        for _ in 0..20 {
            let number = ids.len().to_string();
            let id = first.publish_data("t", &number).await;
            assert!(id.ends_with(&format!("-{}", ids.len() + 1)), "{step}: {id}");
            for subscriber in &mut live {
                assert_eq!(subscriber.next().await, Seen::event(&id, &number), "{step}");
            }
            ids.push(id);
        }
        let mut all = Subscriber::after(CARRIERS[0], &first, "t", "earliest").await;
        for (number, id) in ids.iter().enumerate() {
            let event = Seen::event(id, &number.to_string());
            assert_eq!(all.next().await, event, "{step} removes what is kept");
        }
    }
    // One that starts with a clock far behind goes on all the same.
    first.kill().await;
    set("-3650d");
    let second = hub().await;
    let id = second.publish_data("t", "after").await;
    let mut all = Subscriber::after(CARRIERS[1], &second, "t", "earliest").await;
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(all.next().await, Seen::event(id, &number.to_string()));
    }
    assert_eq!(all.next().await, Seen::event(&id, "after"));
}
