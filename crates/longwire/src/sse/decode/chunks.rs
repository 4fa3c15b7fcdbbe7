//! Where bytes come from.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::Buf;
use futures_core::Stream;
use tokio::io::AsyncRead;

use crate::buffer::ReadBuffer;

/// A source of bytes that lends one chunk at a time.
pub trait Chunks {
    /// Why it may fail.
    type Error;

    /// Gets another chunk once the last one is used up; `None` is the end. A chunk may be empty.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Self::Error>>>;

    /// What is unused of the current chunk.
    fn chunk(&self) -> &[u8];

    /// Leaves the last `left` bytes of the current chunk unused, at most as many as there are.
    fn keep(&mut self, left: usize);
}

/// The chunks of a [`Stream`] of `Result<B, E>`.
pub struct FromStream<S, B> {
    stream: Pin<Box<S>>,
    chunk: Option<B>,
    left: usize,
}

impl<S, B> FromStream<S, B> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream: Box::pin(stream),
            chunk: None,
            left: 0,
        }
    }
}

// The chunk is not pinned: it is only ever looked at.
impl<S, B> Unpin for FromStream<S, B> {}

impl<S, B, E> Chunks for FromStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Error = E;

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), E>>> {
        Poll::Ready(match ready!(self.stream.as_mut().poll_next(cx)) {
            Some(Ok(chunk)) => {
                self.left = chunk.as_ref().len();
                self.chunk = Some(chunk);
                Some(Ok(()))
            }
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }

    fn chunk(&self) -> &[u8] {
        let chunk = self.chunk.as_ref().map_or(&[][..], AsRef::as_ref);
        &chunk[chunk.len() - self.left..]
    }

    fn keep(&mut self, left: usize) {
        self.left = left;
        if left == 0 {
            self.chunk = None;
        }
    }
}

impl<S, B> fmt::Debug for FromStream<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("FromStream");
        debug.field("left", &self.left).finish_non_exhaustive()
    }
}

/// The chunks of an [`http_body::Body`].
pub struct FromBody<B: http_body::Body> {
    body: Pin<Box<B>>,
    data: Option<B::Data>,
}

impl<B: http_body::Body> FromBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self {
            body: Box::pin(body),
            data: None,
        }
    }
}

// The data is not pinned: it is only ever looked at.
impl<B: http_body::Body> Unpin for FromBody<B> {}

impl<B: http_body::Body> Chunks for FromBody<B> {
    type Error = B::Error;

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), B::Error>>> {
        if self.data.as_ref().is_some_and(Buf::has_remaining) {
            return Poll::Ready(Some(Ok(())));
        }
        Poll::Ready(match ready!(self.body.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => {
                self.data = frame.into_data().ok();
                Some(Ok(()))
            }
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }

    fn chunk(&self) -> &[u8] {
        self.data.as_ref().map_or(&[], Buf::chunk)
    }

    fn keep(&mut self, left: usize) {
        if let Some(data) = &mut self.data {
            data.advance(data.chunk().len() - left);
            if !data.has_remaining() {
                self.data = None;
            }
        }
    }
}

impl<B: http_body::Body> fmt::Debug for FromBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromBody").finish_non_exhaustive()
    }
}

/// The chunks of an [`AsyncRead`], read into a buffer that is borrowed only while bytes are there.
pub struct FromReader<R> {
    reader: Pin<Box<R>>,
    read: ReadBuffer,
}

impl<R> FromReader<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: Box::pin(reader),
            read: ReadBuffer::default(),
        }
    }
}

impl<R: AsyncRead> Chunks for FromReader<R> {
    type Error = io::Error;

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<()>>> {
        Poll::Ready(match ready!(self.read.poll_fill(&mut self.reader, cx)) {
            Ok(0) => None,
            Ok(_) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        })
    }

    fn chunk(&self) -> &[u8] {
        self.read.unused()
    }

    fn keep(&mut self, left: usize) {
        self.read.keep(left);
    }
}

impl<R> fmt::Debug for FromReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("FromReader");
        debug.field("read", &self.read).finish_non_exhaustive()
    }
}
