//! One sequence of events for many streams: encoded once, kept for a while, read at each one's own
//! pace.

use core::ops::Range;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sse_parse::{EncodeError, Fields, encode};

use super::bells::Bells;
use super::notice::{encode_retry, mix};
use super::{Fill, Source, encode_missed, spread};
use crate::buffer::Batch;

/// Sends each event to every [`Subscription`].
///
/// An event is encoded once, and its bytes are shared. What was published last is kept, within
/// bounds; a subscription is a position in it, so a slow stream costs no memory of its own. One
/// that falls out of what is kept is told how many events it [missed](super::GAP).
///
/// # Example
///
/// ```
/// use longwire::sse::{Broadcast, Fields, Reply};
///
/// # fn run() -> Result<(), longwire::sse::EncodeError> {
/// let ticks = Broadcast::new();
/// let response = Reply::new(ticks.subscribe()).into_response(); // for each request
/// ticks.publish(&Fields::new("1").with_name("tick"))?; // to all of them
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Broadcast {
    shared: Arc<Mutex<Ring>>,
}

#[derive(Debug)]
struct Ring {
    events: VecDeque<Bytes>,
    /// How many events were published before the first that is kept.
    first: u64,
    /// Bytes that are kept.
    len: usize,
    max_events: usize,
    max_bytes: usize,
    bells: Bells,
    end: Option<End>,
}

#[derive(Clone, Debug)]
struct End {
    retry: Option<Range<Duration>>,
    seed: u64,
}

impl Broadcast {
    /// Keeps the last 1024 events, and at most 1 MiB of them.
    #[must_use]
    pub fn new() -> Self {
        Self::keeping(1024, 1024 * 1024)
    }

    /// Keeps the last `events`, and at most `bytes` of them as encoded; the last one is kept
    /// whatever its size.
    ///
    /// A stream that is behind by more has lost events.
    #[must_use]
    pub fn keeping(events: usize, bytes: usize) -> Self {
        let ring = Ring {
            events: VecDeque::new(),
            first: 0,
            len: 0,
            max_events: events.max(1),
            max_bytes: bytes,
            bells: Bells::default(),
            end: None,
        };
        Self {
            shared: Arc::new(Mutex::new(ring)),
        }
    }

    /// Sends an event to all who are subscribed now.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for a name or id that would break out of its line; nothing was sent.
    pub fn publish(&self, fields: &Fields<'_>) -> Result<(), EncodeError> {
        let mut event = Vec::with_capacity(64 + fields.data.map_or(0, str::len));
        encode(fields, &mut event)?;
        self.wake(|ring| ring.push(event.into()));
        Ok(())
    }

    /// Makes the source of one stream, which begins with the next event.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        let mut ring = lock(&self.shared);
        Subscription {
            slot: ring.bells.add(),
            next: ring.first + ring.events.len() as u64,
            shared: self.shared.clone(),
        }
    }

    /// Streams that are subscribed.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        lock(&self.shared).bells.len()
    }

    /// Ends every stream, also those yet to come, after what was published. With `retry` each
    /// client is told to come back after a time within it, drawn from `seed`.
    pub fn end(&self, retry: Option<Range<Duration>>, seed: u64) {
        self.wake(|ring| {
            ring.end.get_or_insert(End { retry, seed });
        });
    }

    fn wake(&self, change: impl FnOnce(&mut Ring)) {
        let mut ring = lock(&self.shared);
        change(&mut ring);
        let mut waiting = ring.bells.take();
        drop(ring);
        waiting.drain(..).for_each(core::task::Waker::wake);
        lock(&self.shared).bells.keep(waiting);
    }
}

impl Default for Broadcast {
    fn default() -> Self {
        Self::new()
    }
}

impl Ring {
    fn push(&mut self, event: Bytes) {
        if self.bells.len() == 0 {
            // Nobody will read it, and who comes later begins behind it.
            self.first += 1;
            return;
        }
        self.len += event.len();
        self.events.push_back(event);
        while self.events.len() > 1
            && (self.events.len() > self.max_events || self.len > self.max_bytes)
            && let Some(oldest) = self.events.pop_front()
        {
            self.first += 1;
            self.len -= oldest.len();
        }
    }

    /// Forgets what is kept once nobody is there to read it.
    fn settle(&mut self) {
        if self.bells.len() == 0 {
            self.first += self.events.len() as u64;
            self.events.clear();
            self.len = 0;
        }
    }
}

fn lock(ring: &Mutex<Ring>) -> MutexGuard<'_, Ring> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One stream of a [`Broadcast`].
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Mutex<Ring>>,
    slot: usize,
    /// The number of the next event.
    next: u64,
}

impl Source for Subscription {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        let mut ring = lock(&self.shared);
        let begun = batch.len();
        if self.next < ring.first {
            encode_missed(ring.first - self.next, batch.out());
            self.next = ring.first;
        }
        // Not more than are kept, as these are.
        let behind = usize::try_from(self.next - ring.first).unwrap_or(usize::MAX);
        for event in ring.events.iter().skip(behind) {
            if batch.is_full() {
                break;
            }
            batch.push_shared(event);
            self.next += 1;
        }
        if batch.len() > begun {
            return Poll::Ready(Fill::More);
        }
        if let Some(End { retry, seed }) = &ring.end {
            if let Some(retry) = retry {
                encode_retry(spread(retry.clone(), mix(*seed, self.slot)), batch.out());
            }
            return Poll::Ready(Fill::End);
        }
        ring.bells.listen(self.slot, cx.waker());
        Poll::Pending
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut ring = lock(&self.shared);
        ring.bells.remove(self.slot);
        ring.settle();
    }
}
