//! The tracker against a producer that is cut off, evicts, restarts and loses events.
#![expect(
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that meets what it does not expect has failed, and its numbers are small"
)]

use std::collections::VecDeque;

use proptest::prelude::*;
use resume::{Arrival, Bounds, Delivery, Epoch, Position, Start, Tracker};

fn at(offset: u64) -> Position {
    Position::new(Epoch::from_bytes([7; 12]), offset)
}

fn other(offset: u64) -> Position {
    Position::new(Epoch::from_bytes([8; 12]), offset)
}

fn deliver(arrival: Arrival) -> Delivery {
    match arrival {
        Arrival::Deliver(delivery) => delivery,
        unexpected => panic!("{unexpected:?}"),
    }
}

#[test]
fn a_hole_between_offsets_is_not_a_loss() {
    let mut tracker = Tracker::resuming_from(at(3));
    let _ = deliver(tracker.event(at(9), Some(at(3))));
    let _ = deliver(tracker.event(at(1_000), None)); // a carrier without `prev`
}

#[test]
fn a_prev_that_was_not_seen_is_a_gap_reported_once() {
    let mut tracker = Tracker::resuming_from(at(3));
    let arrival = tracker.event(at(9), Some(at(5)));
    assert!(matches!(arrival, Arrival::Gap { after, prev, .. } if after == at(3) && prev == at(5)));
    let _ = deliver(tracker.event(at(10), Some(at(9))));
}

#[test]
fn a_prev_before_what_was_seen_is_an_overlap() {
    let mut tracker = Tracker::resuming_from(at(5));
    assert_eq!(tracker.event(at(4), Some(at(2))), Arrival::Duplicate);
    assert_eq!(tracker.event(at(5), Some(at(4))), Arrival::Duplicate);
    let _ = deliver(tracker.event(at(6), Some(at(2))));
}

#[test]
fn another_epoch_is_never_compared() {
    let mut tracker = Tracker::resuming_from(at(500));
    let arrival = tracker.event(other(2), Some(other(1)));
    let Arrival::EpochChanged { after, delivery } = arrival else {
        panic!("{arrival:?}")
    };
    assert_eq!((after, delivery.position()), (at(500), other(2)));
    assert_eq!(tracker.resume_from(), Some(at(500))); // until it is handled
    assert!(tracker.handled(delivery));
    assert_eq!(tracker.resume_from(), Some(other(2)));
    let _ = deliver(tracker.event(other(3), Some(other(2))));
}

#[test]
fn a_late_handler_of_an_old_epoch_moves_nothing() {
    let mut tracker = Tracker::resuming_from(at(500));
    let old = deliver(tracker.event(at(501), None));
    let new = tracker.gap(other(0), other(7));
    assert!(tracker.handled(new));
    assert!(!tracker.handled(old));
    assert_eq!(tracker.resume_from(), Some(other(0)));
}

#[test]
fn a_connection_without_events_can_be_resumed() {
    let mut tracker = Tracker::new();
    assert_eq!(tracker.resume_from(), None);
    tracker.opened(at(7));
    assert_eq!(tracker.resume_from(), Some(at(7)));
    tracker.opened(at(99)); // of the next connection: what was missed between will be sent
    assert_eq!(tracker.resume_from(), Some(at(7)));
}

#[test]
fn a_quiet_connection_moves_on() {
    let mut tracker = Tracker::resuming_from(at(7));
    let moved = deliver(tracker.moved(at(90), Some(at(7))));
    assert!(!tracker.is_settled());
    assert!(tracker.handled(moved));
    assert!(tracker.is_settled());
    assert_eq!(tracker.resume_from(), Some(at(90)));
    assert!(matches!(
        tracker.moved(at(99), Some(at(95))),
        Arrival::Gap { .. }
    ));
}

#[test]
fn what_is_handled_counts_for_what_came_before() {
    let mut tracker = Tracker::resuming_from(at(0));
    let first = deliver(tracker.event(at(1), None));
    let second = deliver(tracker.event(at(2), None));
    assert!(tracker.handled(second));
    assert!(!tracker.handled(first));
    assert!(!tracker.handled(second));
    assert_eq!(tracker.resume_from(), Some(at(2)));
}

#[test]
fn what_waits_in_this_process_is_not_delivered_again() {
    let mut tracker = Tracker::resuming_from(at(0));
    let first = deliver(tracker.event(at(1), None));
    // The connection drops, and the event is sent again because it was not handled yet.
    assert_eq!(tracker.resume_from(), Some(at(0)));
    assert_eq!(tracker.event(at(1), Some(at(0))), Arrival::Duplicate);
    assert!(tracker.handled(first));
}

#[test]
fn what_was_discarded_is_delivered_again() {
    let mut tracker = Tracker::resuming_from(at(0));
    let first = deliver(tracker.event(at(1), None));
    tracker.discard();
    assert!(!tracker.handled(first));
    assert!(tracker.is_settled());
    assert_eq!(
        (tracker.seen(), tracker.resume_from()),
        (Some(at(0)), Some(at(0)))
    );
    let again = deliver(tracker.event(at(1), Some(at(0))));
    assert!(tracker.handled(again));
}

#[test]
fn a_gap_behind_the_cursor_keeps_it() {
    // The position did not reach the server in one piece; the log still has all that was seen.
    let mut tracker = Tracker::resuming_from(at(8));
    let gap = tracker.gap(at(5), at(10));
    assert!(tracker.handled(gap));
    assert_eq!(tracker.resume_from(), Some(at(8)));
    assert_eq!(tracker.event(at(6), Some(at(5))), Arrival::Duplicate);
    let _ = deliver(tracker.event(at(9), Some(at(6))));
}

#[test]
fn a_gap_ahead_of_the_cursor_moves_it() {
    let mut tracker = Tracker::resuming_from(at(8));
    let gap = tracker.gap(at(50), at(100));
    assert_eq!(tracker.resume_from(), Some(at(8)));
    assert!(tracker.handled(gap));
    assert_eq!(tracker.resume_from(), Some(at(50)));
    let _ = deliver(tracker.event(at(51), Some(at(50))));
}

#[test]
fn a_cursor_ahead_of_the_head_goes_back() {
    // Otherwise all events up to the false cursor would be taken for duplicates.
    let mut tracker = Tracker::resuming_from(at(500));
    let gap = tracker.gap(at(0), at(10));
    assert!(tracker.handled(gap));
    let _ = deliver(tracker.event(at(1), Some(at(0))));
}

/// A producer with a log, of whose events some are for the consumer.
struct Producer {
    epoch: u8,
    matching: Vec<bool>,
    earliest: u64,
    /// What the connection was read up to, and told.
    read: u64,
    told: u64,
    gap: Option<resume::Gap>,
    connected: bool,
}

impl Producer {
    fn position(&self, offset: u64) -> Position {
        Position::new(Epoch::from_bytes([self.epoch; 12]), offset)
    }

    fn head(&self) -> u64 {
        self.matching.len() as u64
    }

    fn bounds(&self) -> Bounds {
        Bounds::new(
            Epoch::from_bytes([self.epoch; 12]),
            self.earliest,
            self.head(),
        )
    }

    fn connect(&mut self, from: Option<Position>) {
        let start = from.map_or(Start::Live, Start::After);
        let located = self.bounds().locate(&start);
        self.gap = located.err();
        self.read = located.unwrap_or_else(|gap| gap.resumed()).offset;
        self.told = self.read;
        self.connected = true;
    }

    /// The offset of the next event for the consumer that can be read.
    fn next(&mut self) -> Option<u64> {
        while self.read < self.head() {
            self.read += 1;
            if self.matching[self.read as usize - 1] {
                return Some(self.read);
            }
        }
        None
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Publish(bool),
    Send,
    /// The event is cut off, and the connection with it.
    Cut,
    /// The event is lost although the connection goes on.
    Lose,
    Quiet,
    Handle,
    Reconnect,
    Evict(u64),
    Restart,
    /// The application throws away what it was handed and has not handled.
    Discard,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => any::<bool>().prop_map(Op::Publish),
        8 => Just(Op::Send),
        2 => Just(Op::Cut),
        1 => Just(Op::Lose),
        2 => Just(Op::Quiet),
        6 => Just(Op::Handle),
        3 => Just(Op::Reconnect),
        2 => (0..6_u64).prop_map(Op::Evict),
        1 => Just(Op::Restart),
        1 => Just(Op::Discard),
    ];
    prop::collection::vec(op, 0..120)
}

/// What the application is handed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Handed {
    what: What,
    /// Whether a loss was reported before it.
    loss: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Event(Position),
    Moved,
    Gap,
}

#[derive(Default)]
struct Application {
    queue: VecDeque<(Handed, Delivery)>,
    /// All that was handed over, in order, but what was discarded.
    handed: Vec<Handed>,
}

impl Application {
    fn take(&mut self, what: What, loss: bool, delivery: Delivery) {
        let handed = Handed { what, loss };
        self.handed.push(handed);
        self.queue.push_back((handed, delivery));
    }

    /// Takes what arrived; whether a loss was reported.
    fn arrival(&mut self, what: What, arrival: Arrival) -> bool {
        match arrival {
            Arrival::Deliver(delivery) => self.take(what, false, delivery),
            Arrival::Duplicate => {}
            Arrival::Gap { delivery, .. } | Arrival::EpochChanged { delivery, .. } => {
                self.take(what, true, delivery);
                return true;
            }
            unexpected => panic!("{unexpected:?}"),
        }
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Every event for the consumer is handed over once, in order, or a loss was reported in its
    /// place, and a loss is reported only where there can be one.
    #[test]
    fn nothing_is_lost_or_repeated_in_silence(ops in ops()) {
        let mut producer = Producer {
            epoch: 1,
            matching: Vec::new(),
            earliest: 1,
            read: 0,
            told: 0,
            gap: None,
            connected: false,
        };
        let mut tracker = Tracker::new();
        let mut app = Application::default();
        let mut lost_in_silence = false;

        producer.connect(None);
        tracker.opened(producer.position(producer.read));
        for op in ops {
            match op {
                Op::Publish(matching) => producer.matching.push(matching),
                Op::Evict(count) => {
                    producer.earliest = (producer.earliest + count).min(producer.head() + 1);
                    if producer.connected && producer.read + 1 < producer.earliest {
                        producer.connected = false; // a stalled reader; it has to come back
                    }
                }
                Op::Restart => {
                    producer.epoch += 1;
                    producer.matching.clear();
                    producer.earliest = 1;
                    producer.connected = false;
                }
                Op::Reconnect => {
                    producer.connect(tracker.resume_from());
                    lost_in_silence = false; // what was lost is asked for again
                    tracker.opened(producer.position(producer.read));
                    if let Some(gap) = producer.gap {
                        app.take(What::Gap, true, tracker.gap(gap.resumed(), gap.head));
                    }
                }
                Op::Handle => {
                    if let Some((handed, delivery)) = app.queue.pop_front() {
                        prop_assert!(tracker.handled(delivery));
                        prop_assert_eq!(tracker.resume_from(), Some(delivery.position()));
                        if let What::Event(position) = handed.what {
                            prop_assert_eq!(delivery.position(), position);
                        }
                    }
                }
                Op::Discard => {
                    app.handed.truncate(app.handed.len() - app.queue.len());
                    app.queue.clear();
                    tracker.discard();
                    producer.connected = false;
                }
                Op::Send | Op::Cut | Op::Lose | Op::Quiet if !producer.connected => {}
                Op::Cut => {
                    producer.next();
                    producer.connected = false;
                }
                Op::Lose => {
                    if let Some(offset) = producer.next() {
                        producer.told = offset;
                        let unseen = tracker.seen().is_none_or(|seen| {
                            seen.epoch != producer.position(0).epoch || seen.offset < offset
                        });
                        lost_in_silence |= unseen;
                    }
                }
                Op::Quiet => {
                    if producer.next().is_none() && producer.told < producer.read {
                        let prev = producer.position(producer.told);
                        producer.told = producer.read;
                        let position = producer.position(producer.read);
                        let reported =
                            app.arrival(What::Moved, tracker.moved(position, Some(prev)));
                        prop_assert_eq!(reported, lost_in_silence);
                        lost_in_silence = false;
                    } else {
                        producer.connected = false;
                    }
                }
                Op::Send => {
                    if let Some(offset) = producer.next() {
                        let prev = producer.position(producer.told);
                        producer.told = offset;
                        let position = producer.position(offset);
                        let reported =
                            app.arrival(What::Event(position), tracker.event(position, Some(prev)));
                        prop_assert_eq!(reported, lost_in_silence);
                        lost_in_silence = false;
                    }
                }
            }
        }

        // Events of an epoch come in order and once, and between two of them nothing is missing
        // but where a loss was reported.
        let mut last: Option<Position> = None;
        let mut excused = true;
        for Handed { what, loss } in &app.handed {
            excused |= loss;
            let What::Event(position) = what else { continue };
            let same = last.filter(|last| last.epoch == position.epoch);
            if let Some(last) = same {
                prop_assert!(last.offset < position.offset);
            }
            if position.epoch == producer.position(0).epoch && !excused {
                let from = same.map_or(0, |last| last.offset);
                let between = from as usize..position.offset as usize - 1;
                prop_assert!(!producer.matching[between].contains(&true), "{:?}", app.handed);
            }
            last = Some(*position);
            excused = false;
        }
    }
}

#[test]
fn the_first_event_is_new_whatever_came_before_it() {
    for prev in [None, Some(at(2)), Some(other(9))] {
        let mut tracker = Tracker::new();
        let delivery = deliver(tracker.event(at(3), prev));
        assert_eq!((tracker.seen(), tracker.resume_from()), (Some(at(3)), None));
        assert!(tracker.handled(delivery));
        assert_eq!(tracker.resume_from(), Some(at(3)));
    }
}
