//! The way onto the network: names, addresses, proxies, TLS.
//!
//! A [`Connector`] opens a [`Stream`] to an [`Endpoint`]. It is what [`ws::connect`](crate::ws) and
//! the event-stream client use, and may be used alone.

#[cfg(feature = "client")]
mod connector;
#[cfg(feature = "client")]
mod dial;
#[cfg(any(feature = "client", feature = "tls"))]
mod error;
#[cfg(feature = "client")]
mod no_proxy;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "client")]
mod proxy;
#[cfg(feature = "client")]
mod proxy_error;
#[cfg(feature = "client")]
mod race;
#[cfg(feature = "tls")]
mod roots;
#[cfg(feature = "tls")]
mod server_tls;
#[cfg(feature = "client")]
mod socks5;
#[cfg(any(feature = "client", feature = "tls"))]
mod stream;
#[cfg(all(feature = "client", feature = "tls"))]
mod tls;
#[cfg(any(feature = "client", feature = "serve"))]
mod tune;
#[cfg(feature = "client")]
mod tunnel;

#[cfg(feature = "client")]
pub use connector::{Connector, Endpoint};
#[cfg(any(feature = "client", feature = "tls"))]
pub use error::ConnectError;
#[cfg(feature = "tls")]
pub use pem::TlsError;
#[cfg(feature = "client")]
pub use proxy::{Proxies, Proxy};
#[cfg(feature = "client")]
pub use proxy_error::ProxyError;
#[cfg(feature = "tls")]
pub use roots::Roots;
/// The TLS library, for those who bring a configuration of their own.
#[cfg(feature = "tls")]
pub use rustls;
#[cfg(feature = "tls")]
pub use server_tls::ServerTls;
#[cfg(any(feature = "client", feature = "tls"))]
pub use stream::Stream;
#[cfg(all(feature = "client", feature = "tls"))]
pub use tls::Tls;
#[cfg(feature = "serve")]
pub(crate) use tune::give_up_after;
#[cfg(any(feature = "client", feature = "serve"))]
pub use tune::tune;
