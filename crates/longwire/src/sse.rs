//! Server-Sent Events, client and server.
//!
//! A client is `EventSource`, or `decode` on a body that another client fetched (feature `client`).
//!
//! A server (feature `serve`) has a `Source` of events, which goes out on a bare socket by
//! `http::serve`, or as the `Body` of a hyper or axum response by `Reply`:
//!
//! | source | for |
//! |---|---|
//! | `channel()` | one stream: a bounded `Sender` that waits, fails, keeps the latest or drops |
//! | `Broadcast` | one sequence of events for many streams, encoded once |
//! | `Merged`, or `Sender::topic` | several logical channels over one connection |
//! | `Drain::watch`, `Compressed` | any of these, ended at shutdown, or compressed |
//!
//! # Behind proxies
//!
//! Every answer says `Cache-Control: no-cache, no-transform` and `X-Accel-Buffering: no`; with the
//! latter nginx passes each event on at once, also to an HTTP/1.0 client and with `gzip on`, and
//! without it holds events back until its buffer is full. haproxy needs `option http-no-delay`, or
//! it may keep each event for 200 ms. The heartbeat of 15 s keeps a quiet stream open through the
//! usual time-out of 60 s.
//!
//! # Six connections
//!
//! Over HTTP/1.1 a browser opens at most six connections to an origin, in all its tabs together:
//! the seventh stream waits. Over HTTP/2 it has as many as the server allows. Where HTTP/1.1 has
//! to do, put several topics on one stream.

#[cfg(feature = "client")]
pub mod decode;
#[cfg(feature = "client")]
mod event_source;
#[cfg(feature = "serve")]
mod server;

#[cfg(feature = "client")]
pub use event_source::{
    EventSource, EventSourceConfig, EventSourceError, ReadyState, RedirectError, Refusal, Update,
};
#[cfg(feature = "serve")]
pub use server::{
    Body, Broadcast, Channel, Cut, Drain, Drained, Ended, Events, Fill, GAP, Merged, POSITION,
    Reply, SendError, Sender, Source, Subscription, Timing, Topic, TopicError, channel,
    from_base64, response, spread, to_base64,
};
#[cfg(all(
    feature = "serve",
    any(feature = "brotli", feature = "gzip", feature = "zstd")
))]
pub use server::{Compressed, Encoding};
#[cfg(feature = "serve")]
pub(crate) use server::{Stream, respond};
pub use sse_parse::{EncodeError, Fields};
