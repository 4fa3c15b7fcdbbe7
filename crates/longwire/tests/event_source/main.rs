//! The client of event streams, against servers of our own and of others.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod client;
#[cfg(all(feature = "brotli", feature = "gzip", feature = "zstd"))]
mod compressed;
mod decode;
mod options;
mod redirects;
mod site;
mod standard;
mod wpt;
