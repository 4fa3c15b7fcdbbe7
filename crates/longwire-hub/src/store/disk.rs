//! A store on disk: a table of records by offset, in one file.

use core::fmt;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    StorageBackend, StorageError, TableDefinition,
};
use resume::{Bounds, Epoch, Position};

use super::clock::Clock;
use super::device::{Device, Shared};
use super::mark::Mark;
use super::overlay::Overlay;
use super::{Gone, Retention, Store, StoreError, Usage, facts, record};
use crate::event::Event;

/// Records by offset.
pub(super) const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");

/// Memory for pages of the file.
const CACHE: usize = 32 << 20;
/// Most events removed with one commit, beyond as many as it appends: so that none takes long
/// after a limit was lowered.
const MOST_GONE: usize = 1_024;
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
    kept: Mutex<Kept>,
    epoch: Epoch,
    limits: Retention,
    sync: Sync,
    clock: Clock,
    device: Arc<dyn StorageBackend>,
    mark: Mark,
    /// Holds the lock.
    _lock: Option<File>,
}

/// What stands in the table, so that it need not be asked.
#[derive(Debug)]
struct Kept {
    earliest: u64,
    head: u64,
    /// Of all records.
    bytes: u64,
    /// Time of the record at `earliest`.
    oldest: u64,
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
        let what =
            |error: io::Error| StoreError::new(format_args!("{}: {error}", directory.display()));
        fs::create_dir_all(directory).map_err(what)?;
        let open = |name| {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            options.open(directory.join(name)).map_err(what)
        };
        let lock = open("lock")?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::new(format_args!(
                "{} belongs to a hub that is running: choose another directory with --data, or \
                 --memory",
                directory.display()
            )),
            TryLockError::Error(error) => what(error),
        })?;
        let device = Device::new(open("log.redb")?, sync != Sync::Never);
        let mark = Mark::new(Arc::new(Device::new(open("head")?, true)));
        // The names of the files must be on disk too.
        File::open(directory)
            .and_then(|folder| folder.sync_all())
            .map_err(what)?;
        // The database may stop the thread where it finds a damaged page.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            Self::with_device(Arc::new(device), mark, limits, sync, fresh, seen)
        }));
        let mut disk = opened
            .unwrap_or_else(|_| {
                Err(StoreError::new(
                    "the log is damaged: move it away to begin a new one",
                ))
            })
            .map_err(|error| StoreError::new(format_args!("{}: {error}", directory.display())))?;
        disk._lock = Some(lock);
        Ok(disk)
    }

    /// Opens the log on `device`.
    pub(super) fn with_device(
        device: Arc<dyn StorageBackend>,
        mark: Mark,
        limits: Retention,
        sync: Sync,
        fresh: Epoch,
        mut seen: impl FnMut(Event),
    ) -> Result<Self, StoreError> {
        let database = database(Shared(device.clone()))?;
        let noted = mark.read().map_err(StoreError::new)?;
        let epoch = facts::begin(&database, sync, noted, fresh)?;
        let transaction = database.begin_read()?;
        let before = facts::head(&transaction)?;
        let mut kept = Kept {
            earliest: before + 1,
            head: before,
            bytes: 0,
            oldest: 0,
            dirty: None,
            failed: None,
        };
        let mut newest = 0;
        let table = transaction.open_table(EVENTS)?;
        let mut missing = table.len()?;
        for entry in table.iter()? {
            missing = missing.wrapping_sub(1);
            let (offset, record) = entry?;
            let (offset, record) = (offset.value(), record.value());
            let damaged = || damaged(offset);
            let (form, time) = record::decode(record).ok_or_else(damaged)?;
            if kept.bytes == 0 {
                (kept.earliest, kept.oldest) = (offset, time);
            } else if offset != kept.head + 1 {
                return Err(damaged());
            }
            kept.head = offset;
            kept.bytes += record.len() as u64;
            newest = time;
            seen(Event::new(Position::new(epoch, offset), form));
        }
        if kept.head == u64::MAX {
            return Err(StoreError::new("there is no offset left"));
        }
        if missing != 0 {
            return Err(damaged(kept.earliest));
        }
        drop((table, transaction));
        mark.begin(Position::new(epoch, kept.head))
            .map_err(StoreError::new)?;
        Ok(Self {
            database: RwLock::new(database),
            kept: Mutex::new(kept),
            epoch,
            limits,
            sync,
            clock: Clock::after(newest),
            device,
            mark,
            _lock: None,
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(
        &self,
        kept: &mut Kept,
        events: &[Arc<Event>],
        expire: bool,
    ) -> Result<Gone, StoreError> {
        let now = self.clock.now();
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = database.begin_write()?;
        if self.sync != Sync::Always {
            transaction
                .set_durability(Durability::None)
                .map_err(StoreError::new)?;
        }
        let mut gone = Gone::new();
        let mut after = Kept {
            dirty: None,
            failed: None,
            ..*kept
        };
        {
            let mut table = transaction.open_table(EVENTS)?;
            let mut record = Vec::new();
            for event in events {
                record.clear();
                record::encode(&event.form, now, &mut record);
                table.insert(event.position.offset, record.as_slice())?;
                if after.earliest > after.head {
                    after.oldest = now;
                }
                after.head = event.position.offset;
                after.bytes += record.len() as u64;
            }
            while gone.len() < MOST_GONE + events.len() && after.is_over(&self.limits, now, expire)
            {
                let Some((offset, record)) = table.pop_first()? else {
                    break;
                };
                let (form, _) =
                    record::decode_header(record.value()).ok_or_else(|| damaged(offset.value()))?;
                after.bytes -= record.value().len() as u64;
                after.earliest = offset.value() + 1;
                gone.push(Arc::new(Event::new(
                    Position::new(self.epoch, offset.value()),
                    form,
                )));
                drop((offset, record));
                if let Some((_, next)) = table.first()? {
                    let header = record::decode_header(next.value());
                    (_, after.oldest) = header.ok_or_else(|| damaged(after.earliest))?;
                }
            }
        }
        if after.earliest > after.head {
            facts::set_head(&transaction, after.head)?;
        }
        transaction.commit()?;
        let dirty = kept
            .dirty
            .or_else(|| (self.sync != Sync::Always).then(Instant::now));
        *kept = Kept { dirty, ..after };
        if self.sync == Sync::Always {
            // Without the note a later loss would go unnoticed; the events are safe all the same.
            let noted = self.mark.note(Position::new(self.epoch, kept.head));
            if let Err(error) = noted {
                tracing::warn!(%error, "the head of the log cannot be noted");
            }
        }
        Ok(gone)
    }

    /// Carries out what may fail, once only: afterwards the log is read and not written. What the
    /// disk holds is not known then (a later success of `fsync` says nothing about the failed
    /// one), so it is not appended to until the log has been opened anew.
    fn write<T>(
        &self,
        act: impl FnOnce(&mut Kept) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut kept = self.kept();
        if let Some(error) = &kept.failed {
            return Err(error.clone());
        }
        act(&mut kept).inspect_err(|error| {
            kept.failed = Some(error.clone());
            self.only_read();
        })
    }

    /// Reading goes on, from what the disk has, without writing to it.
    fn only_read(&self) {
        let overlay = Overlay::new(self.device.clone());
        let reopened = overlay.map_err(StoreError::new).and_then(database);
        match reopened {
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

impl Kept {
    /// Whether the oldest event must go.
    fn is_over(&self, limits: &Retention, now: u64, expire: bool) -> bool {
        let count = self.head + 1 - self.earliest;
        let over_age = u128::from(now.saturating_sub(self.oldest)) > limits.age.as_millis();
        if count <= 1 {
            return count == 1 && expire && over_age;
        }
        count > limits.count as u64 || self.bytes > limits.bytes as u64 || over_age
    }
}

impl Store for Disk {
    fn bounds(&self) -> Bounds {
        let kept = self.kept();
        Bounds::new(self.epoch, kept.earliest, kept.head)
    }

    fn usage(&self) -> Usage {
        let kept = self.kept();
        let age = || Duration::from_millis(self.clock.now().saturating_sub(kept.oldest));
        Usage {
            bytes: kept.bytes,
            oldest: (kept.earliest <= kept.head).then(age),
        }
    }

    fn append(&self, events: &[Arc<Event>]) -> Result<Gone, StoreError> {
        self.write(|kept| self.commit(kept, events, false))
    }

    fn expire(&self) -> Result<Gone, StoreError> {
        self.write(|kept| {
            if kept.is_over(&self.limits, self.clock.now(), true) {
                self.commit(kept, &[], true)
            } else {
                Ok(Gone::new())
            }
        })
    }

    fn read(&self, offsets: &[u64], budget: usize) -> Result<Vec<Arc<Event>>, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let table = database.begin_read()?.open_table(EVENTS)?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        for &offset in offsets {
            let Some(record) = table.get(offset)? else {
                break;
            };
            let (form, _) = record::decode(record.value()).ok_or_else(|| damaged(offset))?;
            bytes += record.value().len();
            events.push(Arc::new(Event::new(
                Position::new(self.epoch, offset),
                form,
            )));
            if bytes >= budget {
                break;
            }
        }
        Ok(events)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let every = match self.sync {
            Sync::Always => return Ok(()),
            Sync::Interval(every) => every,
            Sync::Never => LAZY,
        };
        self.write(|kept| {
            if kept.dirty.is_some_and(|since| since.elapsed() >= every) {
                self.commit_durably(false)?;
                kept.dirty = None;
            }
            Ok(())
        })
    }

    fn close(&self) -> Result<(), StoreError> {
        self.write(|_| self.commit_durably(true))
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("kept", &self.kept())
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

fn damaged(offset: u64) -> StoreError {
    StoreError::new(format_args!(
        "the log is damaged at offset {offset}: move it away to begin a new one"
    ))
}
