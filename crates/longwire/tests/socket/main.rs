//! The socket in either role, over pipes in memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod closing;
#[cfg(feature = "deflate")]
mod deflate;
mod output;
mod pair;
mod raw;
mod session;
mod sink;
mod split;
mod streamed;
