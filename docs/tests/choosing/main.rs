//! What *Choosing* and the recipes claim, shown on real sockets, in Node.js and in Chromium.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

mod blocks;
mod commands;
mod compression;
mod hub;
mod samples;
mod tools;
mod wire;
