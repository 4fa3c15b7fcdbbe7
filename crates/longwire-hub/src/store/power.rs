//! What a store on disk does when its power fails, or a bit of it changes.

use resume::{Bounds, Position};

use super::conformance::{EPOCH, FOREVER, event};
use super::crash::{EIO, OTHER, Random, append, begin, begin_with, data, holds, open};
use super::simulated::{File, Simulated};
use super::*;

/// Appends so many events together.
fn append_together(disk: &Disk, count: u64) -> Result<Gone, StoreError> {
    let head = disk.bounds().head().offset;
    let events = head + 1..=head + count;
    let events: Vec<_> = events.map(|offset| event(offset, &data(offset))).collect();
    disk.append(&events)
}

#[test]
fn what_was_acknowledged_survives_a_power_failure_at_any_moment() {
    let mut random = Random(88_172_645_463_325_252);
    for round in 0..200 {
        // In which there is room for more or less of them.
        let device = Simulated::with_room(1 + round % 12);
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
fn what_a_commit_does_to_blocks_is_done_or_not_whenever_the_power_fails() {
    let mut random = Random(88_172_645_463_325_252);
    let (mut done, mut not) = (0, 0);
    for _ in 0..200 {
        let device = Simulated::new();
        let few = Retention {
            count: 50,
            ..FOREVER
        };
        let disk = begin_with(&device, few, Sync::Always);
        for _ in 0..random.below(5) {
            append_together(&disk, 1 + random.below(40)).unwrap();
        }
        device.fail(random.below(30), u64::MAX, EIO);
        let mut before = disk.bounds();
        let after = loop {
            let count = 1 + random.below(40);
            let (earliest, head) = (before.earliest().offset, before.head().offset + count);
            let after = Bounds::new(EPOCH, earliest.max((head + 1).saturating_sub(50)), head);
            if append_together(&disk, count).is_err() {
                break after;
            }
            assert_eq!(disk.bounds(), after);
            before = after;
        };
        // All of it may have reached the disk.
        let all = random.bit();
        let left = device.after_power_failure(|| all || random.bit());
        let (disk, events) = open(&left, Sync::Always).unwrap();
        let bounds = disk.bounds();
        assert!(bounds == before || bounds == after, "{bounds:?}");
        *(if bounds == after { &mut done } else { &mut not }) += 1;
        let kept = bounds.earliest().offset..=bounds.head().offset;
        assert_eq!(events.len() as u64, 1 + kept.end() - kept.start());
        for (offset, event) in kept.zip(events) {
            assert_eq!(event.position, Position::new(EPOCH, offset));
            assert_eq!(event.form.data, hub_protocol::Data::Text(data(offset)));
        }
        append_together(&disk, 20).unwrap();
    }
    assert!(done > 0 && not > 0, "{done} done, {not} not");
}

#[test]
fn a_disk_that_lies_about_syncing_is_seen_to_lose_events() {
    // Else the test above would prove nothing.
    let mut random = Random(88_172_645_463_325_252);
    let lost = (0..50).any(|_| {
        let device = Simulated::new();
        let disk = begin(&device, Sync::Always);
        device.lie();
        append(&disk, 12);
        let after = device.after_power_failure(|| random.bit());
        open(&after, Sync::Always).map_or(true, |(disk, _)| disk.bounds().head().offset < 12)
    });
    assert!(lost);
}

/// Of each block of the log and of its journal one bit is changed, then some more at random; the log
/// is opened after an end in order, and after a kill. Whatever was acknowledged is there and goes on
/// in its epoch, or another epoch begins, or the log is not opened.
#[test]
fn a_flipped_bit_is_never_delivered_and_nothing_is_lost_in_silence_hostile() {
    // One by one, the last three are in the journal.
    const EVENTS: u64 = 63;
    const BLOCK: usize = 4096 * 8;
    let full = std::env::var("LONGWIRE_HOSTILE").as_deref() == Ok("full");
    let mut random = Random(88_172_645_463_325_252);
    for (in_blocks, ends_in_order) in [(false, true), (false, false), (true, true), (true, false)] {
        let device = Simulated::new();
        let mut kept = FOREVER;
        if in_blocks {
            kept.count = 50;
        }
        let disk = begin_with(&device, kept, Sync::Always);
        if in_blocks {
            // The first of the first block go.
            append_together(&disk, 30).unwrap();
            append_together(&disk, EVENTS - 30 - 5).unwrap();
            // For these the journal has room.
            append_together(&disk, 5).unwrap();
        } else {
            append(&disk, EVENTS);
        }
        let earliest = disk.bounds().earliest().offset;
        if ends_in_order {
            disk.close().unwrap();
        }
        let device = device.after_kill();
        let mut flips = Vec::new();
        for in_journal in [false, true] {
            let bits = file(&device, in_journal).len_in_bits();
            let each = (0..bits).step_by(BLOCK).map(|start| {
                let within = usize::try_from(random.next()).unwrap() % BLOCK;
                start + within.min(bits - start - 1)
            });
            flips.extend(each.map(|bit| (in_journal, bit)));
            // Where the database keeps its own affairs: which of two commits is the newest.
            let first = (0..512 * 8).step_by(if full { 1 } else { 29 });
            flips.extend(first.map(|bit| (in_journal, bit)));
            flips.extend((0..if full { 4_000 } else { 60 }).map(|_| {
                let bit = usize::try_from(random.next()).unwrap() % bits;
                (in_journal, bit)
            }));
        }
        let in_seed = flips
            .iter()
            .filter(|(journal, bit)| *journal && *bit < 12 * 8);
        let in_seed = in_seed.count();
        let (mut refused, mut renewed, mut whole) = ([0; 2], [0; 2], [0; 2]);
        for (in_journal, bit) in flips {
            let flipped = device.after_kill();
            file(&flipped, in_journal).flip(bit);
            let at = usize::from(in_journal);
            // The database may stop the thread where it finds that it was lied to.
            let opened = std::panic::catch_unwind(|| open(&flipped, Sync::Always));
            let Ok(Ok((disk, events))) = opened else {
                refused[at] += 1;
                continue;
            };
            let head = disk.bounds().head();
            let last = events.last().map_or(0, |event| event.position.offset);
            assert_eq!(last, head.offset, "bit {bit}");
            if head.epoch == OTHER {
                renewed[at] += 1;
            } else {
                // What has gone may come back, if the bit was in the name of what says so.
                assert!(disk.bounds().earliest().offset <= earliest, "bit {bit}");
                assert_eq!(head, Position::new(EPOCH, EVENTS), "bit {bit}");
                whole[at] += 1;
            }
            // What is there is as it was published, whatever the epoch.
            for event in &events {
                let data = data(event.position.offset);
                assert_eq!(event.form.data, hub_protocol::Data::Text(data), "bit {bit}");
            }
        }
        println!("{refused:?} refused, {renewed:?} with a new epoch, {whole:?} whole");
        assert!(
            refused[0] > 0 && whole[0] > 0,
            "some bits matter and some do not"
        );
        assert!(refused[1] == 0 && whole[1] > 0);
        if ends_in_order {
            // Only what says which journal it is matters.
            assert_eq!(renewed, [0, in_seed]);
        } else {
            assert!(renewed[1] > in_seed);
        }
    }
}

fn file(device: &Simulated, in_journal: bool) -> &File {
    let Simulated { log, journal, .. } = device;
    if in_journal { journal } else { log }
}
