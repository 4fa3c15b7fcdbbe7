//! The hub itself: one log, those who append to it, and those who read from a position.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use hub_protocol::{ErrorCode, PublishForm};
use resume::{Epoch, Limits, Position};

use crate::event::Event;
use crate::fanout::Fanout;
use crate::log::{Appended, Log};

#[derive(Debug)]
pub(crate) struct Hub {
    log: RwLock<Log>,
    pub(crate) fanout: Fanout,
    draining: AtomicBool,
    started: Instant,
}

/// Why an event was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The id is that of another event.
    Conflict,
    /// The hub is about to stop, and its subscribers are sent away.
    Draining,
    /// Ephemeral events are not supported yet.
    Ephemeral,
    /// Nobody could read a private event: there are no tokens yet.
    Private,
}

impl Refusal {
    pub(crate) const fn code(self) -> ErrorCode {
        match self {
            Self::Conflict => ErrorCode::Conflict,
            Self::Draining => ErrorCode::Unavailable,
            Self::Ephemeral => ErrorCode::Unsupported,
            Self::Private => ErrorCode::Forbidden,
        }
    }

    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Conflict => "another event has this id",
            Self::Draining => "the hub is stopping: publish again once it is back",
            Self::Ephemeral => "ephemeral events are not supported yet",
            Self::Private => "private events need tokens, which are not supported yet",
        }
    }
}

impl Hub {
    /// A hub with an empty log; `epoch` comes from a cryptographic generator.
    pub(crate) fn new(epoch: Epoch, limits: Limits) -> Self {
        Self {
            log: RwLock::new(Log::new(epoch, limits)),
            fanout: Fanout::default(),
            draining: AtomicBool::new(false),
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

    /// Appends an event to the log and wakes whom it concerns. An event that is there already,
    /// with the same id, is returned as it is.
    pub(crate) fn publish(&self, form: PublishForm) -> Result<Arc<Event>, Refusal> {
        if form.private {
            return Err(Refusal::Private);
        }
        if form.ephemeral {
            return Err(Refusal::Ephemeral);
        }
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        if self.is_draining() {
            return Err(Refusal::Draining);
        }
        let appended = log.append(form);
        self.note_evicted(&mut log);
        drop(log);
        match appended {
            Appended::New(event) => {
                self.fanout.ring(event.topics());
                Ok(event)
            }
            Appended::Repeated(event) => Ok(event),
            Appended::Conflict => Err(Refusal::Conflict),
        }
    }

    /// Evicts what has passed its age.
    pub(crate) fn expire(&self) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        log.expire();
        self.note_evicted(&mut log);
    }

    fn note_evicted(&self, log: &mut Log) {
        for event in log.take_evicted() {
            self.fanout.evicted(event.topics(), event.position.offset);
        }
    }

    /// The newest position.
    pub(crate) fn head(&self) -> Position {
        self.log().bounds().head()
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
mod tests {
    use super::*;

    #[test]
    fn a_hub_that_stops_acknowledges_nothing_more() {
        let hub = Hub::new(Epoch::from_bytes([7; Epoch::LEN]), Limits::new());
        let form = || PublishForm::parse(b"topic=a&data=1").unwrap();
        assert!(hub.publish(form()).is_ok());
        hub.drain();
        assert_eq!(hub.publish(form()).unwrap_err(), Refusal::Draining);
        assert_eq!(hub.head().offset, 1);
    }
}
