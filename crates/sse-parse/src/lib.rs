//! The text/event-stream format of Server-Sent Events: parser and encoder without IO.
#![no_std]

extern crate alloc;

mod block;
mod encode;
mod item;
mod limits;
mod parser;
mod run;
mod scan;
mod slice;
mod verdict;

pub use encode::{EncodeError, Fields, encode, encode_comment};
#[cfg(feature = "bytes")]
pub use encode::{encode_buf, encode_bytes};
pub use item::{Event, Item, OwnedEvent};
pub use limits::{LimitError, Limits};
pub use parser::Parser;
pub use slice::{Events, events};
pub use verdict::Verdict;
