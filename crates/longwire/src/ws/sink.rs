//! A socket as a stream and a sink of owned messages.

use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use ws_frame::{CloseCode, Side};

use super::socket::Until;
use super::{Message, Socket};
use crate::Error;

/// What [`recv`](Self::recv) returns.
impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side + Unpin> Stream for Socket<Io, S> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

/// [`feed`](Self::feed) and [`flush`](Self::flush). Closing begins the closing handshake with 1000
/// and waits until its frame is written: the stream then goes on until the peer has answered.
impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side + Unpin> Sink<Message> for Socket<Io, S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_output(cx, Until::Room, true)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.add(message.into())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_output(cx, Until::Flushed, true)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // That closing has begun is no reason to fail.
        let _ = self.close(CloseCode::NORMAL, "");
        self.poll_output(cx, Until::Flushed, true)
    }
}
