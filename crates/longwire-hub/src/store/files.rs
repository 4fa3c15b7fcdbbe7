//! The files of a log.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::StorageBackend;

use super::device::Device;
use super::journal::{self, Seed};
use super::{StoreError, Sync};

/// Of the database.
const LOG: &str = "log.redb";

/// Where a log is.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) log: Arc<dyn StorageBackend>,
    pub(super) journal: Arc<dyn StorageBackend>,
    /// Bytes of the journal.
    pub(super) room: u64,
    pub(super) seed: Seed,
    pub(super) mark: Arc<dyn StorageBackend>,
    /// Is there after an error of the disk.
    pub(super) doubt: Option<PathBuf>,
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
        let (log, journal) = (open(LOG)?, open("journal")?);
        let doubt = directory.join("doubt");
        if doubt.try_exists().map_err(what)? {
            for file in [&log, &journal] {
                write_again(file).map_err(what)?;
            }
            fs::remove_file(&doubt).map_err(what)?;
        }
        let seed = getrandom::u64().map_err(StoreError::new)?;
        let files = Self {
            log: Arc::new(Device::new(log, sync != Sync::Never)),
            journal: Arc::new(Device::new(journal, true)),
            room: journal::ROOM,
            seed: seed.to_le_bytes(),
            mark: Arc::new(Device::new(open("head")?, true)),
            doubt: Some(doubt),
            lock: Some(lock),
        };
        // Their names must be on disk too.
        File::open(directory)
            .and_then(|folder| folder.sync_all())
            .map_err(what)?;
        Ok(files)
    }
}

/// Makes what is read of a file what is on disk. After an error the operating system may have in memory
/// what it could not write, and takes it for written (Rebello et al., *Can Applications Recover from
/// fsync Failures?*, USENIX ATC 2020).
fn write_again(file: &File) -> io::Result<()> {
    let len = file.metadata()?.len();
    let mut bytes = vec![0; 1 << 20];
    let mut at = 0;
    while at < len {
        let left = usize::try_from(len - at).unwrap_or(usize::MAX);
        let part = left.min(bytes.len());
        file.read_exact_at(&mut bytes[..part], at)?;
        file.write_all_at(&bytes[..part], at)?;
        at += part as u64;
    }
    file.sync_data()
}

/// Waits until the log is on disk, also where that is left to the operating system.
pub(super) fn wait(directory: &Path) -> Result<(), StoreError> {
    let waited = File::open(directory.join(LOG)).and_then(|log| log.sync_data());
    waited.map_err(|error| because(directory, &error))
}

fn because(directory: &Path, error: &io::Error) -> StoreError {
    StoreError::new(format_args!("{}: {error}", directory.display()))
}
