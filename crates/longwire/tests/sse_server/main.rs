//! Event streams as servers send them: the channel and its policies, over the bare socket, hyper
//! and axum.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod broadcast;
mod channel;
mod clients;
mod compression;
mod crowd;
mod curl;
mod ending;
mod half_open;
mod http;
mod reading;
mod site;
mod topics;

#[path = "../support/mod.rs"]
mod support;
