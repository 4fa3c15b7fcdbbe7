//! Reading a database whose disk takes nothing any more.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// What lies below is only read: what would be written stays in memory. To open a database that
/// was not closed takes a few writes.
#[derive(Debug)]
pub(super) struct Overlay {
    below: Arc<dyn StorageBackend>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    /// What shows of the bytes below: they do not come back once they were cut off.
    shown: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

const BLOCK: usize = 4096;

impl Overlay {
    pub(super) fn new(below: Arc<dyn StorageBackend>) -> io::Result<Self> {
        let len = below.len()?;
        let state = State {
            len,
            shown: len,
            blocks: BTreeMap::new(),
        };
        Ok(Self {
            below,
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from below, zeros beyond what shows.
    fn below(&self, shown: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = shown.saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(out.len());
        let (there, beyond) = out.split_at_mut(there);
        beyond.fill(0);
        if there.is_empty() {
            Ok(())
        } else {
            self.below.read(offset, there)
        }
    }
}

/// The parts of `len` bytes at `offset` in each block: its number, where in it, and how many.
fn parts(mut offset: u64, mut len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    core::iter::from_fn(move || {
        let block = offset / BLOCK as u64;
        let at = usize::try_from(offset % BLOCK as u64).unwrap_or_default();
        let part = len.min(BLOCK - at);
        (offset, len) = (offset + part as u64, len - part);
        (part > 0).then_some((block, at, part))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset
            .checked_add(out.len() as u64)
            .is_none_or(|end| end > state.len)
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.below(state.shown, offset, out)?;
        let mut done = 0;
        for (block, at, part) in parts(offset, out.len()) {
            if let Some(written) = state.blocks.get(&block) {
                out[done..done + part].copy_from_slice(&written[at..at + part]);
            }
            done += part;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        (state.len, state.shown) = (len, state.shown.min(len));
        state.blocks.split_off(&len.div_ceil(BLOCK as u64));
        if let Some(last) = state.blocks.get_mut(&(len / BLOCK as u64)) {
            let (_, at, _) = parts(len, 1).next().unwrap_or_default();
            last[at..].fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut done = 0;
        for (block, at, part) in parts(offset, data.len()) {
            if !state.blocks.contains_key(&block) {
                let mut bytes = Box::new([0; BLOCK]);
                self.below(state.shown, block * BLOCK as u64, &mut bytes[..])?;
                state.blocks.insert(block, bytes);
            }
            if let Some(bytes) = state.blocks.get_mut(&block) {
                bytes[at..at + part].copy_from_slice(&data[done..done + part]);
            }
            done += part;
        }
        Ok(())
    }
}
