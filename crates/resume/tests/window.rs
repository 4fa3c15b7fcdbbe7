//! The replay window against a model that keeps everything.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the numbers of a test are small"
)]

use core::time::Duration;

use proptest::prelude::*;
use resume::{Bounds, Epoch, GapReason, Limits, Position, ReplayWindow, Start};

const EPOCH: Epoch = Epoch::from_bytes([7; 12]);

fn at(offset: u64) -> Position {
    Position::new(EPOCH, offset)
}

/// An event of the model: its item, bytes and time. Its offset is its index plus one.
type Event = (u64, usize, u64);

/// How many of the events the limits keep, decided one limit at a time from the newest back.
fn kept(events: &[Event], count: usize, bytes: usize, age: u64) -> usize {
    let Some(newest) = events.last() else {
        return 0;
    };
    let mut kept = 0;
    let mut sum = 0;
    for event in events.iter().rev() {
        sum += event.1;
        if kept > 0 && (kept >= count || sum > bytes || newest.2 - event.2 > age) {
            break;
        }
        kept += 1;
    }
    kept
}

#[derive(Clone, Debug)]
enum Op {
    Push { bytes: usize, later: u64 },
    Expire { later: u64 },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (0..40_usize, 0..6_u64).prop_map(|(bytes, later)| Op::Push { bytes, later }),
        1 => (0..40_u64).prop_map(|later| Op::Expire { later }),
    ];
    prop::collection::vec(op, 0..60)
}

proptest! {
    #[test]
    fn the_window_is_the_end_of_the_log(
        ops in ops(),
        count in 0..12_usize,
        bytes in 0..200_usize,
        age in 0..30_u64,
        start in 0..50_u64,
    ) {
        let limits = Limits::new().count(count).bytes(bytes).age(Duration::from_secs(age));
        let mut window = ReplayWindow::starting_after(at(start), limits);
        let mut log: Vec<Event> = Vec::new();
        let mut evicted = 0;
        let mut now = 0;
        for op in ops {
            let gone: Vec<(Position, u64)> = match op {
                Op::Push { bytes: size, later } => {
                    now += later;
                    log.push((now * 1_000 + log.len() as u64, size, now));
                    let item = log.last().unwrap().0;
                    let pushed = window.push(item, size, Duration::from_secs(now));
                    prop_assert_eq!(pushed.position, at(start + log.len() as u64));
                    pushed.evicted.collect()
                }
                Op::Expire { later } => {
                    now += later;
                    window.expire(Duration::from_secs(now)).collect()
                }
            };
            let live = match op {
                Op::Push { .. } => kept(&log[evicted..], count, bytes, age),
                Op::Expire { .. } => {
                    log[evicted..].iter().filter(|event| now - event.2 <= age).count()
                }
            };
            // Whatever leaves is handed out, in order, once, with the position it had.
            for (position, item) in gone {
                prop_assert_eq!(position, at(start + evicted as u64 + 1));
                prop_assert_eq!(item, log[evicted].0);
                evicted += 1;
            }
            prop_assert_eq!(window.len(), live);
            prop_assert_eq!(evicted + live, log.len());
            prop_assert_eq!(window.bytes(), log[evicted..].iter().map(|e| e.1).sum::<usize>());
            prop_assert_eq!(window.is_empty(), live == 0);
        }

        let head = start + log.len() as u64;
        let earliest = start + evicted as u64 + 1;
        prop_assert_eq!(window.bounds(), Bounds::new(EPOCH, earliest, head));
        for offset in 0..head + 3 {
            let item = log.get((offset.wrapping_sub(start + 1)) as usize).map(|e| &e.0);
            prop_assert_eq!(window.get(offset), item.filter(|_| offset >= earliest));

            // Never an empty success: all that is after the position, or a gap.
            match window.after(&Start::After(at(offset))) {
                Ok(replay) => {
                    prop_assert!(earliest - 1 <= offset && offset <= head);
                    prop_assert_eq!(replay.from(), at(offset));
                    prop_assert_eq!(replay.len() as u64, head - offset);
                    for ((position, item), expected) in replay.zip(offset + 1..) {
                        prop_assert_eq!(position, at(expected));
                        prop_assert_eq!(*item, log[(expected - start - 1) as usize].0);
                    }
                }
                Err(gap) => {
                    let ahead = offset > head;
                    prop_assert!(ahead || offset + 1 < earliest);
                    let reason = if ahead { GapReason::Ahead } else { GapReason::Evicted };
                    prop_assert_eq!(gap.reason, reason);
                    prop_assert_eq!(gap.requested, Some(at(offset)));
                    prop_assert_eq!((gap.earliest, gap.head), (at(earliest), at(head)));
                    // What it tells the consumer to go on from is not a gap again.
                    prop_assert_eq!(gap.resumed(), at(earliest - 1));
                    let rest = window.after(&Start::After(gap.resumed()));
                    prop_assert_eq!(rest.map(|rest| rest.len()), Ok(window.len()));
                }
            }
        }
    }
}

fn filled(count: usize) -> ReplayWindow<u64> {
    let mut window = ReplayWindow::new(EPOCH, Limits::new().count(count));
    for item in 1..=100 {
        window.push(item, 1, Duration::ZERO);
    }
    window
}

#[test]
fn each_start_has_its_answer() {
    let window = filled(50);
    let items = |start: &Start| {
        window
            .after(start)
            .map(|replay| replay.map(|(_, item)| *item).collect::<Vec<_>>())
    };
    assert_eq!(items(&Start::Live), Ok(vec![]));
    assert_eq!(items(&Start::Earliest), Ok((51..=100).collect()));
    assert_eq!(items(&Start::After(at(98))), Ok(vec![99, 100]));
    assert_eq!(items(&Start::After(at(100))), Ok(vec![]));

    let reason = |start: &Start| window.after(start).unwrap_err().reason;
    let other = Position::new(Epoch::from_bytes([8; 12]), 98);
    assert_eq!(reason(&Start::After(other)), GapReason::Epoch);
    assert_eq!(reason(&Start::After(at(101))), GapReason::Ahead);
    assert_eq!(reason(&Start::After(at(u64::MAX))), GapReason::Ahead);
    assert_eq!(reason(&Start::After(at(49))), GapReason::Evicted);
    assert_eq!(reason(&Start::Id("urn:1".into())), GapReason::Unknown);
    assert_eq!(reason(&Start::Malformed("#".into())), GapReason::Malformed);
}

#[test]
fn the_edge_of_retention_is_exact() {
    let window = filled(50);
    assert_eq!(window.after(&Start::After(at(50))).unwrap().len(), 50);
    assert!(window.after(&Start::After(at(49))).is_err());
}

/// A scan that began at the oldest event once made recent ids unfindable in a long history.
#[test]
fn a_recent_position_is_found_in_a_long_history() {
    let mut window = ReplayWindow::new(EPOCH, Limits::new().count(200_000));
    for item in 1..=150_000_u64 {
        window.push(item, 1, Duration::ZERO);
    }
    let last: Vec<u64> = window
        .after(&Start::After(at(149_998)))
        .unwrap()
        .map(|(_, item)| *item)
        .collect();
    assert_eq!(last, [149_999, 150_000]);
}

#[test]
fn an_empty_log_can_be_resumed() {
    let window = ReplayWindow::<()>::new(EPOCH, Limits::new());
    assert_eq!(window.head(), at(0));
    assert_eq!(window.earliest(), at(1));
    assert_eq!(window.after(&Start::After(window.head())).unwrap().len(), 0);
    assert_eq!(window.after(&Start::Earliest).unwrap().len(), 0);
    assert_eq!(
        window.after(&Start::After(at(1))).unwrap_err().reason,
        GapReason::Ahead
    );
}

#[test]
fn everything_can_expire_and_is_then_a_gap() {
    let limits = Limits::new().age(Duration::from_secs(60));
    let mut window = ReplayWindow::new(EPOCH, limits);
    window.push("a", 1, Duration::ZERO);
    window.push("b", 1, Duration::from_secs(30));
    assert_eq!(window.expire(Duration::from_secs(60)).count(), 0);
    assert_eq!(
        window.expire(Duration::from_secs(61)).next(),
        Some((at(1), "a"))
    );
    assert_eq!(
        window.expire(Duration::from_secs(91)).next(),
        Some((at(2), "b"))
    );
    assert!(window.is_empty());
    assert_eq!(
        window.after(&Start::After(at(1))).unwrap_err().reason,
        GapReason::Evicted
    );
    assert_eq!(window.after(&Start::After(at(2))).unwrap().len(), 0);
}

#[test]
fn limits_are_reached_before_they_are_passed() {
    let limits = Limits::new()
        .count(3)
        .bytes(30)
        .age(Duration::from_secs(10));
    let mut window = ReplayWindow::new(EPOCH, limits);
    for seconds in [0, 5, 10] {
        assert_eq!(
            window
                .push((), 10, Duration::from_secs(seconds))
                .evicted
                .len(),
            0
        );
    }
    let by = |bytes, seconds| {
        let mut window = window.clone();
        window
            .push((), bytes, Duration::from_secs(seconds))
            .evicted
            .len()
    };
    assert_eq!(by(0, 10), 1); // the fourth
    assert_eq!(by(10, 10), 1);
    assert_eq!(by(11, 10), 2); // 31 bytes in three
    assert_eq!(by(0, 15), 1);
    assert_eq!(by(0, 16), 2); // the second is older than 10 s
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let limits = Limits::new().age(Duration::from_secs(10));
    let mut window = ReplayWindow::new(EPOCH, limits);
    window.push("a", 1, Duration::from_secs(100));
    window.push("b", 1, Duration::from_secs(1)); // counts as 100
    assert_eq!(window.expire(Duration::from_secs(110)).count(), 0);
    assert_eq!(window.expire(Duration::from_secs(111)).count(), 2);

    let mut window = ReplayWindow::new(EPOCH, limits.count(1));
    window.push("a", 1, Duration::from_secs(100));
    window.push("b", 1, Duration::from_secs(1)); // alone, and as young
    assert_eq!(window.expire(Duration::from_secs(110)).count(), 0);
}

#[test]
fn the_newest_event_is_kept_however_large() {
    let mut window = ReplayWindow::new(EPOCH, Limits::new().bytes(10).count(0));
    window.push("large", 1_000, Duration::ZERO);
    assert_eq!((window.len(), window.bytes()), (1, 1_000));
    let evicted: Vec<_> = window.push("small", 1, Duration::ZERO).evicted.collect();
    assert_eq!(evicted, [(at(1), "large")]);
    assert_eq!((window.len(), window.bytes()), (1, 1));
}

#[test]
fn evicted_items_are_dropped_even_if_nobody_looks() {
    let mut window = ReplayWindow::new(EPOCH, Limits::new().count(1));
    let item = std::rc::Rc::new(());
    window.push(item.clone(), 1, Duration::ZERO);
    window.push(std::rc::Rc::new(()), 1, Duration::ZERO);
    assert_eq!(std::rc::Rc::strong_count(&item), 1);
}

#[test]
#[should_panic(expected = "earliest must lie in 1..=head + 1")]
fn bounds_that_no_log_has_are_refused() {
    let _ = Bounds::new(EPOCH, 3, 1);
}

#[test]
fn reasons_have_words() {
    for reason in GapReason::ALL {
        assert_eq!(GapReason::parse(reason.as_str()), Some(reason));
        assert_eq!(reason.to_string(), reason.as_str());
    }
    assert_eq!(GapReason::parse("tired"), None);
}

#[test]
fn gaps_say_what_is_wrong() {
    let window = filled(50);
    let say = |start| window.after(&start).unwrap_err().to_string();
    let epoch = EPOCH;
    assert_eq!(
        say(Start::After(at(3))),
        format!("events after #{epoch}-3 are no longer kept")
    );
    assert_eq!(
        say(Start::After(at(101))),
        format!("#{epoch}-101 is ahead of #{epoch}-100")
    );
    let other = Position::new(Epoch::from_bytes([8; 12]), 1);
    assert_eq!(
        say(Start::After(other)),
        format!("{other} is of another epoch than #{epoch}-100")
    );
    assert_eq!(say(Start::Id("x".into())), "the id is not known");
    assert_eq!(
        say(Start::Malformed("#".into())),
        "the position was not understood"
    );
}

#[test]
fn iterators_know_their_length_and_are_shown_by_it() {
    let mut window = ReplayWindow::new(EPOCH, Limits::default().count(3));
    for item in 1..=3 {
        window.push(item, 1, Duration::ZERO);
    }
    let replay = window.after(&Start::After(at(1))).unwrap();
    assert_eq!(replay.size_hint(), (2, Some(2)));
    assert_eq!(replay.clone().count(), 2);
    assert_eq!(
        format!("{replay:?}"),
        format!("Replay {{ from: {:?}, len: 2 }}", at(1))
    );
    let evicted = window.push(4, 1, Duration::ZERO).evicted;
    assert_eq!(evicted.size_hint(), (1, Some(1)));
    assert_eq!(
        format!("{evicted:?}"),
        format!("Evicted {{ next: {:?}, len: 1 }}", at(1))
    );
}

#[test]
fn bounds_know_whether_anything_is_kept() {
    assert!(Bounds::new(EPOCH, 8, 7).is_empty());
    assert!(!Bounds::new(EPOCH, 7, 7).is_empty());
}

#[test]
#[should_panic(expected = "there is no offset left")]
fn a_log_without_offsets_is_refused() {
    let _ = ReplayWindow::<()>::starting_after(at(u64::MAX), Limits::new());
}
