//! What a log knows about itself beside its events.

use redb::{Database, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use resume::Epoch;

use super::block::Block;
use super::disk::{EVENTS, damaged};
use super::mark::Noted;
use super::record::crc_32;
use super::{StoreError, Sync};

/// `format`, `epoch` (twelve bytes), `head` (of a log that has been emptied), `earliest` (when the
/// oldest block was cut, with a checksum) and `open`.
const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
/// Of the log: 1 had a record under each offset, 2 has blocks of them.
const FORMAT: &[u8] = b"2";

/// Decides about the epoch, and notes that the log is in use if a crash could take something back.
pub(super) fn begin(
    database: &Database,
    sync: Sync,
    noted: Noted,
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
            Some(format) if format.value() != FORMAT => {
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
        let emptied = match facts.get("head")? {
            Some(head) => number(head.value())?,
            None => 0,
        };
        let head = match transaction.open_table(EVENTS)?.last()? {
            Some((first, block)) => {
                let block = Block::parse(first.value(), block.value());
                block.ok_or_else(|| damaged(first.value()))?.last()
            }
            None => emptied,
        };
        let epoch = match kept {
            Some(kept) if noted.contradicts(kept, head) => {
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
        facts.insert("epoch", epoch.to_bytes().as_slice())?;
        if sync != Sync::Always {
            facts.insert("open", [].as_slice())?;
        }
        epoch
    };
    transaction.commit()?;
    Ok(epoch)
}

/// The offset at which a log has been emptied, if it ever was.
pub(super) fn head(transaction: &ReadTransaction) -> Result<u64, StoreError> {
    match transaction.open_table(FACTS)?.get("head")? {
        Some(head) => number(head.value()),
        None => Ok(0),
    }
}

/// Notes at which offset the log is empty.
pub(super) fn set_head(transaction: &WriteTransaction, head: u64) -> Result<(), StoreError> {
    let mut facts = transaction.open_table(FACTS)?;
    facts.insert("head", head.to_le_bytes().as_slice())?;
    Ok(())
}

/// The offset up to which the oldest block was cut, the last time that one was.
pub(super) fn earliest(transaction: &ReadTransaction) -> Result<u64, StoreError> {
    let facts = transaction.open_table(FACTS)?;
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
