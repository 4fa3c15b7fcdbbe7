//! What was read from a socket.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead, ReadBuf};

use super::{Pool, keep};

/// Bytes read from a socket at once.
const READ_LEN: usize = 64 * 1024;

thread_local! {
    static POOL: Pool<Filled> = const { RefCell::new(Vec::new()) };
}

/// Bytes read and not yet used. Owns memory only while there are some.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer(Option<Box<Filled>>);

#[derive(Debug)]
struct Filled {
    bytes: Vec<u8>,
    /// What is unused: `bytes[start..end]`.
    start: usize,
    end: usize,
}

impl ReadBuffer {
    /// Reads once into an empty buffer; 0 is the end of the stream. Owns nothing when pending.
    pub(crate) fn poll_fill<Io: AsyncRead + Unpin>(
        &mut self,
        io: &mut Io,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(self.is_empty(), "unused bytes would be lost");
        let mut filled = self.0.take().unwrap_or_else(pooled);
        let mut buf = ReadBuf::new(&mut filled.bytes);
        let polled = Pin::new(io).poll_read(cx, &mut buf);
        let len = buf.filled().len();
        if len == 0 {
            give_back(filled);
        } else {
            filled.start = 0;
            filled.end = len;
            self.0 = Some(filled);
        }
        ready!(polled)?;
        Poll::Ready(Ok(len))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|filled| filled.start == filled.end)
    }

    #[inline]
    pub(crate) fn unused(&self) -> &[u8] {
        self.0
            .as_ref()
            .map_or(&[], |filled| &filled.bytes[filled.start..filled.end])
    }

    #[inline]
    pub(crate) fn unused_mut(&mut self) -> &mut [u8] {
        self.0.as_mut().map_or(&mut [], |filled| {
            &mut filled.bytes[filled.start..filled.end]
        })
    }

    /// Keeps the last `left` bytes; the memory goes back to the pool when that is none.
    pub(crate) fn keep(&mut self, left: usize) {
        self.lend(left);
        self.release();
    }

    /// Holds no more memory than what is unused takes: for somebody who waits.
    #[cfg(feature = "serve")]
    pub(crate) fn shrink(&mut self) {
        if let Some(filled) = &self.0
            && (filled.start > 0 || filled.bytes.len() == READ_LEN)
        {
            *self = match self.unused() {
                [] => Self::default(),
                unused => Self::from(unused.to_vec()),
            };
        }
    }

    /// The `len` bytes before the unused ones: what was lent last, until [`release`](Self::release).
    #[inline]
    pub(crate) fn used(&self, len: usize) -> &[u8] {
        self.0.as_ref().map_or(&[], |filled| {
            &filled.bytes[filled.start - len..filled.start]
        })
    }

    /// Gives the memory back if nothing in it is unused.
    #[inline]
    pub(crate) fn release(&mut self) {
        if self.is_empty()
            && let Some(filled) = self.0.take()
        {
            give_back(filled);
        }
    }

    /// Keeps the last `left` bytes, and the memory: what was used can still be looked at.
    #[inline]
    pub(crate) fn lend(&mut self, left: usize) {
        if let Some(filled) = &mut self.0 {
            filled.start = filled.end - left;
        }
    }
}

impl From<Vec<u8>> for ReadBuffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Some(Box::new(Filled {
            start: 0,
            end: bytes.len(),
            bytes,
        })))
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        if let Some(filled) = self.0.take() {
            give_back(filled);
        }
    }
}

fn pooled() -> Box<Filled> {
    let pooled = POOL.try_with(|pool| pool.borrow_mut().pop());
    pooled.ok().flatten().unwrap_or_else(|| {
        Box::new(Filled {
            bytes: vec![0; READ_LEN],
            start: 0,
            end: 0,
        })
    })
}

fn give_back(filled: Box<Filled>) {
    if filled.bytes.len() == READ_LEN {
        keep(&POOL, filled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::task::Waker;

    #[test]
    fn a_read_buffer_owns_memory_only_while_bytes_are_unused() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut read = ReadBuffer::default();
        let mut bytes: &[u8] = b"hello";
        assert!(matches!(
            read.poll_fill(&mut bytes, &mut cx),
            Poll::Ready(Ok(5))
        ));
        read.lend(3);
        assert_eq!((read.used(2), read.unused()), (&b"he"[..], &b"llo"[..]));
        #[cfg(feature = "serve")]
        {
            read.shrink();
            assert_eq!(read.unused(), b"llo");
            assert_eq!(read.0.as_ref().unwrap().bytes.len(), 3);
            let mut pieces = ReadBuffer::from(vec![7; 60_000]);
            pieces.keep(1);
            pieces.shrink();
            assert_eq!(pieces.0.as_ref().unwrap().bytes, [7]);
        }
        read.keep(0);
        assert!(read.0.is_none());
        assert!(matches!(
            read.poll_fill(&mut bytes, &mut cx),
            Poll::Ready(Ok(0))
        ));
        assert!(read.0.is_none(), "nothing is held at the end of the stream");
    }
}
