//! Which address is tried when: Happy Eyeballs (RFC 8305), without IO or clock.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;

/// How long an attempt is alone before the next one starts beside it.
//= https://www.rfc-editor.org/rfc/rfc8305#section-5
//# One recommended value for a default delay is 250 milliseconds.
pub(super) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The attempts to reach one of several addresses. Times count from the beginning.
#[derive(Debug)]
pub(super) struct Race {
    waiting: VecDeque<SocketAddr>,
    running: usize,
    /// When the next attempt starts.
    due: Duration,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Start an attempt, then ask again.
    Start(SocketAddr),
    /// Wait for an attempt under way to end, or until this time.
    Wait { until: Duration },
    /// Wait for an attempt under way to end: none is left to start.
    Finish,
    /// Every attempt has failed.
    Lost,
}

impl Race {
    /// `addresses` in the system's order of preference.
    pub(super) fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self {
            waiting: interleave(addresses),
            running: 0,
            due: Duration::ZERO,
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc8305#section-5
    //# Instead, connection attempts SHOULD be staggered, with one attempt starting after another
    //# has been started.
    pub(super) fn next(&mut self, now: Duration) -> Step {
        if self.waiting.is_empty() {
            return if self.running == 0 {
                Step::Lost
            } else {
                Step::Finish
            };
        }
        if now < self.due {
            return Step::Wait { until: self.due };
        }
        match self.waiting.pop_front() {
            Some(address) => {
                self.running += 1;
                self.due = now + ATTEMPT_DELAY;
                Step::Start(address)
            }
            None => Step::Lost,
        }
    }

    /// An attempt has failed: the next one need not wait.
    pub(super) fn failed(&mut self) {
        self.running -= 1;
        self.due = Duration::ZERO;
    }
}

/// One address of each family in turn, the preferred family first.
//= https://www.rfc-editor.org/rfc/rfc8305#section-4
//# If there are multiple addresses of each family, implementations [...] SHOULD interleave address
//# families
fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut families: [VecDeque<SocketAddr>; 2] = Default::default();
    let mut first = None;
    for address in addresses {
        let first = *first.get_or_insert_with(|| address.is_ipv6());
        let family = &mut families[usize::from(address.is_ipv6() != first)];
        if !family.contains(&address) {
            family.push_back(address);
        }
    }
    let mut turns = VecDeque::new();
    let mut turn = 0;
    while families.iter().any(|family| !family.is_empty()) {
        turns.extend(families[turn].pop_front());
        turn = 1 - turn;
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn v6(n: u16) -> SocketAddr {
        SocketAddr::new([0x2001, 0xdb8, 0, 0, 0, 0, 0, n].into(), 80)
    }

    fn v4(n: u8) -> SocketAddr {
        SocketAddr::new([192, 0, 2, n].into(), 80)
    }

    #[test]
    fn families_take_turns_and_the_preferred_one_begins() {
        let order = |addresses: &[SocketAddr]| Vec::from(interleave(addresses.iter().copied()));
        assert_eq!(
            order(&[v6(1), v6(2), v6(3), v4(1), v4(2)]),
            [v6(1), v4(1), v6(2), v4(2), v6(3)]
        );
        assert_eq!(order(&[v4(1), v4(2), v6(1)]), [v4(1), v6(1), v4(2)]);
        assert_eq!(order(&[v4(1), v4(1), v4(2)]), [v4(1), v4(2)]);
        assert_eq!(order(&[]), []);
    }

    #[test]
    fn the_next_attempt_starts_after_the_delay() {
        let mut race = Race::new([v6(1), v4(1), v6(2)]);
        assert_eq!(race.next(ms(0)), Step::Start(v6(1)));
        assert_eq!(race.next(ms(0)), Step::Wait { until: ms(250) });
        assert_eq!(race.next(ms(249)), Step::Wait { until: ms(250) });
        assert_eq!(race.next(ms(260)), Step::Start(v4(1)));
        assert_eq!(race.next(ms(260)), Step::Wait { until: ms(510) });
        assert_eq!(race.next(ms(510)), Step::Start(v6(2)));
        assert_eq!(race.next(ms(510)), Step::Finish);
    }

    #[test]
    fn a_failure_starts_the_next_attempt_at_once() {
        let mut race = Race::new([v6(1), v4(1), v6(2)]);
        assert_eq!(race.next(ms(0)), Step::Start(v6(1)));
        race.failed();
        assert_eq!(race.next(ms(3)), Step::Start(v4(1)));
        assert_eq!(race.next(ms(3)), Step::Wait { until: ms(253) });
        race.failed();
        assert_eq!(race.next(ms(4)), Step::Start(v6(2)));
        assert_eq!(race.next(ms(4)), Step::Finish);
        race.failed();
        assert_eq!(race.next(ms(5)), Step::Lost);
    }

    #[test]
    fn the_race_is_lost_only_when_nothing_is_under_way() {
        assert_eq!(Race::new([]).next(ms(0)), Step::Lost);
        let mut race = Race::new([v6(1), v4(1)]);
        assert_eq!(race.next(ms(0)), Step::Start(v6(1)));
        assert_eq!(race.next(ms(250)), Step::Start(v4(1)));
        race.failed();
        assert_eq!(race.next(ms(300)), Step::Finish);
        race.failed();
        assert_eq!(race.next(ms(300)), Step::Lost);
    }
}
