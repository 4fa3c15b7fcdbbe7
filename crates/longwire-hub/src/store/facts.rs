//! What a log knows about itself beside its events.

use redb::{AccessGuard, Database, ReadableTable, TableDefinition, WriteTransaction};
use resume::Epoch;

use super::block::Block;
use super::disk::{EVENTS, damaged};
use super::journal::{self, Replayed};
use super::mark::Noted;
use super::record::crc_32;
use super::{StoreError, Sync};

/// `format`, `epoch` (twelve bytes), `head` (of a log that has been emptied), `earliest` (when the
/// oldest block was cut, with a checksum) and `open`.
pub(super) const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
/// Of the log: 1 had a record under each offset, 2 blocks of them, 3 has a journal beside them.
const FORMAT: &[u8] = b"3";
const WITHOUT_JOURNAL: &[u8] = b"2";

/// Replays the journal, decides about the epoch, and notes that the log is in use if a crash could
/// take something back.
pub(super) fn begin(
    database: &Database,
    sync: Sync,
    noted: Noted,
    journal: &[u8],
    fresh: Epoch,
) -> Result<Epoch, StoreError> {
    let transaction = database.begin_write()?;
    let epoch = {
        let mut facts = transaction.open_table(FACTS)?;
        let known = match facts.get("format")? {
            Some(format) if format.value() == b"1" => {
                return Err(StoreError::new(
                    "the log is of an older version of this program, which this one does not \
                     read: move it away to begin a new one",
                ));
            }
            Some(format) if ![FORMAT, WITHOUT_JOURNAL].contains(&format.value()) => {
                return Err(StoreError::new(
                    "the log is of a newer version of this program",
                ));
            }
            format => format.is_some(),
        };
        facts.insert("format", FORMAT)?;
        let crashed = facts.remove("open")?.is_some();
        let kept = match facts.get("epoch")? {
            Some(epoch) => epoch.value().try_into().ok().map(Epoch::from_bytes),
            None => None,
        };
        drop(facts);
        let replayed = match kept {
            Some(kept) => journal::replay(&transaction, kept, journal)?,
            None => Replayed::Whole,
        };
        let head = newest(&transaction, &transaction.open_table(EVENTS)?)?;
        let epoch = match kept {
            Some(kept) if replayed == Replayed::Lost || noted.contradicts(kept, head) => {
                tracing::error!(
                    "the disk has lost events that were acknowledged: a new epoch begins after \
                     offset {head}"
                );
                fresh
            }
            Some(kept) if !crashed => kept,
            None if known => return Err(StoreError::new("the log has lost its epoch")),
            _ => fresh,
        };
        let mut facts = transaction.open_table(FACTS)?;
        facts.insert("epoch", epoch.to_bytes().as_slice())?;
        if sync != Sync::Always {
            facts.insert("open", [].as_slice())?;
        }
        epoch
    };
    transaction.commit()?;
    Ok(epoch)
}

/// The offset of the newest event there was.
pub(super) fn newest(
    transaction: &WriteTransaction,
    events: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<u64, StoreError> {
    match bounds(events.last()?)? {
        Some((_, last)) => Ok(last),
        None => head(&transaction.open_table(FACTS)?),
    }
}

/// The first and the last offset of the oldest block.
pub(super) fn oldest(
    events: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<Option<(u64, u64)>, StoreError> {
    bounds(events.first()?)
}

fn bounds(
    entry: Option<(AccessGuard<'_, u64>, AccessGuard<'_, &'static [u8]>)>,
) -> Result<Option<(u64, u64)>, StoreError> {
    let Some((first, block)) = entry else {
        return Ok(None);
    };
    let first = first.value();
    let block = Block::parse(first, block.value()).ok_or_else(|| damaged(first))?;
    Ok(Some((first, block.last())))
}

/// The offset at which a log has been emptied, if it ever was.
pub(super) fn head(
    facts: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<u64, StoreError> {
    match facts.get("head")? {
        Some(head) => number(head.value()),
        None => Ok(0),
    }
}

/// The offset up to which the oldest block was cut, the last time that one was.
pub(super) fn earliest(
    facts: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<u64, StoreError> {
    let Some(earliest) = facts.get("earliest")? else {
        return Ok(0);
    };
    let whole = earliest.value().split_last_chunk();
    let whole = whole.filter(|(earliest, sum)| crc_32(earliest) == u32::from_le_bytes(**sum));
    match whole {
        Some((earliest, _)) => number(earliest),
        None => Err(StoreError::new("the log has lost where it begins")),
    }
}

/// Notes at which offset the log is empty.
pub(super) fn set_head(transaction: &WriteTransaction, head: u64) -> Result<(), StoreError> {
    let mut facts = transaction.open_table(FACTS)?;
    facts.insert("head", head.to_le_bytes().as_slice())?;
    Ok(())
}

/// Notes that the oldest block is cut: the log begins at this offset.
pub(super) fn set_earliest(
    transaction: &WriteTransaction,
    earliest: u64,
) -> Result<(), StoreError> {
    let mut facts = transaction.open_table(FACTS)?;
    // What is before it would be lost if it changed.
    let earliest = earliest.to_le_bytes();
    let sum = crc_32(&earliest).to_le_bytes();
    facts.insert("earliest", [&earliest[..], &sum].concat().as_slice())?;
    Ok(())
}

/// Notes that nothing can be taken back any more.
pub(super) fn end(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(FACTS)?.remove("open")?;
    Ok(())
}

fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    let bytes = bytes
        .try_into()
        .map_err(|_| StoreError::new("the log has lost its head"))?;
    Ok(u64::from_le_bytes(bytes))
}
