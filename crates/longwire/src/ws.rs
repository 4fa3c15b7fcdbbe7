//! WebSocket: a [`Socket`] receives and sends messages, or runs a [`Session`] from which due
//! messages are pulled.

mod accept;
#[cfg(feature = "serve")]
mod answer;
#[cfg(feature = "axum")]
mod axum;
mod config;
#[cfg(feature = "client")]
mod connect;
#[cfg(feature = "deflate")]
mod deflate;
mod extensions;
#[cfg(all(feature = "client", feature = "http2"))]
pub mod h2;
#[cfg(feature = "client")]
mod mask_keys;
mod message;
#[cfg(feature = "client")]
mod pair;
mod session;
mod sink;
mod socket;
mod split;
mod streamed;
#[cfg(feature = "serve")]
mod upgrade;

pub use accept::accept;
#[cfg(feature = "serve")]
pub use answer::Answer;
#[cfg(feature = "axum")]
pub use axum::{WebSocketRejection, WebSocketUpgrade};
pub use config::{Config, WhenFull};
#[cfg(feature = "client")]
pub use connect::{Connect, connect};
#[cfg(feature = "deflate")]
pub use deflate::Deflate;
pub(crate) use extensions::Agreed;
#[cfg(feature = "client")]
pub(crate) use extensions::Offer;
pub(crate) use extensions::answer;
#[cfg(feature = "client")]
pub use mask_keys::MaskKeys;
pub use message::{Message, Outbound, Received};
#[cfg(feature = "client")]
pub use pair::{pair, pair_on};
pub use session::{Outbox, Session};
pub use socket::Socket;
pub use split::{NotOne, Receiver, Sender};
pub use streamed::{MessageReader, MessageWriter};
#[cfg(feature = "serve")]
pub use upgrade::{Upgrade, Upgraded, upgrade};
pub use ws_frame::{CloseCode, CloseReason, Server, Side};

#[cfg(feature = "hub-client")]
pub use crate::hub::Reconnecting;

/// Makes a client of the hub whose endpoint is `url` that comes back, over WebSocket alone:
/// [`longwire::connect`](crate::connect) without the other carrier.
#[cfg(feature = "hub-client")]
pub fn reconnecting(url: impl Into<String>) -> crate::hub::Connect {
    crate::hub::connect(url).only(crate::hub::Carrier::WebSocket)
}

/// The client's end of a WebSocket. An alias, so that nobody need say where its keys come from.
#[cfg(feature = "client")]
pub type Client = ws_frame::Client<MaskKeys>;
