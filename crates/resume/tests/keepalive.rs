//! When a quiet peer is pinged and a silent one is dead.

use core::time::Duration;

use proptest::prelude::*;
use resume::{Heartbeat, Keepalive, Pulse};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn keepalive() -> Keepalive {
    Keepalive::pinging(at(25), at(10), at(0))
}

#[test]
fn a_silent_peer_is_dead_after_ping_and_timeout() {
    let mut keepalive = keepalive();
    assert_eq!(keepalive.poll(at(25)), Pulse::Ping);
    assert_eq!(keepalive.poll(at(25)), Pulse::Wait { until: at(35) });
    assert_eq!(keepalive.poll(at(34)), Pulse::Wait { until: at(35) });
    assert_eq!(keepalive.poll(at(35)), Pulse::Dead);
    assert_eq!(keepalive.poll(at(36)), Pulse::Dead);
}

#[test]
fn anything_heard_puts_it_off() {
    let mut keepalive = keepalive();
    keepalive.heard(at(20));
    assert_eq!(keepalive.poll(at(25)), Pulse::Wait { until: at(45) });
    assert_eq!(keepalive.poll(at(45)), Pulse::Ping);
    keepalive.heard(at(54));
    assert_eq!(keepalive.poll(at(55)), Pulse::Wait { until: at(79) });
}

/// Nanoseconds of 64 bits count 584 years.
#[test]
fn the_end_of_time_is_not_passed() {
    let mut keepalive = keepalive();
    assert_eq!(keepalive.poll(Duration::MAX), Pulse::Ping);
    assert_ne!(keepalive.poll(Duration::MAX), Pulse::Ping);
}

/// After a suspend the peer gets its chance to answer, instead of being declared dead.
#[test]
fn a_jump_of_the_clock_pings_first() {
    let mut keepalive = keepalive();
    assert_eq!(keepalive.poll(at(600)), Pulse::Ping);
    assert_eq!(keepalive.poll(at(600)), Pulse::Wait { until: at(610) });
}

#[test]
fn a_clock_that_goes_back_does_not_ping() {
    let mut keepalive = keepalive();
    keepalive.heard(at(100));
    keepalive.heard(at(10));
    assert_eq!(keepalive.poll(at(99)), Pulse::Wait { until: at(125) });
}

#[test]
fn a_peer_that_cannot_be_pinged_is_listened_to() {
    let mut keepalive = Keepalive::listening(at(45), at(0));
    assert_eq!(keepalive.poll(at(44)), Pulse::Wait { until: at(45) });
    keepalive.heard(at(44));
    assert_eq!(keepalive.poll(at(88)), Pulse::Wait { until: at(89) });
    assert_eq!(keepalive.poll(at(89)), Pulse::Dead);
}

#[test]
fn a_heartbeat_is_due_only_when_nothing_else_was_sent() {
    let mut heartbeat = Heartbeat::new(at(15), at(0));
    assert!(!heartbeat.is_due(at(14)));
    assert!(heartbeat.is_due(at(15)));
    heartbeat.sent(at(15));
    heartbeat.sent(at(3)); // a clock that went back
    assert_eq!(heartbeat.deadline(), at(30));
    assert!(!heartbeat.is_due(at(29)));
    assert!(heartbeat.is_due(at(30)));
}

proptest! {
    /// Polled when it says, it pings exactly once per silence, declares a silent peer dead at
    /// interval and timeout after it was last heard, and one that is heard in time never.
    #[test]
    fn life_and_death(
        interval in 1..60_u64,
        timeout in 1..30_u64,
        heard in prop::collection::vec(0..80_u64, 0..20),
    ) {
        let mut keepalive = Keepalive::pinging(at(interval), at(timeout), at(0));
        let mut last = 0;
        for silence in heard.into_iter().chain([1_000]) {
            let next = last + silence;
            let mut pings = 0;
            let died = loop {
                let now = keepalive.deadline();
                if now >= at(next) {
                    break false;
                }
                match keepalive.poll(now) {
                    Pulse::Ping => pings += 1,
                    Pulse::Dead => break true,
                    unexpected => prop_assert!(false, "{:?}", unexpected),
                }
            };
            prop_assert_eq!(pings, u64::from(silence > interval));
            prop_assert_eq!(died, silence > interval + timeout);
            if died {
                prop_assert_eq!(keepalive.deadline(), at(last + interval + timeout));
                return Ok(());
            }
            keepalive.heard(at(next));
            last = next;
        }
    }
}
