//! `sse::decode`: the same events from a stream, a body and a reader, however they are cut.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures_core::Stream;
use http_body::Frame;
use longwire::sse::decode::{self, Chunks, DecodeError, Events};
use sse_parse::{LimitError, Limits, OwnedEvent};
use tokio::io::{AsyncRead, ReadBuf};

/// Everything that a stream can be made of.
const STREAM: &[u8] =
    b"\xef\xbb\xbf: hello\r\nid: 1\r\ndata: one\r\n\r\nevent: tick\rdata: tw\xc3\xb6\r\r\
    retry: 7\n\ndata\ndata\n\nid\ndata: \xff\n\n:\n\ndata: cut off";

/// Pieces, with a pause before each.
struct Pieces {
    pieces: VecDeque<Bytes>,
    pause: bool,
}

impl Pieces {
    fn new(bytes: &[u8], len: usize) -> Self {
        let pieces = bytes.chunks(len).map(Bytes::copy_from_slice).collect();
        Self {
            pieces,
            pause: true,
        }
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        if core::mem::replace(&mut self.pause, false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.pause = true;
        Poll::Ready(self.pieces.pop_front())
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx).map(|piece| piece.map(Ok))
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.poll(cx)
            .map(|piece| piece.map(|data| Ok(Frame::data(data))))
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(cx).map(|piece| {
            buf.put_slice(&piece.unwrap_or_default());
            Ok(())
        })
    }
}

type Seen = Vec<(String, String, String)>;

fn seen(events: &[(&str, &str, &str)]) -> Seen {
    let owned = |&(name, data, id): &(&str, &str, &str)| (name.into(), data.into(), id.into());
    events.iter().map(owned).collect()
}

/// All events; every call of `next` is cancelled at each await before it is let through.
async fn lent<C: Chunks<Error: core::fmt::Debug>>(mut events: Events<C>) -> Seen {
    let mut seen = Vec::new();
    loop {
        let cancelled = {
            let mut next = pin!(events.next());
            let mut cx = Context::from_waker(Waker::noop());
            match next.as_mut().poll(&mut cx) {
                Poll::Pending => true,
                Poll::Ready(None) => return seen,
                Poll::Ready(Some(event)) => {
                    let event = event.unwrap();
                    seen.push((event.name.into(), event.data.into(), event.id.into()));
                    false
                }
            }
        };
        if cancelled {
            tokio::task::yield_now().await;
        }
    }
}

async fn owned<C: Chunks<Error: core::fmt::Debug> + Unpin>(mut events: Events<C>) -> Seen {
    let mut seen = Vec::new();
    while let Some(event) = poll_fn(|cx| Pin::new(&mut events).poll_next(cx)).await {
        let OwnedEvent { name, data, id, .. } = event.unwrap();
        seen.push((name, data, id));
    }
    seen
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# Once the end of the file is reached, any pending data must be discarded.
#[tokio::test]
async fn the_same_events_from_everything_cut_anywhere() {
    let expected = seen(&[
        ("message", "one", "1"),
        ("tick", "twö", "1"),
        ("message", "\n", "1"),
        ("message", "\u{fffd}", ""),
    ]);
    for len in 1..=STREAM.len() {
        let pieces = || Pieces::new(STREAM, len);
        assert_eq!(lent(decode::stream(pieces())).await, expected, "{len}");
        assert_eq!(lent(decode::body(pieces())).await, expected, "{len}");
        assert_eq!(lent(decode::reader(pieces())).await, expected, "{len}");
        assert_eq!(owned(decode::stream(pieces())).await, expected, "{len}");
        assert_eq!(owned(decode::body(pieces())).await, expected, "{len}");
        assert_eq!(owned(decode::reader(pieces())).await, expected, "{len}");
    }
}

#[tokio::test]
async fn what_it_takes_to_resume_is_kept() {
    let mut events = decode::reader(&b"id: 7\nretry: 250\ndata: x\n\nid: 8\n\ndata: y"[..]);
    assert_eq!(events.next().await.unwrap().unwrap().data, "x");
    assert_eq!(events.last_event_id(), "7");
    assert_eq!(events.retry().unwrap().as_millis(), 250);
    assert!(events.next().await.is_none());
    assert_eq!(events.last_event_id(), "8");
}

#[tokio::test]
async fn an_event_over_a_limit_is_told_and_the_next_one_comes() {
    let limits = Limits::default().with_max_event(4);
    let bytes = &b"data: 12345\n\ndata: 1234\n\n"[..];
    let mut events = decode::reader(bytes).limits(limits);
    let error = events.next().await.unwrap().unwrap_err();
    assert!(matches!(
        error,
        DecodeError::Limit(LimitError::Event { limit: 4 })
    ));
    assert_eq!(events.next().await.unwrap().unwrap().data, "1234");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn an_error_of_the_stream_is_the_end() {
    let failing = Plain(VecDeque::from([
        Ok(Bytes::from_static(b"data: 1\n\ndata: 2")),
        Err(io::Error::other("cut")),
        Ok(Bytes::from_static(b"\n\n")),
    ]));
    let mut events = decode::stream(failing);
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    let error = events.next().await.unwrap().unwrap_err();
    assert!(matches!(error, DecodeError::Source(_)), "{error}");
    assert!(events.next().await.is_none());
}

struct Plain(VecDeque<io::Result<Bytes>>);

impl Stream for Plain {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front())
    }
}

/// Never pending, and never an event.
struct Flood(u64);

impl Stream for Flood {
    type Item = Result<&'static [u8], Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0 += 1;
        Poll::Ready(Some(Ok(b":\n\n")))
    }
}

#[tokio::test]
async fn a_flood_without_events_lets_others_have_their_turn() {
    let mut events = decode::stream(Flood(0));
    let mut next = pin!(events.next());
    for _ in 0..3 {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(next.as_mut().poll(&mut cx).is_pending());
    }
}
