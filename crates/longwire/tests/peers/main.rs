//! Real clients, servers and proxies at the other end.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod clients;
mod deflate;
mod fixtures;
mod proxies;
mod server;
mod servers;
mod tls;
mod tungstenite_client;
mod tungstenite_server;
