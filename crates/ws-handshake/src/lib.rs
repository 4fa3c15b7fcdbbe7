//! The WebSocket opening handshake, both sides, without IO.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
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
