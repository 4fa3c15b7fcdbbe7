//! Events from bytes that somebody else fetched: keep your HTTP client, and read its body here.
//!
//! [`stream`] takes what `reqwest` and most clients give (`Response::bytes_stream()`), [`body`] an
//! [`http_body::Body`] such as hyper's, and [`reader`] anything that is [`AsyncRead`]. Each gives
//! [`Events`]. Nothing is reconnected here; [`EventSource`](super::EventSource) does that.
//!
//! Ask [`Verdict`](sse_parse::Verdict) about status and `Content-Type` first: what is no event
//! stream is not to be read as one. A blocking client, such as `ureq`, needs none of this: give
//! what its reader fills into a buffer to a [`Parser`](sse_parse::Parser).
//!
//! ```
//! use longwire::sse::decode;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // From `reqwest`: `decode::stream(response.bytes_stream())`.
//! let body = &b"event: tick\ndata: 1\n\ndata: [DONE]\n\n"[..];
//! let mut events = decode::reader(body);
//! while let Some(event) = events.next().await {
//!     let event = event?;
//!     if event.data == "[DONE]" {
//!         break;
//!     }
//!     println!("{}: {}", event.name, event.data);
//! }
//! # Ok(())
//! # }
//! ```

mod chunks;
mod coding;
mod pull;

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use futures_core::Stream;
use sse_parse::{Event, Item, LimitError, Limits, OwnedEvent};
use tokio::io::AsyncRead;

pub use chunks::{Chunks, FromBody, FromReader, FromStream};
pub use coding::Coding;
pub(crate) use coding::{Decoder, Step};
pub(crate) use pull::{Pull, Scratch};

/// Events from a stream of byte chunks.
pub fn stream<S, B, E>(stream: S) -> Events<FromStream<S, B>>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    Events::new(FromStream::new(stream), Limits::default())
}

/// Events from the body of a response. Trailers are passed over.
pub fn body<B: http_body::Body>(body: B) -> Events<FromBody<B>> {
    Events::new(FromBody::new(body), Limits::default())
}

/// Events from a byte stream.
pub fn reader<R: AsyncRead>(reader: R) -> Events<FromReader<R>> {
    Events::new(FromReader::new(reader), Limits::default())
}

/// The events of a byte stream, lent by [`next`](Self::next) or owned as a [`Stream`].
///
/// While nothing has arrived it owns no buffer but what an unfinished event needs. Beside an event
/// of many chunks it keeps a copy to lend, so that its memory stays below twice
/// [`Limits::max_event`].
#[derive(Debug)]
pub struct Events<C> {
    driver: Driver<C>,
    scratch: Scratch,
}

/// The same without what it lends.
#[derive(Debug)]
struct Driver<C> {
    /// `None` after its end.
    chunks: Option<C>,
    pull: Pull,
}

impl<C: Chunks> Events<C> {
    fn new(chunks: C, limits: Limits) -> Self {
        Self {
            driver: Driver {
                chunks: Some(chunks),
                pull: Pull::new(limits),
            },
            scratch: Scratch::default(),
        }
    }

    /// With these limits on what is kept of an event. Call it before the first event: what was
    /// read of the stream so far is forgotten.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.driver.pull = Pull::new(limits);
        self
    }

    /// The next event, lent until the next call; `None` at the end of the stream. An event that
    /// the end cuts off is discarded, as the Standard says.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Limit`] for an event that passes a limit: it is skipped, and the next call
    /// goes on behind it. [`DecodeError::Source`] is the byte stream's own error, and the end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read and not yet returned stays here.
    pub async fn next(&mut self) -> Option<Result<Event<'_>, DecodeError<C::Error>>> {
        let found = poll_fn(|cx| {
            let Self { driver, scratch } = self;
            driver.poll_item(cx, |item| match item {
                Item::Event(event) => {
                    scratch.keep(event);
                    Some(())
                }
                _ => None,
            })
        })
        .await;
        found.map(|found| found.map(|()| self.scratch.event()))
    }

    /// The id to resume from: that of the last event returned, or of a block with nothing but an
    /// id after it. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.driver.pull.parser().last_event_id()
    }

    /// The reconnection time that the server asked for last.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.driver.pull.parser().retry()
    }
}

impl<C: Chunks> Driver<C> {
    fn poll_item<R>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(Item<'_>) -> Option<R>,
    ) -> Poll<Option<Result<R, DecodeError<C::Error>>>> {
        let Some(chunks) = &mut self.chunks else {
            return Poll::Ready(None);
        };
        let found = ready!(self.pull.poll_item(chunks, cx, take));
        if matches!(found, None | Some(Err(DecodeError::Source(_)))) {
            self.chunks = None;
        }
        Poll::Ready(found)
    }
}

impl<C: Chunks + Unpin> Stream for Events<C> {
    type Item = Result<OwnedEvent, DecodeError<C::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().driver.poll_item(cx, |item| match item {
            Item::Event(event) => Some(event.to_owned()),
            _ => None,
        })
    }
}

/// Why [`Events`] could not give an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError<E> {
    /// The event passed a limit and was skipped; the stream goes on.
    Limit(LimitError),
    /// The byte stream failed; this is the end.
    Source(E),
}

impl<E: fmt::Display> fmt::Display for DecodeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(error) => write!(f, "an event was skipped: {error}"),
            Self::Source(error) => write!(f, "the byte stream failed: {error}"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for DecodeError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Limit(error) => Some(error),
            Self::Source(error) => Some(error),
        }
    }
}
