//! Server-Sent Events: a [`Source`] yields what is due, and goes out on a bare socket
//! ([`http::serve`](crate::http::serve)) or as the [`Body`] of a hyper or axum response.
//!
//! [`channel()`] is the source for most: a bounded [`Sender`] for one stream.
//!
//! ```
//! use longwire::sse::{self, Fields, Reply};
//!
//! async fn tokens() -> http::Response<sse::Body<sse::Events>> {
//!     let (sender, events) = sse::channel();
//!     tokio::spawn(async move {
//!         for token in ["Hel", "lo"] {
//!             sender.send(&Fields::new(token)).await?; // fails once the client is gone
//!         }
//!         sender.send(&Fields::new("[DONE]")).await
//!     });
//!     Reply::new(events).into_response()
//! }
//! ```

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
