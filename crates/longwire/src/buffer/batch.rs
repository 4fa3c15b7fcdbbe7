//! What is to be written to a socket.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::{Pool, keep};

/// A batch counts as full from this many unsent bytes on.
pub(crate) const SOFT_LIMIT: usize = 64 * 1024;
/// A write buffer that has grown beyond this is given back to the allocator, not to the pool.
const KEEP_CAPACITY: usize = 128 * 1024;
/// Shared bytes shorter than this are copied: cheaper than one more slice in a vectored write.
const COPY_BELOW: usize = 8 * 1024;
/// Room in front of a batch for the size line of an HTTP/1.1 chunk (RFC 9112 §7.1).
const HEADROOM: usize = 18;
/// Slices handed to one vectored write.
const SLICES: usize = 32;

thread_local! {
    static POOL: Pool<Due> = const { RefCell::new(Vec::new()) };
}

/// Bytes due to one peer, which leave in one write.
///
/// Small pieces are copied behind each other, large shared ones are kept by reference and leave by
/// vectored write. Nothing is allocated while it is empty.
#[derive(Debug, Default)]
pub struct Batch(Option<Box<Due>>);

#[derive(Debug, Default)]
struct Due {
    /// [`HEADROOM`] bytes, then everything copied.
    bytes: Vec<u8>,
    /// How much of `bytes` has left.
    sent: usize,
    shared: Vec<Shared>,
    /// Bytes in `shared` that have not left.
    shared_len: usize,
}

#[derive(Debug)]
struct Shared {
    /// The piece stands before `bytes[at..]`.
    at: usize,
    bytes: Bytes,
}

impl Batch {
    /// Makes an empty batch, without allocating.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that wait to be written.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |due| due.len())
    }

    /// Whether no bytes wait.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether 64 KiB or more wait: a source stops adding then, and is asked again once they left.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.len() >= SOFT_LIMIT
    }

    #[inline]
    fn due(&mut self) -> &mut Due {
        self.0.get_or_insert_with(pooled)
    }

    /// The vector that encoders append to. What is in it already must stay.
    #[inline]
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.due().bytes
    }

    /// Appends a copy of `bytes`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.out().extend_from_slice(bytes);
    }

    /// Appends `bytes`, by reference when they are 8 KiB or more.
    pub fn push_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < COPY_BELOW {
            self.push(bytes);
        } else {
            let due = self.due();
            let at = due.bytes.len();
            due.shared_len += bytes.len();
            due.shared.push(Shared {
                at,
                bytes: bytes.clone(),
            });
        }
    }

    /// Gives the memory back if nothing waits: for after [`out`](Self::out) was lent in vain.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }

    /// Writes once as much as the socket takes; 0 is never returned. Call it until
    /// [`is_empty`](Self::is_empty).
    pub(crate) fn poll_write<Io: AsyncWrite + Unpin>(
        &mut self,
        io: &mut Io,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let due = self.due();
        let written = if due.shared.is_empty() {
            ready!(Pin::new(io).poll_write(cx, &due.bytes[due.sent..]))?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = due.slices(&mut slices);
            ready!(Pin::new(io).poll_write_vectored(cx, &slices[..count]))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        due.advance(written);
        self.settle();
        Poll::Ready(Ok(written))
    }

    /// Forgets what waits and gives the memory back.
    pub(crate) fn clear(&mut self) {
        if let Some(mut due) = self.0.take()
            && due.bytes.capacity() <= KEEP_CAPACITY
        {
            due.bytes.clear();
            due.shared.clear();
            due.shared.shrink_to(SLICES);
            keep(&POOL, due);
        }
    }
}

fn pooled() -> Box<Due> {
    let pooled = POOL.try_with(|pool| pool.borrow_mut().pop());
    let mut due = pooled.ok().flatten().unwrap_or_default();
    due.bytes.resize(HEADROOM, 0);
    due.sent = HEADROOM;
    due.shared_len = 0;
    due
}

impl Due {
    #[inline]
    const fn len(&self) -> usize {
        self.bytes.len() - self.sent + self.shared_len
    }

    fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        let mut from = self.sent;
        let mut add = |bytes: &'a [u8]| {
            if !bytes.is_empty() && count < slices.len() {
                slices[count] = IoSlice::new(bytes);
                count += 1;
            }
        };
        for piece in &self.shared {
            add(&self.bytes[from..piece.at]);
            add(&piece.bytes);
            from = piece.at;
        }
        add(&self.bytes[from..]);
        count
    }

    fn advance(&mut self, mut written: usize) {
        let mut done = 0;
        for piece in &mut self.shared {
            let before = (piece.at - self.sent).min(written);
            self.sent += before;
            written -= before;
            let part = piece.bytes.len().min(written);
            drop(piece.bytes.split_to(part));
            self.shared_len -= part;
            written -= part;
            if !piece.bytes.is_empty() {
                break;
            }
            done += 1;
        }
        self.shared.drain(..done);
        self.sent += written;
    }
}

#[cfg(feature = "serve")]
impl Batch {
    /// Makes one HTTP/1.1 chunk of everything that waits. Only for a batch of which nothing left.
    pub(crate) fn chunk(&mut self) {
        let mut len = self.len();
        if len == 0 {
            return;
        }
        let due = self.due();
        debug_assert!(due.sent == HEADROOM, "part of the chunk has left");
        due.bytes.extend_from_slice(b"\r\n");
        let mut line = HEADROOM;
        for byte in b"\n\r" {
            line -= 1;
            due.bytes[line] = *byte;
        }
        while len > 0 {
            line -= 1;
            due.bytes[line] = b"0123456789abcdef"[len % 16];
            len /= 16;
        }
        due.sent = line;
    }

    /// Takes the next piece as one `Bytes`, for a body that hands bytes to somebody else's writer.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        let due = self.0.as_mut()?;
        let until = due.shared.first().map_or(due.bytes.len(), |piece| piece.at);
        let piece = if due.sent == until {
            if due.shared.is_empty() {
                return None;
            }
            let piece = due.shared.remove(0).bytes;
            due.shared_len -= piece.len();
            piece
        } else if due.shared.is_empty() {
            let piece = Bytes::from(core::mem::take(&mut due.bytes)).slice(due.sent..);
            due.sent = 0;
            piece
        } else {
            let piece = Bytes::copy_from_slice(&due.bytes[due.sent..until]);
            due.sent = until;
            piece
        };
        self.settle();
        Some(piece)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::task::Waker;

    /// Takes a few bytes at a time, and remembers them.
    struct Trickle {
        taken: Vec<u8>,
        at_once: usize,
    }

    impl AsyncWrite for Trickle {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let len = buf.len().min(self.at_once);
            self.taken.extend_from_slice(&buf[..len]);
            Poll::Ready(Ok(len))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let mut left = self.at_once;
            for buf in bufs {
                let len = buf.len().min(left);
                self.taken.extend_from_slice(&buf[..len]);
                left -= len;
            }
            Poll::Ready(Ok(self.at_once - left))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn write_out(batch: &mut Batch, at_once: usize) -> Vec<u8> {
        let mut io = Trickle {
            taken: Vec::new(),
            at_once,
        };
        let mut cx = Context::from_waker(Waker::noop());
        while !batch.is_empty() {
            let before = batch.len();
            match batch.poll_write(&mut io, &mut cx) {
                Poll::Ready(Ok(len)) => assert_eq!(batch.len(), before - len),
                other => panic!("{other:?}"),
            }
        }
        io.taken
    }

    /// Small pieces and large shared ones in every order.
    fn fill(batch: &mut Batch, order: usize) -> Vec<u8> {
        let large = Bytes::from(vec![b'L'; COPY_BELOW + order]);
        let small = Bytes::from_static(b"small");
        let mut expected = Vec::new();
        for bit in 0..4 {
            if order >> bit & 1 == 0 {
                batch.push(b"copied");
                batch.push_shared(&small);
                expected.extend_from_slice(b"copiedsmall");
            } else {
                batch.push_shared(&large);
                expected.extend_from_slice(&large);
            }
        }
        assert_eq!(batch.len(), expected.len());
        expected
    }

    #[test]
    fn what_was_pushed_leaves_in_order_however_little_the_socket_takes() {
        for order in 0..16 {
            for at_once in [1, 3, 7, 4096, COPY_BELOW, 1 << 20] {
                let mut batch = Batch::new();
                let expected = fill(&mut batch, order);
                assert_eq!(
                    write_out(&mut batch, at_once),
                    expected,
                    "{order} {at_once}"
                );
                assert!(batch.0.is_none());
            }
        }
    }

    #[cfg(feature = "serve")]
    #[test]
    fn a_chunk_is_its_size_its_bytes_and_a_line_end() {
        for order in 0..16 {
            let mut batch = Batch::new();
            let body = fill(&mut batch, order);
            batch.chunk();
            batch.push(b"0\r\n\r\n");
            let mut expected = format!("{:x}\r\n", body.len()).into_bytes();
            expected.extend_from_slice(&body);
            expected.extend_from_slice(b"\r\n0\r\n\r\n");
            assert_eq!(write_out(&mut batch, 11), expected);
        }
        let mut batch = Batch::new();
        batch.chunk();
        assert!(batch.is_empty());
    }

    #[cfg(feature = "serve")]
    #[test]
    fn taken_pieces_are_what_was_pushed() {
        for order in 0..16 {
            let mut batch = Batch::new();
            let expected = fill(&mut batch, order);
            let mut taken = Vec::new();
            while let Some(piece) = batch.take() {
                assert!(!piece.is_empty());
                taken.extend_from_slice(&piece);
                assert_eq!(batch.len(), expected.len() - taken.len());
            }
            assert_eq!(taken, expected);
            assert!(batch.is_empty());
        }
    }

    #[test]
    fn lending_the_vector_in_vain_leaves_nothing_behind() {
        let mut batch = Batch::new();
        batch.out();
        assert!(batch.is_empty());
        batch.settle();
        assert!(batch.0.is_none());
    }

    #[test]
    fn a_large_buffer_is_not_kept() {
        let mut batch = Batch::new();
        batch.push(&vec![0; 4 * KEEP_CAPACITY]);
        write_out(&mut batch, usize::MAX);
        assert!(batch.out().capacity() <= KEEP_CAPACITY);
    }
}
