//! A small TCP proxy that fails as it is told.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of newcomers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// Nobody listens: TCP is reset.
    Refuse,
    /// SYNs are not answered.
    BlackHole,
    /// A proxy answers in place of the hub.
    Unavailable,
    AcceptThenClose,
    /// A request that asks for an upgrade is taken and not answered.
    HangUpgrades,
    /// What is published reaches the hub, its answer is lost, and then the connection with it.
    LoseAnswers,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    upstream: SocketAddr,
    mode: Arc<Mutex<Mode>>,
    /// Connections of an older number are cut.
    cut: watch::Sender<u64>,
    accepting: Option<JoinHandle<()>>,
    /// In a black hole: the listener whose queue is full, and what fills it.
    full: Option<(TcpListener, Vec<TcpStream>)>,
}

impl Proxy {
    pub(crate) async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut proxy = Self {
            address: listener.local_addr().unwrap(),
            upstream,
            mode: Arc::new(Mutex::new(Mode::Pass)),
            cut: watch::Sender::new(0),
            accepting: None,
            full: None,
        };
        proxy.accept(listener);
        proxy
    }

    fn accept(&mut self, listener: TcpListener) {
        let (upstream, mode, cut) = (self.upstream, self.mode.clone(), self.cut.clone());
        self.accepting = Some(tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    continue;
                };
                let mode = *mode.lock().unwrap();
                tokio::spawn(serve(client, upstream, mode, cut.subscribe()));
            }
        }));
    }

    /// From now on newcomers are treated so.
    pub(crate) async fn set(&mut self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
        self.full = None;
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
        match mode {
            Mode::Refuse => {}
            Mode::BlackHole => {
                let listener = self.listen(1);
                // One more than the backlog fills the queue: further SYNs are dropped.
                let mut filling = Vec::new();
                let wait = Duration::from_millis(300);
                while let Ok(Ok(stream)) =
                    tokio::time::timeout(wait, TcpStream::connect(self.address)).await
                {
                    filling.push(stream);
                }
                self.full = Some((listener, filling));
            }
            _ => {
                let listener = self.listen(4096);
                self.accept(listener);
            }
        }
    }

    fn listen(&self, backlog: u32) -> TcpListener {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        socket.listen(backlog).unwrap()
    }

    /// Resets all connections.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|number| *number += 1);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, crate::hub::ENDPOINT)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    mode: Mode,
    mut cut: watch::Receiver<u64>,
) {
    let work = async {
        match mode {
            Mode::AcceptThenClose | Mode::Refuse | Mode::BlackHole => {}
            Mode::Unavailable => {
                read_head(&mut client).await;
                let answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\
                               Connection: close\r\n\r\n";
                let _ = client.write_all(answer).await;
                let _ = client.shutdown().await;
            }
            Mode::HangUpgrades => {
                let head = read_head(&mut client).await;
                if String::from_utf8_lossy(&head)
                    .to_lowercase()
                    .contains("upgrade: websocket")
                {
                    core::future::pending::<()>().await;
                }
                let Ok(mut hub) = TcpStream::connect(upstream).await else {
                    return;
                };
                let _ = hub.write_all(&head).await;
                let _ = copy_bidirectional(&mut client, &mut hub).await;
            }
            Mode::LoseAnswers => {
                let Ok(mut hub) = TcpStream::connect(upstream).await else {
                    return;
                };
                let head = read_head(&mut client).await;
                let _ = hub.write_all(&head).await;
                let text = String::from_utf8_lossy(&head).to_lowercase();
                let mut bytes = [0; 4096];
                if text.starts_with("get ") && !text.contains("upgrade: websocket") {
                    let _ = copy_bidirectional(&mut client, &mut hub).await;
                    return;
                }
                if text.starts_with("get ") {
                    let answer = read_head(&mut hub).await;
                    let _ = client.write_all(&answer).await;
                    let len = hub.read(&mut bytes).await.unwrap_or(0); // the open frame
                    let _ = client.write_all(&bytes[..len]).await;
                }
                let len = client.read(&mut bytes).await.unwrap_or(0);
                let _ = hub.write_all(&bytes[..len]).await;
                let _ = hub.read(&mut bytes).await;
            }
            Mode::Pass => {
                if let Ok(mut hub) = TcpStream::connect(upstream).await {
                    let _ = client.set_nodelay(true);
                    let _ = hub.set_nodelay(true);
                    let _ = copy_bidirectional(&mut client, &mut hub).await;
                }
            }
        }
    };
    let was_cut = tokio::select! {
        () = work => false,
        _ = cut.changed() => true,
    };
    if was_cut {
        let _ = client.set_zero_linger();
    }
}

async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    head
}
