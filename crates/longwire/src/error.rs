//! What can go wrong on a connection.

use core::fmt;
use std::io;

use ws_frame::ConnectionError;
use ws_handshake::HandshakeError;

#[cfg(any(feature = "client", feature = "tls"))]
use crate::net::ConnectError;

/// Why a connection failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Closing has begun: nothing more is sent.
    Closed,
    /// The connection could not be made, or TLS not be agreed on.
    #[cfg(any(feature = "client", feature = "tls"))]
    Connect(ConnectError),
    /// The server's answer to the offer of permessage-deflate must not be accepted.
    #[cfg(feature = "deflate")]
    Deflate(ws_deflate::ParameterError),
    /// The peer broke the opening handshake.
    Handshake(HandshakeError),
    /// The stream ended before the request was complete.
    Eof,
    /// The request was refused by the application; its answer was sent.
    Refused,
    /// The head of the first request was not complete in time.
    HeadDeadline,
    /// Hyper could not serve the connection.
    #[cfg(feature = "serve")]
    Http(hyper::Error),
    /// The peer began HTTP/2 where that is not spoken.
    Http2,
    /// Reading, writing or accepting failed.
    Io(io::Error),
    /// The peer sent nothing for too long, not even the answer to a ping.
    Silent,
    /// The peer took no byte for too long while some waited.
    Stalled,
    /// The peer broke a rule of WebSocket; the close frame that says so was sent.
    WebSocket(ConnectionError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection is closing"),
            #[cfg(any(feature = "client", feature = "tls"))]
            Self::Connect(error) => error.fmt(f),
            #[cfg(feature = "deflate")]
            Self::Deflate(error) => write!(f, "compression was not agreed: {error}"),
            Self::Handshake(error) => write!(f, "the request was refused: {error}"),
            Self::Eof => f.write_str("the stream ended before the request was complete"),
            Self::Refused => f.write_str("the request was refused"),
            Self::HeadDeadline => f.write_str("the request head was not complete in time"),
            #[cfg(feature = "serve")]
            Self::Http(error) => write!(f, "http failed: {error}"),
            Self::Http2 => f.write_str("the peer speaks HTTP/2, which is not enabled here"),
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::Silent => f.write_str("the peer was silent for too long"),
            Self::Stalled => f.write_str("the peer took nothing for too long"),
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
            Self::Handshake(error) => Some(error),
            #[cfg(feature = "serve")]
            Self::Http(error) => Some(error),
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
    Handshake(HandshakeError);
    #[cfg(feature = "serve")] Http(hyper::Error);
    Io(io::Error);
    WebSocket(ConnectionError);
}
