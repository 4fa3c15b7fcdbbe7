//! Server-Sent Events and WebSocket on tokio: the server's side so far.
//!
//! This crate executes what the protocol crates decide ([`ws_frame`], [`ws_handshake`]): it owns
//! sockets, timers and buffers. Every rule of a protocol stands in those crates, without IO.
//!
//! ```text
//!                ┌ event-stream request ─▶ sse: pulled from a Source, with a heartbeat
//!  TCP ─▶ first ─┼ WebSocket upgrade ────▶ ws:  a Session, or recv and send
//!         head   └ all else, HTTP/2 ─────▶ hyper, with the bytes already read put back
//! ```
//!
//! # A WebSocket on any byte stream
//!
//! ```
//! use longwire::ws;
//!
//! async fn echo(io: tokio::net::TcpStream) -> Result<(), longwire::Error> {
//!     let mut socket = ws::accept(io, ws::Config::default(), |accept| Ok(accept)).await?;
//!     while let Some(message) = socket.recv().await {
//!         socket.send(message?).await?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`ws::Socket::recv`] answers pings, notices dead peers and finishes the closing handshake while
//! it waits.
//!
//! # Thousands of them
//!
//! With the feature `serve`, `http::serve` reads the first head of each connection itself. An
//! event-stream request or a WebSocket upgrade stays on the bare socket; what is due is *pulled*
//! from an `sse::Source` or a [`ws::Session`], so nothing queues up for a slow peer. Every other
//! request is hyper's.
//!
//! A connection at rest owns no buffer. It is a task, a socket, one timer and a small state
//! machine: read buffers come from a pool of the thread when bytes are there, and write buffers
//! exist only while bytes wait.
//!
//! # What this crate does not do yet
//!
//! Clients, TLS, compression, WebSockets over HTTP/2 (RFC 8441).
//!
//! # Features
//!
//! - `server` (default): WebSockets on any byte stream.
//! - `serve`: `http::serve`, and event streams and upgrades for users of hyper.
//! - `http2`: HTTP/2 with prior knowledge in `http::serve`.

mod buffer;
mod clock;
mod error;
pub mod http;
#[cfg(any(feature = "client", feature = "serve", feature = "tls"))]
pub mod net;
#[cfg(any(feature = "client", feature = "serve"))]
pub mod sse;
pub mod ws;

pub use buffer::Batch;
pub use error::Error;
