//! Small requests that are answered on the bare socket, one after the other.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{Response, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep_until, timeout};
use ws_handshake::{BodyLength, Reject, RequestHead};

use super::connection::{Asked, Connection, Decided, Shared, Taken, Transport, Until, drained};
use super::head::{First, Reading, linger};
use super::{AnswerHead, Handler, Take};
use crate::Error;
use crate::buffer::{Batch, ReadBuffer};

/// The longest body of such a request.
const MAX_BODY: u64 = 64 * 1024;
/// The longest body that is waited for: until it is there nobody has asked who sends it, and less
/// is held for it than for a head.
const MAX_AWAITED: usize = 8 * 1024;
/// For so long a peer that has had its last answer may take to read it.
const LINGER: Duration = Duration::from_secs(1);

/// The answer to a [brief](Take::Brief) request.
///
/// How it is delimited is not the handler's to say: the fields `content-length`,
/// `transfer-encoding` and `date` are ours, with the statuses 204 and 304 no body is sent, and of
/// `connection` only `close` counts.
#[non_exhaustive]
pub enum Reply {
    /// It is here.
    Now(Response<Bytes>),
    /// It is to be waited for. The connection reads nothing meanwhile. The future is polled in the
    /// task that this connection shares with up to seven others: it must not block for long.
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

/// The length of a request's body, if it may be answered here; `there` bytes of it have come.
pub(super) fn body_len(head: &RequestHead<'_>, there: usize) -> Option<usize> {
    let len = match head.body() {
        BodyLength::Bytes(len @ ..=MAX_BODY) => usize::try_from(len).ok()?,
        _ => return None,
    };
    // Hyper says `100 Continue`, speaks HTTP/1.0, and knows which answers have no body.
    let plain = head.minor_version() == 1
        && head.header("expect").is_none()
        && !matches!(head.method(), "HEAD" | "CONNECT");
    (plain && len <= there.max(MAX_AWAITED)).then_some(len)
}

/// What becomes of a request whose body does not come.
//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
//# The 408 (Request Timeout) status code indicates that the server did not receive a complete
//# request message within the time that it was prepared to wait.
pub(super) fn too_late<H: Handler>() -> First<Decided<H>> {
    let mut response = Vec::new();
    Reject::new(408).encode(&mut response);
    let taken = Taken {
        take: Take::Refuse(response),
        asked: Asked::default(),
    };
    First::Head {
        value: Decided::Take(Box::new(taken)),
        bytes: ReadBuffer::default(),
        len: 0,
    }
}

impl<H: Handler> Connection<H> {
    /// Answers a brief request and those that follow, until one comes that somebody else serves.
    /// `bytes` are its body and what came after it.
    pub(super) async fn brief<Io: Transport>(
        self,
        mut io: Io,
        mut brief: Brief,
        mut bytes: ReadBuffer,
        shared: Arc<Shared>,
    ) {
        let config = &shared.config;
        let mut clock = pin!(sleep_until(Instant::now() + config.head_deadline));
        let mut drained = pin!(drained(self.drain.clone()));
        loop {
            let left = bytes.unused().len() - brief.body;
            bytes.keep(left);
            let response = match brief.reply {
                Reply::Now(response) => response,
                Reply::Later(response) => {
                    bytes.shrink();
                    response.await
                }
            };
            let closes = brief.closes || says_close(&response) || *self.drain.borrow();
            let mut batch = Batch::new();
            encode(&response, closes, batch.out());
            if let Err(error) = write(&mut io, batch, config.event_stream.deadline()).await {
                return self.failed(error);
            }
            if closes {
                // A peer that keeps its side open has had its answer, and so has one that is gone.
                let _ = timeout(LINGER, linger(&mut io)).await;
                return;
            }
            let deadline = Instant::now() + config.head_deadline;
            let until = Until {
                clock: clock.as_mut(),
                deadline,
                drained: drained.as_mut(),
            };
            let next = self.request(&mut io, Reading::next(bytes), config, until);
            (brief, bytes) = match next.await {
                Ok(First::Head {
                    value: Decided::Brief(brief),
                    bytes,
                    len,
                }) => (brief, super::after(bytes, len)),
                Ok(other) => return self.dispatch(io, other, shared),
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
        in_time(within, poll_fn(|cx| batch.poll_write(io, cx))).await?;
    }
    in_time(within, io.flush()).await
}

/// Waits for as long, and looks at the clock only if there is something to wait for.
async fn in_time<T>(
    within: Duration,
    future: impl Future<Output = io::Result<T>>,
) -> Result<T, Error> {
    let mut future = pin!(future);
    if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        return Ok(done?);
    }
    let done = timeout(within, future).await;
    Ok(done.map_err(|_| Error::Stalled)??)
}

/// Writes a response with its length.
fn encode(response: &Response<Bytes>, closes: bool, out: &mut Vec<u8>) {
    let status = response.status();
    let mut head = AnswerHead::new(status, out);
    for (name, value) in response.headers() {
        // What says how the answer is delimited is ours to say.
        if ![CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING].contains(name) {
            head.field(name.as_str(), value.as_bytes());
        }
    }
    //= https://www.rfc-editor.org/rfc/rfc9112#section-6.3
    //# Any response to a HEAD request and any response with a 1xx (Informational), 204 (No Content),
    //# or 304 (Not Modified) status code is always terminated by the first empty line after the
    //# header fields, regardless of the header fields present in the message, and thus cannot
    //# contain a message body or trailer section.
    let body = match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => None,
        status if status.is_informational() => None,
        _ => Some(response.body()),
    };
    if let Some(body) = body {
        head.field(CONTENT_LENGTH.as_str(), body.len().to_string().as_bytes());
    }
    head.date();
    if closes {
        head.field("connection", b"close");
    }
    head.end();
    out.extend_from_slice(body.map_or(&[], |body| &body[..]));
}

/// Whether the handler wants the connection to end.
fn says_close(response: &Response<Bytes>) -> bool {
    let fields = response.headers().get_all(CONNECTION).into_iter();
    fields
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}
