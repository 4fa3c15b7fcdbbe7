//! What a store on disk does when it is killed, or its disk fails.

use core::time::Duration;

use hub_protocol::PublishForm;
use resume::{Bounds, Epoch, Position};

use super::conformance::{Directory, EPOCH, FOREVER, event};
use super::disk::Disk;
use super::simulated::Simulated;
use super::*;
use crate::hub::Hub;
use crate::log::Log;
use crate::publishing::Publishing;

pub(super) const OTHER: Epoch = Epoch::from_bytes([9; Epoch::LEN]);
const ENOSPC: i32 = 28;
pub(super) const EIO: i32 = 5;

/// Opens the log on `device`, with another epoch should it not be continued.
pub(super) fn open(device: &Simulated, sync: Sync) -> Result<(Disk, Vec<Event>), StoreError> {
    let mut events = Vec::new();
    let disk = Disk::with_files(device.files(), FOREVER, sync, OTHER, |event| {
        events.push(event);
    })?;
    Ok((disk, events))
}

pub(super) fn begin(device: &Simulated, sync: Sync) -> Disk {
    begin_with(device, FOREVER, sync)
}

pub(super) fn begin_with(device: &Simulated, limits: Retention, sync: Sync) -> Disk {
    Disk::with_files(device.files(), limits, sync, EPOCH, |_| {}).unwrap()
}

/// A number that looks random.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn bit(&mut self) -> bool {
        self.next() >> 40 & 1 == 1
    }
}

pub(super) fn data(offset: u64) -> String {
    format!(
        "{offset}{}",
        "x".repeat(usize::try_from(offset * 37 % 3_000).unwrap())
    )
}

/// Appends events one by one until that fails, and gives how many were acknowledged.
pub(super) fn append(disk: &Disk, count: u64) -> u64 {
    let head = disk.bounds().head().offset;
    let each = head + 1..=head + count;
    each.take_while(|offset| disk.append(&[event(*offset, &data(*offset))]).is_ok())
        .count() as u64
}

/// Every event from the first to `acknowledged` is there, as it was.
pub(super) fn holds(events: &[Event], acknowledged: u64) {
    for offset in 1..=acknowledged {
        let event = &events[usize::try_from(offset).unwrap() - 1];
        assert_eq!(event.position.offset, offset);
        assert_eq!(event.form.data, hub_protocol::Data::Text(data(offset)));
    }
}

#[test]
fn after_a_kill_the_log_goes_on_in_its_epoch() {
    let device = Simulated::new();
    let disk = begin(&device, Sync::Always);
    assert_eq!(append(&disk, 20), 20);
    let (after, events) = open(&device.after_kill(), Sync::Always).unwrap();
    assert_eq!(after.bounds(), Bounds::new(EPOCH, 1, 20));
    holds(&events, 20);
    assert_eq!(append(&after, 5), 5);
}

#[test]
fn without_waiting_for_the_disk_an_end_in_order_keeps_the_epoch_and_a_kill_begins_another() {
    for sync in [Sync::Interval(Duration::from_secs(60)), Sync::Never] {
        let device = Simulated::new();
        let disk = begin(&device, sync);
        append(&disk, 20);
        let killed = device.after_kill();
        disk.close().unwrap();
        drop(disk);
        for (device, epoch) in [(killed, OTHER), (device, EPOCH)] {
            let (disk, _) = open(&device, sync).unwrap();
            assert_eq!(disk.bounds().head().epoch, epoch, "{sync:?}");
            disk.close().unwrap();
            // What a crash could have taken back does not depend on how the log is opened next.
            let crashed = device.after_kill();
            drop(disk);
            let (disk, _) = open(&crashed, Sync::Always).unwrap();
            assert_eq!(disk.bounds().head().epoch, epoch, "{sync:?}");
        }
    }
}

#[test]
fn while_events_keep_coming_the_disk_is_waited_for_as_often_as_asked() {
    let device = Simulated::new();
    let disk = begin(&device, Sync::Interval(Duration::from_millis(50)));
    let log = Log::new(disk.bounds().head(), usize::MAX);
    let hub = Hub::on_disk(log, disk).unwrap();
    // The writer is never without work for as long as it takes to look around.
    for _ in 0..100 {
        let form = PublishForm::text(["a"], "x");
        let Publishing::Waits(outcome) = hub.publish(form) else {
            panic!("nobody writes")
        };
        outcome.blocking_recv().unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    // Nothing that was not synced is there.
    let (_, events) = open(&device.after_power_failure(|| false), Sync::Always).unwrap();
    hub.close();
    assert!(events.len() >= 50, "only {} of 100", events.len());
}

#[test]
fn when_the_disk_fails_nothing_more_is_acknowledged_and_reading_goes_on() {
    // With this journal, the database becomes durable now and then.
    let all = usize::MAX;
    for (error, pages, count) in [
        (ENOSPC, 3, all),
        (EIO, 3, all),
        (EIO, 30, all),
        (EIO, 30, 4),
    ] {
        let mut after = 0;
        loop {
            let device = Simulated::with_room(pages);
            let kept = Retention { count, ..FOREVER };
            let disk = begin_with(&device, kept, Sync::Always);
            append(&disk, 5);
            // Once, as when somebody makes room: a later success says nothing about this failure.
            device.fail(after, 1, error);
            let begun = device.acts();
            let acknowledged = 5 + append(&disk, 20);
            let failed = acknowledged < 25;
            if !failed {
                assert!(device.acts() - begun <= after, "every act was reached");
                break;
            }
            for _ in 0..3 {
                assert_eq!(append(&disk, 1), 0, "act {after}");
                assert!(disk.expire().is_err() && disk.close().is_err());
            }
            let earliest = acknowledged - (acknowledged - 1).min(count as u64 - 1);
            assert_eq!(disk.bounds(), Bounds::new(EPOCH, earliest, acknowledged));
            let all: Vec<_> = (earliest..=acknowledged).collect();
            let read = disk.read(&all, usize::MAX).unwrap();
            assert_eq!(read.len(), all.len(), "act {after}");
            for event in read {
                let data = data(event.position.offset);
                assert_eq!(event.form.data, hub_protocol::Data::Text(data));
            }
            // Started again, the hub goes on.
            let (disk, events) = open(&device.after_kill(), Sync::Always).unwrap();
            if earliest == 1 {
                holds(&events, acknowledged);
            }
            assert!(disk.bounds().head().offset >= acknowledged);
            assert_eq!(append(&disk, 3), 3);
            after += 1;
        }
        assert!(after > 20, "{after} acts of the disk were made to fail");
    }
}

#[test]
fn a_disk_that_takes_nothing_any_more_is_still_read() {
    let device = Simulated::new();
    let disk = begin(&device, Sync::Always);
    let mut acknowledged = append(&disk, 50);
    device.fail(3, u64::MAX, EIO);
    acknowledged += append(&disk, 50);
    let all: Vec<_> = (1..=acknowledged).collect();
    assert_eq!(disk.read(&all, usize::MAX).unwrap().len(), all.len());
    device.heal();
    assert_eq!(append(&disk, 1), 0, "what was not acknowledged stays so");
}

#[test]
fn a_log_that_is_older_than_what_was_acknowledged_begins_a_new_epoch() {
    let device = Simulated::new();
    let disk = begin(&device, Sync::Always);
    append(&disk, 10);
    let older = device.after_kill();
    append(&disk, 5);
    let newer = device.after_kill();
    // As from a backup, without its note.
    newer.restore(&older);
    let (disk, events) = open(&newer, Sync::Always).unwrap();
    assert_eq!(disk.bounds().head(), Position::new(OTHER, 10));
    holds(&events, 10);
    assert_eq!(append(&disk, 3), 3);
    // That is said once: the next start goes on.
    let (disk, _) = open(&newer.after_kill(), Sync::Always).unwrap();
    assert_eq!(disk.bounds().head(), Position::new(OTHER, 13));
    // A whole copy knows of nothing newer; one that was put in place without its note says so.
    let (disk, _) = open(&older, Sync::Always).unwrap();
    assert_eq!(disk.bounds().head(), Position::new(EPOCH, 10));
    let bare = Simulated::new();
    bare.restore(&older);
    let (disk, events) = open(&bare, Sync::Always).unwrap();
    assert_eq!(disk.bounds().head(), Position::new(OTHER, 10));
    holds(&events, 10);
    // A note that was changed proves nothing.
    let changed = device.after_kill();
    changed.mark.flip(100);
    let (disk, _) = open(&changed, Sync::Always).unwrap();
    assert_eq!(disk.bounds().head(), Position::new(OTHER, 15));
}

#[test]
fn two_hubs_cannot_have_one_directory() {
    let directory = Directory::new();
    let open = || Disk::open(&directory.0, FOREVER, Sync::Always, EPOCH, |_| {});
    let first = open().unwrap();
    let error = open().unwrap_err().to_string();
    assert!(
        error.contains("belongs to a hub that is running"),
        "{error}"
    );
    drop(first);
    assert!(open().is_ok());
}

#[test]
fn what_was_kept_is_found_again_with_its_bounds() {
    let directory = Directory::new();
    let few = Retention {
        count: 7,
        ..FOREVER
    };
    for round in 0..5 {
        let mut seen = Vec::new();
        let disk = Disk::open(
            &directory.0,
            few,
            Sync::Always,
            [EPOCH, OTHER][round % 2],
            |event| {
                seen.push(event.position.offset);
            },
        );
        let disk = disk.unwrap();
        let head = round as u64 * 3;
        let earliest = (head + 1).saturating_sub(7).max(1);
        assert_eq!(disk.bounds(), Bounds::new(EPOCH, earliest, head));
        assert_eq!(seen, (earliest..=head).collect::<Vec<_>>());
        append(&disk, 3);
        disk.close().unwrap();
    }
    // Emptied, it still knows where it was.
    let none = Retention {
        age: Duration::ZERO,
        ..FOREVER
    };
    let disk = Disk::open(&directory.0, none, Sync::Always, OTHER, |_| {}).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(disk.expire().unwrap().len(), 7);
    drop(disk);
    let disk = Disk::open(&directory.0, none, Sync::Always, OTHER, |_| {}).unwrap();
    assert_eq!(disk.bounds(), Bounds::new(EPOCH, 16, 15));
}
