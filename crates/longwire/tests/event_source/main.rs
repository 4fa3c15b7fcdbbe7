//! The client of event streams, against servers of our own and of others.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod cancel;
mod client;
#[cfg(all(feature = "brotli", feature = "gzip", feature = "zstd"))]
mod compressed;
mod decode;
mod half_open;
mod hostile;
mod options;
#[cfg(all(feature = "http2", feature = "tls"))]
mod peers;
mod redirects;
mod site;
mod standard;
mod wpt;
