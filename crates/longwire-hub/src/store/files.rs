//! The files of a log.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use redb::StorageBackend;

use super::device::Device;
use super::{StoreError, Sync, journal};

/// Of the database.
const LOG: &str = "log.redb";

/// Where a log is.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) log: Arc<dyn StorageBackend>,
    pub(super) journal: Arc<dyn StorageBackend>,
    /// Bytes of the journal.
    pub(super) room: u64,
    pub(super) mark: Arc<dyn StorageBackend>,
    /// Keeps other processes away.
    pub(super) lock: Option<File>,
}

impl Files {
    /// Opens those in `directory`, which is made with them if it is not there.
    pub(super) fn open(directory: &Path, sync: Sync) -> Result<Self, StoreError> {
        let what = |error| because(directory, &error);
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
        let files = Self {
            log: Arc::new(Device::new(open(LOG)?, sync != Sync::Never)),
            journal: Arc::new(Device::new(open("journal")?, true)),
            room: journal::ROOM,
            mark: Arc::new(Device::new(open("head")?, true)),
            lock: Some(lock),
        };
        // Their names must be on disk too.
        File::open(directory)
            .and_then(|folder| folder.sync_all())
            .map_err(what)?;
        Ok(files)
    }
}

/// Waits until the log is on disk, also where that is left to the operating system.
pub(super) fn wait(directory: &Path) -> Result<(), StoreError> {
    let waited = File::open(directory.join(LOG)).and_then(|log| log.sync_data());
    waited.map_err(|error| because(directory, &error))
}

fn because(directory: &Path, error: &io::Error) -> StoreError {
    StoreError::new(format_args!("{}: {error}", directory.display()))
}
