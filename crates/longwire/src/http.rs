//! HTTP, as far as event streams and WebSockets need it.
//!
//! The raw HTTP/1.1 path of a server: a connection that begins with an event-stream request or a
//! WebSocket upgrade never enters hyper. And a small client that streams.

#[cfg(feature = "serve")]
mod answer;
#[cfg(feature = "serve")]
mod brief;
#[cfg(feature = "client")]
mod chunked;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "serve")]
mod connection;
#[cfg(feature = "serve")]
mod group;
#[cfg(feature = "http2")]
mod h2;
mod head;
#[cfg(feature = "client")]
mod redirect;
#[cfg(feature = "client")]
mod retry_after;
#[cfg(feature = "serve")]
mod rewind;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "serve")]
mod write_deadline;

#[cfg(feature = "serve")]
pub(crate) use answer::AnswerHead;
#[cfg(feature = "serve")]
pub use brief::Reply;
#[cfg(feature = "client")]
pub(crate) use chunked::Chunked;
#[cfg(feature = "client")]
pub use client::{Body, Client, RequestError};
#[cfg(feature = "http2")]
pub(crate) use h2::Stalled;
pub(crate) use head::{First, after, read_first, refuse};
#[cfg(feature = "client")]
pub(crate) use redirect::{follow, redirects, travels};
#[cfg(feature = "client")]
pub(crate) use retry_after::retry_after;
#[cfg(feature = "serve")]
pub use serve::{Config, Handler, Permit, Take, serve};
#[cfg(feature = "serve")]
pub use write_deadline::WriteDeadline;
