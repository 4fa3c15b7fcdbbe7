//! What was read from a socket.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead, ReadBuf};

use super::{Pool, keep};

/// Bytes read from a socket at once.
const READ_LEN: usize = 16 * 1024;

thread_local! {
    static POOL: Pool = const { RefCell::new(Vec::new()) };
}

/// Bytes read and not yet used. Owns memory only while there are some.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
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
        let mut bytes = POOL
            .with_borrow_mut(Vec::pop)
            .unwrap_or_else(|| vec![0; READ_LEN]);
        let mut buf = ReadBuf::new(&mut bytes);
        let polled = Pin::new(io).poll_read(cx, &mut buf);
        let len = buf.filled().len();
        if len == 0 {
            give_back(bytes);
        } else {
            *self = Self {
                bytes,
                start: 0,
                end: len,
            };
        }
        ready!(polled)?;
        Poll::Ready(Ok(len))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn unused(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn unused_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// Keeps the last `left` bytes; the memory goes back to the pool when that is none.
    pub(crate) fn keep(&mut self, left: usize) {
        self.start = self.end - left;
        self.release();
    }

    /// The `len` bytes before the unused ones: what was lent last, until [`release`](Self::release).
    pub(crate) fn used(&self, len: usize) -> &[u8] {
        &self.bytes[self.start - len..self.start]
    }

    /// Gives the memory back if nothing in it is unused.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
            give_back(core::mem::take(&mut self.bytes));
        }
    }

    /// Keeps the last `left` bytes, and the memory: what was used can still be looked at.
    pub(crate) fn lend(&mut self, left: usize) {
        self.start = self.end - left;
    }
}

impl From<Vec<u8>> for ReadBuffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            start: 0,
            end: bytes.len(),
            bytes,
        }
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        give_back(core::mem::take(&mut self.bytes));
    }
}

fn give_back(bytes: Vec<u8>) {
    if bytes.len() == READ_LEN {
        keep(&POOL, bytes);
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
        read.keep(0);
        assert_eq!(read.bytes.capacity(), 0);
        assert!(matches!(
            read.poll_fill(&mut bytes, &mut cx),
            Poll::Ready(Ok(0))
        ));
        assert_eq!(
            read.bytes.capacity(),
            0,
            "nothing is held at the end of the stream"
        );
    }
}
