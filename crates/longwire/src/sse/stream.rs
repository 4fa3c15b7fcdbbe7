//! An event stream written straight to a socket, pulled from a source.

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use http::{HeaderMap, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::buffer::Batch;
use crate::clock::poll_deadline;

/// Where the events of a stream come from: asked for what is due, never sent to.
///
/// A slow peer is not asked for, so nothing queues up for it: a source is a position in something
/// that is kept anyway, not a queue of copies.
pub trait Source: Send + Unpin {
    /// Appends what is due to `batch`, whole events only, and stops early once it
    /// [is full](Batch::is_full).
    ///
    /// `Pending` means that nothing is due; the task is woken when that may have changed. The
    /// batch is empty at each call, and what was appended leaves in one write before the next.
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill>;

    /// Appends what keeps a quiet stream alive: at least one line. By default that is an empty
    /// comment (HTML Standard §9.2.7).
    fn heartbeat(&mut self, batch: &mut Batch) {
        batch.push(b":\n\n");
    }
}

/// What a [`Source`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fill {
    /// Appended something; there may be more.
    More,
    /// Appended the last bytes of the stream, or nothing: the stream ends after them.
    End,
}

/// How an event stream ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ended {
    /// The source ended it, and everything was written.
    Source,
    /// The peer is gone.
    Peer,
    /// The peer took no byte for [`Timing::write_deadline`].
    Stalled,
    /// Reading or writing failed.
    Io(io::Error),
}

/// The clocks of an event stream.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    heartbeat: Duration,
    write_deadline: Duration,
}

impl Timing {
    /// A comment is sent after this long without other bytes; default 15 s. Longer risks the idle
    /// time-out of a proxy, shorter costs wake-ups (HTML Standard §9.2.7 suggests 15 s).
    #[must_use]
    pub const fn heartbeat(mut self, after: Duration) -> Self {
        self.heartbeat = after;
        self
    }

    /// A peer that takes no byte for this long while some wait is given up; default 10 s.
    #[must_use]
    pub const fn write_deadline(mut self, after: Duration) -> Self {
        self.write_deadline = after;
        self
    }

    pub(crate) const fn heartbeat_after(&self) -> Duration {
        self.heartbeat
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            write_deadline: Duration::from_secs(10),
        }
    }
}

/// How the body of the response is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// HTTP/1.1: one chunk per batch (RFC 9112 §7.1).
    Chunked,
    /// HTTP/1.0: the end of the connection ends the body (RFC 9112 §6.3).
    CloseDelimited,
}

/// Writes the response head with the headers of an event stream and `headers` to `out`.
pub(crate) fn respond(version: Version, headers: &HeaderMap, out: &mut Vec<u8>) -> Framing {
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    let mut line = |name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    for (name, value) in super::HEADERS {
        line(name, value.as_bytes());
    }
    line(
        "date",
        httpdate::fmt_http_date(std::time::SystemTime::now()).as_bytes(),
    );
    for (name, value) in headers {
        line(name.as_str(), value.as_bytes());
    }
    // The connection serves nothing after the stream (RFC 9112 §9.6).
    line("connection", b"close");
    let framing = if version == Version::HTTP_10 {
        Framing::CloseDelimited
    } else {
        line("transfer-encoding", b"chunked");
        Framing::Chunked
    };
    out.extend_from_slice(b"\r\n");
    framing
}

impl Framing {
    /// Delimits what was appended to an empty batch.
    fn seal(self, batch: &mut Batch) {
        if self == Self::Chunked {
            batch.chunk();
        }
    }
}

/// A stream in progress: what is due is written, a quiet peer hears a heartbeat, a gone one ends
/// it.
pub(crate) struct Stream<'io, Io, S> {
    io: &'io mut Io,
    /// At first the response head.
    batch: Batch,
    framing: Framing,
    source: S,
    timing: Timing,
    /// When the peer last took bytes.
    progress: Instant,
    ending: bool,
}

impl<'io, Io, S> Stream<'io, Io, S>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Source,
{
    /// `batch` holds the response head.
    pub(crate) fn new(
        io: &'io mut Io,
        batch: Batch,
        framing: Framing,
        source: S,
        timing: Timing,
    ) -> Self {
        Self {
            io,
            batch,
            framing,
            source,
            timing,
            progress: Instant::now(),
            ending: false,
        }
    }

    /// Sends what the source yields until it or the peer ends.
    pub(crate) async fn run(mut self) -> Ended {
        let mut sleep = pin!(sleep_until(self.progress + self.timing.heartbeat));
        poll_fn(|cx| self.poll(cx, sleep.as_mut())).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, mut sleep: Pin<&mut Sleep>) -> Poll<Ended> {
        loop {
            while !self.batch.is_empty() {
                match self.batch.poll_write(self.io, cx) {
                    Poll::Ready(Ok(_)) => self.progress = Instant::now(),
                    Poll::Ready(Err(error)) => return Poll::Ready(Ended::Io(error)),
                    Poll::Pending => {
                        let due = self.progress + self.timing.write_deadline;
                        if poll_deadline(sleep, cx, due).is_ready() {
                            return Poll::Ready(Ended::Stalled);
                        }
                        return poll_gone(self.io, cx);
                    }
                }
            }
            if self.ending {
                return Poll::Ready(Ended::Source);
            }
            if let Poll::Ready(fill) = self.source.poll_fill(cx, &mut self.batch) {
                self.framing.seal(&mut self.batch);
                self.ending = fill == Fill::End;
                if self.ending && self.framing == Framing::Chunked {
                    self.batch.push(b"0\r\n\r\n");
                }
                continue;
            }
            let due = self.progress + self.timing.heartbeat;
            if poll_deadline(sleep.as_mut(), cx, due).is_pending() {
                return poll_gone(self.io, cx);
            }
            self.source.heartbeat(&mut self.batch);
            self.framing.seal(&mut self.batch);
        }
    }
}

/// Reads what an event stream's peer should not send, to notice when it is gone.
fn poll_gone<Io: AsyncRead + Unpin>(io: &mut Io, cx: &mut Context<'_>) -> Poll<Ended> {
    let mut ignored = [0; 512];
    loop {
        let mut buf = ReadBuf::new(&mut ignored);
        match ready!(Pin::new(&mut *io).poll_read(cx, &mut buf)) {
            Ok(()) if buf.filled().is_empty() => return Poll::Ready(Ended::Peer),
            Ok(()) => {}
            Err(error) => return Poll::Ready(Ended::Io(error)),
        }
    }
}
