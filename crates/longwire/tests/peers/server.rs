//! Our server, as the clients meet it.

use core::net::{Ipv4Addr, SocketAddr};
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use longwire::Error;
use longwire::net::ServerTls;
use longwire::ws::{self, Config, Message, Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use ws_frame::CloseCode;

use crate::support::{Identity, within};

/// A server that echoes and does as it is told: `close CODE REASON` closes, `drop` drops the
/// stream. Of the subprotocols it takes `chat`. It ends when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    ended: UnboundedReceiver<Ended>,
    /// Bytes that came on all connections.
    heard: Arc<AtomicUsize>,
    /// Bytes that went.
    said: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

/// Bytes of a client's pong without payload.
pub(crate) const PONG: usize = 6;

/// How a connection ended: code and reason, or the error.
pub(crate) type Ended = Result<(u16, String), Error>;

impl Server {
    pub(crate) async fn start(config: Config) -> Self {
        Self::listen(config, None).await
    }

    /// The same over TLS.
    pub(crate) async fn start_tls(config: Config, identity: &Identity) -> Self {
        let (chain, key) = (identity.certificate.as_bytes(), identity.key.as_bytes());
        let tls = ServerTls::from_pem(chain, key).unwrap();
        Self::listen(config, Some(tls)).await
    }

    async fn listen(config: Config, tls: Option<ServerTls>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let (told, ended) = unbounded_channel();
        let heard = Arc::new(AtomicUsize::new(0));
        let said = Arc::new(AtomicUsize::new(0));
        let counts = (heard.clone(), said.clone());
        let accepting = tokio::spawn(async move {
            loop {
                let (io, _) = listener.accept().await.unwrap();
                io.set_nodelay(true).unwrap();
                let ((heard, said), told, tls) = (counts.clone(), told.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(Counted { io, heard, said }, config, told).await,
                        Some(tls) => {
                            // A client that shakes hands and says no more has no connection here.
                            if let Ok(io) = tls.accept(io, Duration::from_secs(10)).await {
                                serve(Counted { io, heard, said }, config, told).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            scheme,
            ended,
            heard,
            said,
            accepting: accepting.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}/", self.scheme, self.address.port())
    }

    /// Bytes that came on all connections.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }

    /// Bytes that went.
    pub(crate) fn said(&self) -> usize {
        self.said.load(Ordering::Relaxed)
    }

    /// Waits until so many bytes more have come.
    pub(crate) async fn hears_more(&self, bytes: usize) {
        hears_more(&self.heard, bytes).await;
    }

    /// How the next connection to end did.
    pub(crate) async fn ended(&mut self) -> Ended {
        within("the end of a connection", self.ended.recv())
            .await
            .unwrap()
    }
}

/// Waits until so many bytes more have been counted.
pub(crate) async fn hears_more(heard: &AtomicUsize, bytes: usize) {
    let until = heard.load(Ordering::Relaxed) + bytes;
    let enough = async {
        while heard.load(Ordering::Relaxed) < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("bytes from the other side", enough).await;
}

/// A stream that counts what it brings and takes.
pub(crate) struct Counted<Io> {
    pub(crate) io: Io,
    pub(crate) heard: Arc<AtomicUsize>,
    pub(crate) said: Arc<AtomicUsize>,
}

impl<Io: AsyncRead + Unpin> AsyncRead for Counted<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        self.heard.fetch_add(read, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Counted<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.said.fetch_add(written, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve<Io>(io: Counted<Io>, config: Config, told: UnboundedSender<Ended>)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let ended = match accept(io, config).await {
        Ok(socket) => echo(socket).await,
        Err(error) => Some(Err(error)),
    };
    if let Some(ended) = ended {
        // Nobody listens once the test is over.
        let _ = told.send(ended);
    }
}

async fn accept<Io>(io: Io, config: Config) -> Result<Socket<Io>, Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    ws::accept(io, config, |accept| {
        let offered = accept.request().protocols().any(|name| name == "chat");
        Ok(match offered {
            true => accept.protocol("chat").unwrap(),
            false => accept,
        })
    })
    .await
}

/// Until the connection ends; `None` if we dropped it.
async fn echo<Io>(mut socket: Socket<Io>) -> Option<Ended>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = socket.recv().await {
        let message = match message {
            Ok(message) => message,
            Err(error) => return Some(Err(error)),
        };
        if let Message::Text(text) = &message {
            if text == "drop" {
                return None;
            }
            if let Some((code, reason)) =
                text.strip_prefix("close ").and_then(|s| s.split_once(' '))
            {
                let code = CloseCode::new(code.parse().unwrap()).unwrap();
                socket.close(code, reason).unwrap();
                continue;
            }
        }
        if let Err(error) = socket.send(message).await {
            return Some(Err(error));
        }
    }
    let closed = socket.closed();
    Some(Ok((closed.code().get(), closed.reason().to_owned())))
}
