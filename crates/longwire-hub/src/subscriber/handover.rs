//! From replay to live: subscribers that begin anywhere, while events are published and evicted,
//! miss nothing in silence and see nothing twice.
//!
//! `cargo xtask handover` subscribes a million times; as an ordinary test it is fewer.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::Waker;
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};

use hub_protocol::{PublishForm, Skipped, SubscribeQuery};
use resume::{Epoch, Gap, Position};

use super::{Carrier, Subscriber};
use crate::event::Event;
use crate::hub::Hub;
use crate::log::Log;
use crate::metrics::Wire;
use crate::publishing::Publishing;
use crate::store::{Disk, Memory, Retention, Store, Sync};

const EPOCH: Epoch = Epoch::from_bytes([7; Epoch::LEN]);
const KEPT: u64 = 2_000;
const READERS: u64 = 4;
/// Every third event is of this topic as well, the others of another.
const TOPICS: [&str; 3] = ["third", "second", "second"];

fn retention() -> Retention {
    Retention {
        count: usize::try_from(KEPT).unwrap(),
        bytes: usize::MAX,
        age: Duration::MAX,
    }
}

fn subscribes(default: u64) -> u64 {
    let count = std::env::var("LONGWIRE_SUBSCRIBES");
    count.map_or(default, |count| count.parse().expect("a number"))
}

/// What a subscriber is sent.
#[derive(Default)]
struct Sent {
    items: Vec<Item>,
    /// How many events still fit.
    room: usize,
}

enum Item {
    Event {
        prev: u64,
        offset: u64,
    },
    /// Events up to here may be missing.
    Gap(u64),
    /// The subscriber is told that it stands here; before, it was told another place.
    Position {
        prev: u64,
        position: u64,
    },
}

impl Carrier for Sent {
    fn is_full(&self) -> bool {
        self.room == 0
    }

    fn unsent(&self) -> usize {
        0
    }

    fn event(&mut self, event: &Event, prev: Option<Position>) {
        self.room -= 1;
        self.items.push(Item::Event {
            prev: prev.unwrap().offset,
            offset: event.position.offset,
        });
    }

    fn gap(&mut self, gap: &Gap, _: Option<&str>) {
        self.items.push(Item::Gap(gap.resumed().offset));
    }

    fn skipped(&mut self, _: &Skipped) {
        panic!("nobody asked for the latest alone");
    }

    fn position(&mut self, position: Position, prev: Position) {
        self.items.push(Item::Position {
            prev: prev.offset,
            position: position.offset,
        });
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A number that looks random.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn topic(offset: u64) -> &'static str {
    TOPICS[usize::try_from(offset % 3).unwrap()]
}

/// Publishes as fast as the hub takes it; by one thread, so that each offset has its topic.
fn publish(hub: &Hub, stop: &AtomicBool, window: usize) {
    let mut waiting = std::collections::VecDeque::new();
    for offset in hub.head().offset + 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let form = format!("topic=all&topic={}&data={offset}", topic(offset));
        match hub.publish(PublishForm::parse(form.as_bytes()).unwrap()) {
            Publishing::Done(outcome) => {
                assert_eq!(outcome.unwrap().position.offset, offset);
                // Readers want the log as well.
                if offset.is_multiple_of(8) {
                    thread::sleep(Duration::from_micros(50));
                }
            }
            Publishing::Waits(outcome) => waiting.push_back((offset, outcome)),
        }
        while waiting.len() > window {
            let (offset, outcome) = waiting.pop_front().unwrap();
            let event = outcome.blocking_recv().unwrap().unwrap();
            assert_eq!(event.position.offset, offset);
        }
    }
}

/// One subscription: gives how many events and gaps it saw.
fn subscribe(hub: &Arc<Hub>, seed: &mut u64) -> (usize, usize) {
    const BEHIND: [u64; 7] = [0, 1, 2, 100, KEPT - 1, KEPT, KEPT + 1];
    let head = hub.head().offset;
    let behind = BEHIND[usize::try_from(random(seed) % 7).unwrap()];
    let from = head.saturating_sub(behind);
    let (query, wanted): (_, fn(u64) -> bool) = match random(seed) % 4 {
        0 => ("topic=all", |_| true),
        1 => ("topic=*", |_| true),
        2 => ("topic=third", |offset| topic(offset) == "third"),
        _ => ("topic=%7Bany%7Dird", |offset| topic(offset) == "third"),
    };
    let id = Position::new(EPOCH, from).to_string();
    let query = SubscribeQuery::parse(query, Some(id.as_bytes())).unwrap();
    let wire = (None, Wire::EventStream);
    let (mut subscriber, _) = Subscriber::open(hub.clone(), query, None, wire, None);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    // It reads what was there, and some of what comes live.
    let until = head + random(seed) % 20;
    // Everything up to here was sent, was of another topic, or was said to be missing.
    let mut at = from;
    // What the subscriber knows of where it stands.
    let mut told = from;
    let (mut events, mut gaps) = (0, 0);
    while at < until {
        let mut sent = Sent {
            room: 1 + usize::try_from(random(seed) % 600).unwrap(),
            ..Sent::default()
        };
        subscriber.bell.listen(&waker);
        subscriber.fill(&mut sent);
        assert!(!subscriber.failed, "the log cannot be read");
        let before = at;
        let hole = |at: u64, end: u64| {
            let missed = (at + 1..end).find(|offset| wanted(*offset));
            assert_eq!(
                missed, None,
                "{behind} behind {head}, a hole between {at} and {end}"
            );
        };
        for item in sent.items {
            match item {
                Item::Gap(resumed) => {
                    assert!(resumed > at, "a gap up to {resumed} is said at {at}");
                    (at, told) = (resumed, resumed);
                    gaps += 1;
                }
                Item::Event { prev, offset } => {
                    assert!(offset > at, "{offset} came again after {at}");
                    assert!(wanted(offset), "{offset} is of another topic");
                    assert_eq!(prev, told, "the event at {offset} follows another");
                    hole(at, offset);
                    (at, told) = (offset, offset);
                    events += 1;
                }
                Item::Position { prev, position } => {
                    assert_eq!(prev, told, "the position {position} follows another");
                    hole(at, position + 1);
                    (at, told) = (position.max(at), position);
                }
            }
        }
        let cursor = subscriber.position().offset;
        assert!(cursor >= at);
        hole(at, cursor + 1);
        at = cursor;
        if at == before && sent.room > 0 {
            thread::park_timeout(Duration::from_secs(10));
        }
    }
    (events, gaps)
}

fn hand_over(hub: &Arc<Hub>, count: u64, window: usize, name: &str) {
    let stop = AtomicBool::new(false);
    let left = AtomicU64::new(count);
    let (events, gaps) = (AtomicU64::new(0), AtomicU64::new(0));
    let began = std::time::Instant::now();
    let first = hub.head().offset;
    thread::scope(|scope| {
        scope.spawn(|| publish(hub, &stop, window));
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let (left, events, gaps) = (&left, &events, &gaps);
                scope.spawn(move || {
                    let mut seed = 88_172_645_463_325_252 + reader;
                    let more = |left: u64| left.checked_sub(1);
                    while left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
                        .is_ok()
                    {
                        let (seen, missed) = subscribe(hub, &mut seed);
                        events.fetch_add(seen as u64, Ordering::Relaxed);
                        gaps.fetch_add(missed as u64, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let ended: Vec<_> = readers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        stop.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "a reader found a hole");
    });
    let seconds = began.elapsed().as_secs_f64();
    let published = hub.head().offset - first;
    println!(
        "{name}: {count} subscribes in {seconds:.0} s, {published} events published, {} read, {} \
         gaps said, 0 holes, 0 duplicates",
        events.into_inner(),
        gaps.into_inner(),
    );
    assert!(published > KEPT, "nothing was evicted");
}

#[test]
fn from_memory() {
    let hub = Arc::new(Hub::in_memory(Memory::new(EPOCH, retention())));
    hand_over(&hub, subscribes(4_000), 0, "memory");
}

#[test]
fn from_disk() {
    let name = format!("longwire-{:016x}", getrandom::u64().unwrap());
    let directory = std::env::temp_dir().join(name);
    let disk = Disk::open(&directory, retention(), Sync::Always, EPOCH, |_| {}).unwrap();
    // Most events are read from disk.
    let log = Log::new(disk.bounds().head(), 100 << 10);
    let hub = Hub::on_disk(log, disk).unwrap();
    hand_over(&hub, subscribes(5_000) / 10, 200, "disk");
    hub.close();
    std::fs::remove_dir_all(directory).unwrap();
}
