//! Peers that vanish, stall, trickle and flood: memory, descriptors and tasks are bounded and
//! released, and nobody else notices.
//!
//! `LONGWIRE_HOSTILE=full` is the full size, about a hundredth of it the default.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

#[path = "../support/mod.rs"]
mod support;

mod bombs;
mod endless;
mod floods;
#[cfg(feature = "http2")]
mod floods_h2;
mod half_open;
mod heads;
mod process;
mod raw;
mod slow;

use support::size;
