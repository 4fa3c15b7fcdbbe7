//! A peer whose bytes never run out, so that there is never a moment to look at the clock.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use longwire::Error;
use longwire::ws::{self, Config, Message, Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;
use ws_frame::{CloseCode, OpCode};

use crate::raw::{REQUEST, frame};

/// Brings what comes `first` and then `frames` over and over, as fast as they are read, and takes `room`
/// bytes.
struct Endless {
    first: Vec<u8>,
    frames: Vec<u8>,
    at: usize,
    room: usize,
}

impl Endless {
    /// After the request comes `first`.
    fn new(first: &[u8], frames: &[u8], room: usize) -> Self {
        Self {
            first: [REQUEST.as_bytes(), first].concat(),
            frames: frames.repeat(1000),
            at: 0,
            room,
        }
    }
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // As of a socket of tokio: now and then it is somebody else's turn.
        let turn = ready!(coop::poll_proceed(cx));
        turn.made_progress();
        if !self.first.is_empty() {
            buffer.put_slice(&core::mem::take(&mut self.first));
            return Poll::Ready(Ok(()));
        }
        let bytes = &self.frames[self.at..];
        let len = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..len]);
        self.at = (self.at + len) % self.frames.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let len = bytes.len().min(self.room);
        self.room -= len;
        match len {
            0 => Poll::Pending,
            len => Poll::Ready(Ok(len)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn open(io: Endless, config: Config) -> Socket<Endless> {
    ws::accept(io, config, |accept| Ok(accept)).await.unwrap()
}

/// Receives to the end, for a bounded number of messages.
async fn end(socket: &mut Socket<Endless>) -> Error {
    for _ in 0..3_000_000 {
        match socket.recv().await {
            Some(Ok(Message::Binary(_))) => {}
            Some(Err(error)) => return error,
            other => panic!("{other:?}"),
        }
    }
    panic!("no end in sight");
}

#[tokio::test]
async fn closing_takes_only_so_long() {
    let config = Config::default().close_within(Duration::from_millis(100));
    let messages = frame(true, OpCode::Binary, b"more");
    let mut socket = open(Endless::new(b"", &messages, usize::MAX), config).await;
    socket.close(CloseCode::GOING_AWAY, "").unwrap();
    let error = end(&mut socket).await;
    assert!(matches!(error, Error::Silent), "{error:?}");
}

#[tokio::test]
async fn taking_nothing_is_borne_only_so_long() {
    let config = Config::default().write_deadline(Duration::from_millis(100));
    let messages = frame(true, OpCode::Binary, b"more");
    // Room for the answer to the request, and not for what we say.
    let mut socket = open(Endless::new(b"", &messages, 200), config).await;
    socket.try_send(vec![0; 1000]).unwrap();
    let error = end(&mut socket).await;
    assert!(matches!(error, Error::Stalled), "{error:?}");
}

#[tokio::test]
async fn one_message_takes_only_so_long() {
    let config = Config::default().message_within(Duration::from_millis(100));
    let limits = ws_frame::Limits::default()
        .with_max_fragments(u32::MAX)
        .with_control_budget(u32::MAX);
    let config = config.frames(ws_frame::Config::default().with_limits(limits));
    let fragments = [
        frame(false, OpCode::Continuation, b""),
        frame(true, OpCode::Pong, b""),
    ];
    let first = frame(false, OpCode::Binary, b"");
    let io = Endless::new(&first, &fragments.concat(), usize::MAX);
    let mut socket = open(io, config).await;
    let error = end(&mut socket).await;
    assert!(matches!(error, Error::Overdue), "{error:?}");
}
