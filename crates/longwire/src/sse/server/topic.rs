//! Several logical channels over one connection.

use core::fmt;
use core::task::{Context, Poll};

use sse_parse::Fields;

use super::{Fill, SendError, Sender, Source};
use crate::buffer::Batch;

/// One of several logical channels of a stream: a sender whose events have its name as their type.
///
/// A browser opens at most six connections to an origin over HTTP/1.1, all tabs together, so one
/// `EventSource` for each thing to watch soon leaves none. One stream with topics needs one; the
/// page listens to each by its name.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let (sender, events) = longwire::sse::channel();
/// let cpu = sender.topic("cpu")?;
/// let log = sender.topic("log")?;
/// cpu.send_latest("12 %")?; // only the latest matters
/// log.send("began").await?; // every line does
/// // In the page: source.addEventListener("cpu", (event) => show(event.data));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Topic {
    sender: Sender,
    name: Box<str>,
}

/// A name that cannot be a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// It is empty, and would be `message`.
    Empty,
    /// It holds CR or LF, which would end its line.
    LineBreak,
    /// `open` and `error` are what `EventSource` tells its page of the connection, and names that
    /// begin with `longwire-` are those of the stream itself.
    Reserved,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a topic without a name",
            Self::LineBreak => "a topic with a line break in its name",
            Self::Reserved => "a topic whose name has another meaning",
        })
    }
}

impl core::error::Error for TopicError {}

impl Sender {
    /// A logical channel of this stream. Any number of them share its bounds, and its order.
    ///
    /// # Errors
    ///
    /// [`TopicError`] for a name that a page could not listen to, or would mistake.
    pub fn topic(&self, name: &str) -> Result<Topic, TopicError> {
        if name.is_empty() {
            return Err(TopicError::Empty);
        }
        if name.contains(['\r', '\n']) {
            return Err(TopicError::LineBreak);
        }
        if name == "open" || name == "error" || name.starts_with("longwire-") {
            return Err(TopicError::Reserved);
        }
        Ok(Topic {
            sender: self.clone(),
            name: name.into(),
        })
    }
}

impl Topic {
    /// Sends an event of this topic, and waits for room.
    ///
    /// # Errors
    ///
    /// As [`Sender::send`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nothing was sent.
    pub async fn send(&self, data: &str) -> Result<(), SendError> {
        self.sender.send(&self.fields(data)).await
    }

    /// Sends an event of this topic if there is room.
    ///
    /// # Errors
    ///
    /// As [`Sender::try_send`].
    pub fn try_send(&self, data: &str) -> Result<(), SendError> {
        self.sender.try_send(&self.fields(data))
    }

    /// Sends an event in place of an unsent one of this topic.
    ///
    /// # Errors
    ///
    /// As [`Sender::send_latest`].
    pub fn send_latest(&self, data: &str) -> Result<(), SendError> {
        self.sender.send_latest(&self.name, &self.fields(data))
    }

    /// The event's type.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn fields<'a>(&'a self, data: &'a str) -> Fields<'a> {
        Fields::new(data).with_name(&self.name)
    }
}

/// Several sources over one stream, such as [subscriptions](super::Subscription) of several
/// [broadcasts](super::Broadcast): each in its own order, in turn.
///
/// It ends when all have, and is cut as soon as one is.
#[derive(Debug)]
pub struct Merged<S> {
    sources: Vec<S>,
    /// Asked first next time.
    first: usize,
}

impl<S: Source> Merged<S> {
    /// Joins these sources; boxed if they are of several types.
    #[must_use]
    pub fn new(sources: impl IntoIterator<Item = S>) -> Self {
        Self {
            sources: sources.into_iter().collect(),
            first: 0,
        }
    }
}

impl<S: Source> Source for Merged<S> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        let mut filled = Poll::Pending;
        let mut asked = 0;
        while asked < self.sources.len() && !batch.is_full() {
            self.first %= self.sources.len();
            match self.sources[self.first].poll_fill(cx, batch) {
                Poll::Ready(Fill::Cut) => return Poll::Ready(Fill::Cut),
                Poll::Ready(Fill::End) => {
                    drop(self.sources.remove(self.first));
                    filled = Poll::Ready(Fill::More);
                    continue;
                }
                Poll::Ready(Fill::More) => filled = Poll::Ready(Fill::More),
                Poll::Pending => {}
            }
            asked += 1;
            self.first += 1;
        }
        if self.sources.is_empty() {
            return Poll::Ready(Fill::End);
        }
        filled
    }

    fn heartbeat(&mut self, batch: &mut Batch) {
        for source in &mut self.sources {
            source.heartbeat(batch);
        }
    }
}
