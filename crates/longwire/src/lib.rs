//! Server-Sent Events and WebSocket on tokio.
//!
//! This crate executes what the protocol crates decide: it owns sockets, timers and buffers.
//!
//! ```text
//!                ┌ event-stream request ─▶ sse: pull from a Source, write, heartbeat
//!  TCP ─▶ first ─┼ WebSocket upgrade ────▶ ws:  run a Session, or recv and send
//!         head   └ all else, HTTP/2 ─────▶ hyper, with the bytes already read put back
//! ```
//!
//! A connection at rest owns no buffer: a connection that waits is a task, a socket, one timer
//! and a small state machine.
//!
//! # Features
//!
//! - `server` (default): WebSockets on any byte stream.
//! - `serve`: [`http::serve`], and event streams and upgrades for users of hyper.
//! - `http2`: HTTP/2 with prior knowledge in [`http::serve`].

mod buffer;
mod clock;
mod error;
pub mod http;
#[cfg(feature = "serve")]
pub mod sse;
pub mod ws;

pub use buffer::Batch;
pub use error::Error;
