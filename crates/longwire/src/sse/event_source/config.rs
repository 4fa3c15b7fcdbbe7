//! How an EventSource behaves where the Standard leaves it open, or where a user wants more.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use resume::{BackoffConfig, Patience};
use sse_parse::Limits;

use crate::http::Client;

/// The options of an [`EventSource`](super::EventSource). Unless one is set it behaves as the
/// HTML Standard says.
///
/// ```
/// use core::time::Duration;
/// use longwire::sse::EventSourceConfig;
///
/// let config = EventSourceConfig::new()
///     .last_event_id("41")
///     .retry_statuses()
///     .idle_timeout(Some(Duration::from_secs(90)));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EventSourceConfig {
    pub(super) client: Client,
    pub(super) patience: Patience,
    pub(super) resend: bool,
    pub(super) backoff: BackoffConfig,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) head_deadline: Duration,
    pub(super) max_redirects: u32,
    pub(super) limits: Limits,
    pub(super) last_event_id: String,
    pub(super) compressed: bool,
    pub(super) random: Random,
}

/// Where random bits come from.
#[derive(Clone)]
pub(super) struct Random(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Random {
    pub(super) fn bits(&self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

impl EventSourceConfig {
    /// Default of [`idle_timeout`](Self::idle_timeout): 45 s, three heartbeats of 15 s.
    pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(45);
    /// Default of [`head_deadline`](Self::head_deadline): 45 s.
    pub const DEFAULT_HEAD_DEADLINE: Duration = Duration::from_secs(45);
    /// Default of [`max_redirects`](Self::max_redirects): 20, as Fetch says.
    pub const DEFAULT_MAX_REDIRECTS: u32 = 20;

    /// The defaults.
    pub fn new() -> Self {
        Self {
            client: Client::new(),
            patience: Patience::new(),
            resend: false,
            backoff: BackoffConfig::new(),
            idle_timeout: Some(Self::DEFAULT_IDLE_TIMEOUT),
            head_deadline: Self::DEFAULT_HEAD_DEADLINE,
            max_redirects: Self::DEFAULT_MAX_REDIRECTS,
            limits: Limits::default(),
            last_event_id: String::new(),
            compressed: false,
            random: Random(Arc::new(|| {
                // The system's generator does not fail once it has been seeded; and if it did,
                // jitter is not worth ending a stream for.
                getrandom::u64().unwrap_or_default()
            })),
        }
    }

    /// Sends requests with this client: its connector, and the HTTP/2 connections that it shares
    /// with others. Default: a client of its own.
    pub fn client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// A stream that the server ended as it should is over: no reconnect. For streams with an end,
    /// such as those of language models.
    pub const fn stop_at_end(mut self) -> Self {
        self.patience = self.patience.stop_at_end();
        self
    }

    /// Comes back after 408, 425, 429 and 5xx too, not before `Retry-After` if the response has
    /// one. In the Standard every status but 200 is final.
    pub const fn retry_statuses(mut self) -> Self {
        self.patience = self.patience.retry_statuses();
        self
    }

    /// Repeats the request on a reconnect whatever its method and body. Without this, only a GET
    /// without body is repeated: another request may have had an effect, and for the prompt of a
    /// language model a repetition is paid for twice.
    pub const fn resend(mut self) -> Self {
        self.resend = true;
        self
    }

    /// The delays between attempts, and how many are made in a row. The time that the server asks
    /// for with `retry` is a lower bound, to at most five minutes.
    pub const fn backoff(mut self, backoff: BackoffConfig) -> Self {
        self.backoff = backoff;
        self
    }

    /// Ends a connection on which no byte arrived for this long, comments included, and comes
    /// back; `None` waits for ever. Shorter than the server's heartbeats, it ends good
    /// connections; longer, a dead one is noticed later.
    pub const fn idle_timeout(mut self, after: Option<Duration>) -> Self {
        self.idle_timeout = after;
        self
    }

    /// How long an attempt may take up to the end of the response's head, redirects included.
    /// It is as long as [`idle_timeout`](Self::idle_timeout) by default because there are servers
    /// that send the head with their first event or heartbeat. Of a refused response, the body is
    /// waited for at most as long again.
    pub const fn head_deadline(mut self, after: Duration) -> Self {
        self.head_deadline = after;
        self
    }

    /// How many redirects are followed in a row.
    pub const fn max_redirects(mut self, redirects: u32) -> Self {
        self.max_redirects = redirects;
        self
    }

    /// Limits on an event. An id over [`Limits::max_id`] does not cost its event: see
    /// [`EventSource::last_event_id`](super::EventSource::last_event_id).
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Resumes after this id, kept from an earlier stream: it is sent with the first request. One
    /// with control characters or over [`Limits::max_id`] cannot be sent, and is not.
    pub fn last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// Asks for a compressed stream, in one of the codings whose features are enabled. Compressors
    /// tend to hold events back. What comes compressed unasked is read all the same.
    pub const fn compressed(mut self) -> Self {
        self.compressed = true;
        self
    }

    /// Takes the random bits of the jitter from here, for tests.
    pub fn random(mut self, bits: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.random = Random(Arc::new(bits));
        self
    }
}

impl Default for EventSourceConfig {
    fn default() -> Self {
        Self::new()
    }
}
