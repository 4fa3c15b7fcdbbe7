//! permessage-deflate for WebSocket ([RFC 7692]) without IO, with limits.
//!
//! The parameters of the extension as values, an inflater whose limit is the *inflated* size,
//! and a deflater with levels and a threshold. No sockets, no runtime, no WebSocket types: names,
//! values and bytes go in, text and bytes come out.
//!
//! ```text
//!   Config ──> Offer ───────── Sec-WebSocket-Extensions ────────> Offer::parse
//!                │                                                     │ negotiate(&Config)
//!             verify <──────── Sec-WebSocket-Extensions ───────────  Agreed
//!                │                                                     │
//!             Agreed ──> Deflater ──────── frames, RSV1 ─────────> Inflater
//!                    └─> Inflater <─────── frames, RSV1 ────────── Deflater
//! ```
//!
//! # Example
//!
//! ```
//! use ws_deflate::{Config, Deflater, Inflater, Offer};
//!
//! // The client offers, and writes the offer into its request.
//! let config = Config::new();
//! let offer = Offer::new(&config);
//! assert_eq!(
//!     offer.to_string(),
//!     "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
//!      client_max_window_bits=12",
//! );
//!
//! // The server reads the parameters of the element and answers.
//! let parameters = [
//!     ("server_no_context_takeover", None),
//!     ("client_no_context_takeover", None),
//!     ("client_max_window_bits", Some("12")),
//! ];
//! let agreed = Offer::parse(parameters)?.negotiate(&config);
//! let mut inflater = Inflater::new(agreed.client(), 4 * 1024 * 1024);
//!
//! // The client checks the answer, and compresses a message.
//! let response = [
//!     ("server_no_context_takeover", None),
//!     ("client_no_context_takeover", None),
//!     ("server_max_window_bits", Some("12")),
//!     ("client_max_window_bits", Some("12")),
//! ];
//! let agreed = offer.verify(response)?;
//! let mut deflater = Deflater::new(agreed.client()).with_threshold(64);
//!
//! let message = "to and fro, ".repeat(20);
//! let mut payload = Vec::new();
//! assert!(deflater.deflate_message(message.as_bytes(), &mut payload));
//! assert!(payload.len() < 30);
//!
//! // The server inflates its frame, here in two pieces.
//! let (first, rest) = payload.split_at(7);
//! let mut received = Vec::new();
//! inflater.inflate(first, false, &mut received)?;
//! inflater.inflate(rest, true, &mut received)?;
//! assert_eq!(received, message.as_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Between handshake and frames
//!
//! A server goes through the elements of `Sec-WebSocket-Extensions` in their order, hands the
//! parameters of each one named [`NAME`] to [`Offer::parse`], and answers the first that parses:
//! the client's preference decides. It writes the [`Agreed`] value into the response. A client
//! hands the parameters of the response's element to [`Offer::verify`]; an element in the
//! response that was not offered, or a second one, fails the connection before this crate sees
//! it. No element in the response means no compression, and is no error.
//!
//! When the extension is agreed, the frame codec must allow RSV1 on the first frame of a data
//! message and nowhere else. For a message whose first frame has RSV1 set:
//!
//! 1. Pass every piece of payload, unmasked, to [`Inflater::inflate`], with `end` at the end of
//!    the last frame. The limit counts per message, over all its fragments.
//! 2. Check the text of a text message after inflation, not before, as it arrives in `out`.
//! 3. On an error send a close frame with [`InflateError::close_code`] and stop reading.
//!
//! A message whose first frame has RSV1 clear does not pass through the inflater. To send, call
//! [`Deflater::deflate_message`] and set RSV1 when it returns `true`, or
//! [`Deflater::deflate`] for each frame of a message that is not whole yet.
//!
//! The examples of `ws-frame` are drivers that do all of this.
//!
//! # Memory
//!
//! Neither side holds a codec before the first compressed byte. Without context takeover it is
//! given up with the last byte of the message; [`Spare`] keeps such codecs for the next message
//! of any connection. With takeover a connection holds about 45 KiB to inflate, and 240 to
//! 400 KiB to deflate, by the window.
//!
//! The inflater appends at most its limit and reserves at most 256 KiB, or as much as the message
//! has already, ahead of it: a small frame that stands for a gigabyte costs the limit and no more.
//!
//! # Secrets
//!
//! Compression tells an observer of message lengths whether a message repeats something. Where
//! an attacker can add bytes to a message with a secret, or, with context takeover, send a
//! message of its own before one with a secret, the lengths give the secret away. Send such
//! messages without compression: do not pass them to the [`Deflater`]. They leave its context
//! untouched. [RFC 7692 §8]
//!
//! # The codec
//!
//! Bytes go through zlib-rs, by way of flate2 and without unsafe code of our own. flate2 has one
//! codec per build: if any crate of a build asks it for a zlib in C, this crate uses that one too,
//! with that one's memory and speed.
//!
//! # What this crate does not do
//!
//! - It reads no header fields and no frames: see the paragraphs above for who calls what.
//! - After a DEFLATE block with BFINAL set it starts with an empty window, as encoders that
//!   write such blocks do. A message that refers back across one is invalid.
//! - With context takeover a message that ends inside a block goes unnoticed if the missing tail
//!   does not show: the next message then fails. Without takeover it always fails.
//! - It does not enforce the agreed window on the peer's messages: what reaches back further,
//!   within 32 KiB, is inflated.
//!
//! [RFC 7692]: https://www.rfc-editor.org/rfc/rfc7692
//! [RFC 7692 §8]: https://www.rfc-editor.org/rfc/rfc7692#section-8

mod deflate;
mod inflate;
mod negotiate;
mod parameters;
mod spare;
mod window;

pub use deflate::{Deflater, Level};
pub use inflate::{InflateError, Inflater};
pub use negotiate::{Agreed, Config, Context, Offer};
pub use parameters::ParameterError;
pub use spare::Spare;
pub use window::WindowBits;

/// The name of the extension in `Sec-WebSocket-Extensions`.
pub const NAME: &str = "permessage-deflate";
