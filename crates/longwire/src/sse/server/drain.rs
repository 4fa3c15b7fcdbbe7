//! Ending open streams when a server shuts down.

use core::ops::Range;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bells::Bells;
use super::notice::{encode_retry, mix};
use super::{Fill, Source, spread};
use crate::buffer::Batch;

/// Full batches that a stream may still send once the drain has begun.
const LAST_BATCHES: u8 = 16;

/// Ends the streams it watches, so that a server which waits for its responses to end can stop.
///
/// A graceful shutdown waits for every response under way, and an event stream is one that never
/// ends by itself. [`watch`](Self::watch) each source; when the server is told to stop,
/// [`begin`](Self::begin): each stream sends what is due, tells its client when to come back, and
/// ends.
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use longwire::sse::{self, Drain, Reply};
///
/// let drain = Drain::new();
/// let (sender, events) = sse::channel();
/// let response = Reply::new(drain.watch(events)).into_response();
///
/// // When the server stops; the seed is a random number.
/// drain.begin(Duration::from_secs(1)..Duration::from_secs(10), 0x5eed);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Drain {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    bells: Bells,
    begun: Option<(Range<Duration>, u64)>,
}

impl Drain {
    /// A drain that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same source, which ends when the drain begins; at once if it has begun.
    #[must_use]
    pub fn watch<S: Source>(&self, source: S) -> Drained<S> {
        Drained {
            source,
            slot: lock(&self.shared).bells.add(),
            shared: self.shared.clone(),
            left: LAST_BATCHES,
        }
    }

    /// Ends the streams. Each client is told to come back after a time within `retry`, drawn from
    /// `seed`, so that they do not all come at once.
    ///
    /// What is due is sent first, but of a source that always has more at most 16 batches of
    /// 64 KiB. A peer that takes nothing still has its write deadline.
    pub fn begin(&self, retry: Range<Duration>, seed: u64) {
        let mut shared = lock(&self.shared);
        shared.begun.get_or_insert((retry, seed));
        let waiting = shared.bells.take();
        drop(shared);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Streams that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        lock(&self.shared).bells.len()
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source that ends when its [`Drain`] begins.
#[derive(Debug)]
pub struct Drained<S> {
    source: S,
    shared: Arc<Mutex<Shared>>,
    slot: usize,
    left: u8,
}

impl<S: Source> Source for Drained<S> {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        let mut shared = lock(&self.shared);
        shared.bells.listen(self.slot, cx.waker());
        // Looked at before the source: what it has until then is sent.
        let begun = shared.begun.clone();
        drop(shared);
        let filled = self.source.poll_fill(cx, batch);
        let Some((retry, seed)) = begun else {
            return filled;
        };
        if let Poll::Ready(Fill::End | Fill::Cut) = filled {
            return filled;
        }
        if batch.is_full() && self.left > 0 {
            self.left -= 1;
            return Poll::Ready(Fill::More);
        }
        encode_retry(spread(retry, mix(seed, self.slot)), batch.out());
        Poll::Ready(Fill::End)
    }

    fn heartbeat(&mut self, batch: &mut Batch) {
        self.source.heartbeat(batch);
    }
}

impl<S> Drop for Drained<S> {
    fn drop(&mut self) {
        lock(&self.shared).bells.remove(self.slot);
    }
}
