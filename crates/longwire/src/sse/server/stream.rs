//! An event stream written straight to a socket, pulled from a source.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use http::{HeaderMap, StatusCode, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::{Pace, Timing};
use crate::buffer::Batch;
use crate::http::AnswerHead;

/// Where the events of a stream come from: asked for what is due, never sent to.
///
/// A slow peer is not asked for, so nothing queues up for it: a source is a position in something
/// that is kept anyway, not a queue of copies.
pub trait Source: Send + Unpin {
    /// Appends what is due to `batch`, whole events only, and stops early once it
    /// [is full](Batch::is_full).
    ///
    /// `Pending` means that nothing is due; the task is woken when that may have changed. What was
    /// appended leaves in one write before the next call; what is in the batch before is due to
    /// the same peer.
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill>;

    /// Appends what keeps a quiet stream alive: at least one line. By default that is an empty
    /// comment (HTML Standard §9.2.7).
    fn heartbeat(&mut self, batch: &mut Batch) {
        batch.push(b":\n\n");
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        (**self).poll_fill(cx, batch)
    }

    fn heartbeat(&mut self, batch: &mut Batch) {
        (**self).heartbeat(batch);
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
    /// Appended what is left, or nothing, and not all could be: the stream ends after it in a way
    /// that the peer can tell from [`End`](Self::End) (over HTTP/1.0 it can only with TLS).
    Cut,
}

/// How an event stream ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ended {
    /// The source cut it off; what it had appended was written.
    Cut,
    /// The source ended it, and everything was written.
    Source,
    /// The peer is gone.
    Peer,
    /// The peer took no byte for [`Timing::write_deadline`].
    Stalled,
    /// Reading or writing failed.
    Io(io::Error),
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
    let mut head = AnswerHead::new(StatusCode::OK, out);
    for (name, value) in super::HEADERS {
        head.field(name, value.as_bytes());
    }
    head.date();
    for (name, value) in headers {
        head.field(name.as_str(), value.as_bytes());
    }
    // The connection serves nothing after the stream (RFC 9112 §9.6).
    head.field("connection", b"close");
    let framing = if version == Version::HTTP_10 {
        Framing::CloseDelimited
    } else {
        head.field("transfer-encoding", b"chunked");
        Framing::Chunked
    };
    head.end();
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
pub(crate) struct Stream<Io, S> {
    io: Io,
    /// At first the response head.
    batch: Batch,
    framing: Framing,
    source: S,
    pace: Pace,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Ends once everything is written.
    Ending(Fill),
}

impl<Io, S> Stream<Io, S>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Source,
{
    /// `batch` holds the response head.
    pub(crate) fn new(io: Io, batch: Batch, framing: Framing, source: S, timing: Timing) -> Self {
        Self {
            io,
            batch,
            framing,
            source,
            pace: Pace::new(timing),
            state: State::Open,
        }
    }

    /// Ends after the response head, as the answer to HEAD does (RFC 9110 §9.3.2).
    pub(crate) fn head_only(mut self) -> Self {
        self.state = State::Ending(Fill::End);
        self
    }

    /// Sends what the source yields until it or the peer ends.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        loop {
            match (self.poll_out(cx), self.state) {
                (Poll::Ready(Ok(())), State::Open) => {}
                (Poll::Ready(Ok(())), State::Ending(Fill::Cut)) => return Poll::Ready(Ended::Cut),
                (Poll::Ready(Ok(())), State::Ending(_)) => return Poll::Ready(Ended::Source),
                (Poll::Ready(Err(error)), _) => return Poll::Ready(Ended::Io(error)),
                (Poll::Pending, _) => {
                    if self.pace.poll_stalled(cx).is_ready() {
                        return Poll::Ready(Ended::Stalled);
                    }
                    return poll_gone(&mut self.io, cx);
                }
            }
            match self.source.poll_fill(cx, &mut self.batch) {
                Poll::Ready(fill) => {
                    self.framing.seal(&mut self.batch);
                    if fill == Fill::More {
                        continue;
                    }
                    self.state = State::Ending(fill);
                    // Without the last chunk the peer knows that something is missing.
                    if fill == Fill::End && self.framing == Framing::Chunked {
                        self.batch.push(b"0\r\n\r\n");
                    }
                }
                Poll::Pending => {
                    if self.pace.poll_heartbeat(cx).is_pending() {
                        return poll_gone(&mut self.io, cx);
                    }
                    self.source.heartbeat(&mut self.batch);
                    self.framing.seal(&mut self.batch);
                }
            }
        }
    }

    /// Writes what waits, through whatever the transport keeps back (TLS does); after the last
    /// bytes, ends our side, which over TLS says that nothing was cut off.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.batch.is_empty() {
            ready!(self.batch.poll_write(&mut self.io, cx))?;
            self.pace.sent();
        }
        if self.state == State::Ending(Fill::End) {
            return Pin::new(&mut self.io).poll_shutdown(cx);
        }
        Pin::new(&mut self.io).poll_flush(cx)
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

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::poll_fn;
    use std::collections::VecDeque;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    /// Yields these events, one a call, then ends or stays quiet.
    struct Script {
        events: VecDeque<&'static [u8]>,
        ends: bool,
    }

    impl Source for Script {
        fn poll_fill(&mut self, _: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
            match self.events.pop_front() {
                Some(event) => batch.push(event),
                None if self.ends => return Poll::Ready(Fill::End),
                None => return Poll::Pending,
            }
            Poll::Ready(Fill::More)
        }
    }

    fn script(events: &[&'static [u8]], ends: bool) -> Script {
        Script {
            events: events.iter().copied().collect(),
            ends,
        }
    }

    async fn serve(io: tokio::io::DuplexStream, source: Script, version: Version) -> Ended {
        let mut head = Batch::new();
        let framing = respond(version, &HeaderMap::new(), head.out());
        let mut stream = Stream::new(io, head, framing, source, Timing::default());
        poll_fn(|cx| stream.poll(cx)).await
    }

    async fn read_head(io: &mut (impl AsyncRead + Unpin)) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(io.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    #[tokio::test]
    async fn a_chunk_a_batch_and_a_last_one() {
        let (server, mut client) = duplex(1 << 16);
        let source = script(&[b"data: 1\n\n", b"data: 2\n\n"], true);
        assert!(matches!(
            serve(server, source, Version::HTTP_11).await,
            Ended::Source
        ));
        let head = read_head(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
        for field in [
            "content-type: text/event-stream\r\n",
            "cache-control: no-cache, no-transform\r\n",
            "x-accel-buffering: no\r\n",
            "transfer-encoding: chunked\r\n",
            "\r\ndate: ",
        ] {
            assert!(head.contains(field), "{field} in {head}");
        }
        let mut body = String::new();
        client.read_to_string(&mut body).await.unwrap();
        assert_eq!(body, "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    }

    #[tokio::test]
    async fn for_http_1_0_the_end_of_the_connection_ends_the_stream() {
        let (server, mut client) = duplex(1 << 16);
        let source = script(&[b"data: 1\n\n"], true);
        assert!(matches!(
            serve(server, source, Version::HTTP_10).await,
            Ended::Source
        ));
        assert!(!read_head(&mut client).await.contains("transfer-encoding"));
        let mut body = String::new();
        client.read_to_string(&mut body).await.unwrap();
        assert_eq!(body, "data: 1\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_has_a_heartbeat_every_15_seconds() {
        let (server, mut client) = duplex(1 << 16);
        tokio::spawn(serve(
            server,
            script(&[b"data: 1\n\n"], false),
            Version::HTTP_10,
        ));
        read_head(&mut client).await;
        let mut event = [0; 9];
        client.read_exact(&mut event).await.unwrap();
        for _ in 0..3 {
            let begun = Instant::now();
            let mut comment = [0; 3];
            client.read_exact(&mut comment).await.unwrap();
            assert_eq!((&comment, begun.elapsed().as_secs()), (b":\n\n", 15));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let (server, _client) = duplex(64);
        let begun = Instant::now();
        let ended = serve(server, script(&[b"data: 1\n\n"], false), Version::HTTP_11).await;
        assert!(matches!(ended, Ended::Stalled), "{ended:?}");
        assert_eq!(begun.elapsed().as_secs(), 10);
    }

    #[tokio::test]
    async fn a_peer_that_goes_is_noticed_whatever_it_sent() {
        let (server, mut client) = duplex(1 << 16);
        let serving = tokio::spawn(serve(server, script(&[], false), Version::HTTP_11));
        read_head(&mut client).await;
        client.write_all(&[b'x'; 5000]).await.unwrap();
        drop(client);
        assert!(matches!(serving.await.unwrap(), Ended::Peer | Ended::Io(_)));
    }
}
