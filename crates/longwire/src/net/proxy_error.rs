//! Why a proxy opened no connection.

use core::fmt;
use std::io;

use http::Response;
use ws_handshake::{ResponseError, UrlError};

use super::ConnectError;

/// Why a proxy opened no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// The answer to CONNECT breaks the grammar or limits of a response.
    Answer(ResponseError),
    /// The proxy ended the connection before it had answered.
    Closed,
    /// The proxy could not be reached.
    Connect(Box<ConnectError>),
    /// The proxy did not take name and password (SOCKS).
    Credentials,
    /// Bytes came right behind the answer to CONNECT, before anything was sent through the proxy.
    Early,
    /// The host is not one that can be asked for.
    Host,
    /// Reading or writing failed.
    Io(io::Error),
    /// The host, the name or the password is empty or longer than the 255 bytes that fit (SOCKS).
    Length,
    /// The answer is not one of SOCKS version 5.
    Malformed,
    /// The proxy takes none of the ways to authenticate that we have (SOCKS): give it a name and a
    /// password.
    Method,
    /// The proxy refused with this code (RFC 1928 §6).
    Refused(u8),
    /// The proxy refused with this status: 407 if it wants other user information.
    Status(Box<Response<()>>),
    /// The proxy's URL cannot be used.
    Url(UrlError),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(error) => write!(f, "its answer is wrong: {error}"),
            Self::Closed => f.write_str("it ended the connection"),
            Self::Connect(error) => write!(f, "it could not be reached: {error}"),
            Self::Credentials => f.write_str("it did not take the name and password"),
            Self::Early => f.write_str("it sent more than its answer"),
            Self::Host => f.write_str("the host cannot be asked for"),
            Self::Io(error) => write!(f, "the connection to it failed: {error}"),
            Self::Length => f.write_str("the host, name or password does not fit"),
            Self::Malformed => f.write_str("its answer is not one of SOCKS 5"),
            Self::Method => f.write_str("it wants another kind of authentication"),
            Self::Refused(code) => write!(f, "{} (code {code})", reason(*code)),
            Self::Status(response) => write!(f, "it answered {}", response.status()),
            Self::Url(error) => write!(f, "its URL cannot be used: {error}"),
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc1928#section-6
const fn reason(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "kind of address not supported",
        _ => "unknown failure",
    }
}

impl core::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Answer(error) => Some(error),
            Self::Connect(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Url(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ResponseError> for ProxyError {
    fn from(error: ResponseError) -> Self {
        Self::Answer(error)
    }
}
