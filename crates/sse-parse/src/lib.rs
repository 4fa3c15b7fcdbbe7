//! The `text/event-stream` format of Server-Sent Events: parser and encoder without IO.
//!
//! [`Parser`] reads events from chunks as they arrive and lends them without a copy wherever it
//! can. [`encode`] writes them. [`Verdict`] says what a response's status and type mean. All three
//! are the [HTML Standard's §9.2][standard] to the letter, so that an HTTP client becomes an
//! EventSource with this crate and nothing else.
//!
//! ```text
//!            status, Content-Type ──► Verdict ── Open ──┐
//!                                                       ▼
//!  client    body ── chunk, chunk, chunk ──►  Parser::next_event ──► Event { name, data, id }
//!                                             Parser::next_item  ──► or comment, retry, id alone
//!
//!  server    Fields { name, id, retry, data } ──► encode ──► Vec<u8>, BufMut or shared Bytes
//! ```
//!
//! # Reading
//!
//! Hand each chunk to the parser until it returns `None`; then the chunk is used up. Where a chunk
//! ends makes no difference to what is found, and nothing waits for more than it needs.
//!
//! ```
//! use sse_parse::Parser;
//!
//! # let body = [&b"data: {\"delta\":\"Hel\"}\n\ndata: {\"del"[..], b"ta\":\"lo\"}\n\ndata: [DONE]\n\n"];
//! let mut parser = Parser::new();
//! 'body: for chunk in body {
//!     let mut input = chunk;
//!     while let Some(event) = parser.next_event(&mut input)? {
//!         if event.data == "[DONE]" {
//!             break 'body; // how OpenAI-style streams end
//!         }
//!         println!("{}", event.data);
//!     }
//! }
//! # Ok::<(), sse_parse::LimitError>(())
//! ```
//!
//! Named events, as Anthropic-style streams have them, are told apart by [`Event::name`]; without
//! an `event` field it is `message`:
//!
//! ```
//! # use sse_parse::Parser;
//! let mut input = &b"event: ping\ndata: {}\n\n\
//!                    event: content_block_delta\ndata: {\"delta\":{\"text\":\"Hi\"}}\n\n"[..];
//! let mut parser = Parser::new();
//! while let Some(event) = parser.next_event(&mut input)? {
//!     match event.name {
//!         "content_block_delta" => assert!(event.data.contains("Hi")),
//!         "ping" => {}
//!         other => println!("an event nobody told us of: {other}"),
//!     }
//! }
//! # Ok::<(), sse_parse::LimitError>(())
//! ```
//!
//! # Reconnecting
//!
//! When a stream ends, send [`Parser::last_event_id`] as the header `Last-Event-ID` of the next
//! request, wait at least [`Parser::retry`], and [`reset`](Parser::reset) the parser. MCP servers
//! begin with an id and empty data for this: an event with nothing in it that primes the client.
//!
//! ```
//! # use sse_parse::Parser;
//! let mut parser = Parser::new();
//! let mut input = &b"id: s1_0\nretry: 500\ndata:\n\nid: s1_1\ndata: {\"cut of"[..];
//! let primed = parser.next_event(&mut input)?.map(|event| event.data.is_empty());
//! assert_eq!(primed, Some(true));
//! assert_eq!(parser.next_event(&mut input)?, None);
//!
//! // The event that was cut off does not count.
//! assert_eq!(parser.last_event_id(), "s1_0");
//! assert_eq!(parser.retry(), Some(std::time::Duration::from_millis(500)));
//! parser.reset();
//! # Ok::<(), sse_parse::LimitError>(())
//! ```
//!
//! An id may be one that no HTTP library sends: [`LastEventId`] keeps the newest that can be.
//!
//! A watchdog that asks whether the server is alive wants comments too: [`Parser::next_item`] gives
//! everything a stream tells.
//!
//! # Writing
//!
//! ```
//! use sse_parse::{Fields, encode, encode_comment};
//!
//! let mut out = Vec::new();
//! encode(&Fields::new("two\nlines").with_name("tick").with_id("7"), &mut out)?;
//! encode_comment("still here", &mut out);
//! assert_eq!(out, b"event: tick\nid: 7\ndata: two\ndata: lines\n\n: still here\n\n");
//! # Ok::<(), sse_parse::EncodeError>(())
//! ```
//!
//! What you put in is what a client gets, whatever characters it holds: data is split at LF, CR and
//! CRLF, and a name or an id with a line break is an error, never a second field. One thing the
//! format cannot carry is a CR: it arrives as LF.
//!
//! # Limits
//!
//! A stream may be hostile. Each of [`Limits`] is finite from the start; passing one is a
//! [`LimitError`] that costs that event alone. Memory stays below the event limit plus 64 KiB, and
//! the work per byte is constant however small the chunks are.
//!
//! # What this crate does not do
//!
//! It opens no connections, follows no redirects, keeps no timers, and does not decide when to
//! reconnect. It does not decompress: put the parser behind whatever does.
//!
//! In one point it follows browsers and not the letter: the Standard begins every stream with an
//! empty last event ID, which would forget the id at the first event without one after a
//! reconnect. [`Parser::reset`] keeps it.
//!
//! # Features
//!
//! - `std` (default): searching and checking with the vector instructions that the processor turns
//!   out to have. Without it the crate is `no_std` with `alloc`, and all of it is there.
//! - `bytes`: `encode_buf` into any `BufMut`, and `encode_bytes` to share
//!   one encoded event between many connections.
//! - `serde`: `Serialize` and `Deserialize` for [`OwnedEvent`].
//!
//! [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html
#![no_std]

extern crate alloc;

mod block;
mod decode;
mod encode;
mod item;
mod last_event_id;
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
pub use last_event_id::LastEventId;
pub use limits::{LimitError, Limits};
pub use parser::Parser;
pub use slice::{Events, events};
pub use verdict::Verdict;
