//! A store on disk: a table of events by offset in one file, and a journal in another.
//!
//! The events of one commit stand in the table together, as blocks: an entry of it costs about the
//! same, whether it is of one event or of hundreds.

use core::fmt;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::fs::File;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, StorageBackend, StorageError,
    TableDefinition,
};
use resume::{Bounds, Epoch, Position};

use super::clock::Clock;
use super::device::Shared;
use super::entry::Entry;
use super::files::{self, Files};
use super::journal::Journal;
use super::kept::{Due, Kept};
use super::mark::Mark;
use super::overlay::Overlay;
use super::shown::Shown;
use super::{Gone, Retention, Store, StoreError, Usage, facts, journal};
use crate::event::Event;

/// Blocks of records, by the offset of their first.
pub(super) const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");

/// Memory for pages of the file.
const CACHE: usize = 32 << 20;
/// How long events are not on disk without [`Sync::Always`], at most, unless asked otherwise.
const LAZY: Duration = Duration::from_secs(1);

/// When the disk is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Before an event is acknowledged and seen.
    Always,
    /// This often. A crash takes back what came since, so the next start begins a new epoch.
    Interval(Duration),
    /// Never: the operating system writes when it likes.
    Never,
}

/// The events kept in a directory, which no other process can open meanwhile.
pub(crate) struct Disk {
    database: RwLock<Database>,
    state: Mutex<State>,
    shown: Shown,
    epoch: Epoch,
    limits: Retention,
    sync: Sync,
    clock: Clock,
    log: Arc<dyn StorageBackend>,
    mark: Mark,
    doubt: Option<PathBuf>,
    /// Holds the lock.
    _lock: Option<File>,
}

/// What one thread at a time may change.
#[derive(Debug)]
struct State {
    kept: Kept,
    /// With [`Sync::Always`].
    journal: Option<Journal>,
    /// Since when not everything is durable.
    dirty: Option<Instant>,
    failed: Option<StoreError>,
}

impl Disk {
    /// Opens the log in `directory`, which is made if it is not there, and shows each event kept,
    /// in order, to `seen`. `fresh` is the epoch that begins if the one kept cannot be continued:
    /// it comes from a cryptographic generator.
    pub(crate) fn open(
        directory: &Path,
        limits: Retention,
        sync: Sync,
        fresh: Epoch,
        seen: impl FnMut(Event),
    ) -> Result<Self, StoreError> {
        let files = Files::open(directory, sync)?;
        let doubt = files.doubt.clone();
        // The database may stop the thread where it finds a damaged page.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            Self::with_files(files, limits, sync, fresh, seen)
        }));
        let damaged = || StoreError::new("the log is damaged: move it away to begin a new one");
        opened.unwrap_or_else(|_| Err(damaged())).map_err(|error| {
            if error.of_disk {
                files::doubt(doubt.as_deref());
            }
            error.because(|reason| format!("{}: {reason}", directory.display()))
        })
    }

    /// Opens the log in these files.
    pub(super) fn with_files(
        files: Files,
        limits: Retention,
        sync: Sync,
        fresh: Epoch,
        seen: impl FnMut(Event),
    ) -> Result<Self, StoreError> {
        let mark = Mark::new(files.mark);
        let noted = mark.read()?;
        files::begin_again(&*files.log, noted)?;
        let log = files.log;
        let database = database(Shared(log.clone()))?;
        let written = journal::read(&*files.journal)?;
        let epoch = facts::begin(&database, sync, noted, &written, fresh)?;
        let kept = Kept::load(&database.begin_read()?, epoch, seen)?;
        mark.begin(Position::new(epoch, kept.head))?;
        if let Some(log) = files.unsynced {
            // That it is in use must be known after the power has failed, too.
            log.sync_data()?;
        }
        let journal = match sync {
            Sync::Always => {
                let begun = Journal::begin(files.journal, files.room, epoch, files.seed);
                Some(begun?)
            }
            Sync::Interval(_) | Sync::Never => {
                files.journal.set_len(0)?;
                None
            }
        };
        Ok(Self {
            database: RwLock::new(database),
            shown: Shown::new(&kept),
            clock: Clock::after(kept.newest),
            state: Mutex::new(State {
                kept,
                journal,
                dirty: None,
                failed: None,
            }),
            epoch,
            limits,
            sync,
            log,
            mark,
            doubt: files.doubt,
            _lock: files.lock,
        })
    }

    /// Lets so much time pass.
    #[cfg(test)]
    pub(super) fn forward(&mut self, time: Duration) {
        self.clock.forward(time);
    }

    /// Loses the block that begins with this offset.
    #[cfg(test)]
    pub(super) fn lose(&self, first: u64) {
        let transaction = self.database.read().unwrap().begin_write().unwrap();
        let mut table = transaction.open_table(EVENTS).unwrap();
        assert!(table.remove(first).unwrap().is_some());
        drop(table);
        transaction.commit().unwrap();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(
        &self,
        state: &mut State,
        events: &[Arc<Event>],
        expire: bool,
    ) -> Result<Gone, StoreError> {
        let now = self.clock.now();
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = database.begin_write()?;
        let mut kept = state.kept.next();
        let mut entry = Entry::new(kept.head + 1);
        let gone = {
            let mut table = transaction.open_table(EVENTS)?;
            kept.append(&mut table, events, &mut entry, now)?;
            let due = Due {
                limits: &self.limits,
                now,
                expire,
            };
            kept.shrink(&mut table, due, events.len(), self.epoch)?
        };
        if kept.is_empty() {
            facts::set_head(&transaction, kept.head)?;
        } else if !gone.is_empty() && kept.is_cut() {
            facts::set_earliest(&transaction, kept.earliest)?;
        }
        let in_journal = match &mut state.journal {
            Some(journal) => journal.append(entry, kept.earliest)?,
            None => true,
        };
        if in_journal {
            transaction
                .set_durability(Durability::None)
                .map_err(StoreError::new)?;
            if let Err(error) = transaction.commit() {
                // It is not shown, and not to be read from the journal either.
                state.journal.iter_mut().for_each(Journal::take_back);
                return Err(error.into());
            }
        } else {
            transaction.commit()?;
            state.journal.iter_mut().for_each(Journal::clear);
        }
        state.kept = kept;
        self.shown.set(&state.kept);
        if self.sync == Sync::Always {
            // Without the note a later loss would go unnoticed; the events are safe all the same.
            let noted = self.mark.note(Position::new(self.epoch, state.kept.head));
            if let Err(error) = noted {
                tracing::warn!(%error, "the head of the log cannot be noted");
            }
        } else {
            state.dirty.get_or_insert_with(Instant::now);
        }
        Ok(gone)
    }

    /// Carries out what may fail, once only: afterwards the log is read and not written. What the
    /// disk holds is not known then (a later success of `fsync` says nothing about the failed
    /// one), so it is not appended to until the log has been opened anew.
    fn write<T>(
        &self,
        act: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.state();
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        act(&mut state).inspect_err(|error| {
            state.failed = Some(error.clone());
            self.only_read(&state);
        })
    }

    /// Reading goes on, from what the disk has, without writing to it.
    fn only_read(&self, state: &State) {
        files::doubt(self.doubt.as_deref());
        let works = |database: &Database| database.begin_write().is_ok();
        if works(&self.database.read().unwrap_or_else(PoisonError::into_inner)) {
            // The journal has failed alone.
            return;
        }
        let reopen = || {
            let database = database(Overlay::new(self.log.clone())?)?;
            if let Some(journal) = &state.journal {
                let journal = journal.read()?;
                let transaction = database.begin_write()?;
                journal::replay(&transaction, self.epoch, &journal)?;
                transaction.commit()?;
            }
            Ok::<_, StoreError>(database)
        };
        match reopen() {
            Ok(reopened) => {
                let mut database = self
                    .database
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                *database = reopened;
            }
            Err(error) => tracing::error!(%error, "the log on disk cannot be read any more"),
        }
    }

    /// Makes the database durable in good time, so that seldom a publisher waits for that.
    fn empty_journal(&self, state: &mut State) -> Result<(), StoreError> {
        if let Some(journal) = &mut state.journal
            && journal.is_half_full()
        {
            self.commit_durably(false)?;
            journal.clear();
        }
        Ok(())
    }

    fn commit_durably(&self, end: bool) -> Result<(), StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.begin_write()?;
        if end {
            facts::end(&transaction)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Store for Disk {
    fn bounds(&self) -> Bounds {
        let kept = &self.state().kept;
        Bounds::new(self.epoch, kept.earliest, kept.head)
    }

    fn usage(&self) -> Usage {
        let kept = &self.state().kept;
        let age = || Duration::from_millis(self.clock.now().saturating_sub(kept.oldest));
        Usage {
            bytes: kept.bytes,
            oldest: (!kept.is_empty()).then(age),
        }
    }

    fn append(&self, events: &[Arc<Event>]) -> Result<Gone, StoreError> {
        self.write(|state| self.commit(state, events, false))
    }

    fn expire(&self) -> Result<Gone, StoreError> {
        self.write(|state| {
            let due = Due {
                limits: &self.limits,
                now: self.clock.now(),
                expire: true,
            };
            if state.kept.is_over(due) {
                self.commit(state, &[], true)
            } else {
                Ok(Gone::new())
            }
        })
    }

    fn read(&self, offsets: &[u64], budget: usize) -> Result<Vec<Arc<Event>>, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        self.shown.read(&database, self.epoch, offsets, budget)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let every = match self.sync {
            Sync::Always => return self.write(|state| self.empty_journal(state)),
            Sync::Interval(every) => every,
            Sync::Never => LAZY,
        };
        self.write(|state| {
            if state.dirty.is_some_and(|since| since.elapsed() >= every) {
                self.commit_durably(false)?;
                state.dirty = None;
            }
            Ok(())
        })
    }

    fn close(&self) -> Result<(), StoreError> {
        self.write(|state| {
            self.commit_durably(true)?;
            let head = Position::new(self.epoch, state.kept.head);
            self.mark.begin(head)?;
            Ok(())
        })
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

fn database(device: impl StorageBackend) -> Result<Database, StoreError> {
    let mut builder = Database::builder();
    let opened = builder.set_cache_size(CACHE).create_with_backend(device);
    opened.map_err(|error| match error {
        DatabaseError::RepairAborted | DatabaseError::Storage(StorageError::Corrupted(_)) => {
            StoreError::new(format_args!(
                "the log is damaged ({error}): move it away to begin a new one"
            ))
        }
        error => error.into(),
    })
}

pub(super) fn damaged(offset: u64) -> StoreError {
    StoreError::new(format_args!(
        "the log is damaged at offset {offset}: move it away to begin a new one"
    ))
}
