use core::time::Duration;

use resume::{BackoffConfig, Start};

use super::Carrier;

/// The numbers of a [`Client`](super::Client).
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(super) start: Start,
    pub(super) backoff: BackoffConfig,
    pub(super) only: Option<Carrier>,
    pub(super) remembered: Option<Carrier>,
    pub(super) attempt_within: Duration,
    pub(super) silence: Duration,
    pub(super) queue_items: usize,
    pub(super) queue_bytes: usize,
    pub(super) in_flight: usize,
}

impl ClientConfig {
    /// Time for an attempt by default, from its beginning to the first frame or the response: 10 s.
    pub const DEFAULT_ATTEMPT_WITHIN: Duration = Duration::from_secs(10);
    /// Silence after which an event stream is dead by default: 47 s, three heartbeats and a little.
    pub const DEFAULT_SILENCE: Duration = Duration::from_secs(47);
    /// Items that wait to be published by default: 1,000.
    pub const DEFAULT_QUEUE_ITEMS: usize = 1_000;
    /// Bytes of data that wait to be published by default: 4 MiB.
    pub const DEFAULT_QUEUE_BYTES: usize = 4 << 20;
    /// Items sent and not yet answered by default: 16.
    pub const DEFAULT_IN_FLIGHT: usize = 16;

    /// The defaults: begins live, either carrier.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            start: Start::Live,
            backoff: BackoffConfig::new(),
            only: None,
            remembered: None,
            attempt_within: Self::DEFAULT_ATTEMPT_WITHIN,
            silence: Self::DEFAULT_SILENCE,
            queue_items: Self::DEFAULT_QUEUE_ITEMS,
            queue_bytes: Self::DEFAULT_QUEUE_BYTES,
            in_flight: Self::DEFAULT_IN_FLIGHT,
        }
    }

    /// Where the first connection begins: what a position store has kept, for example.
    #[must_use]
    pub fn start(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// The delays between attempts.
    #[must_use]
    pub fn backoff(self, backoff: BackoffConfig) -> Self {
        Self { backoff, ..self }
    }

    /// Uses this carrier and no other.
    #[must_use]
    pub fn only(self, carrier: Carrier) -> Self {
        Self {
            only: Some(carrier),
            ..self
        }
    }

    /// Tries first what worked last time.
    #[must_use]
    pub fn remembered(self, carrier: Option<Carrier>) -> Self {
        Self {
            remembered: carrier,
            ..self
        }
    }

    /// How long an attempt may take, from its beginning to the first frame or the response. Lower
    /// it and slow networks never connect; raise it and a black hole is noticed later.
    #[must_use]
    pub fn attempt_within(self, time: Duration) -> Self {
        Self {
            attempt_within: time,
            ..self
        }
    }

    /// After how much silence an event stream is dead. It must be longer than the hub's heartbeat,
    /// which comes every 15 s. A WebSocket is pinged instead.
    #[must_use]
    pub fn silence(self, time: Duration) -> Self {
        Self {
            silence: time,
            ..self
        }
    }

    /// How many items, and how many bytes of data, wait to be published or acknowledged. What does
    /// not fit is refused when it is given.
    #[must_use]
    pub fn queue(self, items: usize, bytes: usize) -> Self {
        Self {
            queue_items: items,
            queue_bytes: bytes,
            ..self
        }
    }

    /// How many items are sent over a WebSocket before the first of them is answered; at least 1.
    /// With 1 their order holds even if the hub refuses one of them for the moment. By POST they
    /// go one at a time.
    #[must_use]
    pub fn in_flight(self, items: usize) -> Self {
        Self {
            in_flight: if items == 0 { 1 } else { items },
            ..self
        }
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new()
    }
}
