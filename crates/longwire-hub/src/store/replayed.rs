//! What a start makes of the journal that it finds.

use resume::{Bounds, Position};

use super::conformance::{EPOCH, FOREVER, event};
use super::crash::{OTHER, append, begin, begin_with, data, holds, open};
use super::simulated::Simulated;
use super::*;

/// A log whose journal has `count` small events that its database does not have.
fn with_journal(count: u64) -> Simulated {
    let device = Simulated::new();
    let disk = begin(&device, Sync::Always);
    for offset in 1..=count {
        disk.append(&[event(offset, "x")]).unwrap();
    }
    device.after_kill()
}

#[test]
fn what_was_acknowledged_is_in_the_journal_alone() {
    let device = with_journal(20);
    // Else the tests here and those of crashes would prove little.
    device.journal.put(Vec::new());
    let (disk, events) = open(&device, Sync::Always).unwrap();
    assert_eq!(events.len(), 0);
    assert_eq!(disk.bounds().head(), Position::new(OTHER, 0));
}

#[test]
fn it_is_there_whichever_way_the_log_is_opened_next() {
    for sync in [Sync::Interval(Duration::from_secs(60)), Sync::Never] {
        let device = with_journal(20);
        let (disk, events) = open(&device, sync).unwrap();
        assert_eq!(events.len(), 20);
        assert_eq!(disk.bounds(), Bounds::new(EPOCH, 1, 20));
        append(&disk, 5);
        // Those five may be lost, with their offsets; those before may not.
        let (disk, events) = open(&device.after_kill(), Sync::Always).unwrap();
        assert_eq!(disk.bounds().head().epoch, OTHER);
        assert!(events.len() >= 20);
    }
}

#[test]
fn a_journal_that_is_full_goes_on_from_its_start_and_what_is_left_of_it_is_not_replayed() {
    for count in [350, 351, 352, 400, 701, 702, 900] {
        let device = with_journal(count);
        let (disk, events) = open(&device, Sync::Always).unwrap();
        assert_eq!(disk.bounds(), Bounds::new(EPOCH, 1, count));
        assert_eq!(events.len() as u64, count);
    }
    // That was more than one journal.
    let journal = with_journal(1).journal.bytes();
    let entry = 1 + journal.iter().rposition(|byte| *byte != 0).unwrap();
    assert!(entry * 351 > journal.len(), "{entry}");
}

#[test]
fn what_had_gone_stays_away() {
    let device = Simulated::new();
    let few = Retention {
        count: 7,
        ..FOREVER
    };
    let disk = begin_with(&device, few, Sync::Always);
    let events: Vec<_> = (1..=9).map(|offset| event(offset, "x")).collect();
    disk.append(&events).unwrap();
    let killed = device.after_kill();
    let (again, seen) = open(&killed, Sync::Always).unwrap();
    assert_eq!(again.bounds(), Bounds::new(EPOCH, 3, 9));
    assert_eq!(seen.len(), 7);
    // Nor does what is left of the journal bring it back, once the log begins later.
    drop(disk);
    let disk = Disk::with_files(device.files(), few, Sync::Always, OTHER, |_| {}).unwrap();
    disk.append(&[event(10, "x"), event(11, "x")]).unwrap();
    disk.close().unwrap();
    let (disk, seen) = open(&device.after_kill(), Sync::Always).unwrap();
    assert_eq!(disk.bounds(), Bounds::new(EPOCH, 5, 11));
    assert_eq!(seen.len(), 7);
}

#[test]
fn an_emptied_log_is_replayed_to_its_head() {
    let device = Simulated::new();
    let none = Retention {
        age: Duration::ZERO,
        ..FOREVER
    };
    let mut disk = begin_with(&device, none, Sync::Always);
    disk.append(&[event(1, "x"), event(2, "x")]).unwrap();
    disk.forward(Duration::from_millis(5));
    disk.expire().unwrap();
    assert_eq!(disk.bounds(), Bounds::new(EPOCH, 3, 2));
    let (disk, seen) = open(&device.after_kill(), Sync::Always).unwrap();
    assert_eq!(disk.bounds(), Bounds::new(EPOCH, 3, 2));
    assert_eq!(seen.len(), 0);
}

#[test]
fn a_journal_of_another_log_is_not_replayed() {
    let device = Simulated::new();
    drop(open(&device, Sync::Always).unwrap());
    let device = device.after_kill();
    device.journal.put(with_journal(20).journal.bytes());
    let (disk, events) = open(&device, Sync::Always).unwrap();
    assert_eq!(disk.bounds(), Bounds::new(OTHER, 1, 0));
    assert_eq!(events.len(), 0);
}

#[test]
fn a_log_that_is_older_than_its_journal_begins_a_new_epoch() {
    let device = Simulated::new();
    let disk = begin(&device, Sync::Always);
    append(&disk, 40);
    let older = device.after_kill();
    append(&disk, 60);
    let newer = device.after_kill();
    newer.log.put(older.log.bytes());
    let (disk, events) = open(&newer, Sync::Always).unwrap();
    let head = disk.bounds().head();
    assert_eq!(head.epoch, OTHER);
    assert!(head.offset < 40, "{head:?}");
    assert_eq!(events.len() as u64, head.offset);
    holds(&events, head.offset);
}

#[test]
fn what_is_larger_than_the_journal_waits_for_the_database() {
    let device = Simulated::new();
    let disk = begin(&device, Sync::Always);
    append(&disk, 3);
    let large = "x".repeat(100_000);
    disk.append(&[event(4, &large)]).unwrap();
    disk.append(&[event(5, &data(5))]).unwrap();
    let device = device.after_power_failure(|| false);
    let (disk, events) = open(&device, Sync::Always).unwrap();
    assert_eq!(disk.bounds(), Bounds::new(EPOCH, 1, 5));
    assert_eq!(events[3].form.data, hub_protocol::Data::Text(large));
    assert_eq!(events[4].form.data, hub_protocol::Data::Text(data(5)));
}
