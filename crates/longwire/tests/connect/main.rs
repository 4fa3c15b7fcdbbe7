//! Clients on their way to a server: addresses, TLS, proxies, the opening handshake.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod command;
mod errors;
mod handshake;
mod node;
mod proxy;
mod race;
mod redirect;
mod scripted;
mod serve;
mod tls;
