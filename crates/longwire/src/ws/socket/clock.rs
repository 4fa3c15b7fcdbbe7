//! The clocks of a connection, on one timer.

use core::task::{Context, Poll, ready};
use core::time::Duration;

use resume::{Keepalive, Pulse};
use tokio::time::Instant;
use ws_frame::State;

use crate::clock::Timer;
use crate::ws::Config;

/// The time for which [`ws_frame::Limits::control_budget`] and
/// [`max_fragments`](ws_frame::Limits::max_fragments) are meant.
const BUDGET_PERIOD: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Clock {
    timer: Timer,
    /// What all times here count from.
    base: Instant,
    keepalive: Keepalive,
    /// When the budgets were last refilled.
    refilled: Mark,
    /// Since when the peer has taken nothing while something waits.
    stalled: Mark,
    /// When closing began.
    closing: Mark,
    /// When the message began that is being received.
    message: Mark,
    /// When a message last passed.
    active: Mark,
    /// Whether the timer was last set while nothing but the keepalive, and the time since the last
    /// message, was to be thought of.
    calm: bool,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// Whether something waits to be written.
    pub(super) blocked: bool,
    pub(super) state: State,
    /// Whether a message has begun to arrive that is bounded in time.
    pub(super) receiving: bool,
    /// Whether a message has passed since the clock was last asked.
    pub(super) active: bool,
}

impl Situation {
    fn is_calm(self) -> bool {
        !self.blocked && !self.receiving && self.state == State::Open
    }
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing was heard for a while.
    Ping,
    /// The peer is dead, or does not finish the closing handshake.
    Silent,
    /// The peer takes nothing.
    Stalled,
    /// The message that is being received takes too long.
    Overdue,
    /// No message has passed for too long.
    Idle,
}

impl Clock {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            timer: Timer::default(),
            base: Instant::now(),
            keepalive: Keepalive::pinging(
                config.ping_after.get(),
                config.pong_within.get(),
                Duration::ZERO,
            ),
            refilled: Mark::at(Duration::ZERO),
            stalled: Mark::UNSET,
            closing: Mark::UNSET,
            message: Mark::UNSET,
            active: Mark::UNSET,
            calm: false,
        }
    }

    /// Bytes have arrived. Returns whether it is time to refill the budgets.
    pub(super) fn heard(&mut self) -> bool {
        let now = self.base.elapsed();
        let before = self.keepalive.deadline();
        self.keepalive.heard(now);
        if self.keepalive.deadline() < before {
            // A ping was answered, and the next is due before its answer would have been.
            self.calm = false;
        }
        let refill = self.refilled.left(BUDGET_PERIOD, now).is_none();
        if refill {
            self.refilled = Mark::at(now);
        }
        refill
    }

    /// The peer has taken bytes.
    #[inline]
    pub(super) const fn progressed(&mut self) {
        self.stalled = Mark::UNSET;
    }

    #[inline]
    pub(super) const fn message_ended(&mut self) {
        self.message = Mark::UNSET;
    }

    /// Ready when it is time for something.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        config: &Config,
        situation: Situation,
    ) -> Poll<Due> {
        if situation.active {
            self.active = Mark::UNSET;
        }
        // What was heard, sent or ended since only moves away what is due (for the answer to a ping
        // see `heard`): mostly this is all that a message costs.
        let calm = situation.is_calm() && !(situation.active && config.idle_within.is_some());
        if core::mem::replace(&mut self.calm, calm) && calm && self.timer.is_set(cx) {
            return Poll::Pending;
        }
        loop {
            let now = self.base.elapsed();
            let left = match self.left(now, config, situation) {
                Ok(left) => left,
                Err(due) => return Poll::Ready(due),
            };
            ready!(self.timer.poll(cx, self.base + now + left));
        }
    }

    /// What it is time for, or else how long nothing will be.
    fn left(
        &mut self,
        now: Duration,
        config: &Config,
        situation: Situation,
    ) -> Result<Duration, Due> {
        if situation.blocked {
            let stalled = self.stalled.set(now);
            return stalled
                .left(config.write_deadline.get(), now)
                .ok_or(Due::Stalled);
        }
        if situation.state == State::CloseSent {
            let closing = self.closing.set(now);
            return closing
                .left(config.close_within.get(), now)
                .ok_or(Due::Silent);
        }
        let mut left = match self.keepalive.poll(now) {
            Pulse::Wait { until } => until - now,
            Pulse::Ping => return Err(Due::Ping),
            _ => return Err(Due::Silent),
        };
        if situation.receiving {
            let message = self.message.set(now).left(config.message_within.get(), now);
            left = left.min(message.ok_or(Due::Overdue)?);
        }
        if let Some(idle) = config.idle_within {
            let active = self.active.set(now).left(idle.get(), now);
            left = left.min(active.ok_or(Due::Idle)?);
        }
        Ok(left)
    }

    /// Ready when closing has taken too long.
    pub(super) fn poll_closing(&mut self, cx: &mut Context<'_>, config: &Config) -> Poll<()> {
        let now = self.base.elapsed();
        match self.closing.set(now).left(config.close_within.get(), now) {
            Some(left) => self.timer.poll(cx, self.base + now + left),
            None => Poll::Ready(()),
        }
    }
}

/// A time in milliseconds, which may wrap: no span that is measured lasts 49 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u32);

impl Mark {
    const UNSET: Self = Self(0);

    fn at(now: Duration) -> Self {
        Self(millis(now).max(1))
    }

    /// Sets the mark if it is unset.
    fn set(&mut self, now: Duration) -> Self {
        if *self == Self::UNSET {
            *self = Self::at(now);
        }
        *self
    }

    /// What is left of `span` since the mark; `None` when it is over.
    fn left(self, span: Duration, now: Duration) -> Option<Duration> {
        let passed = millis(now).wrapping_sub(self.0);
        // A mark of the millisecond that would be unset is one late.
        let passed = if passed == u32::MAX { 0 } else { passed };
        let left = span.checked_sub(Duration::from_millis(passed.into()))?;
        (left > Duration::ZERO).then_some(left)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "marks wrap")]
const fn millis(time: Duration) -> u32 {
    (time.as_millis() as u32).wrapping_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Situation = Situation {
        blocked: false,
        state: State::Open,
        receiving: false,
        active: false,
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn what_is_due_and_when() {
        let config = Config::default().idle_within(Some(at(300)));
        let receiving = Situation {
            receiving: true,
            ..QUIET
        };
        let blocked = Situation {
            blocked: true,
            ..QUIET
        };
        let closing = Situation {
            state: State::CloseSent,
            ..QUIET
        };
        for (situation, due, after) in [
            (QUIET, Due::Ping, 25),
            (blocked, Due::Stalled, 10),
            (closing, Due::Silent, 5),
        ] {
            let mut clock = Clock::new(&config);
            assert_eq!(clock.left(at(0), &config, situation), Ok(at(after)));
            assert_eq!(clock.left(at(after), &config, situation), Err(due));
        }
        let mut clock = Clock::new(&config);
        for second in 0..60 {
            clock.keepalive.heard(at(second));
            assert!(clock.left(at(second), &config, receiving).is_ok());
        }
        clock.keepalive.heard(at(60));
        assert_eq!(clock.left(at(60), &config, receiving), Err(Due::Overdue));
        clock.message_ended();
        assert_eq!(clock.left(at(60), &config, receiving), Ok(at(25)));
        clock.keepalive.heard(at(299));
        assert_eq!(clock.left(at(299), &config, QUIET), Ok(at(1)));
        assert_eq!(clock.left(at(301), &config, QUIET), Err(Due::Idle));
    }

    #[test]
    fn marks_work_across_their_wrap() {
        let wrap = u64::from(u32::MAX) + 1;
        for now in [0, 1, 2, wrap - 1, wrap, wrap + 5] {
            let now = Duration::from_millis(now);
            let mark = Mark::at(now);
            assert_eq!(mark.left(at(10), now + at(11)), None);
            let left = mark.left(at(10), now + at(9)).unwrap();
            assert!(left >= at(1) && left <= at(1) + Duration::from_millis(1));
            assert!(mark.left(at(10), now).unwrap() >= at(10) - Duration::from_millis(1));
        }
    }
}
