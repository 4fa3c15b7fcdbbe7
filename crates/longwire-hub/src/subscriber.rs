//! A subscriber: a position in the log, and what its carrier makes of the steps of its session.

mod event_stream;
#[cfg(test)]
mod handover;
mod web_socket;

use core::time::Duration;
use std::sync::Arc;

use hub_protocol::{
    Kept, Latest, Selectors, Session, Skipped, Slow, Step, Subscribe, SubscribeError,
    SubscribeQuery, TopicSelector,
};
use resume::{Bounds, Gap, Position, Start};
use tracing::error;

use crate::ephemerals::Waiting;
use crate::event::Event;
use crate::fanout::{Bell, Fanout};
use crate::hub::Hub;
use crate::limits::Seated;
use crate::log::Log;
use crate::metrics::Wire;
use crate::presence::{self, Identity};
use crate::reader::{Ahead, MOST_EVENTS};
use crate::rights::{Grant, Policy};
use crate::store::StoreError;
use crate::token::unix_time;

pub(crate) use web_socket::WebSocketSubscriber;

/// From so many unsent bytes on nothing more is read from the log for a subscriber: with what else
/// it takes, one that stalls stays within 64 KiB, unless a single event is larger.
const MOST_UNSENT: usize = 56 << 10;

/// One subscription. It is its own registration: dropped, nobody rings for it any more.
#[derive(Debug)]
pub(crate) struct Subscriber {
    hub: Arc<Hub>,
    bell: Arc<Bell>,
    session: Session,
    greeting: Greeting,
    /// Older events on their way from the disk.
    ahead: Option<Box<Ahead>>,
    /// The log could not be read.
    failed: bool,
    /// What the subscriber's token grants.
    grant: Option<Arc<Grant>>,
    /// The token has ended.
    over: bool,
    wire: Wire,
    /// Its places among those of its address and subject.
    seated: Option<Box<Seated>>,
    /// When it began, by the hub's time.
    since: Duration,
    /// Bytes given to the connection the last time, which may not have left.
    unsent: usize,
    slow: Slow,
    /// More came than the carrier had room for.
    behind: bool,
}

/// What is said before the first event.
#[derive(Debug)]
enum Greeting {
    /// Where the subscription begins, so that it can be resumed before any event has come.
    Position,
    /// The log cannot continue from where the client asked; the text if that was no position.
    Gap(Box<(Gap, Start)>),
    /// The client knows: it gave the position.
    Known,
    /// Nothing, or not any more.
    Said,
}

/// What a carrier makes of the steps of a session.
trait Carrier {
    /// Bytes that wait to be written.
    fn unsent(&self) -> usize;

    fn is_full(&self) -> bool {
        self.unsent() >= MOST_UNSENT
    }

    /// Says something although there is nothing to say.
    fn begin(&mut self) {}
    /// An ephemeral event has no `prev`.
    fn event(&mut self, event: &Event, prev: Option<Position>);
    fn gap(&mut self, gap: &Gap, text: Option<&str>);
    fn position(&mut self, position: Position, prev: Position);
    fn skipped(&mut self, skipped: &Skipped);

    // Only a carrier that takes frames has topics added in flight.

    fn replayed(&mut self, event: &Event, reference: &str) {
        let _ = (event, reference);
    }

    fn replay_gap(&mut self, gap: &Gap, reference: &str) {
        let _ = (gap, reference);
    }

    fn caught_up(&mut self, reference: Option<&str>) {
        let _ = reference;
    }
}

impl Subscriber {
    /// Begins a subscription at the position that the query names. With it comes the id before the
    /// first event that will be sent, as the client knows it.
    pub(crate) fn open(
        hub: Arc<Hub>,
        query: SubscribeQuery,
        grant: Option<Arc<Grant>>,
        (seated, wire): (Option<Box<Seated>>, Wire),
        identity: Option<Identity>,
    ) -> (Self, String) {
        let begins = match query.start {
            Start::Live | Start::Earliest => &hub.metrics.fresh,
            _ => &hub.metrics.resumed,
        };
        begins[wire as usize].add(1);
        hub.metrics.subscribers[wire as usize].add(1);
        let since = hub.now();
        let bell = Arc::new(Bell::new(identity));
        if let Some(grant) = &grant {
            hub.expiries.add(grant.expires, &bell);
        }
        let open = |log: &Log| {
            let evicted = log.bounds().earliest().offset - 1;
            hub.fanout.add(query.selectors.iter(), &bell, evicted);
            hub.fanout.enter();
            let asked = query.start.clone();
            let start = log.resolve(query.start);
            let opened = Session::open(query.selectors.clone(), &start, &log.bounds(), hub.now());
            (opened, start, asked)
        };
        let ((session, gap), start, asked) = if query.selectors.templates().next().is_some() {
            hub.rearrange(|log| {
                log.watch(query.selectors.templates());
                open(log)
            })
        } else {
            open(&hub.log())
        };
        let before = before(&asked, gap.is_some(), session.cursor());
        let greeting = match (gap, start) {
            (Some(gap), start) => Greeting::Gap(Box::new((gap, start))),
            (None, Start::After(_)) => Greeting::Known,
            (None, _) => Greeting::Position,
        };
        let subscriber = Self {
            hub,
            bell,
            session,
            greeting,
            ahead: None,
            failed: false,
            grant,
            over: false,
            wire,
            seated,
            since,
            unsent: 0,
            slow: query.slow,
            behind: false,
        };
        subscriber.tell(subscriber.session.selectors().iter(), true);
        (subscriber, before)
    }

    /// Tells of subscriptions that have begun or ended, where they can be seen.
    fn tell<'t>(&self, topics: impl Iterator<Item = &'t TopicSelector>, active: bool) {
        if let Some(identity) = self.bell.identity() {
            presence::tell(&self.hub, identity, topics, active);
        }
    }

    /// The position before the first event that will be sent.
    pub(crate) fn position(&self) -> Position {
        self.session.cursor()
    }

    /// Says what is due. A subscriber whose carrier is full is at rest: it is a position.
    fn fill(&mut self, carrier: &mut impl Carrier) {
        let before = core::mem::take(&mut self.unsent);
        let (sent, first) = self.fill_from_log(carrier);
        self.unsent = carrier.unsent();
        let metrics = &self.hub.metrics;
        // What was given before has left, or this would not be asked.
        let (before, unsent) = (signed(before), signed(self.unsent));
        if unsent != before {
            metrics.unsent.add(unsent - before);
        }
        if sent > 0 {
            metrics.events_out[self.wire as usize].add(sent);
        }
        // What it slept through says nothing about the way here.
        if let Some(taken) = first.filter(|taken| *taken > self.since) {
            metrics.lag.observe(self.hub.now().saturating_sub(taken));
        }
    }

    /// Gives how many events were sent, and when the first of them was taken up.
    fn fill_from_log(&mut self, carrier: &mut impl Carrier) -> (u64, Option<Duration>) {
        let (mut sent, mut first) = (0, None);
        let grant = self.grant.as_deref();
        if grant.is_some_and(|grant| grant.is_over(unix_time())) {
            self.over = true;
            return (sent, first);
        }
        let metrics = &self.hub.metrics;
        match core::mem::replace(&mut self.greeting, Greeting::Said) {
            Greeting::Position => carrier.position(self.session.cursor(), self.session.cursor()),
            Greeting::Gap(gap) => {
                metrics.gap(gap.0.reason);
                carrier.gap(&gap.0, gap.1.text());
            }
            Greeting::Known => carrier.begin(),
            Greeting::Said => {}
        }
        let now = self.hub.now();
        let log = self.hub.log();
        pass_evicted(&mut self.session, &log.bounds(), &self.hub.fanout);
        let mut live = live(&self.hub, &self.bell, &self.session, grant);
        if live.missed {
            carrier.skipped(&Skipped::ephemeral());
        }
        let kept = if core::mem::take(&mut self.behind) && self.slow == Slow::Latest {
            kept(&log, &self.session, grant)
        } else {
            Kept::default()
        };
        while !carrier.is_full() {
            let reached = self.session.cursor().offset;
            let due = |next: &mut (u64, Arc<Event>)| next.1.position.offset <= reached;
            if let Some((_, event)) = live.events.pop_front_if(due) {
                carrier.event(&event, None);
                sent += 1;
                continue;
            }
            let step = self.session.next(&log.bounds(), now);
            let (selectors, after, until) = match &step {
                Step::Read { after } => (self.session.selectors(), *after, log.bounds().head()),
                Step::Replay { after, until } => match self.session.replayed() {
                    Some(replayed) => (replayed, *after, *until),
                    None => break,
                },
                Step::Gap(gap) => {
                    metrics.gap(gap.reason);
                    say_skipped(&mut self.session, carrier);
                    carrier.gap(gap, None);
                    continue;
                }
                Step::ReplayGap { gap, reference } => {
                    metrics.gap(gap.reason);
                    carrier.replay_gap(gap, reference.as_deref().unwrap_or_default());
                    continue;
                }
                Step::CaughtUp { reference } => {
                    carrier.caught_up(reference.as_deref());
                    continue;
                }
                Step::Position { position, prev } => {
                    carrier.position(*position, *prev);
                    continue;
                }
                _ => break,
            };
            let replays = matches!(step, Step::Replay { .. });
            let next = log.next(selectors, after.offset);
            let Some(offset) = next.filter(|offset| *offset <= until.offset) else {
                if replays {
                    self.session.replay_to(until);
                } else {
                    self.session.read_to(until);
                }
                continue;
            };
            let read;
            let event = match log.recent(offset) {
                Some(event) => event,
                None => {
                    let (from, what) = ((&*self.hub, &self.bell), (&*log, selectors));
                    match older(&mut self.ahead, from, what, offset) {
                        Ok(Some(event)) => {
                            read = event;
                            &read
                        }
                        Ok(None) => {
                            self.behind = true;
                            break;
                        }
                        Err(error) => {
                            error!(%error, "the log cannot be read");
                            self.failed = true;
                            break;
                        }
                    }
                }
            };
            if !Policy::receive(&event.form, grant) {
                if replays {
                    self.session.replay_to(event.position);
                } else {
                    self.session.read_to(event.position);
                }
            } else if replays {
                let topics = event.form.topics.iter().map(String::as_str);
                if let Some(reference) = self.session.offer_replay(event.position, topics) {
                    carrier.replayed(event, reference);
                    sent += 1;
                }
            } else if kept.leaves_out(offset) {
                self.session.skip(event.position);
            } else {
                say_skipped(&mut self.session, carrier);
                let prev = self.session.offer(event.position, event.topics(), now);
                if prev.is_some() {
                    carrier.event(event, prev);
                    sent += 1;
                    first.get_or_insert(event.taken);
                }
            }
        }
        // One that may not read on for long holds nothing but its position.
        if carrier.is_full() {
            self.behind = true;
            self.ahead = None;
        }
        if let Some((number, _)) = live.events.front() {
            self.bell.announce(*number);
        }
        (sent, first)
    }

    /// Adds topics, as [`Session::subscribe`] says.
    fn subscribe(&mut self, frame: Subscribe) -> Result<(), SubscribeError> {
        let Self {
            hub, bell, session, ..
        } = self;
        let added = hub.rearrange(|log| {
            let before = session.selectors().clone();
            // What waits for this subscriber comes first; without any, it is where the log is.
            if log.next(&before, session.cursor().offset).is_none() {
                pass_evicted(session, &log.bounds(), &hub.fanout);
                session.read_to(log.bounds().head());
            }
            let after = log.resolve(frame.after);
            session.subscribe(frame.topics, after, frame.reference.as_deref())?;
            let added = || {
                session
                    .selectors()
                    .iter()
                    .filter(|topic| !before.contains(topic))
            };
            let evicted = log.bounds().earliest().offset - 1;
            hub.fanout.add(added(), bell, evicted);
            log.watch(added().filter_map(TopicSelector::template));
            Ok::<_, SubscribeError>(added().cloned().collect::<Vec<_>>())
        })?;
        // There may be something to replay.
        self.bell.ring();
        self.tell(added.iter(), true);
        Ok(())
    }

    /// Removes topics.
    fn unsubscribe(&mut self, topics: &[TopicSelector]) {
        let Self {
            hub, bell, session, ..
        } = self;
        let removed: Vec<_> = hub.rearrange(|log| {
            let before = session.selectors().clone();
            session.unsubscribe(topics);
            let removed = || {
                before
                    .iter()
                    .filter(|topic| !session.selectors().contains(topic))
            };
            hub.fanout.remove(removed(), bell);
            log.unwatch(removed().filter_map(TopicSelector::template));
            removed().cloned().collect()
        });
        self.tell(removed.iter(), false);
    }

    /// Replaces the token.
    fn renew(&mut self, grant: Arc<Grant>) {
        self.hub.expiries.add(grant.expires, &self.bell);
        let identity = self.bell.identity();
        if identity.is_some_and(|identity| identity.renew(&grant)) {
            self.tell(self.session.selectors().iter(), true);
        }
        self.grant = Some(grant);
    }
}

/// The id of the event before the first one that is sent to a client which asked for `asked`.
//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-7
//# The value of the Last-Event-ID response header MUST be the ID of the event preceding the first
//# one sent to the subscriber, or the reserved value earliest if there is no preceding event (it
//# happens when the hub history is empty, when the subscriber requests the earliest event or when
//# the subscriber requests an event that doesn't exist).
fn before(asked: &Start, gap: bool, cursor: Position) -> String {
    match asked {
        // The same words: whoever compares them sees that nothing was lost.
        Start::Id(id) if !gap => id.as_ref().into(),
        Start::After(position) if !gap => position.to_string(),
        // After a gap, too, whatever is kept follows.
        _ if gap || *asked == Start::Earliest || cursor.offset == 0 => "earliest".into(),
        _ => cursor.to_string(),
    }
}

/// The ephemeral events that wait for a subscriber.
fn live(hub: &Hub, bell: &Bell, session: &Session, grant: Option<&Grant>) -> Waiting {
    hub.ephemerals.waiting(bell, |event| {
        session.wants(event.topics()) && Policy::receive(&event.form, grant)
    })
}

/// Which of the events that a subscriber has not read it is sent: of each topic the newest. Those
/// that must be read from disk are not left out.
fn kept(log: &Log, session: &Session, grant: Option<&Grant>) -> Kept {
    let selectors = session.selectors();
    let mut latest = Latest::new();
    let mut after = session.cursor().offset.max(log.before_recent());
    while let Some(offset) = log.next(selectors, after) {
        after = offset;
        let event = log.recent(offset);
        if let Some(event) = event.filter(|event| Policy::receive(&event.form, grant)) {
            let asked_for = |topic: &&str| selectors.matches([*topic]);
            latest.see(offset, event.topics().filter(asked_for));
        }
    }
    latest.kept()
}

/// Says what was left out, before whatever comes next.
fn say_skipped(session: &mut Session, carrier: &mut impl Carrier) {
    if let Some(skipped) = session.take_skipped() {
        carrier.skipped(&skipped);
    }
}

/// An event that the log has on disk, once it was read; the subscriber's bell rings then.
fn older(
    ahead: &mut Option<Box<Ahead>>,
    (hub, bell): (&Hub, &Arc<Bell>),
    (log, selectors): (&Log, &Selectors),
    offset: u64,
) -> Result<Option<Arc<Event>>, StoreError> {
    let Some(readers) = hub.readers() else {
        return Ok(None);
    };
    let offsets = || {
        let next = |after: &u64| log.next(selectors, *after);
        core::iter::successors(Some(offset), next)
            .take(MOST_EVENTS)
            .collect()
    };
    ahead
        .get_or_insert_default()
        .get(offset, readers, bell, offsets)
}

/// Moves the cursor over events of other topics that were evicted while nothing woke the
/// subscriber: that it is behind them is no gap.
fn pass_evicted(session: &mut Session, log: &Bounds, fanout: &Fanout) {
    let cursor = session.cursor();
    let evicted = Position::new(cursor.epoch, log.earliest().offset - 1);
    if cursor.offset < evicted.offset && !fanout.lost_after(session.selectors(), cursor.offset) {
        session.read_to(evicted);
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let selectors = self.session.selectors();
        self.hub.fanout.remove(selectors.iter(), &self.bell);
        self.hub.fanout.leave();
        let metrics = &self.hub.metrics;
        metrics.subscribers[self.wire as usize].add(-1);
        metrics.unsent.add(-signed(self.unsent));
        if selectors.templates().next().is_some() {
            self.hub.rearrange(|log| log.unwatch(selectors.templates()));
        }
        self.tell(selectors.iter(), false);
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
