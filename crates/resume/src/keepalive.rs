use core::time::Duration;

/// Decides when to ping a quiet peer, and when a silent one is dead.
///
/// Any byte from the peer is a sign of life. Read what has arrived before polling: after this
/// process was suspended, the answer to the last ping may be waiting in the socket.
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use resume::{Keepalive, Pulse};
///
/// let at = Duration::from_secs;
/// let mut keepalive = Keepalive::pinging(at(25), at(10), at(0));
/// assert_eq!(keepalive.poll(at(24)), Pulse::Wait { until: at(25) });
/// assert_eq!(keepalive.poll(at(25)), Pulse::Ping); // send one now
/// assert_eq!(keepalive.poll(at(26)), Pulse::Wait { until: at(35) });
/// assert_eq!(keepalive.clone().poll(at(35)), Pulse::Dead);
///
/// keepalive.heard(at(27)); // the pong, or anything else
/// assert_eq!(keepalive.poll(at(35)), Pulse::Wait { until: at(52) });
/// ```
///
/// Times are kept as nanoseconds in 64 bits, 584 years: a server has one for every connection.
#[derive(Clone, Debug)]
pub struct Keepalive {
    /// After how much silence to ping, or [`NEVER`].
    interval: u64,
    /// After how much more silence the peer is dead.
    timeout: u64,
    heard_at: u64,
    /// When the ping went out that nothing has answered, or [`NEVER`].
    pinged_at: u64,
}

const NEVER: u64 = u64::MAX;

#[expect(clippy::cast_possible_truncation, reason = "checked")]
const fn nanos(time: Duration) -> u64 {
    let nanos = time.as_nanos();
    if nanos < NEVER as u128 {
        nanos as u64
    } else {
        NEVER - 1
    }
}

/// What to do about a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pulse {
    /// Nothing before this time, unless the peer is heard.
    Wait {
        /// When to poll again.
        until: Duration,
    },
    /// Send a ping now. It is asked for once until the peer is heard.
    Ping,
    /// Nothing was heard for too long: end the connection.
    Dead,
}

impl Keepalive {
    /// Pings after `interval` of silence, and gives up after `timeout` more.
    #[must_use]
    pub const fn pinging(interval: Duration, timeout: Duration, now: Duration) -> Self {
        let mut keepalive = Self::listening(timeout, now);
        keepalive.interval = nanos(interval);
        keepalive
    }

    /// Gives up after `timeout` of silence, for a peer that cannot be pinged.
    #[must_use]
    pub const fn listening(timeout: Duration, now: Duration) -> Self {
        Self {
            interval: NEVER,
            timeout: nanos(timeout),
            heard_at: nanos(now),
            pinged_at: NEVER,
        }
    }

    /// Bytes arrived from the peer.
    pub fn heard(&mut self, now: Duration) {
        self.heard_at = self.heard_at.max(nanos(now));
        self.pinged_at = NEVER;
    }

    /// Decides what to do now.
    pub fn poll(&mut self, now: Duration) -> Pulse {
        let until = self.deadline();
        if now < until {
            return Pulse::Wait { until };
        }
        if self.interval != NEVER && self.pinged_at == NEVER {
            self.pinged_at = nanos(now);
            return Pulse::Ping;
        }
        Pulse::Dead
    }

    /// When [`poll`](Keepalive::poll) will next have something to say, unless the peer is heard.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        Duration::from_nanos(if self.pinged_at != NEVER {
            self.pinged_at.saturating_add(self.timeout)
        } else if self.interval != NEVER {
            self.heard_at.saturating_add(self.interval)
        } else {
            self.heard_at.saturating_add(self.timeout)
        })
    }
}

/// Decides when to say something on a connection on which nothing was sent for a while, so that
/// neither the peer nor a proxy takes it for dead.
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use resume::Heartbeat;
///
/// let at = Duration::from_secs;
/// let mut heartbeat = Heartbeat::new(at(15), at(0));
/// heartbeat.sent(at(10)); // an event
/// assert!(!heartbeat.is_due(at(24)));
/// assert!(heartbeat.is_due(at(25))); // send a comment, and say so with `sent`
/// ```
#[derive(Clone, Debug)]
pub struct Heartbeat {
    interval: Duration,
    sent_at: Duration,
}

impl Heartbeat {
    /// Something is to be sent at least every `interval`.
    #[must_use]
    pub const fn new(interval: Duration, now: Duration) -> Self {
        Self {
            interval,
            sent_at: now,
        }
    }

    /// Bytes were sent.
    pub fn sent(&mut self, now: Duration) {
        self.sent_at = self.sent_at.max(now);
    }

    /// Whether something must be sent now.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        now >= self.deadline()
    }

    /// When something must be sent, unless something is sent before.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        self.sent_at.saturating_add(self.interval)
    }
}
