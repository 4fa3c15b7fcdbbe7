//! The table of states, and what holds whatever happens.

use core::time::Duration;

use proptest::prelude::*;
use resume::{Action, BackoffConfig, Finished, Reconnect, ReconnectEvent, Recovery, State};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ended(generation: u64, recovery: Recovery) -> ReconnectEvent {
    ReconnectEvent::Ended {
        generation,
        recovery,
    }
}

/// A client in a state, at time zero, whose attempt or connection has generation 1.
fn client(state: State) -> Reconnect {
    let mut client = Reconnect::new(BackoffConfig::new());
    let path: &[ReconnectEvent] = match state {
        State::Idle => &[],
        State::Connecting => &[ReconnectEvent::Start],
        State::Open => &[
            ReconnectEvent::Start,
            ReconnectEvent::Connected { generation: 1 },
        ],
        State::Waiting => &[ReconnectEvent::Start, ended(1, Recovery::Retry)],
        State::Closed => &[ReconnectEvent::Close],
    };
    for event in path {
        client.handle(*event, at(0), u64::MAX);
    }
    assert_eq!(client.state(), state);
    client
}

const STATES: [State; 5] = [
    State::Idle,
    State::Connecting,
    State::Open,
    State::Waiting,
    State::Closed,
];

/// The table of the type's documentation, row by row.
#[test]
fn the_table() {
    use State::{Closed, Connecting, Idle, Open, Waiting};
    let columns = [
        ReconnectEvent::Start,
        ReconnectEvent::Connected { generation: 1 },
        ended(1, Recovery::Retry),
        ReconnectEvent::Timer,
        ReconnectEvent::Close,
    ];
    let rows = [
        [Connecting, Idle, Idle, Idle, Closed],
        [Connecting, Open, Waiting, Connecting, Closed],
        [Open, Open, Waiting, Open, Closed],
        [Waiting, Waiting, Waiting, Connecting, Closed],
        [Closed, Closed, Closed, Closed, Closed],
    ];
    for (state, row) in STATES.into_iter().zip(rows) {
        for (event, expected) in columns.into_iter().zip(row) {
            let mut client = client(state);
            let action = client.handle(event, at(30), 0);
            assert_eq!(client.state(), expected, "{state:?} {event:?}");
            let told = match action {
                None => state,
                Some(Action::Connect { .. }) => Connecting,
                Some(Action::Wait { .. }) => Waiting,
                Some(Action::Finish(_)) => Closed,
                Some(unexpected) => panic!("{unexpected:?}"),
            };
            // What changes the state says what to do, except that a connection is simply open.
            assert!(
                told == expected || expected == Open,
                "{state:?} {event:?} {action:?}"
            );
        }
    }
}

#[test]
fn a_final_end_stops_an_attempt_and_a_connection() {
    for state in [State::Connecting, State::Open] {
        let action = client(state).handle(ended(1, Recovery::Stop), at(1), 0);
        assert_eq!(action, Some(Action::Finish(Finished::Stopped)));
    }
}

#[test]
fn older_generations_are_not_listened_to() {
    let mut client = client(State::Waiting);
    client.handle(ReconnectEvent::Timer, at(30), 0);
    assert_eq!(client.generation(), 2);
    for late in [
        ReconnectEvent::Connected { generation: 1 },
        ReconnectEvent::Heard { generation: 1 },
        ended(1, Recovery::Stop),
    ] {
        assert_eq!(client.handle(late, at(31), 0), None);
        assert_eq!(client.state(), State::Connecting);
    }
}

#[test]
fn an_early_timer_waits_for_the_rest() {
    let mut client = client(State::Waiting);
    let Some(Action::Wait { until }) = client.handle(ReconnectEvent::Timer, at(0), 0) else {
        panic!("not waiting")
    };
    assert_eq!(until, Duration::from_nanos(999_999_999));
    assert!(matches!(
        client.handle(ReconnectEvent::Timer, until, 0),
        Some(Action::Connect {
            generation: 2,
            refresh: false
        })
    ));
}

#[test]
fn new_credentials_are_tried_once() {
    let mut client = client(State::Connecting);
    client.handle(ended(1, Recovery::Refresh), at(0), 0);
    let connect = client.handle(ReconnectEvent::Timer, at(30), 0);
    assert_eq!(
        connect,
        Some(Action::Connect {
            generation: 2,
            refresh: true
        })
    );
    let action = client.handle(ended(2, Recovery::Refresh), at(31), 0);
    assert_eq!(action, Some(Action::Finish(Finished::Unauthorized)));
}

#[test]
fn credentials_that_worked_can_be_renewed_again() {
    let mut client = client(State::Connecting);
    client.handle(ended(1, Recovery::Refresh), at(0), 0);
    client.handle(ReconnectEvent::Timer, at(30), 0);
    client.handle(ReconnectEvent::Connected { generation: 2 }, at(30), 0);
    client.handle(ReconnectEvent::Heard { generation: 2 }, at(31), 0);
    let action = client.handle(ended(2, Recovery::Refresh), at(3_600), 0);
    assert!(matches!(action, Some(Action::Wait { .. })));
    let connect = client.handle(ReconnectEvent::Timer, at(3_630), 0);
    assert_eq!(
        connect,
        Some(Action::Connect {
            generation: 3,
            refresh: true
        })
    );
}

/// It refuses the token only after the connection is open: that must not go on for ever.
#[test]
fn accepting_and_refusing_is_not_success() {
    let mut client = client(State::Open);
    client.handle(ended(1, Recovery::Refresh), at(0), 0);
    client.handle(ReconnectEvent::Timer, at(30), 0);
    client.handle(ReconnectEvent::Connected { generation: 2 }, at(30), 0);
    let action = client.handle(ended(2, Recovery::Refresh), at(30), 0);
    assert_eq!(action, Some(Action::Finish(Finished::Unauthorized)));
}

#[test]
fn a_server_that_accepts_and_closes_sees_growing_delays() {
    let mut client = client(State::Connecting);
    let mut now = at(0);
    let mut delays = Vec::new();
    for generation in 1..=6 {
        client.handle(ReconnectEvent::Connected { generation }, now, 0);
        let end = ended(generation, Recovery::Retry);
        let Some(Action::Wait { until }) = client.handle(end, now, u64::MAX) else {
            panic!("not waiting")
        };
        delays.push((until - now).as_millis() + 1);
        now = until;
        client.handle(ReconnectEvent::Timer, now, 0);
    }
    assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
}

#[test]
fn a_healthy_connection_ends_with_the_first_delay() {
    let mut client = client(State::Waiting);
    client.handle(ReconnectEvent::Timer, at(30), 0);
    client.handle(ReconnectEvent::Connected { generation: 2 }, at(30), 0);
    client.handle(ReconnectEvent::Heard { generation: 2 }, at(35), 0);
    let action = client.handle(ended(2, Recovery::Retry), at(40), u64::MAX);
    let Some(Action::Wait { until }) = action else {
        panic!("not waiting")
    };
    assert!(until < at(41));
}

#[test]
fn attempts_can_be_used_up() {
    let mut client = Reconnect::new(BackoffConfig::new().attempts(1));
    client.handle(ReconnectEvent::Start, at(0), 0);
    assert!(matches!(
        client.handle(ended(1, Recovery::Retry), at(0), 0),
        Some(Action::Wait { .. })
    ));
    client.handle(ReconnectEvent::Timer, at(30), 0);
    let action = client.handle(ended(2, Recovery::Retry), at(30), 0);
    assert_eq!(action, Some(Action::Finish(Finished::Exhausted)));
}

#[test]
fn what_the_server_asks_for_is_waited_for() {
    let mut client = client(State::Connecting);
    client.backoff_mut().retry_after(at(20));
    let Some(Action::Wait { until }) = client.handle(ended(1, Recovery::Retry), at(5), 0) else {
        panic!("not waiting")
    };
    assert_eq!(until, at(25));
}

#[test]
fn close_codes() {
    let expected = |code| match code {
        3000 | 4001 => Recovery::Refresh,
        1000 | 1002 | 1003 | 1007 | 1008 | 1009 | 1010 | 3003 | 4003 => Recovery::Stop,
        _ => Recovery::Retry,
    };
    for code in 0..=u16::MAX {
        assert_eq!(Recovery::after_close(code), expected(code), "{code}");
    }
    for code in [1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 4008] {
        assert_eq!(Recovery::after_close(code), Recovery::Retry);
    }
}

#[test]
fn statuses() {
    for status in 100..600 {
        let expected = match status {
            401 => Recovery::Refresh,
            408 | 425 | 429 => Recovery::Retry,
            _ if status >= 500 => Recovery::Retry,
            _ => Recovery::Stop,
        };
        assert_eq!(Recovery::after_status(status), expected, "{status}");
    }
}

/// One thing that happens, of a generation that may be old.
fn event() -> impl Strategy<Value = (u8, u64, u8, u64, u64)> {
    (0..7_u8, 0..3_u64, 0..3_u8, 0..40_u64, any::<u64>())
}

proptest! {
    /// Whatever happens in whatever order: at most one attempt or connection, and none after the
    /// end; a wait is announced for a time not before now; generations count up by one.
    #[test]
    fn it_never_has_two_lives(events in prop::collection::vec(event(), 0..200)) {
        let mut client = Reconnect::new(BackoffConfig::new());
        let mut now = Duration::ZERO;
        let mut live: Option<u64> = None; // what the caller has under way
        let mut finished = false;
        for (kind, age, recovery, later, random) in events {
            now += at(later);
            let generation = client.generation().saturating_sub(age);
            let recovery = match recovery {
                0 => Recovery::Retry,
                1 => Recovery::Refresh,
                _ => Recovery::Stop,
            };
            let event = match kind {
                0 => ReconnectEvent::Start,
                1 => ReconnectEvent::Connected { generation },
                2 => ReconnectEvent::Heard { generation },
                3 | 4 => {
                    // The caller's transport is gone before it says so.
                    live = live.filter(|live| *live != generation);
                    ended(generation, recovery)
                }
                5 => ReconnectEvent::Timer,
                _ if random % 8 == 0 => ReconnectEvent::Close,
                _ => ReconnectEvent::Timer,
            };
            let before = client.generation();
            match client.handle(event, now, random) {
                Some(Action::Connect { generation, .. }) => {
                    prop_assert!(!finished);
                    prop_assert_eq!(live, None);
                    prop_assert_eq!(generation, before + 1);
                    live = Some(generation);
                }
                Some(Action::Wait { until }) => {
                    prop_assert!(!finished);
                    prop_assert!(until >= now && until <= now + at(31));
                }
                Some(Action::Finish(_)) => {
                    prop_assert!(!finished);
                    finished = true;
                    live = None;
                }
                _ => {}
            }
            prop_assert_eq!(finished, client.state() == State::Closed);
            let busy = matches!(client.state(), State::Connecting | State::Open);
            prop_assert!(busy || live.is_none());
        }
    }
}

/// A client that wants another connection gets it at once; one that has none goes on as it was.
#[test]
fn an_open_connection_can_be_opened_again() {
    for state in STATES {
        let mut client = client(state);
        let action = client.handle(ReconnectEvent::Reopen, at(1), 0);
        if state == State::Open {
            let generation = 2;
            let refresh = false;
            let connect = Action::Connect {
                generation,
                refresh,
            };
            assert_eq!((action, client.state()), (Some(connect), State::Connecting));
        } else {
            assert_eq!((action, client.state()), (None, state));
        }
    }
}
