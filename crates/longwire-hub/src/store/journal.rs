//! What was committed since the database was last made durable, one commit behind the other.
//!
//! A durable commit of the database writes some pages here and some there, and waits for all of
//! them. Its content in one piece, written where the one before ended, in a file whose length and
//! place on the disk stay as they are, is durable in a fraction of that time. So the journal is what
//! is waited for, and the database becomes durable when the journal is full, with the commit that
//! found no room, and when the log is closed. Where neither came to pass, the next start replays
//! the journal.
//!
//! A journal that was written before is overwritten from its start. What is left of it behind newer
//! entries is known by its offsets: all of it is in the database.

use std::io;
use std::sync::Arc;

use redb::{StorageBackend, WriteTransaction};
use resume::Epoch;

use super::StoreError;
use super::disk::{EVENTS, damaged};
use super::entry::{Entry, Written};
use super::facts::{self, FACTS};

/// Bytes of a journal. Many more would make the commit that finds no room a long one.
pub(super) const ROOM: u64 = 4 << 20;
/// Bytes that are written at once to make it.
const PART: usize = 1 << 20;

/// A journal that is written.
#[derive(Debug)]
pub(super) struct Journal {
    device: Arc<dyn StorageBackend>,
    room: u64,
    epoch: Epoch,
    end: u64,
}

impl Journal {
    /// Begins a journal on `device`, of so many bytes. What stands there must be in the database,
    /// durably.
    pub(super) fn begin(
        device: Arc<dyn StorageBackend>,
        room: u64,
        epoch: Epoch,
    ) -> io::Result<Self> {
        if device.len()? != room {
            // Once for all: later writes change nothing but bytes.
            device.set_len(room)?;
            let zeros = vec![0; PART];
            let mut at = 0;
            while at < room {
                let left = usize::try_from(room - at).unwrap_or(PART);
                device.write(at, &zeros[..left.min(PART)])?;
                at += PART as u64;
            }
            device.sync_data()?;
        }
        Ok(Self {
            device,
            room,
            epoch,
            end: 0,
        })
    }

    /// Appends a commit, after which the log begins at `earliest`, and waits until it is durable.
    /// `false` if there is no room for it: nothing is written then.
    pub(super) fn append(&mut self, entry: Entry, earliest: u64) -> io::Result<bool> {
        let bytes = entry.seal(self.epoch, earliest);
        let end = self.end + bytes.len() as u64;
        if end > self.room {
            return Ok(false);
        }
        self.device.write(self.end, &bytes)?;
        self.device.sync_data()?;
        self.end = end;
        Ok(true)
    }

    /// Begins anew, as everything is in the database, durably.
    pub(super) const fn clear(&mut self) {
        self.end = 0;
    }

    /// What was appended.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        read(&*self.device, self.end)
    }
}

/// Reads a journal as far as it is there, up to so many bytes.
pub(super) fn read(device: &dyn StorageBackend, most: u64) -> io::Result<Vec<u8>> {
    let len = device.len()?.min(most);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    device.read(0, &mut bytes)?;
    Ok(bytes)
}

/// Makes the tables what they were after the last commit in `journal`, which is of this epoch.
pub(super) fn replay(
    transaction: &WriteTransaction,
    epoch: Epoch,
    mut journal: &[u8],
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(EVENTS)?;
    let mut head = facts::newest(transaction, &table)?;
    let mut earliest = facts::earliest(&transaction.open_table(FACTS)?)?;
    while let Some(written) = Written::take(&mut journal, epoch) {
        if written.first > head.saturating_add(1) {
            // The database is older than the journal.
            break;
        }
        for block in written.blocks() {
            let (first, bytes, block) = block.ok_or_else(|| damaged(written.first))?;
            if block.last() <= head {
                continue;
            }
            if first != head + 1 {
                return Err(damaged(first));
            }
            table.insert(first, bytes)?;
            head = block.last();
        }
        earliest = written.earliest.max(earliest);
    }
    // What had gone does not come back.
    while let Some((first, last)) = facts::oldest(&table)? {
        if last >= earliest {
            if first < earliest {
                facts::set_earliest(transaction, earliest)?;
            }
            return Ok(());
        }
        table.pop_first()?;
    }
    facts::set_head(transaction, head)
}
