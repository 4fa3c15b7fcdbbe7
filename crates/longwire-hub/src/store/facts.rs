//! What a log knows about itself beside its events.

use redb::{Database, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use resume::Epoch;

use super::disk::EVENTS;
use super::mark::Noted;
use super::{StoreError, Sync};

/// `format`, `epoch` (twelve bytes), `head` (of a log that has been emptied) and `open`.
const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
const FORMAT: &[u8] = b"1";

/// Decides about the epoch, and notes that the log is in use if a crash could take something back.
pub(super) fn begin(
    database: &Database,
    sync: Sync,
    noted: Noted,
    fresh: Epoch,
) -> Result<Epoch, StoreError> {
    let transaction = database.begin_write()?;
    let epoch = {
        let events = transaction.open_table(EVENTS)?;
        let newest = events.last()?.map(|(offset, _)| offset.value());
        let mut facts = transaction.open_table(FACTS)?;
        let known = match facts.get("format")? {
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
        let head = newest.unwrap_or(emptied);
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
