//! What a start makes of the journal that it finds.

use resume::{Bounds, Position};

use super::conformance::{Directory, EPOCH, FOREVER, event};
use super::crash::{OTHER, append, begin, begin_with, data, holds, open};
use super::entry::Entry;
use super::files::Files;
use super::journal::{Journal, PAGE};
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
    let device = with_journal(4);
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
    for count in [5, 6, 7, 10, 11, 12, 13, 100] {
        let device = with_journal(count);
        let (disk, events) = open(&device, Sync::Always).unwrap();
        assert_eq!(disk.bounds(), Bounds::new(EPOCH, 1, count));
        assert_eq!(events.len() as u64, count);
    }
    // Five have room: the sixth made the database durable.
    let device = with_journal(6);
    device.journal.put(Vec::new());
    assert_eq!(open(&device, Sync::Always).unwrap().1.len(), 6);
}

#[test]
fn a_journal_that_is_half_full_is_emptied_when_there_is_time() {
    for (count, durable) in [(2, 0), (3, 3)] {
        let device = Simulated::new();
        let disk = begin(&device, Sync::Always);
        for offset in 1..=count {
            disk.append(&[event(offset, "x")]).unwrap();
        }
        disk.sync().unwrap();
        let copy = device.after_kill();
        copy.journal.put(Vec::new());
        let (_, events) = open(&copy, Sync::Always).unwrap();
        assert_eq!(events.len(), durable);
        // It goes on from its start.
        disk.append(&[event(count + 1, "x")]).unwrap();
        let (disk, events) = open(&device.after_kill(), Sync::Always).unwrap();
        assert_eq!(events.len() as u64, count + 1);
        assert_eq!(disk.bounds(), Bounds::new(EPOCH, 1, count + 1));
    }
}

#[test]
fn what_the_journal_has_lost_is_noticed_without_the_note() {
    for (page, kept) in [(0, 0), (1, 0), (2, 1), (4, 3), (5, 4)] {
        let device = with_journal(5);
        // As it was at the start: the disk was not waited for since.
        let note = with_journal(0).mark.bytes();
        device.mark.put(note);
        device.journal.flip(page * PAGE * 8 + 50);
        let (disk, events) = open(&device, Sync::Always).unwrap();
        // Behind the last one nothing tells whether it was acknowledged.
        let epoch = if page == 5 { EPOCH } else { OTHER };
        assert_eq!(disk.bounds(), Bounds::new(epoch, 1, kept), "page {page}");
        assert_eq!(events.len() as u64, kept);
    }
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
    // The note does not know it.
    newer.mark.put(older.mark.bytes());
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

#[test]
fn after_an_error_of_the_disk_the_files_are_written_again_before_they_are_believed() {
    let directory = Directory::new();
    let open = || Disk::open(&directory.0, FOREVER, Sync::Always, EPOCH, |_| {}).unwrap();
    let disk = open();
    append(&disk, 5);
    drop(disk);
    let doubt = directory.0.join("doubt");
    std::fs::write(&doubt, []).unwrap();
    let file = |name| {
        std::fs::File::options()
            .write(true)
            .open(directory.0.join(name))
            .unwrap()
    };
    let files = ["log.redb", "journal"].map(file);
    for file in &files {
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    let opened = Files::open(&directory.0, Sync::Always).unwrap();
    for file in &files {
        let modified = file.metadata().unwrap().modified().unwrap();
        assert!(modified > std::time::UNIX_EPOCH, "{file:?}");
    }
    drop(opened);
    assert!(!doubt.exists());
    assert_eq!(open().bounds(), Bounds::new(EPOCH, 1, 5));
}

#[test]
fn a_first_start_that_was_cut_off_is_begun_again() {
    let device = Simulated::new();
    device.log.put(vec![0; 10_000]);
    let (disk, events) = open(&device, Sync::Always).unwrap();
    assert_eq!(disk.bounds(), Bounds::new(OTHER, 1, 0));
    assert_eq!(events.len(), 0);
    // A log that was used is not given up for that.
    let device = with_journal(3);
    device.log.put(vec![0; 10_000]);
    assert!(open(&device, Sync::Always).is_err());
}

#[test]
fn the_journal_is_given_up_where_the_disk_is_not_waited_for_each_time() {
    let device = with_journal(3);
    let sync = Sync::Interval(Duration::from_secs(60));
    let (disk, _) = open(&device, sync).unwrap();
    append(&disk, 2);
    disk.close().unwrap();
    assert!(device.journal.bytes().is_empty());
    let (disk, events) = open(&device.after_kill(), Sync::Always).unwrap();
    assert_eq!(disk.bounds(), Bounds::new(EPOCH, 1, 5));
    assert_eq!(events.len(), 5);
}

#[test]
fn a_log_that_is_older_than_it_was_when_it_was_closed_begins_a_new_epoch() {
    for sync in [Sync::Always, Sync::Never] {
        let device = Simulated::new();
        let disk = begin(&device, sync);
        append(&disk, 5);
        disk.close().unwrap();
        drop(disk);
        let older = device.after_kill();
        let (disk, _) = open(&device, sync).unwrap();
        append(&disk, 5);
        disk.close().unwrap();
        drop(disk);
        device.restore(&older);
        let (disk, events) = open(&device, sync).unwrap();
        assert_eq!(disk.bounds().head(), Position::new(OTHER, 5), "{sync:?}");
        holds(&events, 5);
    }
}

#[test]
fn what_was_taken_back_is_not_read_again() {
    let device = Simulated::new();
    let file = Arc::new(device.journal);
    let mut journal = Journal::begin(file, 6 * PAGE as u64, EPOCH, *b"a secret").unwrap();
    for first in 1..=3 {
        assert!(journal.append(Entry::new(first), 1).unwrap());
    }
    assert_eq!(journal.read().unwrap().len(), 4 * PAGE);
    journal.take_back();
    assert_eq!(journal.read().unwrap().len(), 3 * PAGE);
}
