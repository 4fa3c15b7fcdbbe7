//! The hub as its users meet it: the real program, over real sockets.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

mod access;
mod browser;
mod carriers;
mod command_line;
mod disk;
mod drain;
mod fanout;
mod in_flight;
mod kills;
mod over_http2;
mod payloads;
mod publishing;
mod quiet;
mod resuming;
mod rights;
mod support;
mod templates;
