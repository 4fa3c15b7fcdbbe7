//! Positions, replay windows, gaps and backoff for streams that resume, without IO.
//!
//! A client that loses its connection should come back without losing or repeating anything, and
//! where that cannot be had, be told so. This crate holds every decision of both ends of that: no
//! sockets, no clock, no random numbers. Times are [`Duration`](core::time::Duration)s since any
//! moment you like, and random bits are arguments, so that a year of reconnects can be tested in a
//! second. There are no dependencies, and without the feature `std` it is `no_std` with `alloc`.
//!
//! ```text
//!  producer                                                  consumer
//!
//!  ReplayWindow ── push ──► Position #EPOCH-OFFSET ────────► Tracker    deliver, duplicate, gap?
//!       │                                                       │
//!    after(Start) ◄──────── "I have seen up to #E-O" ◄── resume_from
//!       │
//!       ├─ Replay   all that follows                         Reconnect  one life at a time
//!       └─ Gap      what may be missing, and why             Backoff    when to try again
//!                                                            Recovery   whether to try again
//!                   Heartbeat                                Patience   the same for event streams
//!                                                            Keepalive  is the peer alive?
//! ```
//!
//! # Example
//!
//! ```
//! use core::time::Duration;
//! use resume::{Arrival, Epoch, Limits, ReplayWindow, Start, Tracker};
//!
//! // A producer keeps its last two events. The epoch is drawn at random when the log begins.
//! let mut window = ReplayWindow::new(Epoch::from_bytes([7; 12]), Limits::new().count(2));
//! let now = Duration::ZERO;
//!
//! // A consumer is told where it begins, although there is no event yet.
//! let mut tracker = Tracker::new();
//! tracker.opened(window.head());
//!
//! // It drops. Two events later it comes back, and gets what it missed.
//! window.push("one", 3, now);
//! window.push("two", 3, now);
//! let start = tracker.resume_from().map_or(Start::Live, Start::After);
//! for (position, item) in window.after(&start).unwrap() {
//!     let Arrival::Deliver(delivery) = tracker.event(position, None) else { unreachable!() };
//!     println!("{position}: {item}");
//!     tracker.handled(delivery); // only now does the position move
//! }
//!
//! // It stays away for longer than events are kept: that is never an empty success.
//! for item in ["three", "four", "five"] {
//!     window.push(item, 4, now);
//! }
//! let start = tracker.resume_from().map_or(Start::Live, Start::After);
//! let gap = window.after(&start).unwrap_err();
//! println!("{gap}"); // events after #0707…-2 are no longer kept
//! let told = tracker.gap(gap.resumed(), gap.head);
//! tracker.handled(told);
//! assert_eq!(window.after(&Start::After(gap.resumed())).unwrap().len(), 2);
//! ```
//!
//! # What is promised
//!
//! On the wire, delivery is at least once, in the order of the log, within what is kept. A
//! [`Tracker`] drops what comes again, so that a handler sees each event at most once per process,
//! and in order. Processing is exactly once only if the application keeps the position in the same
//! transaction as the effect of the event. Anything else is said in words: a [`Gap`] from the
//! producer, or an [`Arrival`] that is not plain.
//!
//! A hole between two offsets is no loss: offsets are dense over a whole log and sparse for whoever
//! reads a part of it.
//!
//! # What this crate does not do
//!
//! It opens no connections, keeps no timers and stores nothing on disk. It does not speak a
//! protocol: how positions, gaps and heartbeats travel is for others to say.
//!
//! # Features
//!
//! - `std` (default): nothing but the absence of `no_std`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod backoff;
mod bounds;
mod epoch;
mod keepalive;
mod patience;
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
pub use patience::{Outcome, Patience};
pub use position::{Position, PositionError};
pub use reconnect::{Action, Finished, Reconnect, ReconnectEvent, State};
pub use recovery::Recovery;
pub use start::Start;
pub use tracker::{Arrival, Delivery, Tracker};
pub use window::{Evicted, Limits, Pushed, Replay, ReplayWindow};
