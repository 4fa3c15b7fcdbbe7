//! A hub that is killed again and again loses nothing that it acknowledged.

use core::time::Duration;
use std::collections::HashMap;

use crate::support::{
    Carrier, Connection, Directory, EventStream, Hub, Item, Request, Seen, Subscriber, form, target,
};

const PUBLISHERS: usize = 32;

/// So often is the hub killed: 20 times, or as often as the variable `LONGWIRE_KILLS` says.
fn kills() -> usize {
    let kills = std::env::var("LONGWIRE_KILLS");
    kills.map_or(20, |kills| {
        kills.parse().expect("LONGWIRE_KILLS is a number")
    })
}

/// Publishes until the hub is gone; gives the position and the data of each event acknowledged.
async fn publish(
    mut connection: Connection,
    publisher: usize,
    round: usize,
) -> Vec<(String, String)> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let data = format!("{round} {publisher} {number} {}", "x".repeat(number % 700));
        let body = form(&[("topic", "numbers"), ("data", &data)]);
        let Some(response) = connection.try_request(Request::publish(&body)).await else {
            break;
        };
        assert_eq!(response.status, 200, "{}", response.text());
        acknowledged.push((response.text().to_owned(), data));
    }
    acknowledged
}

/// Reads until the hub is gone; gives what was seen.
async fn subscribe(hub: &Hub) -> tokio::task::JoinHandle<Vec<(String, String)>> {
    let target = target(&[("topic", "*")]);
    let mut stream = EventStream::open(hub.connect().await, Request::new("GET", &target)).await;
    tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(item) = stream.next().await {
            if let Item::Event(event) = item
                && event.name == "message"
            {
                seen.push((event.id, event.data));
            }
        }
        seen
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_changed_or_numbered_twice() {
    let directory = Directory::new();
    let options = ["--keep-events", "100000000", "--keep-bytes", "100g"];
    // By position, what was acknowledged or seen.
    let mut known: HashMap<String, String> = HashMap::new();
    let mut acknowledged = 0;
    for round in 0..kills() {
        let hub = Hub::on_disk(&directory, &options).await;
        let subscriber = subscribe(&hub).await;
        let mut publishers = Vec::new();
        for publisher in 0..PUBLISHERS {
            let connection = hub.connect().await;
            publishers.push(tokio::spawn(publish(connection, publisher, round)));
        }
        let random = getrandom::u64().unwrap() % 450;
        tokio::time::sleep(Duration::from_millis(50 + random)).await;
        hub.kill().await;
        let mut told = subscriber.await.unwrap();
        for publisher in publishers {
            let events = publisher.await.unwrap();
            acknowledged += events.len();
            told.extend(events);
        }
        for (position, data) in told {
            if let Some(before) = known.insert(position.clone(), data.clone()) {
                assert_eq!(before, data, "{position} was given twice");
            }
        }
    }
    assert!(
        acknowledged > 10 * kills(),
        "only {acknowledged} events were acknowledged"
    );

    let hub = Hub::on_disk(&directory, &options).await;
    let end = hub.publish_data("numbers", "end").await;
    let mut subscriber = Subscriber::after(Carrier::EventStream, &hub, "*", "earliest").await;
    let mut offset = 0;
    loop {
        let Seen::Event { id, data, .. } = subscriber.next().await else {
            panic!("not an event")
        };
        if id == end {
            break;
        }
        offset += 1;
        assert!(
            id.ends_with(&format!("-{offset}")),
            "{id} follows {}",
            offset - 1
        );
        if let Some(known) = known.remove(&id) {
            assert_eq!(data, known, "{id} was changed");
        }
    }
    let lost = known.keys().next();
    assert_eq!(lost, None, "{} events were lost", known.len());
    println!(
        "{} kills, {acknowledged} events acknowledged, none lost",
        kills()
    );
}
