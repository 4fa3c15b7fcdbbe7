//! Subscribers that vanish without a word: the hub notices, lets go of them, and serves the others.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::outside::{cut_address, in_own_network};
use super::size;
use crate::support::{CARRIERS, Carrier, Connection, Hub, Seen, Subscriber, within};

const GONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Waits until the hub has no more than so many sockets.
async fn released(hub: &Hub, sockets: usize) -> Instant {
    // Beyond what a test may take to hang.
    let deadline = Instant::now() + Duration::from_secs(100);
    while hub.sockets() > sockets {
        assert!(
            Instant::now() < deadline,
            "{} sockets are left",
            hub.sockets()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Instant::now()
}

/// The longest time that a task of this machine was late, as long as this is polled.
async fn lateness(late: Arc<Mutex<Duration>>) {
    const PAUSE: Duration = Duration::from_millis(100);
    loop {
        let asleep = Instant::now();
        tokio::time::sleep(PAUSE).await;
        let mut late = late.lock().unwrap();
        *late = asleep.elapsed().saturating_sub(PAUSE).max(*late);
    }
}

/// A hub with subscribers of one carrier that are about to vanish, and one that stays.
struct Vanishing {
    carrier: Carrier,
    hub: Hub,
    /// Sockets of the hub without those that vanish.
    sockets: usize,
    gone: Vec<Subscriber>,
    hears: UnboundedReceiver<String>,
}

impl Vanishing {
    async fn connect(carrier: Carrier, peers: usize) -> Self {
        let hub = Hub::start(&[]).await;
        let mut healthy = Subscriber::live(carrier, &hub, "busy").await;
        let (heard, hears) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(seen) = healthy.try_next().await {
                if let Seen::Event { data, .. } = seen
                    && heard.send(data).is_err()
                {
                    return;
                }
            }
        });
        let sockets = hub.sockets();
        let mut gone = Vec::new();
        for topic in ["idle", "busy"].into_iter().cycle().take(2 * peers) {
            let connection = Connection::open_from(GONE, hub.address()).await;
            let parameters = [("topic", topic)];
            let opening = Subscriber::open_on(connection, carrier, &hub, &parameters);
            let mut subscriber = opening.await;
            assert!(matches!(subscriber.next().await, Seen::Position(_)));
            gone.push(subscriber);
        }
        assert_eq!(hub.sockets(), sockets + gone.len());
        Self {
            carrier,
            hub,
            sockets,
            gone,
            hears,
        }
    }

    async fn served(&mut self, data: &str) {
        self.hub.publish_data("busy", data).await;
        let heard = within("an event", self.hears.recv()).await;
        assert_eq!(heard.as_deref(), Some(data));
    }

    /// With nothing to send, a dead peer is gone in this time, and what this machine adds; with
    /// something, sooner.
    async fn are_noticed(mut self, since: Instant, within: Duration, late: &Mutex<Duration>) {
        for number in ["1", "2", "3"] {
            self.served(number).await;
        }
        let took = released(&self.hub, self.sockets).await - since;
        let (carrier, peers) = (self.carrier, self.gone.len());
        let late = *late.lock().unwrap();
        println!("{carrier:?}: {peers} dead peers were gone after {took:?}, tasks {late:?} late");
        assert!(took <= within + late, "{carrier:?}: {took:?}, {late:?}");
        self.served("still here").await;
    }
}

#[tokio::test]
async fn is_noticed_and_released_hostile() {
    if !in_own_network("faults::half_open::is_noticed_and_released_hostile") {
        return;
    }
    // The times are those of the contract at any size; nothing is done meanwhile.
    let peers = size(500, 10);
    let [stream, socket] = CARRIERS;
    let stream = Vanishing::connect(stream, peers).await;
    let socket = Vanishing::connect(socket, peers).await;
    let late = Arc::<Mutex<Duration>>::default();
    let lateness = tokio::spawn(lateness(late.clone()));
    cut_address(GONE);
    let since = Instant::now();
    tokio::join!(
        stream.are_noticed(since, Duration::from_secs(47), &late),
        socket.are_noticed(since, Duration::from_secs(37), &late),
    );
    lateness.abort();
}
