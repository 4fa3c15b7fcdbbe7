//! The client: it does what the machine says.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;

use futures_core::Stream;
use futures_sink::Sink;
use hub_protocol::{
    Attempt, Carrier, Client, ClientAction, ClientEvent, End, PublishForm, PublishRefused, Receipt,
    SelectorError, TopicSelector,
};
use resume::{Finished, Start, State};
use sse_parse::Item;
use tokio::time::{Instant, timeout};

use super::attempt::{Answer, Opened, Reach, ended};
use super::target::Hook;
use super::{Ask, Connect, NoTarget, PositionStore, StoreFuture, Target};
use crate::clock::Timer;
use crate::http::Body;
use crate::net;
use crate::sse::decode::{DecodeError, FromBody, Pull};
use crate::ws::{self, CloseCode, Message, Socket};

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

/// The attempt or connection.
enum Live {
    None,
    Attempt(u64, Job<Result<(Opened, Target), End>>),
    WebSocket(u64, Box<Socket<net::Stream, ws::Client>>, VecDeque<Message>),
    EventStream(u64, Box<(FromBody<Body>, Pull)>),
}

/// The store, and what it does.
struct Keeping {
    store: Box<dyn PositionStore>,
    every: Duration,
    kept: Start,
    saving: Option<(Start, StoreFuture<()>)>,
    /// When the next save may begin.
    due: Instant,
    failed: Option<io::Error>,
}

/// What came of an item of an event stream.
enum Heard {
    Beat,
    Event(String, String, String),
    Retry(Duration),
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

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// What was given last is handled, unless the application says so itself.
    fn settle(&mut self) {
        if let Some(receipt) = self.given.take()
            && !self.by_hand
        {
            self.client.handled(&receipt);
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<ClientEvent>> {
        self.settle();
        if self.poll_opening(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            while let Some(action) = self.client.next_action() {
                if let Some(event) = self.act(action) {
                    self.given = match &event {
                        ClientEvent::Message(message) => Some(message.receipt.clone()),
                        ClientEvent::Missed(missed) => Some(missed.receipt.clone()),
                        _ => None,
                    };
                    return Poll::Ready(Some(event));
                }
            }
            let kept = self.poll_keeping(cx);
            if self.finished.is_some() {
                return kept.map(|()| None);
            }
            // What has arrived is read before time is looked at: after the process was suspended
            // it may be all that is needed.
            if self.poll_live(cx).is_ready() || self.poll_posts(cx).is_ready() {
                continue;
            }
            let keeping = self.keeping.as_ref();
            let save = keeping.and_then(|keeping| keeping.wakes(self.client.resume_from()));
            let due = self.client.deadline().map(|due| self.started + due);
            let Some(due) = due.into_iter().chain(save).min() else {
                return Poll::Pending;
            };
            if self.timer.poll(cx, due).is_pending() {
                return Poll::Pending;
            }
            let now = self.now();
            self.client.timer(now, random());
        }
    }

    /// Loads the position, then starts.
    fn poll_opening(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.begun {
            return Poll::Ready(());
        }
        if let Some(keeping) = &mut self.keeping {
            let loading = self.loading.get_or_insert_with(|| keeping.store.load());
            let Poll::Ready(loaded) = loading.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            self.loading = None;
            match loaded {
                Ok(Start::Live) => {}
                Ok(start) => {
                    keeping.kept = start.clone();
                    self.client.begin_at(start);
                }
                // A place that cannot be read is a gap, not a beginning.
                Err(error) => {
                    keeping.failed = Some(error);
                    self.client.begin_at(Start::parse(b"#unreadable"));
                }
            }
        }
        self.begun = true;
        let now = self.now();
        self.client.start(now);
        Poll::Ready(())
    }

    /// Does what the machine says; gives what is for the application.
    fn act(&mut self, action: ClientAction) -> Option<ClientEvent> {
        match action {
            ClientAction::Connect(attempt) => self.attempt(attempt),
            ClientAction::Text { generation, frame } => {
                self.send(generation, Message::Text(frame));
            }
            ClientAction::Binary { generation, frame } => {
                self.send(generation, Message::Binary(frame.into()));
            }
            ClientAction::Post { number, body } => {
                if let Some(target) = self.target.clone() {
                    let post = self.reach.clone().post(target, body);
                    self.posts.push((number, Box::pin(post)));
                }
            }
            ClientAction::Deliver(event) => return Some(event),
            ClientAction::Drop { .. } | ClientAction::Close { .. } => self.live = Live::None,
            ClientAction::Finish { why, end } => {
                self.live = Live::None;
                self.posts.clear();
                self.finished = Some((why, end));
            }
            _ => {}
        }
        None
    }

    fn attempt(&mut self, attempt: Attempt) {
        let generation = attempt.generation;
        let target = self.hook.ask(Ask::new(generation, attempt.refresh));
        let reach = self.reach.clone();
        let future = async move {
            let target = match target.await {
                Ok(target) => target,
                Err(NoTarget::Later) => return Err(End::Unreachable),
                Err(NoTarget::Never) => return Err(End::NoCredentials),
            };
            let opened = reach.open(attempt, target.clone()).await?;
            Ok((opened, target))
        };
        self.live = Live::Attempt(generation, Box::pin(future));
    }

    fn send(&mut self, at: u64, message: Message) {
        if let Live::WebSocket(generation, _, out) = &mut self.live
            && *generation == at
        {
            out.push_back(message);
        }
    }

    /// Moves bytes; ready if something happened.
    fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.live {
            Live::None => Poll::Pending,
            Live::Attempt(generation, future) => {
                let generation = *generation;
                let Poll::Ready(opened) = future.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                let now = self.now();
                match opened {
                    Ok((Opened::WebSocket(socket), target)) => {
                        self.target = Some(target);
                        self.live = Live::WebSocket(generation, Box::new(socket), VecDeque::new());
                        self.client.reached(generation);
                        self.client.connected(generation, None, now);
                    }
                    Ok((Opened::EventStream(body, begins), target)) => {
                        self.target = Some(target);
                        let pull = Pull::new(sse_parse::Limits::default());
                        self.live = Live::EventStream(generation, Box::new((body, pull)));
                        self.client.connected(generation, begins.as_deref(), now);
                    }
                    Err(end) => self.ended(generation, end),
                }
                Poll::Ready(())
            }
            Live::WebSocket(generation, socket, out) => {
                let generation = *generation;
                let mut socket = Pin::new(&mut **socket);
                while !out.is_empty() {
                    match socket.as_mut().poll_ready(cx) {
                        Poll::Pending => break,
                        Poll::Ready(Ok(())) => {
                            let sent = out.pop_front().map(|next| socket.as_mut().start_send(next));
                            if let Some(Err(_)) = sent {
                                break; // receiving says why
                            }
                        }
                        Poll::Ready(Err(_)) => break,
                    }
                }
                // Receiving writes what waits.
                let Poll::Ready(received) = socket.as_mut().poll_next(cx) else {
                    return Poll::Pending;
                };
                let closed = socket.closed().code().get();
                let now = self.now();
                match received {
                    Some(Ok(Message::Text(text))) => {
                        self.client.text(generation, &text, now, random());
                    }
                    Some(Ok(Message::Binary(bytes))) => {
                        self.client.binary(generation, &bytes, now, random());
                    }
                    Some(Err(error)) => self.ended(generation, ended(&error)),
                    None => self.ended(generation, End::Closed(closed)),
                }
                Poll::Ready(())
            }
            Live::EventStream(generation, stream) => {
                let generation = *generation;
                let (body, pull) = &mut **stream;
                let item = pull.poll_item(body, cx, |item| match item {
                    Item::Event(event) => Some(Heard::Event(
                        event.name.into(),
                        event.id.into(),
                        event.data.into(),
                    )),
                    Item::Retry(time) => Some(Heard::Retry(time)),
                    _ => Some(Heard::Beat),
                });
                let Poll::Ready(item) = item else {
                    return Poll::Pending;
                };
                let now = self.now();
                match item {
                    Some(Ok(Heard::Event(name, id, data))) => {
                        self.client
                            .event(generation, &name, &id, &data, now, random());
                    }
                    Some(Ok(Heard::Retry(time))) => self.client.retry(generation, time),
                    Some(Ok(Heard::Beat)) => self.client.heard(generation, now),
                    Some(Err(DecodeError::Limit(_))) => self.ended(generation, End::Protocol),
                    Some(Err(DecodeError::Source(_))) | None => {
                        self.ended(generation, End::Closed(1006));
                    }
                }
                Poll::Ready(())
            }
        }
    }

    fn ended(&mut self, generation: u64, end: End) {
        self.live = Live::None;
        let now = self.now();
        self.client.ended(generation, end, now, random());
    }

    fn poll_posts(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for at in 0..self.posts.len() {
            let (number, post) = &mut self.posts[at];
            if let Poll::Ready(answer) = post.as_mut().poll(cx) {
                let number = *number;
                drop(self.posts.swap_remove(at));
                let now = self.now();
                let answer = answer.as_ref().map(|answer| {
                    (
                        answer.status,
                        answer.body.as_str(),
                        answer.position.as_deref(),
                    )
                });
                self.client.posted(number, answer.ok_or(()), now, random());
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Saves the position when it is time; ready when there is nothing to save.
    fn poll_keeping(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(keeping) = &mut self.keeping else {
            return Poll::Ready(());
        };
        let due = Instant::now() >= keeping.due || self.finished.is_some();
        keeping.poll(cx, self.client.resume_from(), due)
    }
}

impl Keeping {
    fn poll(&mut self, cx: &mut Context<'_>, start: &Start, due: bool) -> Poll<()> {
        loop {
            if let Some((saved, saving)) = &mut self.saving {
                let Poll::Ready(done) = saving.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                match done {
                    Ok(()) => {
                        self.kept = saved.clone();
                        self.failed = None;
                    }
                    Err(error) => self.failed = Some(error),
                }
                self.saving = None;
                self.due = Instant::now() + self.every;
                return Poll::Ready(());
            }
            if !due || *start == self.kept {
                return Poll::Ready(());
            }
            self.saving = Some((start.clone(), self.store.save(start)));
        }
    }

    /// When there is something to save, and it is allowed.
    fn wakes(&self, start: &Start) -> Option<Instant> {
        (self.saving.is_none() && *start != self.kept).then_some(self.due)
    }

    /// Saves what is not saved yet.
    async fn flush(&mut self, start: &Start) -> io::Result<()> {
        if let Some((saved, saving)) = self.saving.take()
            && saving.await.is_ok()
        {
            self.kept = saved;
        }
        if self.kept != *start {
            self.store.save(start).await?;
        }
        Ok(())
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
