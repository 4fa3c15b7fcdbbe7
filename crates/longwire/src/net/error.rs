//! Why a connection could not be made.

use core::fmt;
use std::io;

#[cfg(feature = "client")]
use super::ProxyError;

/// Why a connection could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// There was no connection in time: looking the name up, TCP and the proxy together took
    /// longer than [`Connector::connect_within`](super::Connector::connect_within).
    Deadline,
    /// The connection ended or failed during the TLS handshake.
    Io(io::Error),
    /// The URL asks for TLS, and this crate was built without the feature `tls`.
    NoTls,
    /// The proxy could not be reached, or did not open a connection.
    #[cfg(feature = "client")]
    Proxy(ProxyError),
    /// The name could not be looked up, or has no address.
    Resolve(io::Error),
    /// The host is not a name that a certificate could be for.
    ServerName,
    /// No address of the host accepted a connection; this is what the last attempt said.
    Tcp(io::Error),
    /// The TLS handshake failed: a certificate that is not trusted, expired or for another name, no
    /// version or protocol in common, a client certificate that is missing.
    #[cfg(feature = "tls")]
    Tls(rustls::Error),
    /// The TLS handshake was not complete in time.
    TlsDeadline,
}

impl ConnectError {
    /// From what tokio-rustls says of a handshake: an error of rustls inside one of IO.
    #[cfg(feature = "tls")]
    pub(super) fn tls(error: io::Error) -> Self {
        match error.downcast::<rustls::Error>() {
            Ok(error) => Self::Tls(error),
            Err(error) => Self::Io(error),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("no connection was made in time"),
            Self::Io(error) => write!(f, "the connection failed before it was secure: {error}"),
            Self::NoTls => f.write_str("TLS is not enabled in this build"),
            #[cfg(feature = "client")]
            Self::Proxy(error) => write!(f, "the proxy opened no connection: {error}"),
            Self::Resolve(error) => write!(f, "the host could not be looked up: {error}"),
            Self::ServerName => {
                f.write_str("the host is not a name that a certificate could be for")
            }
            Self::Tcp(error) => write!(f, "no address of the host could be reached: {error}"),
            #[cfg(feature = "tls")]
            Self::Tls(error) => write!(f, "the TLS handshake failed: {error}"),
            Self::TlsDeadline => f.write_str("the TLS handshake was not complete in time"),
        }
    }
}

impl core::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) | Self::Resolve(error) | Self::Tcp(error) => Some(error),
            #[cfg(feature = "client")]
            Self::Proxy(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}
