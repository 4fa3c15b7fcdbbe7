//! When bytes last left a stream, and what follows from it.

use core::task::{Context, Poll};
use core::time::Duration;

use resume::Heartbeat;
use tokio::time::Instant;

use crate::clock::Timer;

/// The clocks of an event stream.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    heartbeat: Duration,
    write_deadline: Duration,
}

impl Timing {
    /// A comment is sent after this long without other bytes; default 15 s. Longer risks the idle
    /// time-out of a proxy, shorter costs wake-ups (HTML Standard §9.2.7 suggests 15 s).
    #[must_use]
    pub const fn heartbeat(mut self, after: Duration) -> Self {
        self.heartbeat = after;
        self
    }

    /// A peer that takes no byte for this long while some wait is given up; default 10 s.
    #[must_use]
    pub const fn write_deadline(mut self, after: Duration) -> Self {
        self.write_deadline = after;
        self
    }

    pub(crate) const fn deadline(&self) -> Duration {
        self.write_deadline
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            write_deadline: Duration::from_secs(10),
        }
    }
}

/// The clock of one stream: [`Heartbeat`] decides, the one timer of the connection wakes.
#[derive(Debug)]
pub(super) struct Pace {
    timing: Timing,
    started: Instant,
    /// When the peer last took bytes, since `started`.
    sent: Duration,
    timer: Timer,
}

impl Pace {
    pub(super) fn new(timing: Timing) -> Self {
        Self {
            timing,
            started: Instant::now(),
            sent: Duration::ZERO,
            timer: Timer::default(),
        }
    }

    /// The peer took bytes.
    pub(super) fn sent(&mut self) {
        self.sent = self.started.elapsed();
    }

    /// Ready when something must be sent because nothing else was.
    pub(super) fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = Heartbeat::new(self.timing.heartbeat, self.sent).deadline();
        self.poll_until(cx, due)
    }

    /// Ready when a peer for which bytes wait has taken none for too long.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(cx, self.sent.saturating_add(self.timing.write_deadline))
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, due: Duration) -> Poll<()> {
        // Beyond what the clock can say nothing is ever due.
        match self.started.checked_add(due) {
            Some(due) => self.timer.poll(cx, due),
            None => Poll::Pending,
        }
    }
}
