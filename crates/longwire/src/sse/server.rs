//! Event streams as servers send them.

mod bells;
mod binary;
mod body;
mod broadcast;
mod channel;
#[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
mod compress;
mod drain;
mod events;
mod notice;
mod pace;
mod queue;
mod reply;
mod stream;
mod topic;

pub use binary::{from_base64, to_base64};
pub use body::{Body, Cut, response};
pub use broadcast::{Broadcast, Subscription};
pub use channel::{Channel, SendError, Sender, channel};
#[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
pub use compress::{Compressed, Encoding};
pub use drain::{Drain, Drained};
pub use events::Events;
pub use notice::{GAP, POSITION, spread};
use notice::{encode_missed, encode_position};
pub use pace::Timing;
pub use reply::Reply;
pub use stream::{Ended, Fill, Source};
pub(crate) use stream::{Stream, respond};
pub use topic::{Merged, Topic, TopicError};

/// The headers of every event stream. `no-transform` keeps proxies from compressing, which holds
/// events back, and `X-Accel-Buffering` keeps nginx from collecting them.
const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
];
