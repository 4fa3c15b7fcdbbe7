//! Positions and starts, the replay window, the tracker, and the states of a client.

use std::collections::VecDeque;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use resume::{
    Action, Arrival, BackoffConfig, Delivery, Epoch, GapReason, Limits, Position, Reconnect,
    ReconnectEvent, Recovery, ReplayWindow, Start, State, Tracker,
};

const EPOCH: Epoch = Epoch::from_bytes([7; 12]);

/// What parses as a position is written back byte for byte, and every text is some start.
pub fn position(data: &[u8]) {
    let start = Start::parse(data);
    if let Ok(position) = Position::parse(data) {
        let mut written = Vec::new();
        position.encode(&mut written);
        assert_eq!(written, position.to_string().as_bytes());
        assert!(data == written || data == &written[1..]);
        assert_eq!(Position::parse(&written), Ok(position));
        assert_eq!(start, Start::After(position));
    }
    match &start {
        Start::Live => assert!(data.is_empty()),
        Start::Earliest => assert_eq!(data, b"earliest"),
        Start::Id(id) => {
            assert_eq!(id.as_bytes(), data);
            assert!(!id.starts_with('#') && !id.contains(char::is_control));
        }
        Start::Malformed(text) => assert!(text.len() <= Start::MAX_TEXT),
        _ => {}
    }
    if let Ok(epoch) = Epoch::parse(data) {
        assert_eq!(epoch.to_string().as_bytes(), data);
    }
}

#[derive(Arbitrary, Debug)]
enum WindowOp {
    Push { bytes: u8, later: u8 },
    Expire { later: u8 },
    After { offset: u16 },
}

/// The window is always the end of everything that was pushed, within its limits, and a position
/// gives all that follows it or a gap.
pub fn window(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok((count, bytes, age, start)) = <(u8, u16, u8, u16)>::arbitrary(&mut input) else {
        return;
    };
    let limits = Limits::new().count(count.into()).bytes(bytes.into());
    let age = Duration::from_secs(age.into());
    let start = u64::from(start);
    let mut window = ReplayWindow::starting_after(Position::new(EPOCH, start), limits.age(age));
    let mut sizes: VecDeque<(usize, Duration)> = VecDeque::new(); // what is kept
    let mut head = start;
    let mut now = Duration::ZERO;
    while !input.is_empty() {
        let Ok(op) = WindowOp::arbitrary(&mut input) else {
            return;
        };
        let before = window.earliest().offset;
        let pushed = matches!(op, WindowOp::Push { .. });
        let gone: Vec<(Position, u64)> = match op {
            WindowOp::Push { bytes: size, later } => {
                now += Duration::from_secs(later.into());
                head += 1;
                sizes.push_back((size.into(), now));
                let pushed = window.push(head, size.into(), now);
                assert_eq!(pushed.position, Position::new(EPOCH, head));
                pushed.evicted.collect()
            }
            WindowOp::Expire { later } => {
                now += Duration::from_secs(later.into());
                window.expire(now).collect()
            }
            WindowOp::After { offset } => {
                let from = Position::new(EPOCH, offset.into());
                match window.after(&Start::After(from)) {
                    Ok(replay) => {
                        assert!(from.offset <= head);
                        assert!(replay.map(|(_, item)| *item).eq(from.offset + 1..=head));
                    }
                    Err(gap) if gap.reason == GapReason::Ahead => assert!(from.offset > head),
                    Err(gap) => {
                        assert_eq!(gap.reason, GapReason::Evicted);
                        assert!(from.offset + 1 < before);
                        let rest = window.after(&Start::After(gap.resumed())).unwrap();
                        assert_eq!(rest.len(), window.len());
                    }
                }
                continue;
            }
        };
        for (evicted, (position, item)) in (before..).zip(gone) {
            assert_eq!((position.offset, item), (evicted, evicted));
            // Nothing goes that could have stayed.
            let all: usize = sizes.iter().map(|(size, _)| size).sum();
            let full = sizes.len() > count.into() || all > bytes.into();
            let (_, at) = sizes.pop_front().expect("it was kept");
            assert!(full && pushed || now - at > age, "{evicted} went too early");
        }
        assert_eq!(window.len(), sizes.len());
        assert_eq!(
            window.bytes(),
            sizes.iter().map(|(size, _)| size).sum::<usize>()
        );
        assert_eq!(window.head().offset, head);
        assert!(sizes.iter().all(|(_, at)| now - *at <= age));
        let within = window.len() <= count.into() && window.bytes() <= bytes.into();
        assert!(within || window.len() == 1);
    }
}

#[derive(Arbitrary, Debug)]
enum TrackerOp {
    Event {
        epoch: bool,
        offset: u8,
        prev: Option<(bool, u8)>,
    },
    Gap {
        epoch: bool,
        resumed: u8,
        head: u8,
    },
    Opened {
        epoch: bool,
        offset: u8,
    },
    Handle {
        which: u8,
    },
    Discard,
}

/// Whatever a producer says: nothing is delivered twice but after a gap took the cursor back or
/// what was delivered was discarded, and the position to resume from is one that was handled.
pub fn tracker(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let at = |epoch: bool, offset: u8| {
        Position::new(Epoch::from_bytes([u8::from(epoch); 12]), offset.into())
    };
    let mut tracker = Tracker::new();
    let mut waiting: Vec<Delivery> = Vec::new();
    let mut handled: Option<Position> = None;
    while !input.is_empty() {
        let Ok(op) = TrackerOp::arbitrary(&mut input) else {
            return;
        };
        let seen = tracker.seen();
        match op {
            TrackerOp::Event {
                epoch,
                offset,
                prev,
            } => {
                let position = at(epoch, offset);
                let prev = prev.map(|(epoch, offset)| at(epoch, offset));
                let known = seen.is_some_and(|seen| {
                    seen.epoch == position.epoch && position.offset <= seen.offset
                });
                let delivery = match tracker.event(position, prev) {
                    Arrival::Duplicate => {
                        assert!(known);
                        assert_eq!(tracker.seen(), seen);
                        continue;
                    }
                    Arrival::Deliver(delivery) => {
                        assert!(seen.is_none_or(|seen| seen.epoch == position.epoch));
                        // Else something lies between that never came.
                        assert!(prev.zip(seen).is_none_or(|(prev, seen)| {
                            prev.epoch == seen.epoch && prev.offset <= seen.offset
                        }));
                        delivery
                    }
                    Arrival::Gap {
                        after,
                        prev: before,
                        delivery,
                    } => {
                        assert_eq!((Some(after), Some(before)), (seen, prev));
                        assert_ne!(after, before);
                        delivery
                    }
                    Arrival::EpochChanged { after, delivery } => {
                        assert_eq!(Some(after), seen);
                        assert_ne!(after.epoch, position.epoch);
                        delivery
                    }
                    other => panic!("{other:?}"),
                };
                assert!(!known);
                assert_eq!(delivery.position(), position);
                assert_eq!(tracker.seen(), Some(position));
                waiting.push(delivery);
            }
            TrackerOp::Gap {
                epoch,
                resumed,
                head,
            } => {
                let (resumed, head) = (at(epoch, resumed.min(head)), at(epoch, head));
                let delivery = tracker.gap(resumed, head);
                // The cursor stays only where the log still has it.
                let now = delivery.position();
                assert!(now == resumed || Some(now) == seen);
                assert!(now.epoch == head.epoch);
                assert!(now.offset >= resumed.offset && now.offset <= head.offset);
                let within = |seen: &Position| {
                    seen.epoch == head.epoch
                        && (resumed.offset..=head.offset).contains(&seen.offset)
                };
                assert_eq!(now, seen.filter(within).unwrap_or(resumed));
                waiting.push(delivery);
            }
            TrackerOp::Opened { epoch, offset } => {
                tracker.opened(at(epoch, offset));
                if seen.is_none() {
                    handled = Some(at(epoch, offset));
                }
            }
            TrackerOp::Handle { which } => {
                if waiting.is_empty() {
                    continue;
                }
                let which = usize::from(which) % waiting.len();
                assert!(tracker.handled(waiting[which]));
                assert!(!tracker.handled(waiting[which]));
                handled = Some(waiting[which].position());
                for late in waiting.drain(..=which) {
                    assert!(!tracker.handled(late));
                }
            }
            TrackerOp::Discard => {
                tracker.discard();
                for late in waiting.drain(..) {
                    assert!(!tracker.handled(late));
                }
                assert_eq!(tracker.seen(), handled);
            }
        }
        assert_eq!(tracker.resume_from(), handled);
        assert_eq!(tracker.is_settled(), waiting.is_empty());
    }
}

#[derive(Arbitrary, Debug)]
enum ClientOp {
    Start,
    Connected { age: u8 },
    Heard { age: u8 },
    Ended { age: u8, recovery: u8 },
    Timer,
    Close,
    Retry { millis: u64 },
    RetryAfter { millis: u64 },
    Spread { millis: u64 },
}

/// Whatever happens to a client in whatever order: one life at a time, none after the end, and
/// every wait has an end that jitter and hints explain.
pub fn reconnect(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut client = Reconnect::new(BackoffConfig::new());
    let mut now = Duration::ZERO;
    let mut due = None;
    while !input.is_empty() {
        let Ok((op, later, random)) = <(ClientOp, u16, u64)>::arbitrary(&mut input) else {
            return;
        };
        now += Duration::from_millis(later.into());
        let (state, newest) = (client.state(), client.generation());
        let generation = |age: u8| newest.saturating_sub(age.into());
        let stale = |age: u8| generation(age) != newest;
        let (event, ignored) = match op {
            ClientOp::Start => (ReconnectEvent::Start, state != State::Idle),
            ClientOp::Connected { age } => (
                ReconnectEvent::Connected {
                    generation: generation(age),
                },
                stale(age),
            ),
            ClientOp::Heard { age } => (
                ReconnectEvent::Heard {
                    generation: generation(age),
                },
                stale(age),
            ),
            ClientOp::Ended { age, recovery } => {
                let recovery = match recovery % 4 {
                    0 => Recovery::Refresh,
                    1 => Recovery::Stop,
                    _ => Recovery::Retry,
                };
                (
                    ReconnectEvent::Ended {
                        generation: generation(age),
                        recovery,
                    },
                    stale(age),
                )
            }
            ClientOp::Timer => (ReconnectEvent::Timer, state != State::Waiting),
            ClientOp::Close => (ReconnectEvent::Close, false),
            ClientOp::Retry { millis } => {
                client.backoff_mut().retry(Duration::from_millis(millis));
                continue;
            }
            ClientOp::RetryAfter { millis } => {
                client
                    .backoff_mut()
                    .retry_after(Duration::from_millis(millis));
                continue;
            }
            ClientOp::Spread { millis } => {
                client.backoff_mut().spread(Duration::from_millis(millis));
                continue;
            }
        };
        let action = client.handle(event, now, random);
        if ignored || state == State::Closed {
            assert_eq!((action, client.state()), (None, state));
            continue;
        }
        match action {
            Some(Action::Connect { generation, .. }) => {
                assert!(matches!(state, State::Idle | State::Waiting));
                assert!(due.is_none_or(|due| now >= due));
                assert_eq!(generation, newest + 1);
                assert_eq!(client.state(), State::Connecting);
                due = None;
            }
            Some(Action::Wait { until }) => {
                assert_eq!(client.state(), State::Waiting);
                if let Some(due) = due {
                    assert_eq!(until, due);
                } else {
                    let wait = until - now;
                    assert!(wait >= BackoffConfig::DEFAULT_FLOOR);
                    assert!(wait <= resume::Backoff::MAX_HINT + BackoffConfig::DEFAULT_CAP);
                }
                due = Some(until);
            }
            Some(Action::Finish(_)) => assert_eq!(client.state(), State::Closed),
            _ => assert!(client.state() == state || client.state() == State::Open),
        }
    }
}
