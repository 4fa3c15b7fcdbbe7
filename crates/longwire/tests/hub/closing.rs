//! What closing leaves behind: nothing.

use core::time::Duration;

use longwire::hub::{Carrier, Event, MemoryStore, Outcome, PublishForm};
use tokio::time::Instant;
use ws_frame::OpCode;

use crate::scripted::Hub;
use crate::{CARRIERS, ended, message, opened, quick};

#[tokio::test]
async fn a_web_socket_is_closed_with_a_handshake() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::WebSocket);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        let normal = 1000_u16.to_be_bytes().to_vec();
        assert_eq!(link.next().await, Some((OpCode::Close, normal.clone())));
        link.frame(OpCode::Close, &normal).await;
        link.gone().await;
    });
    opened(&mut client).await;
    assert_eq!(client.close().await.unwrap(), []);
    script.await.unwrap();
}

#[tokio::test]
async fn a_hub_that_does_not_answer_a_close_is_left_after_a_second() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::WebSocket);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move { hub.opens(0).await.gone().await });
    opened(&mut client).await;
    let begun = Instant::now();
    client.close().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    script.await.unwrap();
}

#[tokio::test]
async fn what_was_not_acknowledged_is_returned() {
    for carrier in CARRIERS {
        let hub = Hub::start().await;
        let client = quick(hub.url("")).topic("a").only(carrier).in_flight(1);
        let mut client = client.open().unwrap();
        let script = tokio::spawn(async move {
            let mut link = hub.opens(0).await;
            if carrier == Carrier::WebSocket {
                link.object().await;
                link.event(1, "it was sent").await;
                return link.gone().await;
            }
            let post = hub.asked().await;
            link.event(1, "it was sent").await;
            drop(post);
            link.gone().await;
        });
        let publish = |data| PublishForm::text(["b"], data);
        let sent = client.publish(publish("sent")).unwrap();
        let waiting = client.publish(publish("waiting")).unwrap();
        message(&mut client).await;
        let left = client.close().await.unwrap();
        let outcomes = [(sent, Outcome::Unknown), (waiting, Outcome::Unsent)];
        let events = outcomes.map(|(number, outcome)| Event::Published { number, outcome });
        assert_eq!(left, events);
        script.await.unwrap();
    }
}

/// The hub ends the client: the position is kept before the client says so.
#[tokio::test]
async fn the_position_is_saved_before_the_end_is_told() {
    let hub = Hub::start().await;
    let store = MemoryStore::new();
    let mut client = quick(hub.url(""))
        .topic("a")
        .only(Carrier::WebSocket)
        .store(store.clone())
        .store_every(Duration::from_secs(3600))
        .open()
        .unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        link.event(1, "one").await;
        link.frame(OpCode::Close, &1000_u16.to_be_bytes()).await;
        link.closed().await;
    });
    let receipt = message(&mut client).await.receipt;
    ended(&mut client).await;
    assert_eq!(Some(&store.get()), receipt.start());
    // It stays so.
    assert_eq!(client.next().await, None);
    drop(client);
    script.await.unwrap();
}
