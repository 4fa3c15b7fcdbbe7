//! The first request head on a connection, read by us.

use core::future::poll_fn;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
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
        }
        let seen = if held.is_empty() {
            bytes.unused()
        } else {
            &held[..]
        };
        let is_http2 = seen.starts_with(PREFACE);
        let mut decided = None;
        if !is_http2 && !PREFACE.starts_with(seen) {
            match RequestHead::parse(seen, searched, limits) {
                Ok(Some(head)) => {
                    let decide = decide.take().expect("a head is decided on once");
                    decided = Some((decide(&head.value), head.len));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Ok(First::Refused(error))),
            }
        }
        if !is_http2 && decided.is_none() {
            if held.is_empty() {
                *held = seen.to_vec();
            }
            continue;
        }
        if !held.is_empty() {
            bytes = ReadBuffer::from(core::mem::take(held));
        }
        return Poll::Ready(Ok(match decided {
            Some((value, len)) => First::Head { value, bytes, len },
            None => First::Http2 { bytes },
        }));
    }
}

/// What follows the head.
pub(crate) fn after(mut bytes: ReadBuffer, head_len: usize) -> ReadBuffer {
    let left = bytes.unused().len() - head_len;
    bytes.keep(left);
    bytes
}

/// Sends a response, ends our side and reads on for a moment, all `within` this time.
//= https://www.rfc-editor.org/rfc/rfc9112#section-9.6
//# If a server performs an immediate close of a TCP connection, there is a significant risk that
//# the client will not be able to read the last HTTP response.
pub(crate) async fn refuse<Io>(mut io: Io, response: &[u8], within: Duration) -> io::Result<()>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let refused = async {
        io.write_all(response).await?;
        io.shutdown().await?;
        let mut ignored = [0; 1024];
        for _ in 0..64 {
            if io.read(&mut ignored).await? == 0 {
                break;
            }
        }
        Ok(())
    };
    // A peer that keeps its side open has had its answer.
    timeout(within, refused).await.unwrap_or(Ok(()))
}
