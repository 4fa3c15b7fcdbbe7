//! Small requests that are answered on the bare socket, one after the other.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::time::Duration;
use std::io::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE};
use http::{Response, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep_until, timeout};
use ws_handshake::{BodyLength, Reject, RequestHead};

use super::connection::{Asked, Connection, Decided, Transport};
use super::head::First;
use super::{Config, Handler, Take};
use crate::Error;
use crate::buffer::{Batch, ReadBuffer};

/// The longest body of such a request.
const MAX_BODY: u64 = 64 * 1024;

/// The answer to a [brief](Take::Brief) request.
///
/// The fields `content-length`, `date` and `connection` are added to it.
#[non_exhaustive]
pub enum Reply {
    /// It is here.
    Now(Response<Bytes>),
    /// It is to be waited for. The connection reads nothing meanwhile.
    Later(Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>),
}

impl core::fmt::Debug for Reply {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Now(response) => f.debug_tuple("Now").field(response).finish(),
            Self::Later(_) => f.debug_tuple("Later").finish_non_exhaustive(),
        }
    }
}

/// One of them that the handler has taken.
pub(super) struct Brief {
    /// The length of its body.
    body: usize,
    /// Whether the connection ends after it.
    closes: bool,
    reply: Reply,
}

impl Brief {
    pub(super) fn new(head: &RequestHead<'_>, body: usize, reply: Reply) -> Self {
        Self {
            body,
            closes: head.closes(),
            reply,
        }
    }
}

/// The length of a request's body, if it may be answered here.
pub(super) fn body_len(head: &RequestHead<'_>) -> Option<usize> {
    match head.body() {
        BodyLength::Bytes(len @ ..=MAX_BODY)
            // Hyper says `100 Continue`, and speaks HTTP/1.0.
            if head.minor_version() == 1 && head.header("expect").is_none() =>
        {
            usize::try_from(len).ok()
        }
        _ => None,
    }
}

/// What becomes of a request whose body does not come.
//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
//# The 408 (Request Timeout) status code indicates that the server did not receive a complete
//# request message within the time that it was prepared to wait.
pub(super) fn too_late<H: Handler>() -> First<Decided<H>> {
    let mut response = Vec::new();
    Reject::new(408).encode(&mut response);
    First::Head {
        value: Decided::Take(Take::Refuse(response), Asked::default()),
        bytes: ReadBuffer::default(),
        len: 0,
    }
}

impl<H: Handler> Connection<H> {
    /// Answers a brief request and those that follow, until one comes that somebody else serves.
    /// `bytes` are its body and what came after it.
    pub(super) async fn brief<Io: Transport>(
        mut self,
        mut io: Io,
        mut brief: Brief,
        mut bytes: ReadBuffer,
        config: Arc<Config>,
    ) {
        let mut clock = pin!(sleep_until(Instant::now() + config.head_deadline));
        loop {
            let response = match brief.reply {
                Reply::Now(response) => response,
                Reply::Later(response) => response.await,
            };
            let closes = brief.closes || *self.drain.borrow();
            let mut batch = Batch::new();
            encode(&response, closes, batch.out());
            if let Err(error) = write(&mut io, batch, config.event_stream.deadline()).await {
                return self.failed(error);
            }
            if closes {
                // The peer has asked for it, or will ask elsewhere.
                let _ = io.shutdown().await;
                return;
            }
            let left = bytes.unused().len() - brief.body;
            bytes.keep(left);
            let deadline = Instant::now() + config.head_deadline;
            let next = self.first(&mut io, bytes, &config, (clock.as_mut(), deadline));
            (brief, bytes) = match next.await {
                Ok(First::Head {
                    value: Decided::Brief(brief),
                    bytes,
                    len,
                }) => (brief, super::after(bytes, len)),
                Ok(other) => return self.dispatch(io, other, config),
                // Nothing more was asked, or not in time.
                Err(Error::HeadDeadline) => return,
                Err(error) => return self.failed(error),
            };
        }
    }
}

/// Writes all of it; a peer that takes nothing for so long is given up.
async fn write<Io: Transport>(
    io: &mut Io,
    mut batch: Batch,
    within: Duration,
) -> Result<(), Error> {
    while !batch.is_empty() {
        let written = poll_fn(|cx| batch.poll_write(io, cx));
        timeout(within, written)
            .await
            .map_err(|_| Error::Stalled)??;
    }
    timeout(within, io.flush())
        .await
        .map_err(|_| Error::Stalled)??;
    Ok(())
}

/// Writes a response with its length.
fn encode(response: &Response<Bytes>, closes: bool, out: &mut Vec<u8>) {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    // A vector takes everything.
    let _ = write!(out, "HTTP/1.1 {} {reason}\r\n", status.as_str());
    let mut line = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    };
    for (name, value) in response.headers() {
        line(name.as_str().as_bytes(), value.as_bytes());
    }
    //= https://www.rfc-editor.org/rfc/rfc9110#section-8.6
    //# A server MUST NOT send a Content-Length header field in any response with a status code of
    //# 1xx (Informational) or 204 (No Content).
    if status != StatusCode::NO_CONTENT {
        let len = response.body().len().to_string();
        line(CONTENT_LENGTH.as_str().as_bytes(), len.as_bytes());
    }
    line(
        DATE.as_str().as_bytes(),
        httpdate::fmt_http_date(SystemTime::now()).as_bytes(),
    );
    if closes {
        line(b"connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(response.body());
}
