//! What was committed since the database was last made durable, one commit behind the other.
//!
//! A durable commit of the database writes some pages here and some there, and waits for all of
//! them. Its content in one piece, written where the one before ended, in a file whose length and
//! place on the disk stay as they are, is durable in a fraction of that time. So the journal is what
//! is waited for. The database becomes durable once the journal is half full, after the answers; with
//! the commit that finds no room in it; and when the log is closed. What is in the journal alone, the
//! next start replays.
//!
//! It begins with a page for itself, `seed (8) │ crc-32 of it (4)`. Each [entry](super::entry) begins
//! at a page of its own, so that what was acknowledged shares none with what is written next. Its
//! checksum depends on the seed, which nobody knows who publishes, and on the epoch: neither an entry
//! of another journal is taken for one of this, nor a piece of what somebody has published.
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
use super::record::{crc_32, crc_32_after};

/// Bytes of a journal. Many more would make it long until the database is durable.
pub(super) const ROOM: u64 = 4 << 20;
/// Most bytes of one that is read.
const MOST: u64 = 64 << 20;
/// Bytes that are written at once to make it.
const PART: usize = 1 << 20;
pub(super) const PAGE: usize = 4096;

/// What checksums depend on.
pub(super) type Seed = [u8; 8];

/// A journal that is written.
#[derive(Debug)]
pub(super) struct Journal {
    device: Arc<dyn StorageBackend>,
    room: u64,
    key: u32,
    /// Where the last entry begins, and where the next one will.
    last: u64,
    end: u64,
}

impl Journal {
    /// Begins a journal on `device`, of so many bytes. What stands there must be in the database,
    /// durably. `seed` comes from a cryptographic generator.
    pub(super) fn begin(
        device: Arc<dyn StorageBackend>,
        room: u64,
        epoch: Epoch,
        seed: Seed,
    ) -> io::Result<Self> {
        if device.len()? != room {
            // Once for all: later writes change nothing but bytes. Its length is reached last.
            device.set_len(0)?;
            let zeros = vec![0; PART];
            let mut at = 0;
            while at < room {
                let left = usize::try_from(room - at).unwrap_or(PART);
                device.write(at, &zeros[..left.min(PART)])?;
                at += PART as u64;
            }
        }
        let sum = crc_32(&seed).to_le_bytes();
        device.write(0, &[&seed[..], &sum].concat())?;
        device.sync_data()?;
        Ok(Self {
            device,
            room,
            key: key(epoch, seed),
            last: PAGE as u64,
            end: PAGE as u64,
        })
    }

    /// Appends a commit, after which the log begins at `earliest`, and waits until it is durable.
    /// `false` if there is no room for it: nothing is written then.
    pub(super) fn append(&mut self, entry: Entry, earliest: u64) -> io::Result<bool> {
        let end = self.end + entry.len() as u64;
        if end > self.room {
            return Ok(false);
        }
        self.device
            .write(self.end, &entry.seal(self.key, earliest))?;
        self.device.sync_data()?;
        self.last = self.end;
        self.end = end.next_multiple_of(PAGE as u64);
        Ok(true)
    }

    /// Forgets the last entry: nothing is appended any more.
    pub(super) const fn take_back(&mut self) {
        self.end = self.last;
    }

    /// Whether to make the database durable as soon as nobody waits for that.
    pub(super) const fn is_half_full(&self) -> bool {
        self.end > self.room / 2
    }

    /// Begins anew, as everything is in the database, durably.
    pub(super) const fn clear(&mut self) {
        self.end = PAGE as u64;
    }

    /// What was appended.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        part(&*self.device, self.end.min(self.room))
    }
}

fn key(epoch: Epoch, seed: Seed) -> u32 {
    crc_32_after(crc_32(&epoch.to_bytes()), &seed)
}

/// Reads a journal as far as it is there.
pub(super) fn read(device: &dyn StorageBackend) -> io::Result<Vec<u8>> {
    let len = device.len()?;
    if len > MOST {
        return Err(io::Error::other("the journal is longer than one can be"));
    }
    part(device, len)
}

fn part(device: &dyn StorageBackend, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    device.read(0, &mut bytes)?;
    Ok(bytes)
}

/// What became of the log since the database was made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replayed {
    /// All of the journal is in the database.
    Whole,
    /// Something was acknowledged that neither of them has any more.
    Lost,
}

/// Makes the tables what they were after the last commit in `journal`, which is of this epoch.
pub(super) fn replay(
    transaction: &WriteTransaction,
    epoch: Epoch,
    journal: &[u8],
) -> Result<Replayed, StoreError> {
    let Some((own, mut journal)) = journal.split_at_checked(PAGE) else {
        return Ok(Replayed::Whole);
    };
    let (seed, sum) = own.split_at(size_of::<Seed>());
    let seed = Seed::try_from(seed).unwrap_or_default();
    if !sum.starts_with(&crc_32(&seed).to_le_bytes()) {
        // It has its length before its seed.
        let is_new = own.iter().all(|byte| *byte == 0);
        return Ok(if is_new {
            Replayed::Whole
        } else {
            Replayed::Lost
        });
    }
    let key = key(epoch, seed);
    let mut table = transaction.open_table(EVENTS)?;
    let mut head = facts::newest(transaction, &table)?;
    let mut earliest = facts::earliest(&transaction.open_table(FACTS)?)?;
    let mut replayed = Replayed::Whole;
    while let Some((written, rest)) = take(journal, key) {
        if written.first > head.saturating_add(1) {
            // The database is older than the journal.
            replayed = Replayed::Lost;
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
        journal = rest;
    }
    // One is written after the one before it was durable.
    let mut others = (0..journal.len()).step_by(PAGE).skip(1);
    if others.any(|at| take(&journal[at..], key).is_some_and(|(it, _)| it.is_beyond(head))) {
        replayed = Replayed::Lost;
    }
    // What had gone does not come back.
    while let Some((first, last)) = facts::oldest(&table)? {
        if last >= earliest {
            if first < earliest {
                facts::set_earliest(transaction, earliest)?;
            }
            return Ok(replayed);
        }
        table.pop_first()?;
    }
    facts::set_head(transaction, head)?;
    Ok(replayed)
}

/// The entry that begins a page, and the pages after it.
fn take(journal: &[u8], key: u32) -> Option<(Written<'_>, &[u8])> {
    let mut rest = journal;
    let written = Written::take(&mut rest, key)?;
    let pages = (journal.len() - rest.len()).next_multiple_of(PAGE);
    Some((written, journal.get(pages..).unwrap_or_default()))
}
