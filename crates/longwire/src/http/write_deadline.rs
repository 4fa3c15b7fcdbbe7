//! A stream whose peer must take what is written.

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io::{self, IoSlice};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::clock::Timer;

/// A byte stream that fails when its peer takes no byte for a time while some wait.
///
/// Hyper asks the body of a response only when it has room, and waits for ever for a peer that
/// reads nothing: under it, this ends the connection. [`serve`](super::serve) uses it for
/// everything that hyper serves.
///
/// ```
/// # async fn run(io: tokio::net::TcpStream) {
/// use core::time::Duration;
/// use longwire::http::WriteDeadline;
///
/// let io = WriteDeadline::new(io, Duration::from_secs(10));
/// let io = hyper_util::rt::TokioIo::new(io); // for hyper
/// # }
/// ```
#[derive(Debug)]
pub struct WriteDeadline<Io> {
    io: Io,
    deadline: Duration,
    /// Since when the peer has taken nothing.
    since: Option<Instant>,
    timer: Timer,
}

impl<Io> WriteDeadline<Io> {
    /// Fails with [`io::ErrorKind::TimedOut`] when the peer takes nothing for this long.
    #[must_use]
    pub fn new(io: Io, deadline: Duration) -> Self {
        Self {
            io,
            deadline,
            since: None,
            timer: Timer::default(),
        }
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.since = None;
            return polled;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        // Beyond what the clock can say it is never due.
        match since.checked_add(self.deadline) {
            Some(due) => self.timer.poll(cx, due).map(|()| {
                let reason = "the peer took nothing for too long";
                Err(io::Error::new(io::ErrorKind::TimedOut, reason))
            }),
            None => Poll::Pending,
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for WriteDeadline<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        self.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_flush(cx);
        self.watch(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_shutdown(cx);
        self.watch(cx, polled)
    }
}
