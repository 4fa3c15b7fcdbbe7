//! Clients that come back, against the real hub, through a proxy that fails.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

mod codes;
mod drops;
mod hub;
mod live;
#[path = "../../../longwire/tests/support/port.rs"]
mod port;
mod proxy;
mod publishing;
mod stores;
mod upgrades;

use core::time::Duration;

use hub::Hub;
use longwire::hub::{BackoffConfig, Carrier, Connect, Data, Event, Reconnecting};
use proxy::{Mode, Proxy};

pub(crate) const CARRIERS: [Carrier; 2] = [Carrier::WebSocket, Carrier::EventStream];

/// Waits for what must happen, and names it if it does not: a guard against hanging, not a measure.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), future).await {
        Ok(value) => value,
        Err(_) => panic!("nothing came in 60 s: {what}"),
    }
}

/// A client that is quick to come back.
pub(crate) fn quick(url: String) -> Connect {
    let millis = Duration::from_millis;
    let backoff = BackoffConfig::new()
        .base(millis(50))
        .cap(millis(200))
        .floor(millis(10));
    longwire::connect(url)
        .backoff(backoff)
        .attempt_within(millis(3_000))
}

/// The next event of a kind.
pub(crate) async fn next<T>(
    client: &mut Reconnecting,
    what: &str,
    mut pick: impl FnMut(Event) -> Option<T>,
) -> T {
    within(what, async {
        loop {
            let Some(event) = client.next().await else {
                panic!("the client ended: {:?}", client.finished());
            };
            if let Some(found) = pick(event) {
                return found;
            }
        }
    })
    .await
}

pub(crate) async fn opened(client: &mut Reconnecting) -> Carrier {
    next(client, "a connection", |event| match event {
        Event::Opened { carrier, .. } => Some(carrier),
        _ => None,
    })
    .await
}

/// The text of the next message; there must be no gap before it.
pub(crate) async fn text(client: &mut Reconnecting) -> String {
    next(client, "a message", |event| match event {
        Event::Message(message) => match message.data {
            Data::Text(text) => Some(text),
            Data::Binary(_) => panic!("only text is published"),
        },
        Event::Missed(missed) => panic!("nothing was missed: {missed:?}"),
        _ => None,
    })
    .await
}

pub(crate) async fn hub_and_proxy() -> (Hub, Proxy) {
    let hub = Hub::start("127.0.0.1:0", &[]).await;
    let proxy = Proxy::start(hub.address).await;
    (hub, proxy)
}

pub(crate) use hub::ENDPOINT;
pub(crate) use longwire::hub::{End, Finished, NoTarget, Outcome, PublishForm, Start, Target};
pub(crate) const ALL_FAULTS: [Mode; 4] = [
    Mode::Refuse,
    Mode::BlackHole,
    Mode::Unavailable,
    Mode::AcceptThenClose,
];
