//! Two sockets joined in memory.

use std::sync::Arc;

use tokio::io::{DuplexStream, duplex};

use super::{Agreed, Client, Config, Socket};
use crate::buffer::ReadBuffer;

/// Joins a client's and a server's end in memory, with the opening handshake behind them: for
/// tests of what speaks WebSocket.
///
/// Either end may hold `pipe` bytes that the other has not read yet, at least 1. All else is as
/// over a network: masks, limits, clocks. With `tokio::time::pause` the clocks run as fast as the
/// test.
///
/// # Example
///
/// ```
/// use longwire::ws::{self, Config, Message};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), longwire::Error> {
/// let (mut client, mut server) = ws::pair(Config::default(), 64 * 1024);
/// client.send("ping?").await?;
/// assert_eq!(server.recv().await.transpose()?, Some(Message::from("ping?")));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn pair(config: Config, pipe: usize) -> (Socket<DuplexStream, Client>, Socket<DuplexStream>) {
    let (client, server) = duplex(pipe);
    pair_on(config, client, server)
}

/// Makes a client's and a server's end on two streams that are joined already, with the opening
/// handshake behind them: for tests with streams that delay or fail.
#[must_use]
pub fn pair_on<A, B>(config: Config, client: A, server: B) -> (Socket<A, Client>, Socket<B>) {
    let config = Arc::new(config);
    let nothing = ReadBuffer::default;
    let agreed = Agreed::with_itself(&config);
    (
        Socket::connected(client, nothing(), config.clone(), agreed),
        Socket::accepted(server, nothing(), b"", config).agreed(agreed),
    )
}
