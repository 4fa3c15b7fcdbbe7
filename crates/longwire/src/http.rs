//! The raw HTTP/1.1 path: a connection that begins with an event-stream request or a WebSocket
//! upgrade never enters hyper.

#[cfg(feature = "serve")]
mod connection;
mod head;
#[cfg(feature = "serve")]
mod rewind;
#[cfg(feature = "serve")]
mod serve;

pub(crate) use head::{First, after, read_first};
#[cfg(feature = "serve")]
pub use serve::{Config, Handler, Take, serve};
