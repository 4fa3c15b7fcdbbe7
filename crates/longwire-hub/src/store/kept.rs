//! What the table of a log on disk keeps, and what must go.

use std::collections::VecDeque;
use std::sync::Arc;

use hub_protocol::PublishForm;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, Table};
use resume::{Epoch, Position};

use super::block::{self, Block};
use super::disk::{EVENTS, damaged};
use super::entry::Entry;
use super::facts::{self, FACTS};
use super::tail::Tail;
use super::{Gone, Retention, StoreError, record};
use crate::event::Event;

/// Most events removed with one commit, beyond as many as it appends: so that none takes long
/// after a limit was lowered.
const MOST_GONE: usize = 1_024;

/// What stands in the table, so that it need not be asked.
///
/// Events go one by one, as the limits say; their block goes with the last of them.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) earliest: u64,
    pub(super) head: u64,
    /// Of all records.
    pub(super) bytes: u64,
    /// Time of the record at `earliest`.
    pub(super) oldest: u64,
    /// Time of the newest record there was; zero if that is not known.
    pub(super) newest: u64,
    front: Front,
    tail: Tail,
}

/// What is left of the oldest block; nothing as long as nobody asked.
#[derive(Debug, Default)]
struct Front {
    /// Its key.
    first: u64,
    /// From `earliest` on.
    left: VecDeque<Header>,
}

/// What must be known of an event when it goes.
#[derive(Debug)]
struct Header {
    /// Without its data.
    form: PublishForm,
    time: u64,
    bytes: u64,
}

/// What makes events go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due<'l> {
    pub(super) limits: &'l Retention,
    pub(super) now: u64,
    /// Whether the newest event may go as well, by its age.
    pub(super) expire: bool,
}

impl Kept {
    /// Looks through a table, and shows each event that is kept, in order, to `seen`.
    pub(super) fn load(
        transaction: &ReadTransaction,
        epoch: Epoch,
        mut seen: impl FnMut(Event),
    ) -> Result<Self, StoreError> {
        let none_left = || StoreError::new("there is no offset left");
        let after = |head| Self::after(head).ok_or_else(none_left);
        let facts = transaction.open_table(FACTS)?;
        let mut kept = after(facts::head(&facts)?)?;
        let cut = facts::earliest(&facts)?;
        let table = transaction.open_table(EVENTS)?;
        let mut missing = table.len()?;
        for entry in table.iter()? {
            missing = missing.wrapping_sub(1);
            let (first, bytes) = entry?;
            let (first, bytes) = (first.value(), bytes.value());
            let block = Block::parse(first, bytes).ok_or_else(|| damaged(first))?;
            let follows = kept.is_empty() || first == kept.head + 1;
            if kept.is_empty() {
                // What had gone of the oldest block does not come back.
                kept = after(first.max(cut) - 1)?;
            }
            if !follows || block.last() < kept.earliest {
                return Err(damaged(first));
            }
            if block.last() == u64::MAX {
                return Err(none_left());
            }
            for (offset, record) in block.from(kept.earliest) {
                let (form, time) = record::decode(record).ok_or_else(|| damaged(offset))?;
                kept.push(time, record.len());
                seen(Event::new(Position::new(epoch, offset), form));
            }
            kept.tail.push(bytes.len());
        }
        if missing != 0 {
            return Err(damaged(kept.earliest));
        }
        Ok(kept)
    }

    /// Nothing, after this offset; `None` if there can be no other.
    pub(super) fn after(head: u64) -> Option<Self> {
        Some(Self {
            earliest: head.checked_add(1)?,
            head,
            bytes: 0,
            oldest: 0,
            newest: 0,
            front: Front::default(),
            tail: Tail::NONE,
        })
    }

    /// What a commit makes of this, which has nothing removed until then.
    pub(super) fn next(&mut self) -> Self {
        Self {
            front: core::mem::take(&mut self.front),
            ..*self
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.earliest > self.head
    }

    /// Adds the event after the head, whose record has so many bytes.
    const fn push(&mut self, time: u64, bytes: usize) {
        if self.is_empty() {
            self.oldest = time;
        }
        self.newest = time;
        self.head += 1;
        self.bytes += bytes as u64;
    }

    /// Appends events, whose offsets follow the head, to the table and to the entry of the journal.
    pub(super) fn append(
        &mut self,
        table: &mut Table<'_, u64, &'static [u8]>,
        events: &[Arc<Event>],
        entry: &mut Entry,
        time: u64,
    ) -> Result<(), StoreError> {
        let lengths = events.iter().map(|event| record::length(&event.form));
        let lengths: Vec<_> = lengths.collect();
        let (mut events, mut lengths) = (events, lengths.as_slice());
        while !events.is_empty() {
            let fitting = self.tail.fitting(block::sizes(lengths));
            let (block, after) = events.split_at(fitting);
            let (in_block, rest) = lengths.split_at(fitting);
            let forms = block.iter().map(|event| &event.form);
            let size = block::sizes(in_block).last().unwrap_or_default();
            let bytes = entry.push(|bytes| {
                bytes.reserve(size);
                block::encode(self.head + 1, forms, time, bytes);
            });
            table.insert(self.head + 1, bytes)?;
            self.tail.push(bytes.len());
            in_block.iter().for_each(|length| self.push(time, *length));
            (events, lengths) = (after, rest);
        }
        Ok(())
    }

    /// Whether the oldest event must go.
    pub(super) fn is_over(&self, due: Due<'_>) -> bool {
        let count = self.head + 1 - self.earliest;
        let over_age = u128::from(due.now.saturating_sub(self.oldest)) > due.limits.age.as_millis();
        if count <= 1 {
            return count == 1 && due.expire && over_age;
        }
        count > due.limits.count as u64 || self.bytes > due.limits.bytes as u64 || over_age
    }

    /// Removes what must go, after `appended` events were pushed and stand in the table.
    pub(super) fn shrink(
        &mut self,
        table: &mut Table<'_, u64, &'static [u8]>,
        due: Due<'_>,
        appended: usize,
        epoch: Epoch,
    ) -> Result<Gone, StoreError> {
        let mut gone = Gone::new();
        while gone.len() < MOST_GONE + appended && self.is_over(due) {
            if self.front.left.is_empty() {
                self.front = self.look(table)?;
            }
            let offset = self.earliest;
            let header = self.front.left.pop_front();
            let Header { form, bytes, .. } = header.ok_or_else(|| damaged(offset))?;
            gone.push(Arc::new(Event::new(Position::new(epoch, offset), form)));
            self.bytes = self
                .bytes
                .checked_sub(bytes)
                .ok_or_else(|| damaged(offset))?;
            self.earliest += 1;
            if self.front.left.is_empty() {
                table.pop_first()?;
                if self.is_empty() {
                    break;
                }
                self.front = self.look(table)?;
            }
            if let Some(next) = self.front.left.front() {
                self.oldest = next.time;
            }
        }
        Ok(gone)
    }

    /// Whether a part of the oldest block has gone, as far as that was looked at.
    pub(super) fn is_cut(&self) -> bool {
        !self.front.left.is_empty() && self.front.first < self.earliest
    }

    /// Looks at the oldest block.
    fn look(&self, table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Front, StoreError> {
        let damaged = || damaged(self.earliest);
        let (first, block) = table.first()?.ok_or_else(damaged)?;
        let first = first.value();
        let block = Block::parse(first, block.value()).ok_or_else(damaged)?;
        if first > self.earliest {
            return Err(damaged());
        }
        let headers = block.from(self.earliest).map(|(_, record)| {
            let (form, time) = record::decode_header(record)?;
            let bytes = record.len() as u64;
            Some(Header { form, time, bytes })
        });
        let left: VecDeque<_> = headers.collect::<Option<_>>().ok_or_else(damaged)?;
        if left.is_empty() {
            return Err(damaged());
        }
        Ok(Front { first, left })
    }
}
