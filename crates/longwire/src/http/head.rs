//! The first request head on a connection, read by us.

use core::future::poll_fn;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::AsyncRead;
use ws_handshake::{HandshakeError, Limits, RequestHead};

use crate::buffer::ReadBuffer;

/// How every HTTP/2 connection begins (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection begins with.
#[derive(Debug)]
pub(crate) enum First<T> {
    /// An HTTP/1.x head of `len` bytes, about which `value` was decided; `bytes` begins with it.
    Head {
        value: T,
        bytes: ReadBuffer,
        len: usize,
    },
    /// The preface of HTTP/2; `bytes` begins with it.
    Http2 {
        #[cfg_attr(
            not(feature = "http2"),
            expect(dead_code, reason = "only hyper speaks HTTP/2")
        )]
        bytes: ReadBuffer,
    },
    /// A head that must not be served.
    Refused(HandshakeError),
    /// The stream ended before a head was complete.
    Eof,
}

/// Reads until the first head is complete and hands it to `decide`.
///
/// Bytes are held only as long as the head is unfinished, and no more of them than have come.
pub(crate) async fn read_first<Io, T>(
    io: &mut Io,
    limits: &Limits,
    decide: impl FnOnce(&RequestHead<'_>) -> T,
) -> io::Result<First<T>>
where
    Io: AsyncRead + Unpin,
{
    let mut held = Vec::new();
    let mut searched = 0;
    let mut decide = Some(decide);
    poll_fn(|cx| poll_first(io, cx, limits, &mut held, &mut searched, &mut decide)).await
}

fn poll_first<Io, T, F>(
    io: &mut Io,
    cx: &mut Context<'_>,
    limits: &Limits,
    held: &mut Vec<u8>,
    searched: &mut usize,
    decide: &mut Option<F>,
) -> Poll<io::Result<First<T>>>
where
    Io: AsyncRead + Unpin,
    F: FnOnce(&RequestHead<'_>) -> T,
{
    loop {
        let mut bytes = ReadBuffer::default();
        if ready!(bytes.poll_fill(io, cx))? == 0 {
            return Poll::Ready(Ok(First::Eof));
        }
        if !held.is_empty() {
            held.extend_from_slice(bytes.unused());
            bytes = ReadBuffer::from(core::mem::take(held));
        }
        let seen = bytes.unused();
        if seen.starts_with(PREFACE) {
            return Poll::Ready(Ok(First::Http2 { bytes }));
        }
        if !PREFACE.starts_with(seen) {
            match RequestHead::parse(seen, searched, limits) {
                Ok(Some(head)) => {
                    let len = head.len;
                    let decide = decide.take().expect("a head is decided on once");
                    let value = decide(&head.value);
                    return Poll::Ready(Ok(First::Head { value, bytes, len }));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Ok(First::Refused(error))),
            }
        }
        *held = seen.to_vec();
    }
}

/// What follows the head.
pub(crate) fn after(mut bytes: ReadBuffer, head_len: usize) -> ReadBuffer {
    let left = bytes.unused().len() - head_len;
    bytes.keep(left);
    bytes
}
