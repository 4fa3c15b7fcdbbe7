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
    let mut decide = Some(decide);
    let mut decide = |head: &RequestHead<'_>, _: &[u8]| {
        let decide = decide.take().expect("a head is decided on once");
        Decision::Made(decide(head))
    };
    let mut reading = Reading::first();
    poll_fn(|cx| reading.poll(io, cx, limits, &mut decide)).await
}

/// What was decided about a request.
#[derive(Debug)]
pub(crate) enum Decision<T> {
    Made(T),
    /// Nothing yet: it is once so many bytes of its body are there.
    #[cfg_attr(
        not(feature = "serve"),
        expect(dead_code, reason = "a handshake has no body")
    )]
    Body(usize),
}

/// A request that is being read. Its bytes are held while something of it is missing, and no more
/// of them than have come.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What came last, unless it is in `held`.
    bytes: ReadBuffer,
    /// What came in several pieces.
    held: Vec<u8>,
    searched: usize,
    /// Without so many bytes nothing can be decided.
    needed: usize,
    /// Whether it may be the preface of HTTP/2.
    first: bool,
}

impl Reading {
    /// The first request of a connection, which may be the preface of HTTP/2.
    pub(crate) fn first() -> Self {
        Self {
            first: true,
            ..Self::next(ReadBuffer::default())
        }
    }

    /// A later one that begins with these bytes, which may be all of it.
    pub(crate) fn next(bytes: ReadBuffer) -> Self {
        Self {
            bytes,
            held: Vec::new(),
            searched: 0,
            needed: 0,
            first: false,
        }
    }

    /// Whether the head is there and nothing but the body is missing.
    #[cfg(feature = "serve")]
    pub(crate) const fn has_head(&self) -> bool {
        self.needed > 0
    }

    /// Reads until `decide` has made a decision, from the head and what came behind it. Where only
    /// the body is missing, it is asked again once that is there.
    pub(crate) fn poll<Io, T>(
        &mut self,
        io: &mut Io,
        cx: &mut Context<'_>,
        limits: &Limits,
        decide: &mut impl FnMut(&RequestHead<'_>, &[u8]) -> Decision<T>,
    ) -> Poll<io::Result<First<T>>>
    where
        Io: AsyncRead + Unpin,
    {
        loop {
            if self.bytes.is_empty() && ready!(self.bytes.poll_fill(io, cx))? == 0 {
                return Poll::Ready(Ok(First::Eof));
            }
            if !self.held.is_empty() {
                self.held.extend_from_slice(self.bytes.unused());
                self.bytes.keep(0);
            }
            if let Some(first) = self.decide(limits, decide) {
                return Poll::Ready(Ok(first));
            }
            if self.held.is_empty() {
                self.held = self.bytes.unused().to_vec();
                self.bytes.keep(0);
            }
        }
    }

    /// `None` if more must come.
    fn decide<T>(
        &mut self,
        limits: &Limits,
        decide: &mut impl FnMut(&RequestHead<'_>, &[u8]) -> Decision<T>,
    ) -> Option<First<T>> {
        let seen = match &self.held[..] {
            [] => self.bytes.unused(),
            held => held,
        };
        if self.first && seen.starts_with(PREFACE) {
            return Some(First::Http2 { bytes: self.take() });
        }
        if seen.len() < self.needed || self.first && PREFACE.starts_with(seen) {
            return None;
        }
        let head = match RequestHead::parse(seen, &mut self.searched, limits) {
            Ok(head) => head?,
            Err(error) => return Some(First::Refused(error)),
        };
        match decide(&head.value, &seen[head.len..]) {
            Decision::Made(value) => {
                let len = head.len;
                let bytes = self.take();
                Some(First::Head { value, bytes, len })
            }
            Decision::Body(len) => {
                self.needed = head.len + len;
                None
            }
        }
    }

    fn take(&mut self) -> ReadBuffer {
        if self.held.is_empty() {
            return core::mem::take(&mut self.bytes);
        }
        ReadBuffer::from(core::mem::take(&mut self.held))
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
        linger(&mut io).await
    };
    // A peer that keeps its side open has had its answer.
    timeout(within, refused).await.unwrap_or(Ok(()))
}

/// Ends our side and reads on for a moment: bytes that nobody has read would make the system reset
/// the connection, and the peer lose its answer.
pub(crate) async fn linger<Io>(io: &mut Io) -> io::Result<()>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    io.shutdown().await?;
    let mut ignored = [0; 1024];
    for _ in 0..64 {
        if io.read(&mut ignored).await? == 0 {
            break;
        }
    }
    Ok(())
}
