//! Where events are kept.
//!
//! A store is written by one thread at a time and read by others meanwhile. What it has taken
//! belongs to the log once [`Store::append`] has returned, and is shown to subscribers only then:
//! nothing that a crash could take back was ever seen.

mod block;
mod clock;
mod device;
mod disk;
mod entry;
mod facts;
mod files;
mod journal;
mod kept;
mod mark;
mod memory;
mod overlay;
mod record;
mod shown;
mod tail;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod model;
#[cfg(test)]
mod power;
#[cfg(test)]
mod replayed;
#[cfg(test)]
mod simulated;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use resume::Bounds;

use crate::event::Event;

pub(crate) use disk::{Disk, Sync};
pub(crate) use memory::Memory;

/// Events by offset, of which the oldest go.
pub(crate) trait Store: Send + core::marker::Sync + fmt::Debug {
    /// What is kept.
    fn bounds(&self) -> Bounds;

    /// What that takes.
    fn usage(&self) -> Usage;

    /// Appends events, whose offsets follow the head, and removes what passes the limits. They
    /// are as durable as the store was asked to be once this returns; after an error they are not
    /// part of the log, and nothing can be appended any more.
    fn append(&self, events: &[Arc<Event>]) -> Result<Gone, StoreError>;

    /// Removes what has passed its age, the newest event too.
    fn expire(&self) -> Result<Gone, StoreError>;

    /// The events at these offsets, which ascend: from the first on, as many as are kept and come
    /// to `budget` bytes, but at least one.
    fn read(&self, offsets: &[u64], budget: usize) -> Result<Vec<Arc<Event>>, StoreError>;

    /// Makes durable what is not yet, if that is due by now.
    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Makes everything durable: the log ends here, and the next start may continue it.
    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// How much a store keeps. Each limit holds on its own; the newest event is kept whatever count and
/// bytes say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

/// What the events that are kept take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    /// Age of the oldest, if there is one.
    pub(crate) oldest: Option<Duration>,
}

/// Events that a store has removed, oldest first. Of a form, only topics and id must be there.
pub(crate) type Gone = Vec<Arc<Event>>;

/// A store cannot be read or written.
#[derive(Clone, Debug)]
pub(crate) struct StoreError {
    reason: Arc<str>,
    of_disk: bool,
}

impl StoreError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self {
            reason: reason.to_string().into(),
            of_disk: false,
        }
    }

    /// The same, of which more is said.
    fn because(self, more: impl FnOnce(&str) -> String) -> Self {
        Self {
            reason: more(&self.reason).into(),
            ..self
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl core::error::Error for StoreError {}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        let error = error.into();
        let of_disk = matches!(error, redb::Error::Io(_) | redb::Error::PreviousIo);
        Self {
            of_disk,
            ..Self::new(error)
        }
    }
}
