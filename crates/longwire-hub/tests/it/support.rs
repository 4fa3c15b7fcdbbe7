//! What the tests of the hub share: the program, and clients for it.

mod authority;
mod browser;
mod client;
mod event_stream;
mod http;
mod hub;
mod nginx;
#[allow(
    clippy::duplicate_mod,
    reason = "the tests of faults have all that is beside it"
)]
#[path = "../../../longwire/tests/support/port.rs"]
mod port;
mod program;
mod proxies;
mod stall;
mod subscriber;
mod web_socket;

use core::future::Future;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

pub(crate) use authority::{Authority, TICKET, now, publish, subscribe, ticket};
pub(crate) use browser::{Browser, Page};
pub(crate) use client::{Client, Terminal};
pub(crate) use event_stream::{EventStream, Item};
pub(crate) use http::{Connection, Request, Response};
pub(crate) use hub::{Directory, Hub, longwire, longwire_under, number, run, run_in};
pub(crate) use nginx::Nginx;
pub(crate) use port::free_port;
pub(crate) use program::{Program, Tool, npm_packages};
pub(crate) use proxies::Proxy;
pub(crate) use stall::Stall;
pub(crate) use subscriber::{CARRIERS, Carrier, Seen, Subscriber};
pub(crate) use web_socket::{Message, WebSocket};

/// The endpoint of the hub.
pub(crate) const ENDPOINT: &str = "/.well-known/mercure";

/// Waits for what must happen, and names it if it does not: a guard against hanging, not a measure.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), future).await {
        Ok(value) => value,
        Err(_) => panic!("nothing came in 60 s: {what}"),
    }
}

/// A loopback address on which nothing listens.
pub(crate) fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

/// A subscription's target: the endpoint with these query parameters.
pub(crate) fn target(parameters: &[(&str, &str)]) -> String {
    format!("{ENDPOINT}?{}", form(parameters))
}

/// `application/x-www-form-urlencoded`, everything but letters and digits escaped.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value.as_bytes())))
        .collect();
    pairs.join("&")
}

pub(crate) fn escape(bytes: &[u8]) -> String {
    // The large data of tests: while it is escaped byte by byte, who is stalled loses patience.
    if bytes.iter().all(u8::is_ascii_alphanumeric) {
        return String::from_utf8(bytes.to_vec()).unwrap();
    }
    let mut escaped = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
