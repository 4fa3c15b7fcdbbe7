//! WebSocket frames and connection rules ([RFC 6455]) without IO.
//!
//! Bytes that were received go in, events that borrow from them come out, and what must be sent is
//! appended to a `Vec` that is yours. No sockets, no clock, no randomness, no runtime, no `unsafe`.
//!
//! ```text
//!   TCP  ──bytes──>  &mut &mut [u8]  ──>  Connection::next_event  ──>  Event::Data, Ping, Pong, Close
//!                                               │ pongs, close frames
//!   TCP  <──bytes──      Vec<u8>      <─────────┴── send, send_ping, send_pong, close
//! ```
//!
//! # The loop
//!
//! ```
//! use ws_frame::{Assembler, Config, Connection, Event, Message, OutboundData};
//!
//! # /// "Hello" from a client, then its close frame with code 1000.
//! # const RECEIVED: &[u8] =
//! #     b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x88\x82\x00\x00\x00\x00\x03\xe8";
//! let mut server = Connection::server(Config::default());
//! let mut assembler = Assembler::new(1 << 20);
//! let mut out = Vec::new();
//!
//! // What one read gave: any number of bytes, cut anywhere.
//! let mut bytes = RECEIVED.to_vec();
//! let mut input = &mut bytes[..];
//! while let Some(event) = server.next_event(&mut input, &mut out)? {
//!     match event {
//!         Event::Data(data) if assembler.push(data)? => match assembler.message() {
//!             Message::Text(text) => server.send(OutboundData::text(text), &mut out)?,
//!             Message::Binary(bytes) => server.send(OutboundData::binary(bytes), &mut out)?,
//!         },
//!         Event::Close(reason) => println!("closed by the peer: {reason}"),
//!         _ => {}
//!     }
//! }
//! // Now write `out`, then read again.
//! assert_eq!(out, b"\x81\x05Hello\x88\x02\x03\xe8");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The [`Connection`] documentation lists what a driver owes: when to read, what to write, and
//! three timers. `examples/echo_server.rs` and `examples/echo_client.rs` are drivers on blocking
//! sockets.
//!
//! # Three levels
//!
//! 1. [`FrameHeader`], [`mask`], [`CloseCode`], [`Utf8Validator`]: values and functions.
//! 2. [`Decoder`]: framing cut anywhere, payloads unmasked in place, no other rules.
//! 3. [`Connection`]: all rules of RFC 6455 for one role, [`Server`] or [`Client`], under
//!    [`Limits`]; [`Assembler`] joins the pieces of messages.
//!
//! # What holds for every call
//!
//! - **Drain.** `Ok(None)` means that the input is empty and nothing is pending. At most 13 bytes
//!   of a header or 125 bytes of a control frame are kept inside.
//! - **Exact lending.** The bytes lent are the bytes consumed last: the owner of the buffer can
//!   split them off without a copy.
//! - **Out is yours.** Replies are appended; write them, after an error too.
//! - **Cuts do not matter.** However the stream is cut into reads, the messages, the replies and
//!   the error are the same. Bad text is lent up to its first bad byte, then fails.
//! - **Bounded.** Every byte costs a constant; every limit is finite by default. A header is checked
//!   whole, against the limits too, before anything of its payload is touched.
//!
//! # Limits
//!
//! | limit | default | beyond it |
//! |---|---|---|
//! | [`Limits::max_message`] | 4 MiB | 1009 |
//! | [`Limits::max_frame`] | 4 MiB | 1009 |
//! | [`Limits::max_fragments`], empty ones counted | 1,024 | 1008 |
//! | [`Limits::control_budget`], refilled by the driver | 100 frames | 1008 |
//!
//! # Masking keys
//!
//! A client takes a key from its [`MaskSource`] for every frame. The keys must be unpredictable:
//! whoever can predict them chooses the bytes on the wire, and can make a cache in between take
//! them for an HTTP response ([RFC 6455 §10.3]). Use the system's random source.
//!
//! # Compression
//!
//! This crate does not compress; it carries what `ws-deflate`, or another codec of [RFC 7692],
//! makes. With [`Config::with_compression`], a message whose first frame has RSV1 comes as [`Data`]
//! with `compressed`: inflate its pieces in order, with a limit on what comes out, and check text
//! with a [`Utf8Validator`]. To send, compress a whole message and mark it with
//! [`OutboundData::compressed`]; only its first frame carries RSV1.
//!
//! # What this crate does not do
//!
//! The opening handshake, TLS, sockets, timers, reconnecting. Reserved bits other than RSV1 have no
//! meaning here, and frames that carry them fail.
//!
//! # Features
//!
//! - `std` (default): the widest vector instructions that the processor has, chosen at run time.
//!   Without it the crate is `no_std` with `alloc`, and does the same with what the target has.
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455
//! [RFC 6455 §10.3]: https://www.rfc-editor.org/rfc/rfc6455#section-10.3
//! [RFC 7692]: https://www.rfc-editor.org/rfc/rfc7692

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
mod whole;

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
pub use utf8::{Utf8Validator, as_text};
