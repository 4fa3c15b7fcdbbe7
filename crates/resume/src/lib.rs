//! Positions, replay windows, gaps and backoff for streams that resume, without IO.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod backoff;
mod bounds;
mod epoch;
mod keepalive;
mod position;
mod reconnect;
mod recovery;
mod start;
mod tracker;
mod window;

pub use backoff::{Backoff, BackoffConfig};
pub use bounds::{Bounds, Gap, GapReason};
pub use epoch::Epoch;
pub use keepalive::{Heartbeat, Keepalive, Pulse};
pub use position::{Position, PositionError};
pub use reconnect::{Action, Finished, Reconnect, ReconnectEvent, State};
pub use recovery::Recovery;
pub use start::Start;
pub use tracker::{Arrival, Delivery, Tracker};
pub use window::{Evicted, Limits, Pushed, Replay, ReplayWindow};
