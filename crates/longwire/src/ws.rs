//! WebSocket: a [`Socket`] receives and sends messages, or runs a [`Session`] from which due
//! messages are pulled.

mod accept;
mod config;
mod message;
mod session;
mod socket;
#[cfg(feature = "serve")]
mod upgrade;

pub use accept::accept;
pub use config::Config;
pub use message::{Message, Received};
pub use session::{Outbox, Session};
pub use socket::Socket;
#[cfg(feature = "serve")]
pub use upgrade::{Upgrade, upgrade};
