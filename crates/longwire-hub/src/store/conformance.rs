//! What every store does, whatever it keeps events in.

use core::time::Duration;
use std::path::PathBuf;
use std::thread::sleep;

use hub_protocol::{Data, PublishForm};
use resume::{Bounds, Epoch, Position};

use super::*;

pub(super) const EPOCH: Epoch = Epoch::from_bytes([7; Epoch::LEN]);
pub(super) const FOREVER: Retention = Retention {
    count: usize::MAX,
    bytes: usize::MAX,
    age: Duration::MAX,
};

#[derive(Clone, Copy, Debug)]
enum Kind {
    Memory,
    Disk(Sync),
}

/// A store, and the directory it is in.
struct Opened(Box<dyn Store>, Option<Directory>);

pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    pub(super) fn new() -> Self {
        let name = format!("longwire-{:016x}", getrandom::u64().unwrap());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind does not make a test wrong.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(kind: Kind, kept: Retention) -> Opened {
    match kind {
        Kind::Memory => Opened(Box::new(Memory::new(EPOCH, kept)), None),
        Kind::Disk(sync) => {
            let directory = Directory::new();
            let disk = Disk::open(&directory.0, kept, sync, EPOCH, |_| {}).unwrap();
            Opened(Box::new(disk), Some(directory))
        }
    }
}

pub(super) fn event(offset: u64, data: &str) -> Arc<Event> {
    let form = PublishForm::new(vec!["a".into()], Data::Text(data.into()));
    Arc::new(Event::new(Position::new(EPOCH, offset), form))
}

fn offsets(events: &[Arc<Event>]) -> Vec<u64> {
    events.iter().map(|event| event.position.offset).collect()
}

fn it_begins_empty_and_counts_from_one(kind: Kind) {
    let Opened(store, _directory) = open(kind, FOREVER);
    assert_eq!(store.bounds(), Bounds::new(EPOCH, 1, 0));
    assert_eq!(
        store.append(&[event(1, "1"), event(2, "2")]).unwrap().len(),
        0
    );
    assert_eq!(store.bounds(), Bounds::new(EPOCH, 1, 2));
    assert_eq!(store.append(&[event(3, "3")]).unwrap().len(), 0);
    assert_eq!(store.bounds(), Bounds::new(EPOCH, 1, 3));
}

fn what_was_appended_is_read(kind: Kind) {
    let Opened(store, _directory) = open(kind, FOREVER);
    let mut forms: Vec<_> = ["", "text\nin lines", "grüße", &"x".repeat(1 << 20)]
        .map(|text| PublishForm::new(vec!["a".into(), "b".into()], Data::Text(text.into())))
        .into();
    forms.push(PublishForm::new(
        vec!["ä".into()],
        Data::Binary((0..=255).collect()),
    ));
    forms.push(PublishForm::new(
        vec!["t".repeat(256); 64],
        Data::Binary(Vec::new()),
    ));
    let mut full = PublishForm::new(vec!["a".into()], Data::Text("{}".into()));
    (full.id, full.event) = (Some("order-7".into()), Some("new".into()));
    (full.retry, full.private) = (Some(9_999_999_999), true);
    forms.push(full);
    let events = forms
        .into_iter()
        .zip(1..)
        .map(|(form, offset)| Arc::new(Event::new(Position::new(EPOCH, offset), form)));
    let events: Vec<_> = events.collect();
    store.append(&events).unwrap();
    for wanted in [vec![1, 2, 3, 4, 5, 6, 7], vec![3, 7], vec![7]] {
        let read = store.read(&wanted, usize::MAX).unwrap();
        assert_eq!(offsets(&read), wanted);
        for event in read {
            let index = usize::try_from(event.position.offset).unwrap() - 1;
            assert_eq!(event.form, events[index].form);
            assert_eq!(event.position, events[index].position);
        }
    }
}

fn reading_ends_at_a_budget_or_at_what_is_not_there(kind: Kind) {
    let Opened(store, _directory) = open(kind, FOREVER);
    let events: Vec<_> = (1..=50)
        .map(|offset| event(offset, &"x".repeat(9_999)))
        .collect();
    let all = offsets(&events);
    store.append(&events).unwrap();
    assert_eq!(offsets(&store.read(&[2, 3, 4], 1).unwrap()), [2]);
    assert_eq!(offsets(&store.read(&[2, 3, 4], 0).unwrap()), [2]);
    let some = store.read(&all, 100_000).unwrap();
    assert!((2..=11).contains(&some.len()), "{}", some.len());
    assert_eq!(offsets(&store.read(&[8, 51, 52], usize::MAX).unwrap()), [8]);
    assert!(store.read(&[0], usize::MAX).unwrap().is_empty());
}

fn any_of_what_is_kept_can_be_read(kind: Kind) {
    let Opened(store, _directory) = open(kind, FOREVER);
    let text = |offset: u64| {
        format!(
            "{offset} {}",
            "x".repeat(usize::try_from(offset * 37 % 500).unwrap())
        )
    };
    let mut head = 0;
    for count in [1, 64, 1, 1, 200, 5, 64, 64, 1] {
        let events = head + 1..=head + count;
        let events: Vec<_> = events.map(|offset| event(offset, &text(offset))).collect();
        store.append(&events).unwrap();
        head += count;
    }
    for step in [1, 2, 3, 7, 63, 64, 65, 200] {
        for from in 1..=step.min(70) as u64 {
            let wanted: Vec<_> = (from..=head).step_by(step).collect();
            let read = store.read(&wanted, usize::MAX).unwrap();
            assert_eq!(offsets(&read), wanted);
            for event in read {
                assert_eq!(event.form.data, Data::Text(text(event.position.offset)));
            }
        }
    }
}

fn the_oldest_go_by_count(kind: Kind) {
    let Opened(store, _directory) = open(
        kind,
        Retention {
            count: 3,
            ..FOREVER
        },
    );
    for offset in 1..=9 {
        let mut form = PublishForm::new(vec!["a".into(), "b".into()], Data::Text("x".into()));
        form.id = Some(format!("id-{offset}"));
        let event = Arc::new(Event::new(Position::new(EPOCH, offset), form));
        let gone = store.append(&[event]).unwrap();
        let expected: Vec<_> = offset
            .checked_sub(3)
            .filter(|gone| *gone > 0)
            .into_iter()
            .collect();
        assert_eq!(offsets(&gone), expected);
        for event in gone {
            let id = format!("id-{}", event.position.offset);
            assert_eq!(
                (&event.form.topics[..], event.form.id.clone()),
                (&["a".into(), "b".into()][..], Some(id))
            );
        }
        let earliest = offset.saturating_sub(2).max(1);
        assert_eq!(store.bounds(), Bounds::new(EPOCH, earliest, offset));
    }
    assert!(store.read(&[6], usize::MAX).unwrap().is_empty());
    // Together as well as one by one.
    let more: Vec<_> = (10..=15).map(|offset| event(offset, "")).collect();
    assert_eq!(
        offsets(&store.append(&more).unwrap()),
        [7, 8, 9, 10, 11, 12]
    );
    assert_eq!(store.bounds(), Bounds::new(EPOCH, 13, 15));
}

fn the_oldest_go_by_bytes_but_the_newest_stays(kind: Kind) {
    let Opened(store, _directory) = open(
        kind,
        Retention {
            bytes: 100_000,
            ..FOREVER
        },
    );
    for offset in 1..=20 {
        store.append(&[event(offset, &"x".repeat(10_000))]).unwrap();
    }
    let kept = store.bounds().head().offset + 1 - store.bounds().earliest().offset;
    assert!((2..=9).contains(&kept), "{kept}");
    store.append(&[event(21, &"x".repeat(200_000))]).unwrap();
    assert_eq!(store.bounds(), Bounds::new(EPOCH, 21, 21));
}

fn what_has_passed_its_age_goes_and_the_head_stays(kind: Kind) {
    let age = Duration::from_millis(1);
    let Opened(store, _directory) = open(kind, Retention { age, ..FOREVER });
    // The first may have passed it before the second is there.
    let mut gone = store.append(&[event(1, "1"), event(2, "2")]).unwrap();
    sleep(10 * age);
    gone.extend(store.expire().unwrap());
    assert_eq!(offsets(&gone), [1, 2]);
    assert_eq!(store.bounds(), Bounds::new(EPOCH, 3, 2));
    assert_eq!(store.expire().unwrap().len(), 0);
    store.append(&[event(3, "3")]).unwrap();
    assert_eq!(store.bounds().head().offset, 3);
    sleep(10 * age);
    // By appending alone as well.
    assert_eq!(offsets(&store.append(&[event(4, "4")]).unwrap()), [3]);
    assert_eq!(store.bounds(), Bounds::new(EPOCH, 4, 4));
}

fn nothing_goes_that_is_within_the_limits(kind: Kind) {
    let Opened(store, _directory) = open(kind, FOREVER);
    let events: Vec<_> = (1..=2_000).map(|offset| event(offset, "x")).collect();
    assert_eq!(store.append(&events).unwrap().len(), 0);
    assert_eq!(store.expire().unwrap().len(), 0);
    store.sync().unwrap();
    store.close().unwrap();
    let all: Vec<_> = (1..=2_000).collect();
    assert_eq!(offsets(&store.read(&all, usize::MAX).unwrap()), all);
}

macro_rules! conformance {
    ($($store:ident $kind:expr, $tests:tt)*) => {
        $(mod $store {
            use super::*;
            conformance!(@ $kind, $tests);
        })*
    };
    (@ $kind:expr, { $($test:ident)* }) => {
        $(#[test]
        fn $test() {
            super::$test($kind);
        })*
    };
    ($($store:ident: $kind:expr),* ; $tests:tt) => {
        conformance!($($store $kind, $tests)*);
    };
}

conformance!(
    memory: Kind::Memory,
    disk: Kind::Disk(Sync::Always),
    disk_at_intervals: Kind::Disk(Sync::Interval(Duration::from_millis(1))),
    disk_without_waiting: Kind::Disk(Sync::Never);
    {
        it_begins_empty_and_counts_from_one
        what_was_appended_is_read
        reading_ends_at_a_budget_or_at_what_is_not_there
        any_of_what_is_kept_can_be_read
        the_oldest_go_by_count
        the_oldest_go_by_bytes_but_the_newest_stays
        what_has_passed_its_age_goes_and_the_head_stays
        nothing_goes_that_is_within_the_limits
    }
);
