//! The client, as the application sees it.

mod driving;
mod keeping;

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use futures_core::Stream;
use hub_protocol::{
    Carrier, Client, ClientAction, ClientEvent, End, PublishForm, PublishRefused, Receipt,
    SelectorError, TopicSelector,
};
use resume::{Finished, Start, State};
use tokio::time::{Instant, timeout};

use self::driving::Live;
use self::keeping::Keeping;
use super::attempt::{Answer, Reach};
use super::target::Hook;
use super::{Connect, NoTarget, StoreFuture, Target};
use crate::clock::Timer;
use crate::ws::CloseCode;

type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One logical connection to the hub, across any number of real ones. Made by
/// [`connect`](super::connect).
///
/// It is a [`Stream`] of what happens; [`next`](Self::next) is the same as a method. Everything it
/// does, it does while that is polled.
pub struct Reconnecting {
    client: Client,
    hook: Hook,
    reach: Reach,
    /// What the attempt goes to, and what is published.
    target: Option<Target>,
    live: Live,
    posts: Vec<(u64, Job<Option<Answer>>)>,
    started: Instant,
    timer: Timer,
    keeping: Option<Keeping>,
    by_hand: bool,
    /// What the application was given last.
    given: Option<Receipt>,
    /// Whether the first attempt was asked for.
    begun: bool,
    loading: Option<StoreFuture<Start>>,
    finished: Option<(Finished, Option<End>)>,
}

impl Reconnecting {
    pub(super) fn new(connect: Connect, topics: Vec<TopicSelector>) -> Result<Self, SelectorError> {
        // What the machine waits for is the backstop of the deadlines below it.
        let within = connect.attempt_within.saturating_mul(2);
        let config = connect.config.attempt_within(within);
        let mut client = Client::new(config.start(connect.start.clone()), seed());
        client.subscribe(topics, connect.start, Duration::ZERO)?;
        let now = Instant::now();
        let keeping = connect.store.map(|store| Keeping {
            store,
            every: connect.store_every,
            kept: Start::Live,
            saving: None,
            due: now,
            failed: None,
        });
        let hook = connect
            .hook
            .unwrap_or_else(|| Hook::new(|_| core::future::ready(Err(NoTarget::Never))));
        Ok(Self {
            client,
            hook,
            reach: Reach::new(connect.connector, connect.attempt_within),
            target: None,
            live: Live::None,
            posts: Vec::new(),
            started: now,
            timer: Timer::default(),
            keeping,
            by_hand: connect.by_hand,
            given: None,
            begun: false,
            loading: None,
            finished: None,
        })
    }

    /// What happens next; `None` after the end, of which [`finished`](Self::finished) says why.
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    pub async fn next(&mut self) -> Option<ClientEvent> {
        core::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Adds a topic: with [`Start::Live`] from now on, with another start what was published from
    /// there as well. Over an event stream only the former can be had;
    /// [`ClientEvent::Refused`] says so.
    ///
    /// # Errors
    ///
    /// [`SelectorError`]: nothing has changed.
    pub fn subscribe(&mut self, topic: &str, from: Start) -> Result<(), SelectorError> {
        let topic = TopicSelector::parse(topic)?;
        let now = self.now();
        self.client.subscribe([topic], from, now)
    }

    /// Removes a topic.
    ///
    /// # Errors
    ///
    /// [`SelectorError`]: it is none.
    pub fn unsubscribe(&mut self, topic: &str) -> Result<(), SelectorError> {
        let topic = TopicSelector::parse(topic)?;
        let now = self.now();
        self.client.unsubscribe([&topic], now);
        Ok(())
    }

    /// Takes an event to publish, now or once there is a connection, and returns the number with
    /// which [`ClientEvent::Published`] says what became of it. An event without an id gets one, so
    /// that it can be repeated without harm.
    ///
    /// # Errors
    ///
    /// [`PublishRefused`]: nothing was taken.
    pub fn publish(&mut self, form: PublishForm) -> Result<u64, PublishRefused> {
        let now = self.now();
        self.client.publish(form, now)
    }

    /// The application is done with an event or a gap, and all before it: for clients made with
    /// [`Connect::handled_by_hand`].
    pub fn handled(&mut self, receipt: &Receipt) {
        self.client.handled(receipt);
    }

    /// The place that the next process is to resume from.
    #[must_use]
    pub fn resume_from(&self) -> &Start {
        self.client.resume_from()
    }

    /// Where the client stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.client.state()
    }

    /// Items that wait to be published or acknowledged.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.client.queued()
    }

    /// The carrier that worked last, for [`Connect::remembered`].
    #[must_use]
    pub fn remembered(&self) -> Option<Carrier> {
        self.client.remembered()
    }

    /// How the last attempt failed or the last connection ended, to be shown to somebody who waits;
    /// `None` as long as none has.
    #[must_use]
    pub const fn last_end(&self) -> Option<End> {
        self.client.last_end()
    }

    /// Why it is over, and how the last connection ended unless the application closed.
    #[must_use]
    pub const fn finished(&self) -> Option<(Finished, Option<End>)> {
        self.finished
    }

    /// What the store said last, if it failed; the position is offered to it again.
    #[must_use]
    pub fn store_error(&self) -> Option<&io::Error> {
        self.keeping.as_ref()?.failed.as_ref()
    }

    /// Closes: a closing handshake that takes at most a second, and the position is saved. What was
    /// not acknowledged is returned, as the events that say so. Nothing is left behind.
    ///
    /// # Errors
    ///
    /// What the store said: the position of the last save is kept.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection, and the position may not be saved.
    pub async fn close(mut self) -> io::Result<Vec<ClientEvent>> {
        const HANDSHAKE: Duration = Duration::from_secs(1);
        let now = self.now();
        self.settle();
        self.client.close(now);
        let mut left = Vec::new();
        let mut closing = None;
        while let Some(action) = self.client.next_action() {
            match action {
                ClientAction::Close { .. } => {
                    closing = Some(core::mem::replace(&mut self.live, Live::None));
                }
                ClientAction::Deliver(event) => left.push(event),
                _ => {}
            }
        }
        self.posts.clear();
        if let Some(Live::WebSocket(_, mut socket, _)) = closing {
            // That closing has begun already is no reason to fail, nor that the hub is gone.
            let _ = socket.close(CloseCode::NORMAL, "");
            let _ = timeout(HANDSHAKE, async {
                while let Some(Ok(_)) = socket.recv().await {}
            })
            .await;
        }
        self.live = Live::None;
        if let Some(keeping) = &mut self.keeping {
            let start = self.client.resume_from().clone();
            keeping.flush(&start).await?;
        }
        Ok(left)
    }
}

impl Stream for Reconnecting {
    type Item = ClientEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ClientEvent>> {
        self.poll_event(cx)
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting")
            .field("state", &self.client.state())
            .field("resume_from", self.client.resume_from())
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

/// Bits for the jitter. The system's generator does not fail once it has been seeded; and if it
/// did, jitter is not worth ending a client for.
fn random() -> u64 {
    getrandom::u64().unwrap_or_default()
}

fn seed() -> [u8; 12] {
    let mut seed = [0; 12];
    for part in seed.chunks_mut(8) {
        let bits = random().to_ne_bytes();
        part.copy_from_slice(&bits[..part.len()]);
    }
    seed
}
