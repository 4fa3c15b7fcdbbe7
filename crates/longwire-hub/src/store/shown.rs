//! Reading a log while it is written.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use redb::{Database, ReadableDatabase};
use resume::{Epoch, Position};

use super::block::Block;
use super::disk::{EVENTS, damaged};
use super::kept::Kept;
use super::{StoreError, record};
use crate::event::Event;

/// The bounds of what was committed, for those who do not wait until the next commit is done.
#[derive(Debug)]
pub(super) struct Shown {
    earliest: AtomicU64,
    head: AtomicU64,
}

impl Shown {
    pub(super) const fn new(kept: &Kept) -> Self {
        Self {
            earliest: AtomicU64::new(kept.earliest),
            head: AtomicU64::new(kept.head),
        }
    }

    /// Shows what has been committed.
    pub(super) fn set(&self, kept: &Kept) {
        self.earliest.store(kept.earliest, Ordering::Release);
        self.head.store(kept.head, Ordering::Release);
    }

    /// As [`Store::read`](super::Store::read).
    pub(super) fn read(
        &self,
        database: &Database,
        epoch: Epoch,
        offsets: &[u64],
        budget: usize,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        // Before the table is opened: what is missing of these was removed, or lost.
        let head = self.head.load(Ordering::Acquire);
        let earliest = self.earliest.load(Ordering::Acquire);
        let table = database.begin_read()?.open_table(EVENTS)?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut wanted = offsets.iter().copied().peekable();
        while let Some(&offset) = wanted.peek().filter(|offset| **offset >= earliest) {
            // Where one block ends another begins.
            let (first, block) = match table.get(offset)? {
                Some(block) => (offset, block),
                None => match table.range(..offset)?.next_back().transpose()? {
                    Some((first, block)) => (first.value(), block),
                    None => break,
                },
            };
            let block = Block::parse(first, block.value()).ok_or_else(|| damaged(first))?;
            if block.last() < offset {
                if offset <= head {
                    // After an error, what was not waited for is not there.
                    let what = format_args!("the disk does not have the event at offset {offset}");
                    return Err(StoreError::new(what));
                }
                break;
            }
            let mut records = block.from(offset);
            while let Some(offset) = wanted.next_if(|offset| *offset <= block.last()) {
                records.skip_to(offset);
                let record = records.next().filter(|(at, _)| *at == offset);
                let (_, record) = record.ok_or_else(|| damaged(offset))?;
                let (form, _) = record::decode(record).ok_or_else(|| damaged(offset))?;
                bytes += record.len();
                events.push(Arc::new(Event::new(Position::new(epoch, offset), form)));
                if bytes >= budget {
                    return Ok(events);
                }
            }
        }
        Ok(events)
    }
}
