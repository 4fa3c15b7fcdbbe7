//! Receiving as a future: a message that was read is handed out where the future is awaited.
//!
//! These are no `async fn`s, and their first step is inlined: what is left of a message of a few
//! bytes is mostly how often it is moved. To load in one piece what was just stored in several
//! costs as much as to unmask it, and a result that may hold an [`Error`] is stored in several.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use ws_frame::{DataKind, Side};

use super::drive::CHOKED;
use super::input::{Lent, Take};
use super::{Socket, nothing_due};
use crate::Error;
use crate::ws::{Message, Received};

/// What [`Socket::recv`] returns.
pub(super) struct Recv<'a, Io, S>(pub(super) &'a mut Socket<Io, S>);

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Future for Recv<'_, Io, S> {
    type Output = Option<Result<Message, Error>>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.recv_whole() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => self.0.poll_recv(cx),
        }
    }
}

/// What [`Socket::recv_ref`] returns.
pub(super) struct RecvRef<'a, Io, S>(pub(super) Option<&'a mut Socket<Io, S>>);

impl<'a, Io: AsyncRead + AsyncWrite + Unpin, S: Side> Future for RecvRef<'a, Io, S> {
    type Output = Option<Result<Received<'a>, Error>>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(socket) = self.0.take() else {
            return Poll::Pending;
        };
        if socket.may_take() {
            socket.forget();
            if let Some(lent) = socket.next_whole() {
                return Poll::Ready(Some(Ok(socket.lent(lent))));
            }
        }
        match socket.poll_lend(cx) {
            Poll::Ready(Ok(Some(lent))) => Poll::Ready(Some(Ok(socket.lent(lent)))),
            Poll::Ready(Ok(None)) => Poll::Ready(None),
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Pending => {
                self.0 = Some(socket);
                Poll::Pending
            }
        }
    }
}

impl<Io, S: Side> Socket<Io, S> {
    /// Whether a message is handed out that was read: unless one was taken before it, or too much
    /// waits to be written.
    #[inline]
    fn may_take(&self) -> bool {
        self.ready.is_none() && self.output.batch.len() < CHOKED
    }

    /// Makes the next message the caller's own, if it is there and nothing is to be done before.
    #[inline(always)]
    fn recv_whole(&mut self) -> Option<Message> {
        if !self.may_take() {
            return None;
        }
        self.forget();
        let mut input = self.read.unused_mut();
        let data = self.output.connection.next_whole(&mut input);
        let left = input.len();
        // Not by `map`: its closure would be called, and the message moved out of it.
        let message = match data {
            Some(data) if data.kind == DataKind::Binary => {
                Message::Binary(Bytes::copy_from_slice(data.bytes))
            }
            Some(data) => Message::Text(data.as_str().unwrap_or_default().to_owned()),
            None => {
                self.read.lend(left);
                return None;
            }
        };
        self.read.lend(left);
        self.passed();
        Some(message)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Socket<Io, S> {
    #[inline(never)]
    pub(in crate::ws) fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        if let Some(message) = self.recv_whole() {
            return Poll::Ready(Some(Ok(message)));
        }
        Poll::Ready(match ready!(self.poll_lend(cx)) {
            Ok(Some(lent)) => Some(Ok(self.take(lent))),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }

    #[inline(never)]
    fn poll_lend(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Lent>, Error>> {
        self.poll_take(cx, Take::Messages, CHOKED, nothing_due)
    }
}
