//! What can go wrong on a connection.

use core::fmt;
use std::io;

#[cfg(feature = "client")]
use bytes::Bytes;
#[cfg(feature = "client")]
use http::Response;
use ws_frame::ConnectionError;
use ws_handshake::HandshakeError;
#[cfg(feature = "client")]
use ws_handshake::{HeaderError, ResponseError, UrlError};

#[cfg(any(feature = "client", feature = "tls"))]
use crate::net::ConnectError;

/// Why a connection failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server's answer to the opening handshake breaks its rules.
    #[cfg(feature = "client")]
    Answer(ResponseError),
    /// Closing has begun: nothing more is sent.
    Closed,
    /// The connection could not be made, or TLS not be agreed on.
    #[cfg(any(feature = "client", feature = "tls"))]
    Connect(ConnectError),
    /// The server's answer to the offer of permessage-deflate must not be accepted.
    #[cfg(feature = "deflate")]
    Deflate(ws_deflate::ParameterError),
    /// Newer connections took its place before the head of its first request was complete.
    #[cfg(feature = "serve")]
    Displaced,
    /// HTTP/2 failed.
    #[cfg(feature = "http2")]
    H2(h2::Error),
    /// This header field of the request cannot be sent.
    #[cfg(feature = "client")]
    Header {
        /// Its name.
        name: Box<str>,
        /// What is wrong with it.
        error: HeaderError,
    },
    /// The peer broke the opening handshake.
    Handshake(HandshakeError),
    /// The stream ended before the head of the request or answer was complete.
    Eof,
    /// The request was refused by the application; its answer was sent.
    Refused,
    /// The head of the first request, or of the answer, was not complete in time.
    HeadDeadline,
    /// There is no room for the message: too much waits to be written already.
    Full,
    /// Hyper could not serve the connection.
    #[cfg(feature = "serve")]
    Http(hyper::Error),
    /// The peer began HTTP/2 where that is not spoken.
    Http2,
    /// A compressed message cannot be inflated; the close frame that says so was sent.
    #[cfg(feature = "deflate")]
    Inflate(ws_deflate::InflateError),
    /// Reading, writing or accepting failed.
    Io(io::Error),
    /// The server does not speak WebSocket over HTTP/2 (RFC 8441 §3).
    #[cfg(all(feature = "client", feature = "http2"))]
    NotAnnounced,
    /// The server did not choose HTTP/2 during the TLS handshake.
    #[cfg(all(feature = "client", feature = "http2"))]
    NotHttp2,
    /// What was to be sent as text is not UTF-8.
    NotText,
    /// A message took too long from its first byte to its last.
    Overdue,
    /// The peer sent nothing for too long, not even the answer to a ping.
    Silent,
    /// The peer took no byte for too long while some waited.
    Stalled,
    /// The server refused the opening handshake: its answer, with at most 64 KiB of the body.
    #[cfg(feature = "client")]
    Status(Box<Response<Bytes>>),
    /// Not the URL of a WebSocket.
    #[cfg(feature = "client")]
    Url(UrlError),
    /// A message that is sent in pieces has not ended.
    Unfinished,
    /// The peer broke a rule of WebSocket; the close frame that says so was sent.
    WebSocket(ConnectionError),
}

#[cfg(feature = "client")]
impl Error {
    pub(crate) fn header(name: &str, error: HeaderError) -> Self {
        let name = name.into();
        Self::Header { name, error }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "client")]
            Self::Answer(error) => write!(f, "the server's answer is wrong: {error}"),
            Self::Closed => f.write_str("the connection is closing"),
            #[cfg(any(feature = "client", feature = "tls"))]
            Self::Connect(error) => error.fmt(f),
            #[cfg(feature = "deflate")]
            Self::Deflate(error) => write!(f, "compression was not agreed: {error}"),
            #[cfg(feature = "serve")]
            Self::Displaced => f.write_str("newer connections took its place"),
            #[cfg(feature = "http2")]
            Self::H2(error) => write!(f, "http/2 failed: {error}"),
            #[cfg(feature = "client")]
            Self::Header { name, error } => {
                write!(f, "the header {name:?} cannot be sent: {error}")
            }
            Self::Handshake(error) => write!(f, "the request was refused: {error}"),
            Self::Eof => f.write_str("the stream ended before the head was complete"),
            Self::Refused => f.write_str("the request was refused"),
            Self::HeadDeadline => f.write_str("the head was not complete in time"),
            Self::Full => f.write_str("too much waits to be written"),
            #[cfg(feature = "serve")]
            Self::Http(error) => write!(f, "http failed: {error}"),
            Self::Http2 => f.write_str("the peer speaks HTTP/2, which is not enabled here"),
            #[cfg(feature = "deflate")]
            Self::Inflate(error) => write!(f, "a message cannot be inflated: {error}"),
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            #[cfg(all(feature = "client", feature = "http2"))]
            Self::NotAnnounced => f.write_str("the server speaks no WebSocket over HTTP/2"),
            #[cfg(all(feature = "client", feature = "http2"))]
            Self::NotHttp2 => f.write_str("the server does not speak HTTP/2"),
            Self::Silent => f.write_str("the peer was silent for too long"),
            Self::Stalled => f.write_str("the peer took nothing for too long"),
            #[cfg(feature = "client")]
            Self::Status(response) => write!(f, "the server answered {}", response.status()),
            #[cfg(feature = "client")]
            Self::Url(error) => write!(f, "the URL cannot be used: {error}"),
            Self::NotText => f.write_str("what was to be sent as text is not UTF-8"),
            Self::Overdue => f.write_str("a message took too long"),
            Self::Unfinished => f.write_str("a message that is sent in pieces has not ended"),
            Self::WebSocket(error) => write!(f, "the peer broke the protocol: {error}"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            #[cfg(any(feature = "client", feature = "tls"))]
            Self::Connect(error) => error.source(),
            #[cfg(feature = "deflate")]
            Self::Deflate(error) => Some(error),
            #[cfg(feature = "client")]
            Self::Answer(error) => Some(error),
            #[cfg(feature = "http2")]
            Self::H2(error) => Some(error),
            #[cfg(feature = "client")]
            Self::Header { error, .. } => Some(error),
            #[cfg(feature = "client")]
            Self::Url(error) => Some(error),
            Self::Handshake(error) => Some(error),
            #[cfg(feature = "serve")]
            Self::Http(error) => Some(error),
            #[cfg(feature = "deflate")]
            Self::Inflate(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::WebSocket(error) => Some(error),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($(#[$cfg:meta])* $variant:ident($error:ty);)*) => {$(
        $(#[$cfg])*
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from! {
    #[cfg(any(feature = "client", feature = "tls"))] Connect(ConnectError);
    #[cfg(feature = "client")] Answer(ResponseError);
    #[cfg(feature = "http2")] H2(h2::Error);
    Handshake(HandshakeError);
    #[cfg(feature = "client")] Url(UrlError);
    #[cfg(feature = "serve")] Http(hyper::Error);
    Io(io::Error);
    WebSocket(ConnectionError);
}
