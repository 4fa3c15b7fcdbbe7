//! The files of a log.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::StorageBackend;

use super::device::Device;
use super::journal::{self, Seed};
use super::mark::Noted;
use super::{StoreError, Sync};

/// Of the database, which begins with a number of so many bytes.
const LOG: &str = "log.redb";
const MAGIC: usize = 9;

/// Where a log is.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) log: Arc<dyn StorageBackend>,
    /// Of the log, if that does not wait for the disk by itself.
    pub(super) unsynced: Option<File>,
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
        let unsynced = (sync == Sync::Never).then(|| log.try_clone());
        let files = Self {
            unsynced: unsynced.transpose().map_err(what)?,
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

/// Notes that the disk has failed. Else the next start would believe what the operating system has in
/// memory.
pub(super) fn doubt(file: Option<&Path>) {
    if let Some(file) = file
        && let Err(error) = fs::write(file, [])
    {
        tracing::error!(%error, "{}: cannot be made", file.display());
    }
}

/// Begins the database again if the first start was cut off while it was made. It writes its magic
/// number last.
pub(super) fn begin_again(log: &dyn StorageBackend, noted: Noted) -> io::Result<()> {
    let mut magic = [1; MAGIC];
    if noted == Noted::Nothing && log.len()? >= MAGIC as u64 {
        log.read(0, &mut magic)?;
    }
    if magic == [0; MAGIC] {
        log.set_len(0)?;
    }
    Ok(())
}

fn because(directory: &Path, error: &io::Error) -> StoreError {
    StoreError::new(format_args!("{}: {error}", directory.display()))
}
