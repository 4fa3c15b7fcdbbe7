use core::time::Duration;

use crate::{Backoff, BackoffConfig, Recovery};

/// The states of a client that comes back, as one table.
///
/// Theory of operation. There is at most one attempt or connection at any instant. Each has a
/// number, its *generation*, and whatever happens to it is told with that number: what an older
/// one still has to say is not listened to. The caller does what each [`Action`] says and tells
/// what became of it.
///
/// ```text
///              Start        Connected   Ended              Timer        Reopen       Close
/// Idle         Connecting   ·           ·                  ·            ·            Closed
/// Connecting   ·            Open        Waiting or Closed  ·            ·            Closed
/// Open         ·            ·           Waiting or Closed  ·            Connecting   Closed
/// Waiting      ·            ·           ·                  Connecting   ·            Closed
/// Closed       ·            ·           ·                  ·            ·            ·
/// ```
///
/// `Ended` leads to `Closed` if its [`Recovery`] is to stop, if new credentials were refused as
/// well, or if the attempts are used up. `·` changes nothing. `Closed` is final.
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use resume::{Action, BackoffConfig, Reconnect, ReconnectEvent, Recovery};
///
/// let at = Duration::from_secs;
/// let mut client = Reconnect::new(BackoffConfig::new());
/// let Some(Action::Connect { generation, .. }) = client.handle(ReconnectEvent::Start, at(0), 0)
/// else {
///     unreachable!()
/// };
/// let refused = ReconnectEvent::Ended { generation, recovery: Recovery::Retry };
/// let Some(Action::Wait { until }) = client.handle(refused, at(1), u64::MAX / 2) else {
///     unreachable!()
/// };
/// assert_eq!(until.as_millis(), 1_499); // half of the first ceiling
/// assert!(matches!(
///     client.handle(ReconnectEvent::Timer, until, 0),
///     Some(Action::Connect { generation: 2, refresh: false })
/// ));
/// ```
#[derive(Clone, Debug)]
pub struct Reconnect {
    state: State,
    generation: u64,
    backoff: Backoff,
    /// When the wait is over.
    due: Duration,
    /// Whether the attempt is made, or is to be made, with new credentials.
    refresh: bool,
}

/// Where a [`Reconnect`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the table is complete")]
pub enum State {
    /// Not started.
    Idle,
    /// An attempt is under way.
    Connecting,
    /// A connection is open.
    Open,
    /// Between two attempts.
    Waiting,
    /// Over.
    Closed,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectEvent {
    /// Begin.
    Start,
    /// The attempt succeeded: for a WebSocket the upgrade, for Server-Sent Events the response.
    Connected {
        /// Of the attempt.
        generation: u64,
    },
    /// A message or a heartbeat arrived.
    Heard {
        /// Of the connection.
        generation: u64,
    },
    /// The attempt failed, or the connection ended.
    Ended {
        /// Of the attempt or connection.
        generation: u64,
        /// What that means.
        recovery: Recovery,
    },
    /// The time to wait for may have come. Too early does no harm.
    Timer,
    /// What the connection was opened with has changed: open another in its place, without a delay.
    /// The caller drops the old one, and bounds how often this happens.
    Reopen,
    /// The application wants no more.
    Close,
}

/// What the caller has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Make an attempt, resuming from the position handled last; resolve names again.
    Connect {
        /// The number to tell its events with.
        generation: u64,
        /// The last credentials were refused: get others first.
        refresh: bool,
    },
    /// Send [`ReconnectEvent::Timer`] at this time.
    Wait {
        /// When.
        until: Duration,
    },
    /// It is over: drop the attempt or connection if there is one, and all timers.
    Finish(Finished),
}

/// Why it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finished {
    /// The application closed.
    Closed,
    /// No more attempts are allowed in a row.
    Exhausted,
    /// The end of a connection, or a refusal, was final.
    Stopped,
    /// New credentials were refused as well.
    Unauthorized,
}

impl Reconnect {
    /// A client that was not started.
    #[must_use]
    pub const fn new(config: BackoffConfig) -> Self {
        Self {
            state: State::Idle,
            generation: 0,
            backoff: Backoff::new(config),
            due: Duration::ZERO,
            refresh: false,
        }
    }

    /// Takes note of what happened at the time `now` and says what to do, if anything. `random`
    /// is 64 uniform bits for the delay, drawn anew each time.
    pub fn handle(&mut self, event: ReconnectEvent, now: Duration, random: u64) -> Option<Action> {
        use ReconnectEvent::{Close, Connected, Ended, Heard, Reopen, Start, Timer};
        match (self.state, event) {
            (State::Idle, Start) => Some(self.connect()),
            (State::Connecting, Connected { generation }) if generation == self.generation => {
                self.state = State::Open;
                self.backoff.connected(now);
                None
            }
            (State::Open, Heard { generation }) if generation == self.generation => {
                self.backoff.heard();
                self.refresh = false;
                None
            }
            (
                State::Connecting | State::Open,
                Ended {
                    generation,
                    recovery,
                },
            ) if generation == self.generation => {
                self.backoff.disconnected(now);
                Some(self.recover(recovery, now, random))
            }
            (State::Waiting, Timer) if now >= self.due => Some(self.connect()),
            (State::Waiting, Timer) => Some(Action::Wait { until: self.due }),
            (State::Open, Reopen) => {
                self.backoff.disconnected(now);
                Some(self.connect())
            }
            (State::Closed, _) => None,
            (_, Close) => Some(self.finish(Finished::Closed)),
            _ => None,
        }
    }

    fn connect(&mut self) -> Action {
        self.state = State::Connecting;
        self.generation += 1;
        Action::Connect {
            generation: self.generation,
            refresh: self.refresh,
        }
    }

    fn recover(&mut self, recovery: Recovery, now: Duration, random: u64) -> Action {
        match recovery {
            Recovery::Stop => return self.finish(Finished::Stopped),
            Recovery::Refresh if self.refresh => return self.finish(Finished::Unauthorized),
            Recovery::Refresh => self.refresh = true,
            Recovery::Retry => {}
        }
        let Some(delay) = self.backoff.next_delay(random) else {
            return self.finish(Finished::Exhausted);
        };
        self.state = State::Waiting;
        self.due = now.saturating_add(delay);
        Action::Wait { until: self.due }
    }

    fn finish(&mut self, why: Finished) -> Action {
        self.state = State::Closed;
        Action::Finish(why)
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The number of the attempt or connection that is listened to; 0 before the first.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The delays, to be told what the server asks for.
    #[must_use]
    pub const fn backoff_mut(&mut self) -> &mut Backoff {
        &mut self.backoff
    }
}
