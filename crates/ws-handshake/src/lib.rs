//! The WebSocket opening handshake ([RFC 6455] §4, [RFC 8441]) of both sides, without IO.
//!
//! Bytes or the parts of a request go in, values come out, and answers are appended to your
//! buffer. No sockets, no runtime, no clock, no randomness. Heads are borrowed from where they
//! were read; a server's handshake allocates nothing but what its answer needs.
//!
//! ```text
//!   ClientRequest ── start ──> bytes ──> Request::parse ──> Request ── accept ──> Accept
//!         │                    parts ──> Request::from_parts   │  from_connect      │
//!         │                                                    └── reject           │
//!   ClientHandshake <───────────── 101, or another status ──────────── encode ──────┘
//!         │ finish
//!         └──> Answer::Accepted: frames from here on   Answer::Refused: status, fields, body
//! ```
//!
//! # Example
//!
//! ```
//! use ws_handshake::{
//!     Answer, ClientHandshake, ClientRequest, Limits, Nonce, OriginPolicy, Request, Scheme,
//! };
//!
//! // The client writes its request. The nonce comes from the system's random generator.
//! let request = ClientRequest::new("ws://example.com/chat")?
//!     .protocol("chat")?
//!     .origin("http://example.com")?;
//! let mut sent = Vec::new();
//! let nonce = Nonce::new(*b"the sample nonce");
//! let mut client = ClientHandshake::start(&request, nonce, &mut sent);
//!
//! // The server reads: `None` would ask for more bytes behind these, with the same `searched`.
//! let mut searched = 0;
//! let head = Request::parse(&sent, &mut searched, &Limits::default())?.expect("it is complete");
//! let request = head.value;
//! assert!(sent[head.len..].is_empty(), "what follows would be the first frames");
//!
//! // Who asks? Then yes, with one of the subprotocols offered.
//! OriginPolicy::same_origin().check(&request.head().initiator(Scheme::Http))?;
//! let mut answered = Vec::new();
//! request.accept().protocol("chat")?.encode(&mut answered);
//!
//! // The client checks the answer.
//! match client.finish(&answered)?.expect("it is complete").value {
//!     Answer::Accepted(accepted) => assert_eq!(accepted.protocol(), Some("chat")),
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A server that serves more than WebSocket
//!
//! [`RequestHead::parse`] reads the head of any HTTP/1.1 request, and refuses what two servers
//! could read in two ways: `Content-Length` beside `Transfer-Encoding`, either of them repeated,
//! folded lines, bare CR or LF, a space before the colon, more than one `Host`.
//! [`wants_upgrade`](RequestHead::wants_upgrade) says whether to go on with
//! [`Request::from_head`]. [`OriginPolicy`] and [`HostPolicy`] judge any request.
//!
//! ```
//! use ws_handshake::{HostPolicy, Limits, Reject, Request, RequestHead};
//!
//! # fn serve(_: RequestHead<'_>) {}
//! # fn open(_: Request<'_>) {}
//! /// Appends to `out` what is to be written before the connection is closed, if it is refused.
//! fn first(buf: &[u8], searched: &mut usize, out: &mut Vec<u8>) {
//!     let head = match RequestHead::parse(buf, searched, &Limits::default()) {
//!         Ok(Some(head)) => head.value,
//!         Ok(None) => return, // read more, call again
//!         Err(error) => return error.reject().encode(out),
//!     };
//!     // On a loopback address: not for names that a foreign page chose.
//!     if let Err(forbidden) = HostPolicy::loopback().check(head.host()) {
//!         return Reject::new(forbidden.status()).encode(out);
//!     }
//!     if !head.wants_upgrade() {
//!         return serve(head);
//!     }
//!     match Request::from_head(head) {
//!         Ok(request) => open(request),
//!         Err(error) => error.reject().encode(out),
//!     }
//! }
//! # let (mut out, mut searched) = (Vec::new(), 0);
//! # first(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", &mut searched, &mut out);
//! # assert!(out.starts_with(b"HTTP/1.1 421 "));
//! ```
//!
//! # Behind a HTTP library
//!
//! [`Request::from_parts`] takes method, target and fields of an HTTP/1.1 request,
//! [`Request::from_connect`] the pseudo-header fields of the extended CONNECT that carries
//! WebSocket over HTTP/2, and [`Accept::status`] with [`Accept::fields`] is the response to send.
//! With the feature `http` they are `Request::from_http` and `Accept::to_http`. A client sends
//! [`ClientRequest::connect_fields`] and goes on with [`ClientHandshake::finish_connect`].
//!
//! # Extensions
//!
//! [`Extension`] is a name with parameters, in order, as plain values: what they mean is the
//! matter of a crate such as `ws-deflate`, whose types take these iterators and give the text for
//! [`Accept::extension`] and [`ClientRequest::extension`].
//!
//! # Limits
//!
//! [`Limits`] bounds the head (16 KiB, 431), its fields (100, 431) and its first line (8 KiB, 414).
//! Every byte is looked at a bounded number of times, however the head is split over reads.
//! Deadlines are the caller's: this crate has no clock. A peer that sends one byte a minute is
//! noticed there.
//!
//! # What this crate does not do
//!
//! It sends nothing, follows no redirect, answers no authentication challenge, decodes no body
//! and keeps no cookie: [`Refused`] hands over what a client needs for that. It does not encode
//! international host names. It reads neither HTTP/2 frames nor chunked bodies.
//!
//! # Features
//!
//! - `std` (default): run-time detection of SIMD in httparse. Without it the crate is
//!   `no_std` + `alloc`; nothing else changes.
//! - `http`: conversions with the types of the `http` crate.
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455
//! [RFC 8441]: https://www.rfc-editor.org/rfc/rfc8441

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod accept;
mod answer;
mod authority;
mod client;
mod error;
mod extension;
mod grammar;
mod head;
mod headers;
mod host;
#[cfg(feature = "http")]
mod http;
mod key;
mod known;
mod limits;
mod origin;
mod reject;
mod request;
mod response;
mod scan;
mod url;

pub use accept::Accept;
pub use answer::{Accepted, Answer, ClientHandshake, MAX_INTERIM, Refused};
pub use client::ClientRequest;
pub use error::{HandshakeError, HeaderError, ResponseError, UrlError};
pub use extension::{Extension, Extensions, InvalidExtensions};
pub use head::{BodyLength, Head, RequestHead};
pub use headers::{HeaderIter, Headers};
pub use host::{Forbidden, HostPolicy};
pub use key::{Nonce, accept_key};
pub use limits::{DEFAULT_MAX_HEAD, DEFAULT_MAX_HEADERS, DEFAULT_MAX_LINE, Limits};
pub use origin::{Initiator, InvalidOrigin, OriginPolicy, Scheme};
pub use reject::Reject;
pub use request::{Carrier, ConnectParts, Request};
pub use response::ResponseHead;
pub use url::Url;
