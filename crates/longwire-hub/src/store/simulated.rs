//! A disk in memory that fails, loses power and tears writes.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::files::Files;
use super::journal::PAGE;

/// Clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct Simulated {
    /// They fail together; the note never does.
    pub(super) log: File,
    pub(super) journal: File,
    pub(super) mark: File,
    /// Bytes of the journal: so few that it is full now and then.
    pub(super) room: usize,
}

/// Clones are the same file.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    state: Arc<Mutex<State>>,
    hand: Arc<Mutex<Hand>>,
}

#[derive(Debug, Default)]
struct State {
    /// What the program sees.
    bytes: Vec<u8>,
    /// What is safe.
    safe: Vec<u8>,
    /// What was written since, in order; `None` is a change of the length.
    unsafe_writes: Vec<(u64, Option<Vec<u8>>)>,
}

/// What writes files.
#[derive(Debug, Default)]
struct Hand {
    /// Acts that change the disk, so far.
    acts: u64,
    /// From this act on, up to the other, each fails so.
    fault: Option<(u64, u64, i32)>,
    /// The disk says that it has synced, and has not.
    lies: bool,
}

const SECTOR: usize = 512;

impl Simulated {
    pub(super) fn new() -> Self {
        let log = File::default();
        let journal = File {
            hand: log.hand.clone(),
            ..File::default()
        };
        let mark = File::default();
        Self {
            log,
            journal,
            mark,
            room: 6 * PAGE,
        }
    }

    /// With room for so many pages of entries.
    pub(super) fn with_room(pages: usize) -> Self {
        Self {
            room: (1 + pages) * PAGE,
            ..Self::new()
        }
    }

    pub(super) fn files(&self) -> Files {
        Files {
            log: Arc::new(self.log.clone()),
            unsynced: None,
            journal: Arc::new(self.journal.clone()),
            room: self.room as u64,
            // The same each time: no entry that is left is told from others by it.
            seed: *b"a secret",
            mark: Arc::new(self.mark.clone()),
            doubt: None,
            lock: None,
        }
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.log.hand()
    }

    /// Lets `count` acts fail, from the one after the next `after`.
    pub(super) fn fail(&self, after: u64, count: u64, error: i32) {
        let mut hand = self.hand();
        let first = hand.acts + after;
        hand.fault = Some((first, first.saturating_add(count), error));
    }

    pub(super) fn heal(&self) {
        self.hand().fault = None;
    }

    pub(super) fn lie(&self) {
        self.hand().lies = true;
    }

    /// Acts so far.
    pub(super) fn acts(&self) -> u64 {
        self.hand().acts
    }

    /// The disk as a program finds it that starts after this one was killed.
    pub(super) fn after_kill(&self) -> Self {
        self.with(|state| state.bytes.clone())
    }

    /// The disk after its power failed: of what was not synced each sector may be there or not.
    pub(super) fn after_power_failure(&self, mut random: impl FnMut() -> bool) -> Self {
        self.with(|state| state.after_power_failure(&mut random))
    }

    fn with(&self, mut bytes: impl FnMut(&State) -> Vec<u8>) -> Self {
        let other = Self {
            room: self.room,
            ..Self::new()
        };
        for (file, other) in [
            (&self.log, &other.log),
            (&self.journal, &other.journal),
            (&self.mark, &other.mark),
        ] {
            other.put(bytes(&file.state()));
        }
        other
    }

    /// Puts back the log and its journal as they were when the other was made.
    pub(super) fn restore(&self, older: &Self) {
        for (file, older) in [(&self.log, &older.log), (&self.journal, &older.journal)] {
            file.put(older.bytes());
        }
    }
}

impl File {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// Puts these bytes there, safely.
    pub(super) fn put(&self, bytes: Vec<u8>) {
        let safe = bytes.clone();
        let unsafe_writes = Vec::new();
        *self.state() = State {
            bytes,
            safe,
            unsafe_writes,
        };
    }

    pub(super) fn len_in_bits(&self) -> usize {
        self.state().bytes.len() * 8
    }

    /// Changes one bit.
    pub(super) fn flip(&self, bit: usize) {
        self.state().bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

impl State {
    fn sync(&mut self) {
        for (at, written) in core::mem::take(&mut self.unsafe_writes) {
            let at = usize::try_from(at).unwrap();
            match written {
                None => self.safe.resize(at, 0),
                Some(written) => put(&mut self.safe, at, &written),
            }
        }
    }

    fn after_power_failure(&self, mut random: impl FnMut() -> bool) -> Vec<u8> {
        let mut bytes = self.safe.clone();
        for (at, written) in &self.unsafe_writes {
            let at = usize::try_from(*at).unwrap();
            match written {
                None if random() => bytes.resize(at, 0),
                None => {}
                Some(written) => {
                    for (index, sector) in written.chunks(SECTOR).enumerate() {
                        let at = at + index * SECTOR;
                        if random() {
                            put(&mut bytes, at, sector);
                        }
                    }
                }
            }
        }
        bytes
    }
}

/// As a file does, which becomes longer where something is written behind its end.
fn put(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

impl Hand {
    fn act(&mut self) -> io::Result<()> {
        let act = self.acts;
        self.acts += 1;
        match self.fault {
            Some((from, to, error)) if (from..to).contains(&act) => {
                Err(io::Error::from_raw_os_error(error))
            }
            _ => Ok(()),
        }
    }
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let at = usize::try_from(offset).unwrap();
        let bytes = state.bytes.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.hand().act()?;
        let mut state = self.state();
        state.bytes.resize(usize::try_from(len).unwrap(), 0);
        state.unsafe_writes.push((len, None));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.hand().act()?;
        let mut state = self.state();
        if !self.hand().lies {
            state.sync();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.hand().act()?;
        let mut state = self.state();
        let at = usize::try_from(offset).unwrap();
        put(&mut state.bytes, at, data);
        state.unsafe_writes.push((offset, Some(data.to_vec())));
        Ok(())
    }
}
