//! A hub that is killed again and again loses nothing that it acknowledged.

use core::time::Duration;
use std::collections::HashMap;

use longwire::hub::{BackoffConfig, Data, Event, Start};

use crate::support::{
    Carrier, Connection, Directory, ENDPOINT, EventStream, Hub, Item, Request, Seen, Subscriber,
    form, target, within,
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

/// One client that lives through all kills: gives the position and the data of what it saw, which
/// was each event once and in order, and how often it was connected.
async fn outlive(
    address: core::net::SocketAddr,
    carrier: longwire::hub::Carrier,
) -> (Vec<(String, String)>, usize) {
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
                seen.push((position.to_string(), data));
                if seen.last().is_some_and(|(_, data)| data == "end") {
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
    let options = ["--keep-events", "100000000", "--keep-bytes", "100g"];
    // By position, what was acknowledged or seen.
    let mut known: HashMap<String, String> = HashMap::new();
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
            if let Some(before) = known.insert(position.clone(), data.clone()) {
                assert_eq!(before, data, "{position} was given twice");
            }
        }
    }
    assert!(
        acknowledged > 10 * kills(),
        "only {acknowledged} events were acknowledged"
    );

    let end = hub.publish_data("numbers", "end").await;
    let mut subscriber = Subscriber::after(Carrier::EventStream, &hub, "*", "earliest").await;
    let mut all = Vec::new();
    loop {
        let Seen::Event { id, data, .. } = subscriber.next().await else {
            panic!("not an event")
        };
        all.push((id, data));
        let (id, data) = all.last().unwrap();
        assert!(
            id.ends_with(&format!("-{}", all.len())),
            "{id} is the {}th",
            all.len()
        );
        if *id == end {
            break;
        }
        if let Some(known) = known.remove(id) {
            assert_eq!(*data, known, "{id} was changed");
        }
    }
    let lost = known.keys().next();
    assert_eq!(lost, None, "{} events were lost", known.len());
    let mut connections = 0;
    for client in clients {
        let (seen, connected) = within("a client sees the end", client).await.unwrap();
        assert!(seen == all, "a client saw another log");
        connections += connected;
    }
    println!(
        "{} kills, {acknowledged} events acknowledged: 0 lost, 0 changed, 0 numbered twice; 2 \
         clients were connected {connections} times and saw each of {} events once",
        kills(),
        all.len()
    );
}
