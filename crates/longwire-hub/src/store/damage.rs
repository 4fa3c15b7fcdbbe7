//! A table that is not as the log left it: it is not opened, and where it is open already, what is
//! not there is not passed over.

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use super::block::{self, Block};
use super::conformance::{FOREVER, event};
use super::crash::{begin, begin_with, open};
use super::device::Shared;
use super::disk::EVENTS;
use super::simulated::Simulated;
use super::*;

const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");

/// Blocks by their key.
type Blocks = Vec<(u64, Vec<u8>)>;

/// A log of three blocks of three events each, which was closed.
fn log() -> Simulated {
    let device = Simulated::new();
    let disk = begin(&device, Sync::Always);
    for first in [1, 4, 7] {
        let events: Vec<_> = (first..first + 3)
            .map(|offset| event(offset, "x"))
            .collect();
        disk.append(&events).unwrap();
    }
    disk.close().unwrap();
    device
}

pub(super) fn database(device: &Simulated) -> Database {
    let device = Shared(Arc::new(device.log.clone()));
    Database::builder().create_with_backend(device).unwrap()
}

/// Puts other blocks into the table.
fn replace(device: &Simulated, change: impl FnOnce(&mut Blocks)) {
    let transaction = database(device).begin_write().unwrap();
    let mut table = transaction.open_table(EVENTS).unwrap();
    let blocks = table.iter().unwrap().map(|entry| {
        let (first, block) = entry.unwrap();
        (first.value(), block.value().to_vec())
    });
    let mut blocks: Blocks = blocks.collect();
    change(&mut blocks);
    table.retain(|_, _| false).unwrap();
    for (first, block) in blocks {
        table.insert(first, block.as_slice()).unwrap();
    }
    drop(table);
    transaction.commit().unwrap();
}

fn set_fact(device: &Simulated, name: &str, value: &[u8]) {
    let transaction = database(device).begin_write().unwrap();
    transaction
        .open_table(FACTS)
        .unwrap()
        .insert(name, value)
        .unwrap();
    transaction.commit().unwrap();
}

fn block(first: u64, count: u64) -> (u64, Vec<u8>) {
    let events: Vec<_> = (0..count).map(|_| event(first, "x")).collect();
    let mut bytes = Vec::new();
    block::encode(first, events.iter().map(|event| &event.form), 1, &mut bytes);
    (first, bytes)
}

#[test]
fn blocks_that_do_not_follow_each_other_are_damage() {
    let is_refused = |what: &str, at: u64, change: fn(&mut Blocks)| {
        let device = log();
        replace(&device, change);
        let error = open(&device, Sync::Always)
            .err()
            .map(|error| error.to_string());
        let expected =
            format!("the log is damaged at offset {at}: move it away to begin a new one");
        assert_eq!(error, Some(expected), "{what}");
    };
    is_refused("a block is missing", 7, |blocks| drop(blocks.remove(1)));
    is_refused("a block is short", 7, |blocks| blocks[1] = block(4, 2));
    is_refused("two overlap", 7, |blocks| blocks[1] = block(4, 4));
    is_refused("two overlap at their start", 5, |blocks| {
        blocks.insert(2, block(5, 2));
    });
    is_refused("one is empty", 4, |blocks| blocks[1].1.clear());
    is_refused("one has no records", 4, |blocks| blocks[1] = block(4, 0));
    is_refused("the last has no records", 10, |blocks| {
        blocks.push(block(10, 0));
    });
    is_refused("one stands at another's key", 4, |blocks| {
        blocks[1].1 = blocks[2].1.clone();
    });
    is_refused("the last stands at another's key", 8, |blocks| {
        blocks[2].0 = 8;
    });
    is_refused("one is cut", 4, |blocks| blocks[1].1.truncate(9));
    is_refused("one is longer", 4, |blocks| blocks[1].1.push(0));
    is_refused("a length is too large", 4, |blocks| {
        blocks[1].1[6 + 3] = 0xff;
    });
    is_refused("an event has changed", 5, |blocks| {
        let (first, bytes) = &mut blocks[1];
        let mut records = Block::parse(*first, bytes).unwrap().from(5);
        let (_, record) = records.next().unwrap();
        let end = record.len() + records.map(|(_, record)| record.len()).sum::<usize>();
        let at = bytes.len() - end + record.len() - 1;
        bytes[at] ^= 1;
    });
    // Else the tests above would prove nothing.
    let device = log();
    replace(&device, |_| {});
    assert_eq!(open(&device, Sync::Always).unwrap().1.len(), 9);
}

#[test]
fn after_the_last_offset_there_is_no_other() {
    for last in [u64::MAX, u64::MAX - 1] {
        let device = Simulated::new();
        drop(begin(&device, Sync::Always));
        replace(&device, |blocks| blocks.push(block(last, 1)));
        let opened = open(&device, Sync::Always);
        if last < u64::MAX {
            assert_eq!(opened.unwrap().0.bounds().head().offset, last);
        } else {
            assert_eq!(opened.unwrap_err().to_string(), "there is no offset left");
        }
        let device = Simulated::new();
        drop(begin(&device, Sync::Always));
        set_fact(&device, "head", &last.to_le_bytes());
        assert_eq!(open(&device, Sync::Always).is_ok(), last < u64::MAX);
    }
}

#[test]
fn where_a_cut_block_begins_cannot_change_unnoticed() {
    let device = Simulated::new();
    let few = Retention {
        count: 7,
        ..FOREVER
    };
    let disk = begin_with(&device, few, Sync::Always);
    disk.append(&(1..=9).map(|offset| event(offset, "x")).collect::<Vec<_>>())
        .unwrap();
    disk.close().unwrap();
    drop(disk);
    let transaction = database(&device).begin_read().unwrap();
    let facts = transaction.open_table(FACTS).unwrap();
    let noted = facts.get("earliest").unwrap().unwrap().value().to_vec();
    drop((facts, transaction));
    for bit in 0..noted.len() * 8 {
        let mut changed = noted.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let device = device.after_kill();
        set_fact(&device, "earliest", &changed);
        let error = open(&device, Sync::Always).unwrap_err();
        assert_eq!(error.to_string(), "the log has lost where it begins");
    }
    // One that the block does not reach is not of this log.
    replace(&device, |blocks| blocks[0] = block(1, 2));
    let error = open(&device, Sync::Always).unwrap_err().to_string();
    assert!(error.contains("damaged at offset 1:"), "{error}");
}

#[test]
fn what_is_lost_while_the_log_is_open_is_not_passed_over() {
    let device = log();
    let (disk, _) = open(&device, Sync::Always).unwrap();
    disk.lose(4);
    assert_eq!(disk.read(&[1, 2, 3], usize::MAX).unwrap().len(), 3);
    assert_eq!(disk.read(&[7, 9, 10, 11], usize::MAX).unwrap().len(), 2);
    for wanted in [&[4][..], &[6, 7], &[2, 5, 8]] {
        let error = disk.read(wanted, usize::MAX).unwrap_err().to_string();
        let lost = wanted
            .iter()
            .find(|offset| (4..=6).contains(*offset))
            .unwrap();
        assert!(
            error.ends_with(&format!("event at offset {lost}")),
            "{error}"
        );
    }
}

#[test]
fn a_log_from_before_there_was_a_journal_is_opened() {
    let device = log();
    set_fact(&device, "format", b"2");
    device.journal.put(Vec::new());
    assert_eq!(open(&device, Sync::Always).unwrap().1.len(), 9);
    let transaction = database(&device).begin_read().unwrap();
    let facts = transaction.open_table(FACTS).unwrap();
    // The program of then would not know of the journal.
    assert_eq!(facts.get("format").unwrap().unwrap().value(), b"3");
}

#[test]
fn a_log_of_another_format_is_not_opened_and_stays_as_it_is() {
    for (format, says) in [("1", "of an older version"), ("4", "of a newer version")] {
        let device = log();
        // The first one had a record under each offset.
        replace(&device, |blocks| {
            let records = (1..=9).map(|offset| (offset, b"a record".to_vec()));
            *blocks = records.collect();
        });
        set_fact(&device, "format", format.as_bytes());
        let error = open(&device, Sync::Always).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        let transaction = database(&device).begin_read().unwrap();
        let facts = transaction.open_table(FACTS).unwrap();
        let kept = facts.get("format").unwrap().unwrap();
        assert_eq!(kept.value(), format.as_bytes());
        let table = transaction.open_table(EVENTS).unwrap();
        assert_eq!(table.len().unwrap(), 9);
    }
}
