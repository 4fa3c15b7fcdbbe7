//! The hub itself: one log, those who append to it, and those who read from a position.

mod writing;

pub(crate) use writing::Posting;

use core::slice;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use hub_protocol::PublishForm;
use resume::{Bounds, Position};
use tracing::error;

use crate::appender::{Known, repeated};
use crate::ephemerals::Ephemerals;
use crate::event::Event;
use crate::expiries::Expiries;
use crate::fanout::Fanout;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::publishing::{Outcome, Publishing, Refusal};
use crate::reader::Readers;
use crate::store::{Gone, Store, Usage};
use crate::writer::Queue;

#[derive(Debug)]
pub(crate) struct Hub {
    log: RwLock<Log>,
    store: Arc<dyn Store>,
    /// Of a store that must be waited for.
    disk: Option<DiskThreads>,
    pub(crate) fanout: Fanout,
    pub(crate) expiries: Expiries,
    pub(crate) metrics: Metrics,
    pub(crate) ephemerals: Ephemerals,
    draining: AtomicBool,
    /// Nothing more can be appended.
    unwritable: AtomicBool,
    started: Instant,
}

#[derive(Debug)]
struct DiskThreads {
    queue: Queue,
    readers: Readers,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Hub {
    /// A hub over a log in memory.
    pub(crate) fn in_memory(store: impl Store + 'static) -> Self {
        Self::new(Log::new(store.bounds().head(), usize::MAX), Arc::new(store))
    }

    /// A hub over a store that must be waited for; `log` shows what it keeps.
    ///
    /// # Errors
    ///
    /// The system has no thread to give.
    pub(crate) fn on_disk(log: Log, store: impl Store + 'static) -> std::io::Result<Arc<Self>> {
        let mut hub = Self::new(log, Arc::new(store));
        hub.disk = Some(DiskThreads {
            queue: Queue::default(),
            readers: Readers::start(&hub.store)?,
            writer: Mutex::new(None),
        });
        let hub = Arc::new(hub);
        let writing = hub.clone();
        let writer = thread::Builder::new().name("longwire-write".into());
        let writer = writer.spawn(move || writing.write())?;
        if let Some(disk) = &hub.disk {
            *disk.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
        }
        Ok(hub)
    }

    fn new(log: Log, store: Arc<dyn Store>) -> Self {
        Self {
            log: RwLock::new(log),
            store,
            disk: None,
            fanout: Fanout::default(),
            expiries: Expiries::default(),
            metrics: Metrics::default(),
            ephemerals: Ephemerals::default(),
            draining: AtomicBool::new(false),
            unwritable: AtomicBool::new(false),
            started: Instant::now(),
        }
    }

    /// Time since the hub was made, for [`hub_protocol::Session`].
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn log(&self) -> RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who reads the events that the log does not have in memory.
    pub(crate) fn readers(&self) -> Option<&Readers> {
        self.disk.as_ref().map(|disk| &disk.readers)
    }

    /// Appends an event to the log and wakes whom it concerns. An event that is there already,
    /// with the same id, is returned as it is. An ephemeral one is handed to those who are there.
    pub(crate) fn publish(&self, form: PublishForm) -> Publishing {
        if form.ephemeral {
            return Publishing::Done(self.hand_over(form));
        }
        let Some(disk) = &self.disk else {
            return Publishing::Done(self.publish_now(form));
        };
        if self.is_draining() {
            return Publishing::Done(Err(Refusal::Draining));
        }
        match disk.queue.push(form) {
            Ok(outcome) => Publishing::Waits(outcome),
            Err(refusal) => Publishing::Done(Err(refusal)),
        }
    }

    /// Hands an ephemeral event to those whom it concerns. It comes after the events that were
    /// there before it.
    fn hand_over(&self, form: PublishForm) -> Outcome {
        let log = self.log();
        if self.is_draining() {
            return Err(Refusal::Draining);
        }
        let event = Arc::new(Event::new(log.bounds().head(), form));
        let mut templates: Vec<_> = event.topics().flat_map(|t| log.matching(t)).collect();
        templates.sort_unstable();
        templates.dedup();
        self.announce(&event, &templates);
        Ok(event)
    }

    fn announce(&self, event: &Arc<Event>, templates: &[Arc<str>]) {
        self.ephemerals.push(event.clone(), |number| {
            self.fanout.announce(event.topics(), templates, number);
        });
        self.fanout.ring(event.topics(), templates);
    }

    /// Hands over an ephemeral event of the hub's own, which is made only if it concerns anybody.
    pub(crate) fn tell(&self, topic: &str, form: impl FnOnce(&str) -> PublishForm) {
        let log = self.log();
        let templates = log.matching(topic);
        if !self.is_draining() && self.fanout.concerns(topic, &templates) {
            let event = Arc::new(Event::new(log.bounds().head(), form(topic)));
            self.announce(&event, &templates);
        }
    }

    /// For a store that need not be waited for.
    fn publish_now(&self, form: PublishForm) -> Outcome {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        if self.is_draining() {
            return Err(Refusal::Draining);
        }
        let known = Known::find(&form, &log).read(&*self.store);
        if let Some(known) = known.map_err(|_| Refusal::Unwritten)? {
            let known = repeated(known, &form)?;
            self.metrics.events_repeated.add(1);
            return Ok(known);
        }
        let head = log.bounds().head();
        let position = Position::new(head.epoch, head.offset + 1);
        let event = Arc::new(Event::new(position, form).taken_at(self.now()));
        let gone = self.store.append(slice::from_ref(&event)).map_err(|_| {
            self.unwritable.store(true, Ordering::Relaxed);
            Refusal::Unwritten
        })?;
        self.metrics.events_in.add(1);
        let matched = log.show(event.clone());
        self.forget(&mut log, &gone);
        drop(log);
        self.fanout.ring(event.topics(), &matched);
        Ok(event)
    }

    /// Shows what the store has taken and removed; gives the templates that match each new event.
    fn show(&self, log: &mut Log, events: &[Arc<Event>], gone: &Gone) -> Vec<Vec<Arc<str>>> {
        self.metrics.events_in.add(events.len() as u64);
        let matched = events.iter().map(|event| log.show(event.clone())).collect();
        self.forget(log, gone);
        matched
    }

    /// Forgets what the store has removed.
    fn forget(&self, log: &mut Log, gone: &Gone) {
        for event in gone {
            let matched = log.forget(event);
            self.fanout
                .evicted(event.topics(), &matched, event.position.offset);
        }
    }

    /// Wakes whom new events concern.
    fn ring(&self, events: &[Arc<Event>], matched: &[Vec<Arc<str>>]) {
        let mut before: Option<&Event> = None;
        for (event, matched) in events.iter().zip(matched) {
            // Of the same topics, and so of the same templates: everybody was woken.
            if before.is_none_or(|before| before.form.topics != event.form.topics) {
                self.fanout.ring(event.topics(), matched);
            }
            before = Some(event);
        }
    }

    /// Changes what subscribers wait for, with the log as it is meanwhile.
    pub(crate) fn rearrange<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        change(&mut self.log.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Removes what has passed its age.
    pub(crate) fn expire(&self) {
        if let Some(disk) = &self.disk {
            disk.queue.expire();
            return;
        }
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(gone) = self.store.expire() {
            self.forget(&mut log, &gone);
        }
    }

    /// Writes what waits and closes the log. It takes as long as the disk.
    pub(crate) fn close(&self) {
        let Some(disk) = &self.disk else { return };
        disk.queue.close();
        let writer = disk
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            error!("the writing thread failed");
        }
    }

    /// The newest position.
    pub(crate) fn head(&self) -> Position {
        self.bounds().head()
    }

    /// What is kept at this moment.
    pub(crate) fn bounds(&self) -> Bounds {
        self.log().bounds()
    }

    /// What that takes.
    pub(crate) fn usage(&self) -> Usage {
        self.store.usage()
    }

    /// Whether events can be appended, as far as is known.
    pub(crate) fn is_writable(&self) -> bool {
        let failed = || {
            self.disk
                .as_ref()
                .is_some_and(|disk| disk.queue.has_failed())
        };
        !self.unwritable.load(Ordering::Relaxed) && !failed()
    }

    /// Ends every subscription, now and from now on.
    pub(crate) fn drain(&self) {
        // With the log locked: what was acknowledged before is read by everybody who is sent away.
        let log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        self.draining.store(true, Ordering::Release);
        drop(log);
        self.fanout.ring_all();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The reconnection time to give a subscriber that is sent away, so that all of them together
    /// come back at no more than about 200 a second: 1 s and a random part of up to 29 s more.
    pub(crate) fn spread(&self) -> Duration {
        const PER_SUBSCRIBER: u64 = 5;
        let subscribers = self.fanout.count() as u64;
        let spread = (subscribers * PER_SUBSCRIBER).clamp(1_000, 29_000);
        // Without a random number they come back at once, which is no reason to fail.
        let random = getrandom::u64().unwrap_or_default();
        Duration::from_millis(1_000 + random % spread)
    }
}

#[cfg(test)]
mod tests;
