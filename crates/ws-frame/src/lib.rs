//! WebSocket frames and connection rules of RFC 6455 without IO.
#![doc = ""]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod assembler;
mod close;
mod config;
mod connection;
mod decoder;
mod error;
mod event;
mod header;
mod mask;
mod send;
mod side;
mod state;
mod utf8;

pub use assembler::{Assembler, Message};
pub use close::{CloseCode, CloseReason, ControlPayload};
pub use config::{Config, Limits};
pub use connection::Connection;
pub use decoder::{Decoder, Part};
pub use error::{ConnectionError, FrameError, SendError, TooLarge, Utf8Error};
pub use event::{Data, DataKind, Event};
pub use header::{EncodedHeader, FrameHeader, OpCode, Rsv};
pub use mask::{MaskKey, mask};
pub use send::OutboundData;
pub use side::{Client, MaskSource, Server, Side};
pub use state::State;
pub use utf8::Utf8Validator;
