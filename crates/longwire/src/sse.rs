//! Server-Sent Events: a [`Source`] yields what is due, and goes out on a bare socket
//! ([`http::serve`](crate::http::serve)) or as the [`Body`] of a hyper response.

#[cfg(feature = "serve")]
mod body;
#[cfg(feature = "client")]
pub mod decode;
#[cfg(feature = "serve")]
mod stream;

#[cfg(feature = "serve")]
pub use body::{Body, response};
#[cfg(feature = "serve")]
pub use stream::{Ended, Fill, Source, Timing};
#[cfg(feature = "serve")]
pub(crate) use stream::{Stream, respond};

/// The headers of every event stream. `no-transform` keeps proxies from compressing, which holds
/// events back, and `X-Accel-Buffering` keeps nginx from collecting them.
#[cfg(feature = "serve")]
const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
];
