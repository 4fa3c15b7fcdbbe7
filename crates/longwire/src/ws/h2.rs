//! WebSockets over HTTP/2 as a client: several on one connection (RFC 8441).
//!
//! ```no_run
//! use longwire::ws::h2::Connection;
//!
//! # async fn example() -> Result<(), longwire::Error> {
//! let connection = Connection::connect("wss://example.com").await?;
//! let mut chat = connection.open("wss://example.com/chat").await?;
//! let mut ticks = connection.open("wss://example.com/ticks").await?;
//! chat.send("hello").await?;
//! let tick = ticks.recv().await;
//! # Ok(())
//! # }
//! ```
//!
//! For servers there is one call for HTTP/1.1 and HTTP/2: [`ws::upgrade`](super::upgrade()).

mod connection;
mod stream;

pub use connection::Connection;
pub use stream::Stream;
