//! Older events, read from the store by threads that may wait for the disk.

use core::panic::AssertUnwindSafe;
use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::event::Event;
use crate::fanout::Bell;
use crate::store::{Store, StoreError};

/// So many threads read.
const THREADS: usize = 2;
/// Most events read at once for one subscriber, and bytes after which no other is begun: less than
/// a carrier takes at once, since what it does not take is read again.
pub(crate) const MOST_EVENTS: usize = 256;
const MOST_BYTES: usize = 48 << 10;

/// Threads that read a store.
#[derive(Debug)]
pub(crate) struct Readers {
    jobs: Sender<Job>,
}

#[derive(Debug)]
struct Job {
    offsets: Vec<u64>,
    slot: Arc<Slot>,
}

/// Where the events come, and who waits for them.
#[derive(Debug)]
struct Slot {
    events: Mutex<Option<Result<Vec<Arc<Event>>, StoreError>>>,
    bell: Arc<Bell>,
}

impl Readers {
    /// Starts the threads, which end when this is dropped.
    ///
    /// # Errors
    ///
    /// The system has no thread to give.
    pub(crate) fn start(store: &Arc<dyn Store>) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..THREADS {
            let (store, queue) = (store.clone(), queue.clone());
            let reader = thread::Builder::new().name("longwire-read".into());
            reader.spawn(move || work(&*store, &queue))?;
        }
        Ok(Self { jobs })
    }
}

fn work(store: &dyn Store, queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { offsets, slot }) = job else {
            return;
        };
        // Whoever asked may be gone.
        if Arc::strong_count(&slot) > 1 {
            // The database may stop a thread where it finds a damaged page.
            let read = AssertUnwindSafe(|| store.read(&offsets, MOST_BYTES));
            let events = catch_unwind(read).unwrap_or_else(|_| {
                let what = format_args!(
                    "the log is damaged after offset {}",
                    offsets.first().unwrap_or(&0)
                );
                Err(StoreError::new(what))
            });
            *slot.events.lock().unwrap_or_else(PoisonError::into_inner) = Some(events);
            slot.bell.ring();
        }
    }
}

/// What was read for one subscriber and not yet sent.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    events: VecDeque<Arc<Event>>,
    slot: Option<Arc<Slot>>,
}

impl Ahead {
    /// The event at `offset`, if it was read. If not, and nothing is on its way, those at
    /// `offsets` are asked for, and `bell` is rung when they are there.
    pub(crate) fn get(
        &mut self,
        offset: u64,
        readers: &Readers,
        bell: &Arc<Bell>,
        offsets: impl FnOnce() -> Vec<u64>,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        if let Some(slot) = self.slot.take() {
            let events = slot
                .events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let Some(events) = events else {
                self.slot = Some(slot);
                return Ok(None);
            };
            self.events = events?.into();
        }
        while let Some(event) = self.events.pop_front() {
            if event.position.offset == offset {
                return Ok(Some(event));
            }
        }
        let slot = Arc::new(Slot {
            events: Mutex::new(None),
            bell: bell.clone(),
        });
        let job = Job {
            offsets: offsets(),
            slot: slot.clone(),
        };
        readers
            .jobs
            .send(job)
            .map_err(|_| StoreError::new("nobody reads the log any more"))?;
        self.slot = Some(slot);
        Ok(None)
    }
}
