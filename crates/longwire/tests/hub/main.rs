//! A client of the hub against a hub that says what a test has it say: what is asked, what answers
//! and ends mean, and what is kept. Against the real hub it is tested in `longwire-hub`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod closing;
mod ends;
mod publishing;
mod scripted;
mod stores;
mod topics;

use core::time::Duration;

use longwire::hub::{BackoffConfig, Carrier, Connect, Event, Message, Reconnecting};

use support::within;

const CARRIERS: [Carrier; 2] = [Carrier::WebSocket, Carrier::EventStream];

/// A client that is quick to come back.
fn quick(url: String) -> Connect {
    let millis = Duration::from_millis;
    let backoff = BackoffConfig::new()
        .base(millis(20))
        .cap(millis(50))
        .floor(millis(1));
    longwire::connect(url).backoff(backoff)
}

/// The next event that `pick` takes; the others are passed over.
async fn next<T>(
    client: &mut Reconnecting,
    what: &str,
    mut pick: impl FnMut(Event) -> Option<T>,
) -> T {
    within(what, async {
        loop {
            let Some(event) = client.next().await else {
                panic!("{what}: the client ended: {:?}", client.finished());
            };
            if let Some(found) = pick(event) {
                return found;
            }
        }
    })
    .await
}

async fn opened(client: &mut Reconnecting) -> Carrier {
    next(client, "a connection", |event| match event {
        Event::Opened { carrier, .. } => Some(carrier),
        _ => None,
    })
    .await
}

async fn message(client: &mut Reconnecting) -> Message {
    next(client, "a message", |event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    })
    .await
}

/// Waits for the end of the client.
async fn ended(client: &mut Reconnecting) {
    within("the end", async { while client.next().await.is_some() {} }).await;
}

/// Lets the client work until something holds.
async fn until(client: &mut Reconnecting, what: &str, holds: impl Fn(&Reconnecting) -> bool) {
    within(what, async {
        while !holds(client) {
            let _ = tokio::time::timeout(Duration::from_millis(5), client.next()).await;
        }
    })
    .await;
}
