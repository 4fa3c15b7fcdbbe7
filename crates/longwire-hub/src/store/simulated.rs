//! A disk in memory that fails, loses power and tears writes.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// Clones are the same disk: the file of the log, and the note beside it.
#[derive(Clone, Debug, Default)]
pub(super) struct Simulated(File, File);

type File = Arc<Mutex<State>>;

#[derive(Debug, Default)]
struct State {
    /// What the program sees.
    bytes: Vec<u8>,
    /// What is safe.
    safe: Vec<u8>,
    /// What was written since, in order; `None` is a change of the length.
    unsafe_writes: Vec<(u64, Option<Vec<u8>>)>,
    /// Acts that change the disk, so far.
    acts: u64,
    /// From this act on, up to the other, each fails so.
    fault: Option<(u64, u64, i32)>,
    /// The disk says that it has synced, and has not.
    lies: bool,
}

const SECTOR: usize = 512;

impl Simulated {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of the note.
    pub(super) fn mark(&self) -> Self {
        Self(self.1.clone(), File::default())
    }

    /// Lets `count` acts fail, from the one after the next `after`.
    pub(super) fn fail(&self, after: u64, count: u64, error: i32) {
        let mut state = self.state();
        let first = state.acts + after;
        state.fault = Some((first, first.saturating_add(count), error));
    }

    pub(super) fn heal(&self) {
        self.state().fault = None;
    }

    pub(super) fn lie(&self) {
        self.state().lies = true;
    }

    /// Acts so far.
    pub(super) fn acts(&self) -> u64 {
        self.state().acts
    }

    /// The disk as a program finds it that starts after this one was killed.
    pub(super) fn after_kill(&self) -> Self {
        let kept = |file: &File| {
            let state = file.lock().unwrap_or_else(PoisonError::into_inner);
            with(state.bytes.clone())
        };
        Self(kept(&self.0), kept(&self.1))
    }

    /// The disk after its power failed: of what was not synced each sector may be there or not.
    pub(super) fn after_power_failure(&self, mut random: impl FnMut() -> bool) -> Self {
        let mut left = |file: &File| {
            let state = file.lock().unwrap_or_else(PoisonError::into_inner);
            with(state.after_power_failure(&mut random))
        };
        Self(left(&self.0), left(&self.1))
    }

    pub(super) fn len_in_bits(&self) -> usize {
        self.state().bytes.len() * 8
    }

    /// Puts back what the file of the log held when the other was made.
    pub(super) fn restore(&self, older: &Self) {
        let bytes = older.state().bytes.clone();
        self.state().bytes = bytes;
    }

    /// Changes one bit.
    pub(super) fn flip(&self, bit: usize) {
        self.state().bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

fn with(bytes: Vec<u8>) -> File {
    let state = State {
        safe: bytes.clone(),
        bytes,
        ..State::default()
    };
    Arc::new(Mutex::new(state))
}

impl State {
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
                        if random() && at + sector.len() <= bytes.len() {
                            bytes[at..at + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
            }
        }
        bytes
    }

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

impl StorageBackend for Simulated {
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
        let mut state = self.state();
        state.act()?;
        state.bytes.resize(usize::try_from(len).unwrap(), 0);
        state.unsafe_writes.push((len, None));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.act()?;
        if !state.lies {
            state.safe = state.bytes.clone();
            state.unsafe_writes.clear();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.act()?;
        let at = usize::try_from(offset).unwrap();
        state.bytes[at..at + data.len()].copy_from_slice(data);
        state.unsafe_writes.push((offset, Some(data.to_vec())));
        Ok(())
    }
}
