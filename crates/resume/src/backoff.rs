use core::time::Duration;

/// How long to wait before the next attempt: exponential, with full jitter.
///
/// The k-th delay in a row is drawn uniformly from 0 to `min(cap, base · factor^k)`, and is never
/// below the floor. It starts over only after a connection was healthy: ten seconds old at its
/// end, and something was heard on it. A server that accepts and closes at once therefore sees
/// growing delays.
///
/// What the server asks for raises the lower bound, to at most five minutes, and never removes the
/// jitter: the delay is then drawn from the bound up to the bound plus the ceiling above, or plus
/// the bound itself where that is larger (up to the cap), so that clients told the same number do
/// not come back together.
///
/// Time and randomness are arguments: any clock that does not go back, and 64 uniform bits.
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use resume::{Backoff, BackoffConfig};
///
/// let mut backoff = Backoff::new(BackoffConfig::new());
/// let half = u64::MAX / 2;
/// assert_eq!(backoff.next_delay(half).unwrap().as_millis(), 499); // of 0 to 1 s
/// assert_eq!(backoff.next_delay(half).unwrap().as_millis(), 999); // of 0 to 2 s
/// assert_eq!(backoff.next_delay(0).unwrap().as_millis(), 100); // the floor
///
/// backoff.retry_after(Duration::from_secs(20)); // for the next attempt only
/// assert_eq!(backoff.next_delay(0).unwrap().as_secs(), 20);
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    config: BackoffConfig,
    /// Upper bound of the next draw.
    ceiling: Duration,
    /// Attempts since the last healthy connection.
    attempts: u32,
    /// Lower bound for all attempts.
    retry: Duration,
    /// Lower bound for the next attempt.
    retry_after: Duration,
    /// Wished upper bound for the first attempt after this connection.
    spread: Duration,
    /// When the connection opened, while there is one.
    opened_at: Option<Duration>,
    /// Whether anything was heard on it.
    heard: bool,
}

impl Backoff {
    /// The longest lower bound that a server can set: five minutes.
    pub const MAX_HINT: Duration = Duration::from_secs(5 * 60);

    /// Starts with the base.
    #[must_use]
    pub const fn new(config: BackoffConfig) -> Self {
        Self {
            ceiling: config.base,
            config,
            attempts: 0,
            retry: Duration::ZERO,
            retry_after: Duration::ZERO,
            spread: Duration::ZERO,
            opened_at: None,
            heard: false,
        }
    }

    /// A connection was opened.
    pub const fn connected(&mut self, now: Duration) {
        self.opened_at = Some(now);
        self.heard = false;
    }

    /// A message or a heartbeat arrived on it.
    pub const fn heard(&mut self) {
        self.heard = true;
    }

    /// The connection ended. If it was healthy, delays start over.
    pub fn disconnected(&mut self, now: Duration) {
        let opened_at = self.opened_at.take();
        let age = opened_at.map_or(Duration::ZERO, |opened_at| now.saturating_sub(opened_at));
        if self.heard && age >= self.config.healthy {
            self.ceiling = self.config.base;
            self.attempts = 0;
        }
        let spread = core::mem::take(&mut self.spread).min(self.config.cap);
        self.ceiling = self.ceiling.max(spread);
    }

    /// The server set the time to wait before every attempt (the field `retry` of Server-Sent
    /// Events). Zero takes it back.
    pub fn retry(&mut self, bound: Duration) {
        self.retry = bound.min(Self::MAX_HINT);
    }

    /// The server set the time to wait before the next attempt (the header `Retry-After`).
    pub fn retry_after(&mut self, bound: Duration) {
        self.retry_after = bound.min(Self::MAX_HINT);
    }

    /// The server is about to end this connection and asks its clients to spread their return
    /// over this time, up to the cap. It is the first ceiling after the connection ended.
    pub const fn spread(&mut self, over: Duration) {
        self.spread = over;
    }

    /// The delay before the next attempt, made of 64 uniform random bits; `None` if no more
    /// attempts are allowed in a row.
    pub fn next_delay(&mut self, random: u64) -> Option<Duration> {
        if self
            .config
            .attempts
            .is_some_and(|allowed| self.attempts >= allowed)
        {
            return None;
        }
        self.attempts = self.attempts.saturating_add(1);
        let bound = self.retry.max(core::mem::take(&mut self.retry_after));
        let span = self.ceiling.max(bound.min(self.config.cap));
        self.ceiling = self
            .ceiling
            .saturating_mul(self.config.factor)
            .min(self.config.cap);
        Some((bound + fraction(span, random)).max(self.config.floor))
    }

    /// Attempts since the last healthy connection, counting those for which a delay was given.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// `span · random / 2^64`.
fn fraction(span: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let product = u128::from(nanos) * u128::from(random);
    Duration::from_nanos(u64::try_from(product >> 64).unwrap_or(u64::MAX))
}

/// The numbers of a [`Backoff`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    base: Duration,
    factor: u32,
    cap: Duration,
    floor: Duration,
    healthy: Duration,
    attempts: Option<u32>,
}

impl BackoffConfig {
    /// First ceiling by default: 1 s.
    pub const DEFAULT_BASE: Duration = Duration::from_secs(1);
    /// Growth of the ceiling by default: it doubles.
    pub const DEFAULT_FACTOR: u32 = 2;
    /// Largest ceiling by default: 30 s.
    pub const DEFAULT_CAP: Duration = Duration::from_secs(30);
    /// Shortest delay by default: 100 ms.
    pub const DEFAULT_FLOOR: Duration = Duration::from_millis(100);
    /// Age by default at which a connection counts as healthy: 10 s.
    pub const DEFAULT_HEALTHY: Duration = Duration::from_secs(10);

    /// The defaults; any number of attempts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            base: Self::DEFAULT_BASE,
            factor: Self::DEFAULT_FACTOR,
            cap: Self::DEFAULT_CAP,
            floor: Self::DEFAULT_FLOOR,
            healthy: Self::DEFAULT_HEALTHY,
            attempts: None,
        }
    }

    /// The first ceiling; the cap if larger than that. N clients that lose their server together
    /// make about N / `base` attempts in the first second: raise it to lower that peak.
    #[must_use]
    pub const fn base(self, base: Duration) -> Self {
        Self { base, ..self }.capped()
    }

    /// What each further ceiling is multiplied by.
    #[must_use]
    pub const fn factor(self, factor: u32) -> Self {
        Self { factor, ..self }
    }

    /// The largest ceiling. Lower it and clients come back sooner after a long outage, but burden
    /// it more: N clients make about 2 N / `cap` attempts per second.
    #[must_use]
    pub const fn cap(self, cap: Duration) -> Self {
        Self { cap, ..self }.capped()
    }

    const fn capped(self) -> Self {
        let base = if self.base.as_nanos() > self.cap.as_nanos() {
            self.cap
        } else {
            self.base
        };
        Self { base, ..self }
    }

    /// The shortest delay. At zero, a server that fails at once can be attempted in a hot loop.
    #[must_use]
    pub const fn floor(self, floor: Duration) -> Self {
        Self { floor, ..self }
    }

    /// How old a connection must become for delays to start over.
    #[must_use]
    pub const fn healthy(self, healthy: Duration) -> Self {
        Self { healthy, ..self }
    }

    /// How many attempts in a row are made before giving up.
    #[must_use]
    pub const fn attempts(self, attempts: u32) -> Self {
        Self {
            attempts: Some(attempts),
            ..self
        }
    }
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self::new()
    }
}
