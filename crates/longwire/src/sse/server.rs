//! Event streams as servers send them.

mod body;
mod channel;
mod events;
mod notice;
mod pace;
mod queue;
mod reply;
mod stream;

pub use body::{Body, Cut, response};
pub use channel::{Channel, SendError, Sender, channel};
pub use events::Events;
pub use notice::{GAP, POSITION, spread};
use notice::{encode_missed, encode_position};
pub use pace::Timing;
pub use reply::Reply;
pub use stream::{Ended, Fill, Source};
pub(crate) use stream::{Stream, respond};

/// The headers of every event stream. `no-transform` keeps proxies from compressing, which holds
/// events back, and `X-Accel-Buffering` keeps nginx from collecting them.
const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
];
