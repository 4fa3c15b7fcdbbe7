//! WebSocket over HTTP/2 (RFC 8441), both ends: against each other, against raw frames of HTTP/2,
//! and against other people's programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod axum;
mod client;
mod hostile;
mod peers;
mod raw;
mod rules;
mod server;
