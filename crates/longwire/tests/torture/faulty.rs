//! A stream on which one operation does not go as it should.

use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The operation fails, and all after it.
    Error,
    /// Reads end here; a write takes nothing.
    End,
    /// At most one byte.
    Short,
    /// Not now.
    Pending,
    /// The call that waits is dropped and made again.
    Cancel,
}

impl Fault {
    pub(crate) fn is_harmless(self) -> bool {
        !matches!(self, Self::Error | Self::End)
    }
}

/// Which operation goes wrong, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    fault: Fault,
    at: usize,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    operations: AtomicUsize,
    waits: AtomicUsize,
}

impl Plan {
    pub(crate) fn new(fault: Fault, at: usize) -> Self {
        Self {
            fault,
            at,
            counts: Arc::default(),
        }
    }

    pub(crate) fn without_fault() -> Self {
        Self::new(Fault::None, 0)
    }

    pub(crate) fn operations(&self) -> usize {
        self.counts.operations.load(Ordering::Relaxed)
    }

    pub(crate) fn waits(&self) -> usize {
        self.counts.waits.load(Ordering::Relaxed)
    }

    pub(crate) fn has_come(&self) -> bool {
        self.operations() > self.at
    }

    /// Whether the call that waits now is to be cancelled.
    pub(crate) fn cancels(&self) -> bool {
        let at = self.counts.waits.fetch_add(1, Ordering::Relaxed);
        self.fault == Fault::Cancel && at == self.at
    }

    fn next(&self) -> Fault {
        let at = self.counts.operations.fetch_add(1, Ordering::Relaxed);
        let lasts = matches!(self.fault, Fault::Error | Fault::End) && at > self.at;
        if at == self.at || lasts {
            self.fault
        } else {
            Fault::None
        }
    }
}

#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) io: DuplexStream,
    pub(crate) plan: Plan,
}

fn wait<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

fn broken<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.plan.next() {
            Fault::Error => broken(),
            Fault::End => Poll::Ready(Ok(())),
            Fault::Pending => wait(cx),
            Fault::Short => {
                let mut one = [0];
                let mut short = ReadBuf::new(&mut one);
                let polled = Pin::new(&mut self.io).poll_read(cx, &mut short);
                buf.put_slice(short.filled());
                polled
            }
            Fault::None | Fault::Cancel => Pin::new(&mut self.io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.plan.next() {
            Fault::Error => broken(),
            Fault::End => Poll::Ready(Ok(0)),
            Fault::Pending => wait(cx),
            Fault::Short => Pin::new(&mut self.io).poll_write(cx, &buf[..1]),
            Fault::None | Fault::Cancel => Pin::new(&mut self.io).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.plan.next() {
            Fault::Error => broken(),
            Fault::Pending => wait(cx),
            _ => Pin::new(&mut self.io).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.plan.next() {
            Fault::Error => broken(),
            Fault::Pending => wait(cx),
            _ => Pin::new(&mut self.io).poll_shutdown(cx),
        }
    }
}
