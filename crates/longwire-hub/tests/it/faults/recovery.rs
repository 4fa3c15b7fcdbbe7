//! How long a hub takes to be back after it was killed with a large log.
//!
//! `cargo xtask recovery` measures it with a gibibyte; as an ordinary test it is small, and proves
//! that all is there.

use std::time::Instant;

use crate::support::{CARRIERS, Directory, Hub, Request, Seen, Subscriber, form};

fn mebibytes() -> usize {
    let size = std::env::var("LONGWIRE_RECOVERY_MIB");
    size.map_or(4, |size| size.parse().expect("a number"))
}

#[tokio::test]
async fn a_large_log_is_whole_after_a_kill() {
    const DATA: usize = 1_000;
    let events = mebibytes() * 1024 * 1024 / DATA;
    let directory = Directory::new();
    let options = ["--keep-bytes", "100g", "--keep-events", "100000000"];
    let hub = Hub::on_disk(&directory, &options).await;
    // Many at once, so that they share the wait for the disk.
    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..64 {
        let mut connection = hub.connect().await;
        publishers.spawn(async move {
            for n in (publisher..events).step_by(64) {
                let data = format!("{n} {}", "x".repeat(DATA));
                let topic = format!("topic-{}", n % 1_000);
                let body = form(&[("topic", &topic), ("data", &data)]);
                let response = connection.request(Request::publish(&body)).await;
                assert_eq!(response.status, 200);
            }
        });
    }
    publishers.join_all().await;
    hub.kill().await;
    let file = std::fs::metadata(format!("{}/log.redb", directory.path()));
    let bytes = file.unwrap().len();
    let began = Instant::now();
    let hub = Hub::on_disk(&directory, &options).await;
    let took = began.elapsed().as_secs_f64();
    println!(
        "{events} events, a file of {} MiB: back after {took:.2} s, {:.2} s per GiB of data",
        bytes >> 20,
        took * f64::from(1 << 30) / (events * DATA) as f64,
    );
    let next = hub.publish_data("t", "next").await;
    assert!(next.ends_with(&format!("-{}", events + 1)), "{next}");
    let mut subscriber = Subscriber::after(CARRIERS[0], &hub, "topic-7", "earliest").await;
    for _ in 0..events / 1_000 {
        assert!(matches!(subscriber.next().await, Seen::Event { .. }));
    }
}
