//! What is counted, and how it is shown to Prometheus.
//!
//! Counting is a relaxed addition, without a look-up: every label is a place in an array. No label
//! is anything that a peer sends, so there are as many series as this file says.

mod exposition;
mod number;

use resume::GapReason;

pub(crate) use exposition::{CONTENT_TYPE, Scrape};
pub(crate) use number::{Counter, Gauge, Histogram};

/// Everything that is counted while the hub runs.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Subscribers at this moment, by carrier.
    pub(crate) subscribers: [Gauge; 2],
    /// Subscriptions that began without a position, by carrier.
    pub(crate) fresh: [Counter; 2],
    /// Subscriptions that came back with one.
    pub(crate) resumed: [Counter; 2],
    pub(crate) events_in: Counter,
    /// Events that came again with their id and content.
    pub(crate) events_repeated: Counter,
    pub(crate) events_out: [Counter; 2],
    /// Bytes handed to connections that the network has not taken.
    pub(crate) unsent: Gauge,
    gaps: [Counter; GapReason::ALL.len()],
    /// From taking an event up to giving it to a connection, of the first event of each write.
    pub(crate) lag: Histogram,
    /// Of writing events to the log and waiting for the disk.
    pub(crate) commit: Histogram,
    /// Requests that were refused.
    refused: [Counter; STATUSES.len() + 1],
    /// Connections that were closed unanswered.
    turned_away: [Counter; TURNED_AWAY.len()],
    pub(crate) rate_limited: Counter,
    failed: [Counter; FAILURES.len()],
}

/// A carrier, as an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    EventStream = 0,
    WebSocket = 1,
}

const CARRIERS: [&str; 2] = ["sse", "websocket"];

/// The statuses that requests are refused with.
const STATUSES: [u16; 13] = [
    400, 401, 403, 404, 405, 408, 409, 413, 415, 426, 429, 431, 503,
];

/// Why a connection was closed unanswered, as an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    Address = 0,
    Displaced = 1,
    Total = 2,
}

const TURNED_AWAY: [&str; 3] = ["address", "displaced", "total"];

/// Why a connection failed, as an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Accept = 0,
    Head = 1,
    Io = 2,
    Protocol = 3,
    Silent = 4,
    Stalled = 5,
    Tls = 6,
}

const FAILURES: [&str; 7] = [
    "accept", "head", "io", "protocol", "silent", "stalled", "tls",
];

/// Upper bounds of the lag, in microseconds.
const LAG: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000, 30_000_000,
];
/// Upper bounds of a commit, in microseconds.
const COMMIT: &[u64] = &[
    10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    1_000_000, 5_000_000,
];

impl Metrics {
    /// Counts a gap that a subscriber was told.
    pub(crate) fn gap(&self, reason: GapReason) {
        let index = GapReason::ALL.iter().position(|known| *known == reason);
        if let Some(counter) = index.and_then(|index| self.gaps.get(index)) {
            counter.add(1);
        }
    }

    /// Counts a request that was refused with this status.
    pub(crate) fn refuse(&self, status: u16) {
        let index = STATUSES.iter().position(|known| *known == status);
        self.refused[index.unwrap_or(STATUSES.len())].add(1);
    }

    /// Counts a connection that was closed unanswered.
    pub(crate) fn turn_away(&self, why: TurnedAway) {
        self.turned_away[why as usize].add(1);
    }

    /// Counts a connection that failed.
    pub(crate) fn fail(&self, why: Failure) {
        self.failed[why as usize].add(1);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            subscribers: Default::default(),
            fresh: Default::default(),
            resumed: Default::default(),
            events_in: Counter::default(),
            events_repeated: Counter::default(),
            events_out: Default::default(),
            unsent: Gauge::default(),
            gaps: Default::default(),
            lag: Histogram::new(LAG),
            commit: Histogram::new(COMMIT),
            refused: Default::default(),
            turned_away: Default::default(),
            rate_limited: Counter::default(),
            failed: Default::default(),
        }
    }
}
