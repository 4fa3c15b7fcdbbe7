//! The session against a naive model of what a subscriber is owed, on random schedules of
//! publishing, evicting, subscribing and stalling.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that meets what it does not expect has failed, and its numbers are small"
)]

use core::time::Duration;
use std::collections::BTreeMap;

use hub_protocol::{Latest, Selectors, Session, Skipped, Step, SubscribeError, TopicSelector};
use proptest::prelude::*;
use resume::{Bounds, Epoch, Gap, GapReason, Limits, Position, ReplayWindow, Start};

const EPOCH: Epoch = Epoch::from_bytes([7; 12]);
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn at(offset: u64) -> Position {
    Position::new(EPOCH, offset)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn selector(topic: &str) -> TopicSelector {
    TopicSelector::parse(topic).unwrap()
}

fn selectors(topics: &[&str]) -> Selectors {
    let mut selectors = Selectors::new();
    for topic in topics {
        selectors.insert(selector(topic)).unwrap();
    }
    selectors
}

/// What the subscriber is sent.
#[derive(Clone, Debug, PartialEq)]
enum Frame {
    Gap(Gap),
    Event {
        position: Position,
        prev: Position,
    },
    Position {
        position: Position,
        prev: Position,
    },
    Replayed {
        position: Position,
        reference: String,
    },
    ReplayGap {
        gap: Gap,
        reference: String,
    },
    CaughtUp {
        reference: String,
    },
}

/// The log in memory, and everything that was ever in it.
struct Log {
    window: ReplayWindow<&'static str>,
    history: Vec<&'static str>,
}

impl Log {
    fn new(count: usize) -> Self {
        let window = ReplayWindow::new(EPOCH, Limits::new().count(count));
        Self {
            window,
            history: Vec::new(),
        }
    }

    fn publish(&mut self, topic: &'static str, now: Duration) {
        self.history.push(topic);
        self.window.push(topic, 1, now);
    }

    fn bounds(&self) -> Bounds {
        self.window.bounds()
    }

    fn topic(&self, offset: u64) -> &'static str {
        self.history[offset as usize - 1]
    }
}

/// A hub that does what the session says, at most `budget` events at a time.
fn run(
    session: &mut Session,
    log: &Log,
    now: Duration,
    mut budget: usize,
    out: &mut Vec<Frame>,
) -> Option<Duration> {
    let bounds = log.bounds();
    loop {
        match session.next(&bounds, now) {
            Step::Wait { until } => return until,
            Step::Gap(gap) => out.push(Frame::Gap(gap)),
            Step::Position { position, prev } => out.push(Frame::Position { position, prev }),
            Step::ReplayGap { gap, reference } => {
                let reference = reference.unwrap_or_default().into();
                out.push(Frame::ReplayGap { gap, reference });
            }
            Step::CaughtUp { reference } => {
                let reference = reference.unwrap_or_default().into();
                out.push(Frame::CaughtUp { reference });
            }
            Step::Replay { after, until } => {
                for (position, topic) in log.window.after(&Start::After(after)).unwrap().take(3) {
                    // What lies beyond `until` is offered too: it is not taken.
                    let wanted = session.offer_replay(position, [*topic]).map(str::to_owned);
                    assert!(wanted.is_none() || position.offset <= until.offset);
                    out.extend(wanted.map(|reference| Frame::Replayed {
                        position,
                        reference,
                    }));
                }
                if budget == 0 {
                    return None;
                }
                budget -= 1;
            }
            Step::Read { after } => {
                for (position, topic) in log.window.after(&Start::After(after)).unwrap().take(3) {
                    if let Some(prev) = session.offer(position, [*topic], now) {
                        out.push(Frame::Event { position, prev });
                    }
                }
                if budget == 0 {
                    return None;
                }
                budget -= 1;
            }
            unexpected => panic!("{unexpected:?}"),
        }
    }
}

/// When a topic was subscribed: after one cursor and up to another.
#[derive(Clone, Copy, Debug)]
struct Interval {
    from: u64,
    to: u64,
}

/// What is owed, kept without any cleverness.
#[derive(Default)]
struct Model {
    intervals: BTreeMap<&'static str, Vec<Interval>>,
    replays: Vec<ReplayOwed>,
}

struct ReplayOwed {
    reference: String,
    start: Start,
    until: u64,
    topics: Vec<&'static str>,
}

impl Model {
    fn subscribed(&self, topic: &str) -> bool {
        self.intervals
            .get(topic)
            .and_then(|i| i.last())
            .is_some_and(|last| last.to == u64::MAX)
    }

    fn add(&mut self, topic: &'static str, cursor: u64) {
        if !self.subscribed(topic) {
            let interval = Interval {
                from: cursor,
                to: u64::MAX,
            };
            self.intervals.entry(topic).or_default().push(interval);
        }
    }

    fn remove(&mut self, topic: &'static str, cursor: u64) {
        if self.subscribed(topic) {
            self.intervals
                .get_mut(topic)
                .unwrap()
                .last_mut()
                .unwrap()
                .to = cursor;
        }
    }

    fn owes(&self, topic: &str, offset: u64) -> bool {
        let intervals = self.intervals.get(topic).into_iter().flatten();
        intervals
            .into_iter()
            .any(|interval| interval.from < offset && offset <= interval.to)
    }
}

#[derive(Clone, Debug)]
enum Op {
    Publish(usize, usize),
    Run(usize),
    Later(u64),
    Add(Vec<usize>, u64),
    Remove(usize),
    ReadTo,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (0..NAMES.len(), 1..6_usize).prop_map(|(topic, count)| Op::Publish(topic, count)),
        6 => (0..4_usize).prop_map(Op::Run),
        3 => (0..20_u64).prop_map(Op::Later),
        2 => (prop::collection::vec(0..NAMES.len(), 1..3), 0..40_u64)
            .prop_map(|(topics, after)| Op::Add(topics, after)),
        2 => (0..NAMES.len()).prop_map(Op::Remove),
        1 => Just(Op::ReadTo),
    ];
    prop::collection::vec(op, 0..60)
}

/// From which start, and why there is a gap if there is one: read off the definition.
fn naive_gap(start: &Start, bounds: &Bounds) -> Option<GapReason> {
    let (earliest, head) = (bounds.earliest().offset, bounds.head().offset);
    match start {
        Start::Live | Start::Earliest => None,
        Start::Id(_) => Some(GapReason::Unknown),
        Start::After(position) if position.epoch != EPOCH => Some(GapReason::Epoch),
        Start::After(position) if position.offset > head => Some(GapReason::Ahead),
        Start::After(position) if position.offset + 1 < earliest => Some(GapReason::Evicted),
        Start::After(_) => None,
        _ => Some(GapReason::Malformed),
    }
}

fn starts() -> impl Strategy<Value = Start> {
    prop_oneof![
        6 => (0..40_u64).prop_map(|offset| Start::After(at(offset))),
        2 => Just(Start::Live),
        2 => Just(Start::Earliest),
        1 => Just(Start::After(Position::new(Epoch::from_bytes([8; 12]), 3))),
        1 => Just(Start::parse(b"urn:unknown")),
        1 => Just(Start::parse(b"#malformed")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_subscriber_gets_what_it_is_owed(
        before in prop::collection::vec(0..NAMES.len(), 0..30),
        count in 1..12_usize,
        first in prop::collection::btree_set(0..NAMES.len(), 0..3),
        start in starts(),
        ops in ops(),
    ) {
        let mut now = Duration::ZERO;
        let mut log = Log::new(count);
        for topic in before {
            log.publish(NAMES[topic], now);
        }
        let mut model = Model::default();
        let first: Vec<&'static str> = first.into_iter().map(|topic| NAMES[topic]).collect();

        let (mut session, gap) = Session::open(selectors(&first), &start, &log.bounds(), now);
        prop_assert_eq!(gap.map(|gap| gap.reason), naive_gap(&start, &log.bounds()));
        let opened = session.cursor();
        match (&start, gap) {
            (_, Some(gap)) => prop_assert_eq!(opened, gap.resumed()),
            (Start::After(position), None) => prop_assert_eq!(opened, *position),
            (Start::Live, None) => prop_assert_eq!(opened, log.bounds().head()),
            _ => prop_assert_eq!(opened.offset + 1, log.bounds().earliest().offset),
        }
        for topic in first {
            model.add(topic, opened.offset);
        }

        let mut out = Vec::new();
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Publish(topic, count) => {
                    (0..count).for_each(|_| log.publish(NAMES[topic], now));
                }
                Op::Run(budget) => {
                    run(&mut session, &log, now, budget, &mut out);
                }
                Op::Later(by) => now += seconds(by),
                Op::Add(topics, after) => {
                    // At 0 nothing is to be replayed, and at 1 everything that is kept.
                    let start = match after {
                        0 => Start::Live,
                        1 => Start::Earliest,
                        offset => Start::After(at(offset)),
                    };
                    let topics: Vec<&'static str> = topics.iter().map(|t| NAMES[*t]).collect();
                    let reference = format!("r{number}");
                    let added = session.subscribe(
                        topics.iter().map(|topic| selector(topic)),
                        start.clone(),
                        Some(&reference),
                    );
                    if added.is_err() {
                        prop_assert_eq!(added, Err(SubscribeError::TooManyReplays));
                        continue;
                    }
                    let cursor = session.cursor().offset;
                    let topics: Vec<_> =
                        topics.into_iter().filter(|topic| !model.subscribed(topic)).collect();
                    topics.iter().for_each(|topic| model.add(topic, cursor));
                    if start != Start::Live {
                        model.replays.push(ReplayOwed { reference, start, until: cursor, topics });
                    }
                }
                Op::Remove(topic) => {
                    // With replays pending: see the test of its own.
                    let done = out.iter().filter(|f| matches!(f, Frame::CaughtUp { .. })).count();
                    if done == model.replays.len() {
                        session.unsubscribe([&selector(NAMES[topic])]);
                        model.remove(NAMES[topic], session.cursor().offset);
                    }
                }
                Op::ReadTo => {
                    // A hub that knows who listens to what moves the others over.
                    let head = log.bounds().head();
                    let from = session.cursor().offset.max(log.bounds().earliest().offset - 1);
                    let quiet = (from + 1..=head.offset)
                        .all(|offset| !model.subscribed(log.topic(offset)));
                    let gap = session.cursor().offset + 1 < log.bounds().earliest().offset;
                    if quiet && !gap {
                        session.read_to(head);
                        prop_assert_eq!(session.cursor(), head);
                    }
                }
            }
        }
        run(&mut session, &log, now, usize::MAX, &mut out);
        now += Session::QUIET;
        run(&mut session, &log, now, usize::MAX, &mut out);
        prop_assert_eq!(session.cursor(), log.bounds().head());
        prop_assert_eq!(session.told(), session.cursor());

        // Each frame continues from the cursor that the client has; offsets increase.
        let mut cursor = opened;
        let mut gaps = Vec::new();
        let mut received = Vec::new();
        for frame in &out {
            match frame {
                Frame::Event { position, prev } | Frame::Position { position, prev } => {
                    prop_assert_eq!(*prev, cursor);
                    prop_assert!(position.offset > cursor.offset);
                    if let Frame::Event { .. } = frame {
                        received.push(position.offset);
                    }
                    cursor = *position;
                }
                Frame::Gap(gap) => {
                    prop_assert_eq!(gap.reason, GapReason::Evicted);
                    prop_assert!(gap.resumed().offset > cursor.offset);
                    let requested = gap.requested.unwrap().offset;
                    gaps.push(requested + 1..=gap.resumed().offset);
                    cursor = gap.resumed();
                }
                _ => {}
            }
        }
        prop_assert_eq!(cursor, log.bounds().head());

        // All that matches was sent once, but what gaps say.
        let owed: Vec<u64> = (opened.offset + 1..=log.bounds().head().offset)
            .filter(|offset| model.owes(log.topic(*offset), *offset))
            .filter(|offset| !gaps.iter().any(|gap| gap.contains(offset)))
            .collect();
        prop_assert_eq!(received, owed);

        // Replays come one after the other, each whole, and then complete.
        let mut frames = out.iter().filter(|frame| {
            let of_replays = matches!(
                frame,
                Frame::Replayed { .. } | Frame::ReplayGap { .. } | Frame::CaughtUp { .. }
            );
            of_replays
        });
        for owed in &model.replays {
            let mut got = Vec::new();
            let mut from = match &owed.start {
                Start::After(position) => position.offset,
                _ => 0,
            };
            let mut unowed = Vec::new();
            loop {
                match frames.next() {
                    Some(Frame::Replayed { position, reference }) => {
                        prop_assert_eq!(reference, &owed.reference);
                        got.push(position.offset);
                    }
                    Some(Frame::ReplayGap { gap, reference }) => {
                        prop_assert_eq!(reference, &owed.reference);
                        let requested = gap.requested.unwrap().offset;
                        unowed.push(requested + 1..=gap.resumed().offset);
                        from = from.min(gap.resumed().offset);
                    }
                    Some(Frame::CaughtUp { reference }) => {
                        prop_assert_eq!(reference, &owed.reference);
                        break;
                    }
                    other => prop_assert!(false, "{:?} instead of {}", other, owed.reference),
                }
            }
            // From `earliest` on begins wherever the log began then.
            if owed.start == Start::Earliest {
                from = got.first().map_or(u64::MAX, |first| first - 1);
            }
            let all: Vec<u64> = (from.saturating_add(1)..=owed.until)
                .filter(|offset| owed.topics.contains(&log.topic(*offset)))
                .filter(|offset| !unowed.iter().any(|gap| gap.contains(offset)))
                .collect();
            prop_assert_eq!(got, all, "{}", owed.reference);
        }
        prop_assert_eq!(frames.next(), None);
    }
}

#[test]
fn a_subscriber_of_an_empty_log_can_resume() {
    let mut log = Log::new(10);
    let (session, gap) = Session::open(selectors(&["a"]), &Start::Live, &log.bounds(), seconds(0));
    assert_eq!((session.cursor(), gap), (at(0), None));
    // It drops before it saw anything, and comes back with the position it was told.
    log.publish("a", seconds(1));
    let start = Start::After(session.cursor());
    let (mut session, gap) = Session::open(selectors(&["a"]), &start, &log.bounds(), seconds(2));
    assert!(gap.is_none());
    let mut out = Vec::new();
    run(&mut session, &log, seconds(2), usize::MAX, &mut out);
    assert_eq!(
        out,
        [Frame::Event {
            position: at(1),
            prev: at(0)
        }]
    );
}

#[test]
fn a_quiet_cursor_is_told_after_a_while_and_once() {
    let mut log = Log::new(10);
    let (mut session, _) =
        Session::open(selectors(&["a"]), &Start::Live, &log.bounds(), seconds(0));
    let mut out = Vec::new();
    assert_eq!(run(&mut session, &log, seconds(5), 9, &mut out), None); // it stands still
    log.publish("b", seconds(6));
    assert_eq!(
        run(&mut session, &log, seconds(6), 9, &mut out),
        Some(seconds(15))
    );
    log.publish("b", seconds(7));
    assert_eq!(
        run(&mut session, &log, seconds(14), 9, &mut out),
        Some(seconds(15))
    );
    assert_eq!(out, []);
    assert_eq!(run(&mut session, &log, seconds(15), 9, &mut out), None);
    assert_eq!(
        out,
        [Frame::Position {
            position: at(2),
            prev: at(0)
        }]
    );

    // An event tells the position too: the quiet time begins anew.
    log.publish("a", seconds(20));
    log.publish("b", seconds(20));
    assert_eq!(
        run(&mut session, &log, seconds(20), 9, &mut out),
        Some(seconds(35))
    );
    assert_eq!(
        out[1..],
        [Frame::Event {
            position: at(3),
            prev: at(2)
        }]
    );
}

#[test]
fn a_stalled_subscriber_gets_a_gap_and_then_what_is_kept() {
    let mut log = Log::new(2);
    let (mut session, _) =
        Session::open(selectors(&["a"]), &Start::Live, &log.bounds(), seconds(0));
    (0..5).for_each(|_| log.publish("a", seconds(0)));
    let mut out = Vec::new();
    run(&mut session, &log, seconds(1), 9, &mut out);
    let Frame::Gap(gap) = out[0] else {
        panic!("{out:?}")
    };
    assert_eq!((gap.requested, gap.resumed()), (Some(at(0)), at(3)));
    assert_eq!(
        out[1..],
        [
            Frame::Event {
                position: at(4),
                prev: at(3)
            },
            Frame::Event {
                position: at(5),
                prev: at(4)
            }
        ]
    );
}

/// The log began anew while the subscriber was connected.
#[test]
fn another_epoch_is_a_gap() {
    let log = Log::new(2);
    let (mut session, _) =
        Session::open(selectors(&["a"]), &Start::Live, &log.bounds(), seconds(0));
    let renewed = Bounds::new(Epoch::from_bytes([9; 12]), 1, 4);
    let Step::Gap(gap) = session.next(&renewed, seconds(0)) else {
        panic!("no gap")
    };
    assert_eq!(gap.reason, GapReason::Epoch);
    assert_eq!(session.cursor(), gap.resumed());
    assert_eq!(
        session.next(&renewed, seconds(0)),
        Step::Read {
            after: gap.resumed()
        }
    );
}

#[test]
fn an_event_is_never_offered_twice() {
    let bounds = Bounds::new(EPOCH, 1, 3);
    let (mut session, _) = Session::open(selectors(&["a"]), &Start::Earliest, &bounds, seconds(0));
    assert_eq!(session.offer(at(2), ["a"], seconds(0)), Some(at(0)));
    assert_eq!(session.offer(at(2), ["a"], seconds(0)), None);
    assert_eq!(session.offer(at(1), ["a"], seconds(0)), None);
    let foreign = Position::new(Epoch::from_bytes([9; 12]), 9);
    assert_eq!(session.offer(foreign, ["a"], seconds(0)), None);
    session.read_to(foreign);
    session.read_to(at(1));
    assert_eq!(session.cursor(), at(2));
}

#[test]
fn removed_topics_leave_replays_that_are_pending() {
    let mut log = Log::new(10);
    log.publish("a", seconds(0));
    log.publish("b", seconds(0));
    let (mut session, _) = Session::open(selectors(&[]), &Start::Live, &log.bounds(), seconds(0));
    session
        .subscribe([selector("a"), selector("b")], Start::Earliest, Some("r"))
        .unwrap();
    session.unsubscribe([&selector("a")]);
    assert!(!session.wants(["a"]) && session.wants(["b"]));
    let mut out = Vec::new();
    run(&mut session, &log, seconds(0), 9, &mut out);
    let reference = || "r".to_owned();
    assert_eq!(
        out,
        [
            Frame::Replayed {
                position: at(2),
                reference: reference()
            },
            Frame::CaughtUp {
                reference: reference()
            }
        ]
    );
    assert_eq!(session.told(), at(2)); // where it opened: a replay moves nothing
}

/// What an older subscription covers was delivered, or will be: a replay does not repeat it.
#[test]
fn a_replay_does_not_repeat_what_was_subscribed_before() {
    let mut log = Log::new(10);
    log.publish("a", seconds(0));
    let any = selectors(&["*"]);
    let (mut session, _) = Session::open(any, &Start::Live, &log.bounds(), seconds(0));
    session
        .subscribe([selector("a")], Start::Earliest, None)
        .unwrap();
    assert_eq!(session.selectors().len(), 2);
    let mut out = Vec::new();
    run(&mut session, &log, seconds(0), 9, &mut out);
    assert_eq!(
        out,
        [Frame::CaughtUp {
            reference: String::new()
        }]
    );
}

#[test]
fn too_much_changes_nothing() {
    let bounds = Bounds::new(EPOCH, 1, 0);
    let (mut session, _) = Session::open(selectors(&["x"]), &Start::Live, &bounds, seconds(0));
    let many = (0..128).map(|n| selector(&n.to_string()));
    let error = session.subscribe(many, Start::Live, None).unwrap_err();
    assert_eq!(error.to_string(), "there are more than 128 topics");
    assert_eq!(session.selectors(), &selectors(&["x"]));

    for _ in 0..Session::MAX_REPLAYS {
        session
            .subscribe([selector("a")], Start::Earliest, None)
            .unwrap();
    }
    let error = session
        .subscribe([selector("b")], Start::Earliest, None)
        .unwrap_err();
    assert_eq!(error.to_string(), "there are more than 8 replays pending");
    assert!(!session.wants(["b"]));
    session
        .subscribe([selector("b")], Start::Live, None)
        .unwrap();
    assert!(session.wants(["b"]));
}

#[test]
fn what_is_left_out_is_said_and_breaks_no_continuity() {
    let bounds = Bounds::new(EPOCH, 1, 9);
    let start = Start::After(at(1));
    let (mut session, _) = Session::open(selectors(&["a"]), &start, &bounds, seconds(0));
    assert_eq!(session.take_skipped(), None);
    session.skip(at(3));
    session.skip(at(3)); // at the cursor: nothing
    session.skip(at(5));
    assert_eq!(session.cursor(), at(5));
    assert_eq!(
        session.take_skipped(),
        Some(Skipped::latest(2, at(1), at(5)))
    );
    assert_eq!(session.take_skipped(), None);
    assert_eq!(session.offer(at(8), ["a"], seconds(0)), Some(at(1)));
}

proptest! {
    /// Against the definition: an event stays if it is the newest of one of its topics.
    #[test]
    fn of_each_topic_the_newest_is_kept(
        events in prop::collection::vec(prop::collection::vec(0..NAMES.len(), 1..4), 0..40),
        first in 1..5_u64,
    ) {
        let mut latest = Latest::new();
        for (offset, topics) in (first..).zip(&events) {
            latest.see(offset, topics.iter().map(|topic| NAMES[*topic]));
        }
        let kept = latest.kept();
        for (index, topics) in events.iter().enumerate() {
            let later = events[index + 1..].iter().flatten().collect::<Vec<_>>();
            let newest = topics.iter().any(|topic| !later.contains(&topic));
            prop_assert_eq!(kept.leaves_out(first + index as u64), !newest);
        }
        prop_assert!(!kept.leaves_out(first - 1));
        prop_assert!(!kept.leaves_out(first + events.len() as u64));
    }
}

/// Fifteen thousand of them are idle in a hub.
#[test]
fn a_session_at_rest_is_small() {
    assert!(size_of::<Session>() <= 128, "{}", size_of::<Session>());
}
