//! A stream of an HTTP/2 connection as a byte stream.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that go into one DATA frame, at most: what every peer accepts (RFC 9113 §6.5.2).
const DATA_LEN: usize = 16 * 1024;

/// A stream of an HTTP/2 connection, as if it were a TCP connection.
///
/// Its orderly end is `END_STREAM`, in either direction; dropping it before both have ended resets
/// it, and a reset by the peer is [`ConnectionReset`](io::ErrorKind::ConnectionReset).
#[derive(Debug)]
pub struct Stream {
    send: SendStream<Bytes>,
    receive: RecvStream,
    /// Of the DATA frame that came last.
    unread: Bytes,
    /// Whether our side has ended.
    shut: bool,
}

impl Stream {
    pub(super) const fn new(send: SendStream<Bytes>, receive: RecvStream) -> Self {
        Self {
            send,
            receive,
            unread: Bytes::new(),
            shut: false,
        }
    }

    /// The next DATA frame; none at the end of the stream.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        //= https://www.rfc-editor.org/rfc/rfc8441#section-5
        //# Orderly TCP-level closures are represented as END_STREAM flags ([RFC7540], Section 6.1).
        //# RST exceptions are represented with the RST_STREAM frame ([RFC7540], Section 6.4) with
        //# the CANCEL error code ([RFC7540], Section 7).
        Poll::Ready(match ready!(self.receive.poll_data(cx)) {
            None => Ok(None),
            Some(Ok(data)) => Ok(Some(data)),
            // A server that needs no more of us: RFC 9113 §8.1.
            Some(Err(error)) if error.is_reset() && error.reason() == Some(Reason::NO_ERROR) => {
                Ok(None)
            }
            Some(Err(error)) => Err(failed(error)),
        })
    }
}

/// What became of the connection, or of the stream.
fn failed(error: h2::Error) -> io::Error {
    if error.is_reset() {
        return io::Error::new(io::ErrorKind::ConnectionReset, error);
    }
    if error.is_go_away() {
        return io::Error::new(io::ErrorKind::ConnectionAborted, error);
    }
    if error.is_io() {
        return error
            .into_io()
            .unwrap_or_else(|| io::ErrorKind::Other.into());
    }
    io::Error::other(error)
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Small frames are read together.
        let before = buf.filled().len();
        while buf.remaining() > 0 {
            if self.unread.is_empty() {
                match self.poll_data(cx) {
                    Poll::Ready(Ok(Some(data))) => self.unread = data,
                    // What ends the stream is said again by the next call.
                    _ if buf.filled().len() > before => break,
                    Poll::Ready(Ok(None)) => break,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let len = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread[..len]);
            self.unread.advance(len);
            // It fails only when the stream has ended: then no window is needed.
            let _ = self.receive.flow_control().release_capacity(len);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(reason) = self.send.poll_reset(cx) {
            let error = reason.map_or_else(|error| error, h2::Error::from);
            return Poll::Ready(Err(failed(error)));
        }
        while self.send.capacity() == 0 {
            self.send.reserve_capacity(buf.len().min(DATA_LEN));
            match ready!(self.send.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(failed(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let len = buf.len().min(DATA_LEN).min(self.send.capacity());
        let data = Bytes::copy_from_slice(&buf[..len]);
        self.send.send_data(data, false).map_err(failed)?;
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            self.shut = true;
            // It fails if the peer has reset the stream: then it has ended already.
            let _ = self.send.send_data(Bytes::new(), true);
        }
        Poll::Ready(Ok(()))
    }
}
