//! The answer of a server that refused, with its body.

use bytes::Bytes;
use http::Response;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout_at};
use ws_handshake::Refused;

use crate::http::Chunked;
use crate::net::Stream;

/// Bytes of the body that are kept.
const MAX_BODY: usize = 64 * 1024;

/// A refusal whose head was read.
pub(super) struct Refusal {
    head: Response<()>,
    rest: Rest,
    body: Vec<u8>,
    stream: Stream,
    deadline: Instant,
}

/// How much of the body is still to come (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug)]
pub(super) enum Rest {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Rest {
    pub(super) fn of(refused: &Refused<'_>) -> Self {
        if matches!(refused.status(), 204 | 304) {
            return Self::Length(0);
        }
        if refused.headers().has_token("transfer-encoding", "chunked") {
            return Self::Chunked(Chunked::default());
        }
        refused
            .content_length()
            .map_or(Self::UntilClose, Self::Length)
    }

    /// Appends what `input` has of the body to `body`, as long as there is room.
    fn take(&mut self, input: &[u8], body: &mut Vec<u8>) {
        let room = MAX_BODY - body.len();
        match self {
            Self::Length(left) => {
                let len = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                body.extend_from_slice(&input[..len.min(room)]);
                *left -= len as u64;
            }
            Self::Chunked(chunked) => chunked.decode(input, room, body),
            Self::UntilClose => body.extend_from_slice(&input[..input.len().min(room)]),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_done(),
            Self::UntilClose => false,
        }
    }
}

impl Refusal {
    /// `body` came behind the head.
    pub(super) fn new(
        head: Response<()>,
        mut rest: Rest,
        body: &[u8],
        stream: Stream,
        deadline: Instant,
    ) -> Self {
        let mut kept = Vec::new();
        rest.take(body, &mut kept);
        Self {
            head,
            rest,
            body: kept,
            stream,
            deadline,
        }
    }

    pub(super) const fn head(&self) -> &Response<()> {
        &self.head
    }

    /// Reads the body: what comes of it before the deadline of the handshake, at most 64 KiB.
    pub(super) async fn read_body(self) -> Response<Bytes> {
        let Self {
            head,
            mut rest,
            mut body,
            mut stream,
            deadline,
        } = self;
        let mut buf = Vec::with_capacity(4096);
        while !rest.is_done() && body.len() < MAX_BODY {
            buf.clear();
            // Whatever ends it: the status is what was asked for.
            match timeout_at(deadline, stream.read_buf(&mut buf)).await {
                Ok(Ok(1..)) => rest.take(&buf, &mut body),
                _ => break,
            }
        }
        head.map(|()| body.into())
    }
}
