//! What a store on disk does when it is killed, loses power, or its disk fails.

use core::time::Duration;

use hub_protocol::PublishForm;
use resume::{Bounds, Epoch, Position};

use super::conformance::{Directory, EPOCH, FOREVER, event};
use super::disk::Disk;
use super::mark::Mark;
use super::simulated::Simulated;
use super::*;
use crate::hub::Hub;
use crate::log::Log;
use crate::publishing::Publishing;

const OTHER: Epoch = Epoch::from_bytes([9; Epoch::LEN]);
const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// Opens the log on `device`, with another epoch should it not be continued.
fn open(device: &Simulated, sync: Sync) -> Result<(Disk, Vec<Event>), StoreError> {
    let mut events = Vec::new();
    let (file, mark) = (Arc::new(device.clone()), Arc::new(device.mark()));
    let disk = Disk::with_device(file, Mark::new(mark), FOREVER, sync, OTHER, |event| {
        events.push(event);
    })?;
    Ok((disk, events))
}

fn begin(device: &Simulated, sync: Sync) -> Disk {
    let (file, mark) = (Arc::new(device.clone()), Arc::new(device.mark()));
    Disk::with_device(file, Mark::new(mark), FOREVER, sync, EPOCH, |_| {}).unwrap()
}

/// A number that looks random.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bit(&mut self) -> bool {
        self.next() >> 40 & 1 == 1
    }
}

fn data(offset: u64) -> String {
    format!(
        "{offset}{}",
        "x".repeat(usize::try_from(offset * 37 % 3_000).unwrap())
    )
}

/// Appends events one by one until that fails, and gives how many were acknowledged.
fn append(disk: &Disk, count: u64) -> u64 {
    let head = disk.bounds().head().offset;
    let each = head + 1..=head + count;
    each.take_while(|offset| disk.append(&[event(*offset, &data(*offset))]).is_ok())
        .count() as u64
}

/// Every event from the first to `acknowledged` is there, as it was.
fn holds(events: &[Event], acknowledged: u64) {
    for offset in 1..=acknowledged {
        let event = &events[usize::try_from(offset).unwrap() - 1];
        assert_eq!(event.position.offset, offset);
        assert_eq!(event.form.data, hub_protocol::Data::Text(data(offset)));
    }
}

#[test]
fn after_a_kill_the_log_goes_on_in_its_epoch() {
    let device = Simulated::default();
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
        let device = Simulated::default();
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
    let device = Simulated::default();
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
fn what_was_acknowledged_survives_a_power_failure_at_any_moment() {
    let mut random = Random(88_172_645_463_325_252);
    for _ in 0..200 {
        let device = Simulated::default();
        let disk = begin(&device, Sync::Always);
        let count = random.next() % 12;
        // The power fails in the middle of an append.
        append(&disk, count);
        device.fail(random.next() % 12, u64::MAX, EIO);
        let acknowledged = count + append(&disk, 12);
        let after = device.after_power_failure(|| random.bit());
        let (disk, events) = open(&after, Sync::Always).unwrap();
        holds(&events, acknowledged);
        let head = disk.bounds().head();
        assert_eq!(head.epoch, EPOCH);
        assert!(head.offset <= acknowledged + 1, "nothing was invented");
        assert_eq!(append(&disk, 3), 3);
    }
}

#[test]
fn a_disk_that_lies_about_syncing_is_seen_to_lose_events() {
    // Else the test above would prove nothing.
    let mut random = Random(88_172_645_463_325_252);
    let lost = (0..50).any(|_| {
        let device = Simulated::default();
        let disk = begin(&device, Sync::Always);
        device.lie();
        append(&disk, 12);
        let after = device.after_power_failure(|| random.bit());
        open(&after, Sync::Always).map_or(true, |(disk, _)| disk.bounds().head().offset < 12)
    });
    assert!(lost);
}

#[test]
fn when_the_disk_fails_nothing_more_is_acknowledged_and_reading_goes_on() {
    for error in [ENOSPC, EIO] {
        let mut after = 0;
        loop {
            let device = Simulated::default();
            let disk = begin(&device, Sync::Always);
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
            assert_eq!(disk.bounds(), Bounds::new(EPOCH, 1, acknowledged));
            let all: Vec<_> = (1..=acknowledged).collect();
            let read = disk.read(&all, usize::MAX).unwrap();
            assert_eq!(read.len(), all.len());
            for event in read {
                let data = data(event.position.offset);
                assert_eq!(event.form.data, hub_protocol::Data::Text(data));
            }
            // Started again, the hub goes on.
            let (disk, events) = open(&device.after_kill(), Sync::Always).unwrap();
            holds(&events, acknowledged);
            assert_eq!(append(&disk, 3), 3);
            after += 1;
        }
        assert!(after > 20, "{after} acts of the disk were made to fail");
    }
}

#[test]
fn a_disk_that_takes_nothing_any_more_is_still_read() {
    let device = Simulated::default();
    let disk = begin(&device, Sync::Always);
    let mut acknowledged = append(&disk, 50);
    device.fail(3, u64::MAX, EIO);
    acknowledged += append(&disk, 50);
    let all: Vec<_> = (1..=acknowledged).collect();
    assert_eq!(disk.read(&all, usize::MAX).unwrap().len(), all.len());
    device.heal();
    assert_eq!(append(&disk, 1), 0, "what was not acknowledged stays so");
}

/// Of each block of the disk one bit is changed, then some more at random; the log is opened after
/// an end in order, and after a kill. Whatever was acknowledged is there and goes on in its epoch,
/// or another epoch begins, or the log is not opened.
#[test]
fn a_flipped_bit_is_never_delivered_and_nothing_is_lost_in_silence_hostile() {
    const EVENTS: u64 = 60;
    const BLOCK: usize = 4096 * 8;
    let full = std::env::var("LONGWIRE_HOSTILE").as_deref() == Ok("full");
    let mut random = Random(88_172_645_463_325_252);
    for ends_in_order in [true, false] {
        let device = Simulated::default();
        let disk = begin(&device, Sync::Always);
        append(&disk, EVENTS);
        if ends_in_order {
            disk.close().unwrap();
        }
        let device = device.after_kill();
        let bits = device.len_in_bits();
        let block = |start: usize, random: &mut Random| {
            let within = usize::try_from(random.next()).unwrap() % BLOCK;
            start + within.min(bits - start - 1)
        };
        let mut flips: Vec<_> = (0..bits)
            .step_by(BLOCK)
            .map(|start| block(start, &mut random))
            .collect();
        // Where the database keeps its own affairs: which of two commits is the newest.
        flips.extend((0..512 * 8).step_by(if full { 1 } else { 29 }));
        flips.extend(
            (0..if full { 4_000 } else { 60 })
                .map(|_| usize::try_from(random.next()).unwrap() % bits),
        );
        let (mut refused, mut renewed, mut whole) = (0, 0, 0);
        for bit in flips {
            let flipped = device.after_kill();
            flipped.flip(bit);
            // The database may stop the thread where it finds that it was lied to.
            let opened = std::panic::catch_unwind(|| open(&flipped, Sync::Always));
            let Ok(Ok((disk, events))) = opened else {
                refused += 1;
                continue;
            };
            let head = disk.bounds().head();
            let last = events.last().map_or(0, |event| event.position.offset);
            assert_eq!(last, head.offset, "bit {bit}");
            if head.epoch == OTHER {
                renewed += 1;
            } else {
                assert_eq!(disk.bounds(), Bounds::new(EPOCH, 1, EVENTS), "bit {bit}");
                whole += 1;
            }
            // What is there is as it was published, whatever the epoch.
            for event in &events {
                let data = data(event.position.offset);
                assert_eq!(event.form.data, hub_protocol::Data::Text(data), "bit {bit}");
            }
        }
        println!("{refused} refused, {renewed} with a new epoch, {whole} whole");
        assert!(refused > 0 && whole > 0, "some bits matter and some do not");
    }
}

#[test]
fn a_log_that_is_older_than_what_was_acknowledged_begins_a_new_epoch() {
    let device = Simulated::default();
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
    // A whole copy knows of nothing newer, and a log without a note is believed.
    let (disk, _) = open(&older, Sync::Always).unwrap();
    assert_eq!(disk.bounds().head(), Position::new(EPOCH, 10));
    let bare = Simulated::default();
    bare.restore(&older);
    let (disk, _) = open(&bare, Sync::Always).unwrap();
    assert_eq!(disk.bounds().head(), Position::new(EPOCH, 10));
    // A note that was changed proves nothing.
    let changed = device.after_kill();
    changed.mark().flip(100);
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
