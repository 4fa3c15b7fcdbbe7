//! A log on disk beside a plain model of it: whatever is appended and removed, and however often it
//! is opened again with other limits, both keep the same.

use core::time::Duration;
use std::collections::VecDeque;

use hub_protocol::PublishForm;
use redb::ReadableTableMetadata;
use resume::{Bounds, Position};

use super::conformance::{EPOCH, event};
use super::crash::{Random, begin};
use super::damage::database;
use super::disk::EVENTS;
use super::simulated::Simulated;
use super::*;

/// The time stands still in the model and goes on in the log: far less than this in a test.
const MOMENT: u64 = 100_000;
const STEP: u64 = 3 * MOMENT;
const MOST_GONE: usize = 1_024;

struct Model {
    kept: VecDeque<Entry>,
    head: u64,
    now: u64,
    limits: Retention,
}

#[derive(Debug)]
struct Entry {
    event: Arc<Event>,
    bytes: u64,
    time: u64,
}

impl Model {
    fn append(&mut self, events: &[Arc<Event>]) -> Vec<u64> {
        for event in events {
            let bytes = record::length(&event.form) as u64;
            let (event, time) = (event.clone(), self.now);
            self.head = event.position.offset;
            self.kept.push_back(Entry { event, bytes, time });
        }
        self.shrink(MOST_GONE + events.len(), false)
    }

    fn shrink(&mut self, most: usize, expire: bool) -> Vec<u64> {
        let mut gone = Vec::new();
        while gone.len() < most {
            let Some(oldest) = self.kept.front() else {
                break;
            };
            let age = Duration::from_millis(self.now - oldest.time);
            let over =
                self.kept.len() > self.limits.count || self.bytes() > self.limits.bytes as u64;
            let stays = self.kept.len() == 1 && !(expire && age > self.limits.age);
            if stays || !(over || age > self.limits.age) {
                break;
            }
            gone.extend(self.kept.pop_front().map(|it| it.event.position.offset));
        }
        gone
    }

    fn bytes(&self) -> u64 {
        self.kept.iter().map(|it| it.bytes).sum()
    }

    fn offsets(&self) -> Vec<u64> {
        let offsets = self.kept.iter().map(|it| it.event.position.offset);
        offsets.collect()
    }

    fn get(&self, offset: u64) -> Option<&Entry> {
        let mut kept = self.kept.iter();
        kept.find(|it| it.event.position.offset == offset)
    }

    fn compare(&self, disk: &Disk, random: &mut Random) {
        let earliest = self.head + 1 - self.kept.len() as u64;
        assert_eq!(disk.bounds(), Bounds::new(EPOCH, earliest, self.head));
        let Usage { bytes, oldest } = disk.usage();
        assert_eq!(bytes, self.bytes());
        let age = self.kept.front().map(|it| self.now - it.time);
        assert_eq!(oldest.is_some(), age.is_some());
        if let (Some(oldest), Some(age)) = (oldest, age) {
            let ages = Duration::from_millis(age)..Duration::from_millis(age + MOMENT);
            assert!(ages.contains(&oldest), "{oldest:?} is not in {ages:?}");
        }
        // Some of what was ever there, mostly of what is.
        let from = earliest.saturating_sub(3);
        let step = random.below(4) * random.below(40) + 1;
        let wanted = (from + random.below(3)..=self.head + 2).filter(|_| random.below(step) == 0);
        let wanted: Vec<_> = wanted.collect();
        let there = wanted.iter().map_while(|offset| self.get(*offset));
        let read = disk.read(&wanted, usize::MAX).unwrap();
        assert_eq!(
            read.len(),
            there.clone().count(),
            "{wanted:?} in {earliest}"
        );
        for (read, there) in read.iter().zip(there) {
            assert_eq!(read.position, there.event.position);
            assert_eq!(read.form, there.event.form);
        }
    }
}

fn limits(random: &mut Random) -> Retention {
    let pick = |from: &[usize], random: &mut Random| from[random.index(from.len())];
    Retention {
        count: pick(&[usize::MAX, usize::MAX, 1, 7, 50, 500], random),
        bytes: pick(&[usize::MAX, usize::MAX, 1, 20_000, 300_000], random),
        age: match random.below(3) {
            0 => Duration::from_millis(3 * STEP + MOMENT),
            _ => Duration::MAX,
        },
    }
}

fn events(head: u64, random: &mut Random) -> Vec<Arc<Event>> {
    let count = match random.below(10) {
        0..=3 => 1,
        4 | 5 => 2 + random.below(10),
        6..=8 => 20 + random.below(100),
        _ => 400,
    };
    let largest = [1, 100, 100, 1_000, 5_000, 80_000][random.index(6)];
    let largest = if count > 40 {
        largest.min(1_000)
    } else {
        largest
    };
    let event = |offset| {
        let data = format!("{offset} {}", "x".repeat(random.index(largest)));
        let mut form = PublishForm::text(["a".to_owned(), format!("t/{offset}")], data);
        form.id = (random.below(2) == 0).then(|| format!("id-{offset}"));
        Arc::new(Event::new(Position::new(EPOCH, offset), form))
    };
    (head + 1..=head + count).map(event).collect()
}

fn run(random: &mut Random) {
    let sync = [Sync::Always, Sync::Never][random.index(2)];
    let mut device = Simulated::new();
    let open = |device: &Simulated, limits| {
        let mut seen = Vec::new();
        let disk = Disk::with_files(device.files(), limits, sync, EPOCH, |event| {
            seen.push(event.position.offset);
        });
        (disk.unwrap(), seen)
    };
    let (kept, head, now) = (VecDeque::new(), 0, 0);
    let limits_now = limits(random);
    let mut model = Model {
        kept,
        head,
        now,
        limits: limits_now,
    };
    let (mut disk, _) = open(&device, model.limits);
    for _ in 0..60 {
        match random.below(10) {
            0..=5 => {
                let events = events(model.head, random);
                let gone = disk.append(&events).unwrap();
                for event in &gone {
                    let offset = event.position.offset;
                    let of_batch = events.iter().find(|event| event.position.offset == offset);
                    let it = of_batch
                        .or_else(|| Some(&model.get(offset)?.event))
                        .unwrap();
                    assert_eq!(
                        (&event.form.topics, &event.form.id),
                        (&it.form.topics, &it.form.id)
                    );
                }
                let gone: Vec<_> = gone.iter().map(|event| event.position.offset).collect();
                assert_eq!(gone, model.append(&events));
            }
            6 => {
                let gone = disk.expire().unwrap();
                let gone: Vec<_> = gone.iter().map(|event| event.position.offset).collect();
                assert_eq!(gone, model.shrink(MOST_GONE, true));
            }
            7 => {
                disk.forward(Duration::from_millis(STEP));
                model.now += STEP;
            }
            _ => {
                if sync == Sync::Never || random.below(2) == 0 {
                    disk.close().unwrap();
                }
                device = device.after_kill();
                model.limits = limits(random);
                let seen;
                (disk, seen) = open(&device, model.limits);
                assert_eq!(seen, model.offsets());
                // The clock does not go back before the newest event.
                model.now = model.kept.back().map_or(0, |newest| newest.time);
            }
        }
        model.compare(&disk, random);
    }
}

#[test]
fn a_log_on_disk_keeps_what_a_plain_one_would() {
    let mut random = Random(88_172_645_463_325_252);
    for _ in 0..200 {
        run(&mut random);
    }
}

#[test]
fn a_log_that_is_opened_often_has_pages_as_full() {
    let mut device = Simulated::new();
    for round in 0..100 {
        let disk = begin(&device, Sync::Always);
        let events = round * 17 + 1..=round * 17 + 17;
        let events = events.map(|it| event(it, &"x".repeat(100)));
        disk.append(&events.collect::<Vec<_>>()).unwrap();
        device = device.after_kill();
    }
    let database = database(&device);
    let transaction = database.begin_write().unwrap();
    let stats = transaction.open_table(EVENTS).unwrap().stats().unwrap();
    assert!(
        stats.fragmented_bytes() < stats.stored_bytes() / 5,
        "{stats:?}"
    );
}
