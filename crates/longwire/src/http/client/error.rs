//! Why there is no response.

use core::fmt;

use crate::net::ConnectError;

/// Why there is no response.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// The connection could not be made.
    Connect(ConnectError),
    /// The connection failed, or what came on it is not HTTP.
    Http(hyper::Error),
    /// The request's URI is not an absolute one of `http` or `https`.
    Url,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Http(error) => write!(f, "http failed: {error}"),
            Self::Url => f.write_str("the url is not an absolute one of http or https"),
        }
    }
}

impl core::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Http(error) => Some(error),
            Self::Url => None,
        }
    }
}

impl From<ConnectError> for RequestError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl From<hyper::Error> for RequestError {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error)
    }
}
