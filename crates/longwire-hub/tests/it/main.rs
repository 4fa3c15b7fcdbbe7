//! The hub as its users meet it: the real program, over real sockets.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

mod access;
mod carriers;
mod command_line;
mod configuration;
mod crowds;
mod deployed;
mod disk;
mod drain;
mod ephemeral;
mod fanout;
mod faults;
mod hostile_http2;
mod in_flight;
mod javascript;
mod kills;
mod notices;
mod observing;
mod over_http2;
mod page;
mod payloads;
mod publish_command;
mod publishing;
mod queued;
mod quiet;
mod resuming;
mod rights;
mod rolling;
mod secrets;
mod slow;
mod subscribe_command;
mod support;
mod tabs;
mod templates;
mod tls;
