use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Connection, Hub};

/// A way to a hub on which what the hub says can be held up. The sockets in it hold little.
#[derive(Debug)]
pub(crate) struct Stall {
    pub(crate) port: u16,
    held: Arc<watch::Sender<bool>>,
}

impl Stall {
    pub(crate) async fn before(hub: &Hub) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let held = Arc::new(watch::Sender::new(false));
        let (address, sender) = (hub.address(), Arc::clone(&held));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = Connection::open_small(address).await.io;
                tokio::spawn(carry(client, server, sender.subscribe()));
            }
        });
        Self { port, held }
    }

    /// From now on nothing of what the hub says arrives, or all of it.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }
}

async fn carry(client: TcpStream, server: TcpStream, held: watch::Receiver<bool>) {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    // Whichever end goes, the other does too.
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        () = copy_unless(held, from_server, to_client) => {}
    }
}

async fn copy_unless(
    mut held: watch::Receiver<bool>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if held.wait_for(|held| !held).await.is_err() {
            return;
        }
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => {
                if to.write_all(&buffer[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}
