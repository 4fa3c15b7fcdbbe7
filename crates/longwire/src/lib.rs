//! Server-Sent Events and WebSocket on tokio, client and server.
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
//! # A client
//!
//! ```no_run
//! use longwire::ws;
//!
//! # async fn example() -> Result<(), longwire::Error> {
//! let mut socket = ws::connect("wss://example.com/chat").await?;
//! socket.send("hello").await?;
//! while let Some(message) = socket.recv().await {
//!     println!("{:?}", message?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`ws::connect`] takes subprotocols, header fields and limits before it is awaited. A
//! [`net::Connector`] says whom to trust, which proxies to use, how long to wait.
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
//! # An event stream that comes back
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut source = longwire::sse::EventSource::new("https://example.com/events")?;
//! while let Some(event) = source.next().await {
//!     let event = event?;
//!     println!("{}: {}", event.name, event.data);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`sse::EventSource`] reconnects and resumes as a browser does; [`sse::decode`] reads events from
//! the body that another HTTP client fetched.
//!
//! # Event streams of a server
//!
//! With the feature `serve`, `sse::channel()` gives a bounded sender and a stream for `sse::Reply`,
//! which answers requests of hyper and, with `axum`, of axum; `sse::Broadcast` sends to many streams
//! at once. Every stream has the headers that keep proxies from holding events back, a heartbeat when
//! it is quiet, and tells its sender as soon as the client is gone. `sse::Drain` ends open streams
//! when a server stops.
//!
//! # Thousands of them
//!
//! With the feature `serve`, `http::serve` reads the first head of each connection itself. An
//! event-stream request or a WebSocket upgrade stays on the bare socket; what is due is *pulled*
//! from an `sse::Source` or a [`ws::Session`], so nothing queues up for a slow peer. Small requests
//! may be answered there too, without hyper (`http::Take::Brief`); every other one is hyper's.
//!
//! A connection at rest owns no buffer. It is a task, a socket, one timer and a small state
//! machine: read buffers come from a pool of the thread when bytes are there, and write buffers
//! exist only while bytes wait.
//!
//! # Over HTTP/2
//!
//! With the feature `http2`, one call answers the WebSocket handshakes of HTTP/1.1 and HTTP/2
//! (RFC 8441) that hyper has read, `ws::upgrade`, and one extractor those of axum; a client
//! opens several WebSockets on one connection with `ws::h2`. `http::serve` allows a peer 100
//! streams, header lists of 16 KiB, 64 KiB unread on each stream, 20 streams that it resets before
//! they are served and 128 that its errors make us reset; it pings a quiet peer after 20 s, and
//! resets a stream that has bytes to send and is not allowed to for 30 s.
//!
//! # What this crate does not do
//!
//! It asks the system for names (both families at once) and has no resolver of its own. Proxies
//! are spoken to by CONNECT, also for `ws:` and `http:`, with Basic authentication only, or by
//! SOCKS 5 with none or a password; there is no proxy auto-configuration. It keeps no cookies.
//! Trust comes from certificates alone: revocation is not looked up.
//!
//! # Features
//!
//! - `client` (default): [`ws::connect`](ws::connect()), [`sse::EventSource`], proxies.
//! - `server` (default): WebSockets on any byte stream.
//! - `serve`: `http::serve`, and event streams and upgrades for users of hyper.
//! - `axum`: an extractor and responses for axum.
//! - `tls`: TLS by rustls with aws-lc-rs, for clients and for `http::serve`. The crypto provider is
//!   passed to each configuration: no default of the process is set or needed.
//! - `http2`: HTTP/2 in `http::serve`, by ALPN or prior knowledge; WebSockets over it (RFC 8441),
//!   both ends.
//! - `deflate`: permessage-deflate (RFC 7692), off unless asked for.
//! - `gzip`, `brotli`, `zstd`: compressed event streams.
//! - `hub-client`: clients of the Longwire hub that come back (`hub`, `connect`).

mod buffer;
mod clock;
mod error;
pub mod http;
#[cfg(feature = "hub-client")]
pub mod hub;
#[cfg(any(feature = "client", feature = "serve", feature = "tls"))]
pub mod net;
#[cfg(any(feature = "client", feature = "serve"))]
pub mod sse;
pub mod ws;

pub use buffer::Batch;
pub use error::Error;
#[cfg(feature = "hub-client")]
pub use hub::connect;
