//! The client's half of the protocol, without IO.

mod action;
mod asking;
mod carrier;
mod config;
mod cursor;
mod frames;
mod outbox;
mod topics;
mod wire;

use core::time::Duration;
use std::collections::VecDeque;

use resume::{
    Action, Epoch, Finished, Keepalive, Pulse, Reconnect, ReconnectEvent, Recovery, Start, State,
};

pub use action::{Attempt, ClientAction, ClientEvent, Message, Missed, Outcome};
pub use carrier::{Carrier, CarrierChoice, End};
pub use config::ClientConfig;
pub use cursor::Receipt;
pub use outbox::PublishRefused;

use self::cursor::Cursor;
use self::outbox::Outbox;
use self::topics::Topics;
use crate::{PublishForm, SelectorError, Selectors, TopicSelector};

/// A client that stays one logical connection to a hub across many real ones.
///
/// Theory of operation. The driver tells what happened (an attempt succeeded, a frame came, a
/// connection ended, the time came, the application wants something) and then takes
/// [actions](Client::next_action) until there is none; [`deadline`](Client::deadline) says when to
/// call [`timer`](Client::timer) at the latest. At most one attempt or connection is alive: each
/// has a number, its *generation*, and what is told with an older one is not listened to.
///
/// ```text
/// state        what is awaited                ends by                        then
/// Idle         start                          close                          Closed
/// Connecting   connected (WebSocket: the      ended; `attempt_within`        Waiting, or Closed if
///              upgrade, event stream: the     passed: Unreachable, or        the end is final for
///              response)                      Silent if it was reached       every carrier
/// Open         frames; WebSocket: first the   ended; no open frame in time;  Waiting or Closed
///              open frame                     an event stream silent for
///                                             `silence`; close
///              the same, topics changed       -                              Connecting: a new
///              where frames cannot say so                                    generation, no delay
/// Waiting      the delay                      the delay is over; close       Connecting or Closed
/// Closed       nothing                        -                              -
/// ```
///
/// | what ended | then |
/// |---|---|
/// | name, TCP, TLS, end of stream before an answer; silence; 1006 | again after a delay |
/// | 1001, 1005, 1011 to 1014, 4008 (too slow) and other codes of applications | again after a delay, which is short if the connection was healthy |
/// | 401; 3000, 4001 | again with another token; if that is refused too, the end |
/// | 408, 425, 429, 5xx | again, not before `Retry-After` |
/// | other statuses | the other carrier; the end if that was refused too |
/// | 1000, 1002, 1003, 1007 to 1010, 3003, 4003; the hub broke the protocol | the end |
///
/// Delays are those of [`resume::Backoff`]: full jitter, starting over only after ten seconds of a
/// connection on which something was heard.
///
/// **Events.** The topics are a set with one cursor. Each connection resumes from what was handed
/// over last, so that an application sees each event at most once per process, and in order; what
/// may be missing is said before the next event. Topics that are added with a start have a place of
/// their own until they are caught up, and resume from that. (An event of two topics, of which one
/// is unsubscribed while the other is still replayed, can come twice.)
///
/// **Publishing.** What is published waits in a bounded queue while there is no connection. Every
/// item has an id, so that it can be repeated without harm while the hub still knows that id. That
/// is taken to be so for two minutes after it was first sent, in the same epoch of the log. After
/// that the result is [`Outcome::Unknown`].
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use hub_protocol::{
///     Client, ClientAction, ClientConfig, ClientEvent, Open, ServerFrame, TopicSelector,
/// };
/// use resume::{Epoch, Position, Start};
///
/// let now = Duration::from_secs;
/// let mut client = Client::new(ClientConfig::new(), [7; 12]);
/// client.subscribe([TopicSelector::parse("prices")?], Start::Live, now(0))?;
/// client.start(now(0));
/// let Some(ClientAction::Connect(attempt)) = client.next_action() else { unreachable!() };
/// assert_eq!((attempt.generation, attempt.query.as_str()), (1, "topic=prices"));
///
/// // The upgrade succeeds, and the hub says where the connection begins.
/// client.connected(1, None, now(1));
/// let mut open = Vec::new();
/// let position = Position::new(Epoch::from_bytes([0; 12]), 41);
/// ServerFrame::Open(Open::new(position, 25_000)).encode(&mut open);
/// client.text(1, str::from_utf8(&open)?, now(1), 0);
/// assert!(matches!(
///     client.next_action(),
///     Some(ClientAction::Deliver(ClientEvent::Opened { .. }))
/// ));
/// assert_eq!(client.resume_from(), &Start::After(position));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    config: ClientConfig,
    reconnect: Reconnect,
    choice: CarrierChoice,
    carrier: Carrier,
    cursor: Cursor,
    topics: Topics,
    outbox: Outbox,
    actions: VecDeque<ClientAction>,
    /// When the wait between two attempts is over.
    wait_until: Duration,
    /// When the attempt is given up.
    attempt_until: Duration,
    /// Whether there is a connection for the attempt.
    reached: bool,
    /// Whether the hub was heard on the connection.
    opened: bool,
    /// The epoch of the log that was heard of last.
    log: Option<Epoch>,
    /// Whether the hub understands subscribe frames.
    frames: bool,
    /// Notices that an event stream is dead.
    watchdog: Option<Keepalive>,
    /// When to open another connection because the topics changed.
    reopen_at: Option<Duration>,
    reopened_at: Option<Duration>,
    last_end: Option<End>,
}

/// Subscribed to where an event stream needs a topic and there is none; nobody publishes it.
const NO_TOPIC: &str = "longwire:nothing";

impl Client {
    /// A client that was not started. `seed` comes from a cryptographic generator: the ids of what
    /// is published begin with it.
    #[must_use]
    pub fn new(config: ClientConfig, seed: [u8; 12]) -> Self {
        let choice = CarrierChoice::new(config.only, config.remembered);
        Self {
            reconnect: Reconnect::new(config.backoff),
            choice,
            carrier: Carrier::WebSocket,
            cursor: Cursor::new(config.start.clone()),
            topics: Topics::default(),
            outbox: Outbox::new(config.queue_items, config.queue_bytes, seed),
            actions: VecDeque::new(),
            wait_until: Duration::ZERO,
            attempt_until: Duration::ZERO,
            reached: false,
            opened: false,
            log: None,
            frames: true,
            watchdog: None,
            reopen_at: None,
            reopened_at: None,
            last_end: None,
            config,
        }
    }

    /// Begins at another place than [`ClientConfig::start`] said: one that was loaded meanwhile. It
    /// changes nothing after [`start`](Client::start).
    pub fn begin_at(&mut self, start: Start) {
        if self.reconnect.state() == State::Idle {
            self.cursor = Cursor::new(start);
        }
    }

    /// Begins with the first attempt.
    pub fn start(&mut self, now: Duration) {
        let action = self.reconnect.handle(ReconnectEvent::Start, now, 0);
        self.follow(action, None, now);
    }

    /// What to do next, in order; `None` until something else happens.
    pub fn next_action(&mut self) -> Option<ClientAction> {
        self.actions.pop_front()
    }

    /// The attempt has a connection (TCP and TLS), and waits for an answer.
    pub fn reached(&mut self, generation: u64) {
        if generation == self.reconnect.generation() {
            self.reached = true;
        }
    }

    /// The attempt succeeded: the upgrade, or the response of an event stream, whose header
    /// `Longwire-Position`, or else `Last-Event-ID`, says where it begins.
    pub fn connected(&mut self, generation: u64, begins: Option<&str>, now: Duration) {
        if !self.is_current(generation) || self.reconnect.state() != State::Connecting {
            return;
        }
        let event = ReconnectEvent::Connected { generation };
        let action = self.reconnect.handle(event, now, 0);
        self.follow(action, None, now);
        if self.carrier == Carrier::EventStream {
            self.watchdog = Some(Keepalive::listening(self.config.silence, now));
            let begins = begins.and_then(|text| match Start::parse(text.as_bytes()) {
                Start::After(position) => Some(position),
                _ => None,
            });
            self.opened(begins, now);
        }
    }

    /// Something was heard that is no event: a ping, a comment.
    pub fn heard(&mut self, generation: u64, now: Duration) {
        if self.is_current(generation) {
            let event = ReconnectEvent::Heard { generation };
            let action = self.reconnect.handle(event, now, 0);
            self.follow(action, None, now);
            if let Some(watchdog) = &mut self.watchdog {
                watchdog.heard(now);
            }
        }
    }

    /// An event stream set the reconnection time.
    pub fn retry(&mut self, generation: u64, time: Duration) {
        if self.is_current(generation) {
            self.reconnect.backoff_mut().retry(time);
        }
    }

    /// The attempt failed, or the connection ended. `random` is 64 uniform bits.
    pub fn ended(&mut self, generation: u64, end: End, now: Duration, random: u64) {
        if !self.is_current(generation) {
            return;
        }
        let recovery = if self.opened {
            end.recovery()
        } else {
            self.choice.failed(end, now)
        };
        if let End::Refused {
            retry_after: Some(time),
            ..
        } = end
        {
            self.reconnect.backoff_mut().retry_after(time);
        }
        self.end(end, recovery, now, random);
    }

    fn end(&mut self, end: End, recovery: Recovery, now: Duration, random: u64) {
        self.last_end = Some(end);
        let generation = self.reconnect.generation();
        if core::mem::take(&mut self.opened) {
            self.deliver(ClientEvent::Interrupted(end));
        }
        // The next hub may be another version.
        self.frames = true;
        let event = ReconnectEvent::Ended {
            generation,
            recovery,
        };
        let action = self.reconnect.handle(event, now, random);
        self.follow(action, Some(end), now);
    }

    /// Ends the attempt or connection from this side.
    fn give_up(&mut self, end: End, now: Duration, random: u64) {
        let generation = self.reconnect.generation();
        self.actions.push_back(ClientAction::Drop { generation });
        self.ended(generation, end, now, random);
    }

    /// The time came. Read what has arrived before calling this.
    pub fn timer(&mut self, now: Duration, random: u64) {
        match self.reconnect.state() {
            State::Waiting if now >= self.wait_until => {
                let action = self.reconnect.handle(ReconnectEvent::Timer, now, random);
                self.follow(action, None, now);
            }
            State::Connecting if now >= self.attempt_until => {
                let end = if self.reached {
                    End::Silent
                } else {
                    End::Unreachable
                };
                self.give_up(end, now, random);
            }
            State::Open if !self.opened && now >= self.attempt_until => {
                self.give_up(End::Silent, now, random);
            }
            State::Open => {
                let pulse = self.watchdog.as_mut().map(|watchdog| watchdog.poll(now));
                if pulse == Some(Pulse::Dead) {
                    return self.give_up(End::Silent, now, random);
                }
                if self.reopen_at.is_some_and(|at| now >= at) {
                    self.reopen(now);
                }
                self.outbox.unpause(now);
                self.send_items(now);
            }
            _ => {}
        }
    }

    /// When to call [`timer`](Client::timer), unless something happens before. It may change with
    /// every call of another method.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match self.reconnect.state() {
            State::Waiting => Some(self.wait_until),
            State::Connecting => Some(self.attempt_until),
            State::Open if !self.opened => Some(self.attempt_until),
            State::Open => {
                let watchdog = self.watchdog.as_ref().map(Keepalive::deadline);
                [watchdog, self.reopen_at, self.outbox.paused_until()]
                    .into_iter()
                    .flatten()
                    .min()
            }
            _ => None,
        }
    }

    /// Adds topics. With [`Start::Live`] events are delivered from now on, with another start
    /// those from there as well. Topics that are already subscribed stay as they are.
    ///
    /// # Errors
    ///
    /// [`SelectorError::TooMany`]; nothing has changed then.
    pub fn subscribe(
        &mut self,
        topics: impl IntoIterator<Item = TopicSelector>,
        from: Start,
        now: Duration,
    ) -> Result<(), SelectorError> {
        let new = self.topics.new_of(topics)?;
        if new.is_empty() {
            return Ok(());
        }
        // Before the first connection, topics begin where the client does.
        let first = self.reconnect.state() == State::Idle && from == self.config.start;
        if from == Start::Live || first {
            self.topics.add(&new);
        } else {
            self.topics.add_replay(new, from);
        }
        self.sync(now);
        Ok(())
    }

    /// Removes topics. None of their events is delivered over a WebSocket after this call; over an
    /// event stream, none that comes on a later connection.
    pub fn unsubscribe<'t>(
        &mut self,
        topics: impl IntoIterator<Item = &'t TopicSelector>,
        now: Duration,
    ) {
        for topic in topics {
            self.topics.remove(topic);
        }
        self.sync(now);
    }

    /// The topics that are subscribed, those that are still replayed among them.
    #[must_use]
    pub fn topics(&self) -> Selectors {
        let mut all = self.topics.set.clone();
        let replayed = self.topics.replays.iter();
        for topic in replayed.flat_map(|replay| replay.topics.iter()) {
            // The number was checked before.
            let _ = all.insert(topic.clone());
        }
        all
    }

    /// Takes an event to publish, and returns the number with which its
    /// [result](ClientEvent::Published) comes. An event without an id gets one.
    ///
    /// # Errors
    ///
    /// [`PublishRefused`]: nothing was taken.
    pub fn publish(&mut self, form: PublishForm, now: Duration) -> Result<u64, PublishRefused> {
        if self.reconnect.state() == State::Closed {
            return Err(PublishRefused::Closed);
        }
        let number = self.outbox.push(form)?;
        self.send_items(now);
        Ok(number)
    }

    /// How many items wait to be published or acknowledged.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.outbox.len()
    }

    /// The application is done with an event or a gap, and with all before it. `false` if that was
    /// known already, or it moves nothing.
    pub fn handled(&mut self, receipt: &Receipt) -> bool {
        self.cursor.handled(receipt)
    }

    /// The place to keep for the next process: after all that was handled.
    #[must_use]
    pub const fn resume_from(&self) -> &Start {
        self.cursor.handled_start()
    }

    /// Where the client stands: after all that was handed over. The next connection begins here.
    #[must_use]
    pub const fn seen(&self) -> &Start {
        self.cursor.seen()
    }

    /// Where the client stands in the states of [`Reconnect`].
    #[must_use]
    pub const fn state(&self) -> State {
        self.reconnect.state()
    }

    /// The number of the attempt or connection that is listened to; 0 before the first.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.reconnect.generation()
    }

    /// How the last attempt failed or the last connection ended, to be shown to somebody who waits;
    /// `None` as long as none has.
    #[must_use]
    pub const fn last_end(&self) -> Option<End> {
        self.last_end
    }

    /// The carrier that worked last, to be kept for the next process.
    #[must_use]
    pub const fn remembered(&self) -> Option<Carrier> {
        self.choice.remembered()
    }

    /// The application wants no more. The actions that remain close the connection; what was not
    /// acknowledged is [`Outcome::Unknown`] or [`Outcome::Unsent`].
    pub fn close(&mut self, now: Duration) {
        let generation = self.reconnect.generation();
        match self.reconnect.state() {
            State::Closed => return,
            State::Open if self.carrier == Carrier::WebSocket => {
                self.actions.push_back(ClientAction::Close { generation });
            }
            State::Open | State::Connecting => {
                self.actions.push_back(ClientAction::Drop { generation });
            }
            _ => {}
        }
        let action = self.reconnect.handle(ReconnectEvent::Close, now, 0);
        self.follow(action, None, now);
    }

    fn is_current(&self, generation: u64) -> bool {
        generation == self.reconnect.generation()
            && matches!(self.reconnect.state(), State::Connecting | State::Open)
    }

    /// Does what the states say.
    fn follow(&mut self, action: Option<Action>, end: Option<End>, now: Duration) {
        match action {
            Some(Action::Connect {
                generation,
                refresh,
            }) => self.connect(generation, refresh, now),
            Some(Action::Wait { until }) => {
                self.wait_until = until;
                self.disconnected();
            }
            Some(Action::Finish(why)) => self.finish(why, end),
            _ => {}
        }
    }

    fn connect(&mut self, generation: u64, refresh: bool, now: Duration) {
        self.disconnected();
        self.carrier = self.choice.next(now);
        self.attempt_until = now.saturating_add(self.config.attempt_within);
        if self.carrier == Carrier::EventStream || !self.frames {
            self.give_up_replays();
        }
        self.topics.reconnect();
        let mut query = wire::query(&self.topics.set);
        if query.is_empty() && self.carrier == Carrier::EventStream {
            query = format!("topic={NO_TOPIC}");
        }
        let last_event_id = wire::last_event_id(self.cursor.ask());
        self.actions.push_back(ClientAction::Connect(Attempt {
            generation,
            carrier: self.carrier,
            refresh,
            query,
            last_event_id,
        }));
    }

    fn disconnected(&mut self) {
        self.opened = false;
        self.reached = false;
        self.watchdog = None;
        self.reopen_at = None;
    }

    fn reopen(&mut self, now: Duration) {
        let generation = self.reconnect.generation();
        self.reopened_at = Some(now);
        self.actions.push_back(ClientAction::Drop { generation });
        let action = self.reconnect.handle(ReconnectEvent::Reopen, now, 0);
        self.follow(action, None, now);
    }

    fn finish(&mut self, why: Finished, end: Option<End>) {
        self.disconnected();
        let left: Vec<_> = self.outbox.drain().collect();
        for (number, outcome) in left {
            self.deliver(ClientEvent::Published { number, outcome });
        }
        self.actions.push_back(ClientAction::Finish { why, end });
    }

    fn deliver(&mut self, event: ClientEvent) {
        self.actions.push_back(ClientAction::Deliver(event));
    }
}
