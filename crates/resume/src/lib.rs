//! Positions, replay windows, gaps and backoff for streams that resume, without IO.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod bounds;
mod epoch;
mod position;
mod start;
mod window;

pub use bounds::{Bounds, Gap, GapReason};
pub use epoch::Epoch;
pub use position::{Position, PositionError};
pub use start::Start;
pub use window::{Evicted, Limits, Pushed, Replay, ReplayWindow};
