//! A bounded channel of events: a sender for the application, a source for the stream.

use core::fmt;
use core::pin::pin;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sse_parse::{EncodeError, Fields};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Events;
use super::queue::{Admit, Queue};

/// Makes a channel with the defaults of [`Channel`]: what the sender sends, the stream that the
/// [`Events`] become carries.
///
/// # Example
///
/// ```
/// use longwire::sse::{self, Fields, Reply};
///
/// async fn tokens() -> http::Response<sse::Body<sse::Events>> {
///     let (sender, events) = sse::channel();
///     tokio::spawn(async move {
///         for token in ["Hel", "lo"] {
///             sender.send(&Fields::new(token)).await?; // fails once the client is gone
///         }
///         sender.send(&Fields::new("[DONE]")).await
///     });
///     Reply::new(events).into_response()
/// }
/// ```
#[must_use]
pub fn channel() -> (Sender, Events) {
    Channel::new().open()
}

/// What a channel holds, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    pub(super) capacity: usize,
    pub(super) batch: Duration,
    pub(super) stall: Duration,
}

impl Channel {
    /// The defaults: 64 KiB, no waiting for a batch, given up after 10 s.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            capacity: 64 * 1024,
            batch: Duration::ZERO,
            stall: Duration::from_secs(10),
        }
    }

    /// An event is taken while fewer bytes than this wait, so one event may go beyond; default
    /// 64 KiB. More lets a sender run further ahead of a slow peer, and costs that memory.
    #[must_use]
    pub const fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes;
        self
    }

    /// The first event of a batch waits this long for others to leave with it in one write;
    /// default none. For many small events: latency against a system call for each.
    #[must_use]
    pub const fn batch(mut self, wait: Duration) -> Self {
        self.batch = wait;
        self
    }

    /// A stream whose waiting events nobody has asked for after this long is given up: they are
    /// dropped, the stream is cut, and the sender has [`SendError::Stalled`]; default 10 s.
    #[must_use]
    pub const fn stall_after(mut self, after: Duration) -> Self {
        self.stall = after;
        self
    }

    /// Makes the channel.
    #[must_use]
    pub fn open(self) -> (Sender, Events) {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(self)),
            room: Notify::new(),
            gone: Notify::new(),
        });
        let sender = Sender {
            shared: shared.clone(),
        };
        (sender, Events::new(shared, self.batch))
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self::new()
    }
}

/// What sender and stream share.
#[derive(Debug)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    /// Senders that wait for room.
    pub(super) room: Notify,
    /// Senders that wait for the end.
    pub(super) gone: Notify,
}

impl Shared {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why an event was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The stream has ended: the peer is gone, or [`Sender::end`] was called.
    Closed,
    /// The event cannot be encoded; others can.
    Encode(EncodeError),
    /// As many bytes as the channel holds wait already.
    Full,
    /// The peer took nothing for too long; the stream is cut.
    Stalled,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the event stream has ended"),
            Self::Encode(error) => write!(f, "the event cannot be sent: {error}"),
            Self::Full => f.write_str("the channel is full"),
            Self::Stalled => f.write_str("the peer took nothing for too long"),
        }
    }
}

impl core::error::Error for SendError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// Sends events to one stream. Clones send to the same one, each event whole and in the order of
/// the calls.
///
/// When the last clone is dropped the stream ends after what was sent; dropped by a panic, it is
/// [cut](super::Fill::Cut), so that no client takes it for complete.
#[derive(Debug)]
pub struct Sender {
    shared: Arc<Shared>,
}

impl Sender {
    /// Sends an event, and waits for room if there is none.
    ///
    /// Ready means that the event is on its way to the stream, not that the peer has it.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] when the peer is gone, [`SendError::Stalled`] when it takes nothing,
    /// [`SendError::Encode`] for a name or id that would break out of its line.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nothing was sent.
    pub async fn send(&self, fields: &Fields<'_>) -> Result<(), SendError> {
        loop {
            let mut room = pin!(self.shared.room.notified());
            room.as_mut().enable();
            match self.try_send(fields) {
                Err(SendError::Full) => {}
                result => return result,
            }
            let stalled_at = self.shared.queue().stalled_at();
            // When the time is up, the next turn finds the stream stalled, or room after all.
            let _ = timeout_at(stalled_at, room).await;
        }
    }

    /// Sends an event if there is room.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`SendError::Full`].
    pub fn try_send(&self, fields: &Fields<'_>) -> Result<(), SendError> {
        self.push(fields, Admit::IfRoom)
    }

    /// Sends an event in place of an unsent one with the same `key`, which counts as
    /// [dropped](Self::dropped): for values of which only the latest matters.
    ///
    /// It goes behind everything that waits already. There may be as many keys as there is room.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn send_latest(&self, key: &str, fields: &Fields<'_>) -> Result<(), SendError> {
        self.push(fields, Admit::Latest(key))
    }

    /// Sends an event if there is room, and else counts it as [dropped](Self::dropped); the
    /// client is told how many it [missed](super::GAP) before the next event that it gets.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send), without [`SendError::Full`].
    pub fn send_or_drop(&self, fields: &Fields<'_>) -> Result<(), SendError> {
        self.push(fields, Admit::OrDrop)
    }

    /// Says from where the client should resume, with the next heartbeat and in its place, unless
    /// an event with an id is sent before: a [position event](super::POSITION).
    ///
    /// # Errors
    ///
    /// [`SendError::Encode`] for an id that would break out of its line.
    pub fn position(&self, id: &str) -> Result<(), SendError> {
        Ok(self.shared.queue().position(id)?)
    }

    /// Ends the stream after what was sent, for all clones. With `retry` its client is told to
    /// come back after this long; [`spread`](super::spread) it, or all come at once.
    pub fn end(self, retry: Option<Duration>) {
        self.finish(|queue| queue.end(retry));
    }

    /// Cuts the stream: the client can tell that it is not complete.
    pub fn cut(self) {
        self.finish(Queue::cut);
    }

    /// Whether the stream has ended: nothing that is sent arrives any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.queue().is_closed()
    }

    /// Waits until the stream has ended: its peer is gone, or it was given up.
    ///
    /// # Cancel safety
    ///
    /// It may be dropped at any time.
    pub async fn closed(&self) {
        loop {
            let mut gone = pin!(self.shared.gone.notified());
            gone.as_mut().enable();
            if self.is_closed() {
                return;
            }
            gone.await;
        }
    }

    /// How many events gave way to others: to later ones of the same key, or to a full channel.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.queue().dropped()
    }

    /// Bytes that wait for the stream to take them.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.shared.queue().len()
    }

    fn push(&self, fields: &Fields<'_>, admit: Admit<'_>) -> Result<(), SendError> {
        let mut queue = self.shared.queue();
        let result = queue.push(fields, admit, Instant::now);
        let waker = queue.take_waker();
        let stalled = result == Err(SendError::Stalled);
        drop(queue);
        if stalled {
            self.shared.gone.notify_waiters();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    fn finish(&self, how: impl FnOnce(&mut Queue)) {
        let mut queue = self.shared.queue();
        how(&mut queue);
        let waker = queue.wake_always();
        drop(queue);
        self.shared.room.notify_waiters();
        self.shared.gone.notify_waiters();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        self.shared.queue().senders += 1;
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.senders -= 1;
        if queue.senders > 0 {
            return;
        }
        drop(queue);
        if std::thread::panicking() {
            self.finish(Queue::cut);
        } else {
            self.finish(|queue| queue.end(None));
        }
    }
}
