//! A hub that is killed again and again loses nothing that it acknowledged.

use core::hash::{BuildHasher, BuildHasherDefault};
use core::time::Duration;
use std::collections::HashMap;
use std::hash::DefaultHasher;

use longwire::hub::{BackoffConfig, Data, Event, Start};

use crate::support::{
    Carrier, Connection, Directory, ENDPOINT, EventStream, Hub, Item, Request, Seen, Subscriber,
    form, target, within,
};

const PUBLISHERS: usize = 32;
/// Events that the hub keeps. A start takes as long as they take to read, so a thousand kills with
/// all events kept would take hours; who lives through them sees every event all the same.
const KEPT: usize = 200_000;

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

/// What stands for the data of an event among millions of them.
fn digest(data: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(data)
}

/// The offset in a position's text.
fn offset(position: &str) -> usize {
    let (_, offset) = position.rsplit_once('-').expect("a position");
    offset.parse().expect("a position")
}

/// One client that lives through all kills: gives the data of what it saw, which was each event
/// once and in order, and how often it was connected.
async fn outlive(
    address: core::net::SocketAddr,
    carrier: longwire::hub::Carrier,
) -> (Vec<u64>, usize) {
    let millis = Duration::from_millis;
    let backoff = BackoffConfig::new().base(millis(50)).cap(millis(200));
    let mut client = longwire::connect(format!("http://{address}{ENDPOINT}"))
        .topic("*")
        .start(Start::Earliest)
        .only(carrier)
        .backoff(backoff.floor(millis(10)))
        .open()
        .unwrap();
    let (mut seen, mut connections) = (Vec::new(), 0);
    loop {
        match client.next().await {
            Some(Event::Message(message)) => {
                let position = message.position.unwrap();
                let next = seen.len() as u64 + 1;
                assert_eq!(
                    position.offset, next,
                    "{carrier:?}: a hole, or the same again"
                );
                let Data::Text(data) = message.data else {
                    panic!("only text is published")
                };
                seen.push(digest(&data));
                if data == "end" {
                    return (seen, connections);
                }
            }
            Some(Event::Missed(missed)) => panic!("{carrier:?}: {missed:?}"),
            Some(Event::Opened { .. }) => connections += 1,
            Some(_) => {}
            None => panic!("{carrier:?}: {:?}", client.finished()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_changed_or_numbered_twice() {
    let directory = Directory::new();
    let kept = KEPT.to_string();
    let options = ["--keep-events", &kept, "--keep-bytes", "100g"];
    // By position, what was acknowledged or seen.
    let mut known: HashMap<String, u64> = HashMap::new();
    let mut acknowledged = 0;
    let options = [&["--data", directory.path()][..], &options].concat();
    let mut hub = Hub::start(&options).await;
    let address = hub.address();
    let clients: Vec<_> = [
        longwire::hub::Carrier::WebSocket,
        longwire::hub::Carrier::EventStream,
    ]
    .map(|carrier| tokio::spawn(outlive(address, carrier)))
    .into();
    for round in 0..kills() {
        let subscriber = subscribe(&hub).await;
        let mut publishers = Vec::new();
        for publisher in 0..PUBLISHERS {
            let connection = hub.connect().await;
            publishers.push(tokio::spawn(publish(connection, publisher, round)));
        }
        let random = getrandom::u64().unwrap() % 450;
        tokio::time::sleep(Duration::from_millis(50 + random)).await;
        hub.kill().await;
        hub = Hub::start_on(&address.to_string(), &options).await;
        let mut told = subscriber.await.unwrap();
        for publisher in publishers {
            let events = publisher.await.unwrap();
            acknowledged += events.len();
            told.extend(events);
        }
        for (position, data) in told {
            let data = digest(&data);
            let before = known.insert(position.clone(), data);
            assert!(
                before.is_none_or(|before| before == data),
                "{position} was given twice"
            );
        }
        if (round + 1) % 100 == 0 {
            println!("{} kills, {acknowledged} events acknowledged", round + 1);
        }
    }
    assert!(
        acknowledged > 10 * kills(),
        "only {acknowledged} events were acknowledged"
    );

    let end = hub.publish_data("numbers", "end").await;
    let (mut all, mut connections) = (None, 0);
    for client in clients {
        let (seen, connected) = within("a client sees the end", client).await.unwrap();
        connections += connected;
        let before = all.get_or_insert_with(|| seen.clone());
        assert!(*before == seen, "two clients saw different logs");
    }
    let all = all.unwrap_or_default();
    assert_eq!(all.len(), offset(&end));
    for (position, data) in &known {
        let seen = all.get(offset(position) - 1);
        assert_eq!(seen, Some(data), "{position} was lost or changed");
    }
    // What the log has in the end, to whoever asks for all of it.
    let mut subscriber = Subscriber::after(Carrier::EventStream, &hub, "*", "earliest").await;
    let mut next = None;
    loop {
        let Seen::Event { id, data, .. } = subscriber.next().await else {
            panic!("not an event")
        };
        let at = offset(&id);
        assert_eq!(at, *next.get_or_insert(at), "a hole, or the same again");
        assert_eq!(all.get(at - 1), Some(&digest(&data)), "{id} was changed");
        if id == end {
            break;
        }
        next = Some(at + 1);
    }
    println!(
        "{} kills, {acknowledged} events acknowledged: 0 lost, 0 changed, 0 numbered twice; 2 \
         clients were connected {connections} times and saw each of {} events once",
        kills(),
        all.len()
    );
}
