//! How a client of the hub is made.

use core::time::Duration;

use hub_protocol::{Carrier, ClientConfig, SelectorError, TopicSelector};
use resume::{BackoffConfig, Start};

use super::target::Hook;
use super::{Ask, NoTarget, PositionStore, Reconnecting, Target};
use crate::net::Connector;

/// Makes a client of the hub whose endpoint is `url` (`http:`, `https:`, `ws:` or `wss:`). It
/// prefers WebSocket, and falls back to Server-Sent Events and POST where upgrades do not get
/// through.
///
/// # Example
///
/// See [the module](crate::hub).
#[must_use = "nothing happens before it is opened"]
pub fn connect(url: impl Into<String>) -> Connect {
    Connect::new(url.into())
}

/// A client of the hub that is not opened yet, made by [`connect`].
#[derive(Debug)]
#[must_use = "nothing happens before it is opened"]
pub struct Connect {
    target: Target,
    pub(super) hook: Option<Hook>,
    topics: Vec<String>,
    pub(super) start: Start,
    pub(super) config: ClientConfig,
    pub(super) attempt_within: Duration,
    pub(super) connector: Connector,
    pub(super) store: Option<Box<dyn PositionStore>>,
    pub(super) store_every: Duration,
    pub(super) by_hand: bool,
}

impl Connect {
    /// How often the position is saved at most, by default: once a second.
    pub const DEFAULT_STORE_EVERY: Duration = Duration::from_secs(1);

    fn new(url: String) -> Self {
        Self {
            target: Target::new(url),
            hook: None,
            topics: Vec::new(),
            start: Start::Live,
            config: ClientConfig::new(),
            attempt_within: ClientConfig::DEFAULT_ATTEMPT_WITHIN,
            connector: Connector::new(),
            store: None,
            store_every: Self::DEFAULT_STORE_EVERY,
            by_hand: false,
        }
    }

    /// Subscribes to a topic, after those already named; `*` is all of them.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// Begins here if the store has kept nothing; by default with what is published from now on.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Sends this token with every request.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.target = self.target.token(token);
        self
    }

    /// Adds a header field to every request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.target = self.target.header(name, value);
        self
    }

    /// Asks `hook` for URL and token before each attempt, in place of what was given before. If the
    /// last token was refused, it is asked to refresh it. The time it takes counts for
    /// [`attempt_within`](Self::attempt_within).
    pub fn before_attempt<F, R>(mut self, hook: F) -> Self
    where
        F: FnMut(Ask) -> R + Send + 'static,
        R: Future<Output = Result<Target, NoTarget>> + Send + 'static,
    {
        self.hook = Some(Hook::new(hook));
        self
    }

    /// Keeps the position here, and begins with what was kept.
    pub fn store(mut self, store: impl PositionStore + 'static) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// How often the position is saved at most. Rarer saves repeat more events after a crash.
    pub const fn store_every(mut self, time: Duration) -> Self {
        self.store_every = time;
        self
    }

    /// An event counts as handled when [`Reconnecting::handled`] is called with its receipt, and
    /// not when the next one is asked for.
    pub const fn handled_by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// Uses this carrier and no other.
    pub fn only(mut self, carrier: Carrier) -> Self {
        self.config = self.config.only(carrier);
        self
    }

    /// Tries first what [worked last time](Reconnecting::remembered).
    pub fn remembered(mut self, carrier: Option<Carrier>) -> Self {
        self.config = self.config.remembered(carrier);
        self
    }

    /// The delays between attempts.
    pub fn backoff(mut self, backoff: BackoffConfig) -> Self {
        self.config = self.config.backoff(backoff);
        self
    }

    /// How long an attempt may take, default 10 s: half of it for name, TCP and proxy, half for TLS
    /// and the answer.
    pub fn attempt_within(mut self, time: Duration) -> Self {
        self.attempt_within = time;
        self
    }

    /// After how much silence an event stream is dead; default 47 s. Hubs are heard every 15 s.
    pub fn silence(mut self, time: Duration) -> Self {
        self.config = self.config.silence(time);
        self
    }

    /// How many items, and how many bytes of data, wait to be published or acknowledged.
    pub fn queue(mut self, items: usize, bytes: usize) -> Self {
        self.config = self.config.queue(items, bytes);
        self
    }

    /// How many items are sent before the first of them is answered: see
    /// [`ClientConfig::in_flight`].
    pub fn in_flight(mut self, items: usize) -> Self {
        self.config = self.config.in_flight(items);
        self
    }

    /// How the network is reached: TLS, proxies. Its deadline for connections becomes half of
    /// [`attempt_within`](Self::attempt_within).
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    /// Opens the client. Nothing is sent before [`Reconnecting::next`] is polled.
    ///
    /// # Errors
    ///
    /// [`SelectorError`]: a topic that cannot be used, or too many.
    pub fn open(mut self) -> Result<Reconnecting, SelectorError> {
        let topics: Vec<_> = core::mem::take(&mut self.topics)
            .iter()
            .map(|topic| TopicSelector::parse(topic))
            .collect::<Result<_, _>>()?;
        if self.hook.is_none() {
            let target = self.target.clone();
            let hook = Hook::new(move |_| core::future::ready(Ok(target.clone())));
            self.hook = Some(hook);
        }
        Reconnecting::new(self, topics)
    }
}
