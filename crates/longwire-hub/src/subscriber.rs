//! A subscriber: a position in the log, and what its carrier makes of the steps of its session.

mod web_socket;

use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use hub_protocol::{
    GapFrame, SSE_GAP, SSE_POSITION, Selectors, Session, Step, Subscribe, SubscribeError,
    SubscribeQuery, TopicSelector,
};
use longwire::Batch;
use longwire::sse::{Fill, Source};
use resume::{Bounds, Gap, Position, Start};
use sse_parse::Fields;
use tracing::error;

use crate::event::Event;
use crate::fanout::{Bell, Fanout};
use crate::hub::Hub;
use crate::limits::Seated;
use crate::log::Log;
use crate::metrics::Wire;
use crate::reader::{Ahead, MOST_EVENTS};
use crate::rights::{Grant, Policy};
use crate::store::StoreError;
use crate::token::unix_time;

pub(crate) use web_socket::WebSocketSubscriber;

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
    fn is_full(&self) -> bool;
    /// Bytes that wait to be written.
    fn unsent(&self) -> usize;
    /// Says something although there is nothing to say.
    fn begin(&mut self) {}
    fn event(&mut self, event: &Event, prev: Position);
    fn gap(&mut self, gap: &Gap, text: Option<&str>);
    fn position(&mut self, position: Position, prev: Position);

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
    /// Begins a subscription at the position that the query names.
    pub(crate) fn open(
        hub: Arc<Hub>,
        query: SubscribeQuery,
        grant: Option<Arc<Grant>>,
        seated: Option<Box<Seated>>,
        wire: Wire,
    ) -> Self {
        let begins = match query.start {
            Start::Live | Start::Earliest => &hub.metrics.fresh,
            _ => &hub.metrics.resumed,
        };
        begins[wire as usize].add(1);
        hub.metrics.subscribers[wire as usize].add(1);
        let since = hub.now();
        let bell = Arc::default();
        if let Some(grant) = &grant {
            hub.expiries.add(grant.expires, &bell);
        }
        let open = |log: &Log| {
            let evicted = log.bounds().earliest().offset - 1;
            hub.fanout.add(query.selectors.iter(), &bell, evicted);
            hub.fanout.enter();
            let start = log.resolve(query.start);
            let opened = Session::open(query.selectors.clone(), &start, &log.bounds(), hub.now());
            (opened, start)
        };
        let ((session, gap), start) = if query.selectors.templates().next().is_some() {
            hub.rearrange(|log| {
                log.watch(query.selectors.templates());
                open(log)
            })
        } else {
            open(&hub.log())
        };
        let greeting = match (gap, start) {
            (Some(gap), start) => Greeting::Gap(Box::new((gap, start))),
            (None, Start::After(_)) => Greeting::Known,
            (None, _) => Greeting::Position,
        };
        Self {
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
        while !carrier.is_full() {
            let step = self.session.next(&log.bounds(), now);
            let (selectors, after, until) = match &step {
                Step::Read { after } => (self.session.selectors(), *after, log.bounds().head()),
                Step::Replay { after, until } => match self.session.replayed() {
                    Some(replayed) => (replayed, *after, *until),
                    None => break,
                },
                Step::Gap(gap) => {
                    metrics.gap(gap.reason);
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
                        Ok(None) => break,
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
            } else if let Some(prev) = self.session.offer(event.position, event.topics(), now) {
                carrier.event(event, prev);
                sent += 1;
                first.get_or_insert(event.taken);
            }
        }
        (sent, first)
    }

    /// Adds topics, as [`Session::subscribe`] says.
    fn subscribe(&mut self, frame: Subscribe) -> Result<(), SubscribeError> {
        let Self {
            hub, bell, session, ..
        } = self;
        hub.rearrange(|log| {
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
            Ok::<(), SubscribeError>(())
        })?;
        // There may be something to replay.
        self.bell.ring();
        Ok(())
    }

    /// Removes topics.
    fn unsubscribe(&mut self, topics: &[TopicSelector]) {
        let Self {
            hub, bell, session, ..
        } = self;
        hub.rearrange(|log| {
            let before = session.selectors().clone();
            session.unsubscribe(topics);
            let removed = || {
                before
                    .iter()
                    .filter(|topic| !session.selectors().contains(topic))
            };
            hub.fanout.remove(removed(), bell);
            log.unwatch(removed().filter_map(TopicSelector::template));
        });
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
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Server-Sent Events.
impl Source for Subscriber {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        self.bell.listen(cx.waker());
        // Asked before the log is read: what was acknowledged until then is sent first.
        let draining = self.hub.is_draining();
        self.fill(batch);
        if self.over {
            return Poll::Ready(Fill::End);
        }
        if draining && !batch.is_full() || self.failed {
            encode(&Fields::empty().with_retry(self.hub.spread()), batch);
            return Poll::Ready(Fill::End);
        }
        if batch.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(Fill::More)
        }
    }

    fn heartbeat(&mut self, batch: &mut Batch) {
        self.fill(batch);
        if batch.is_empty() {
            batch.push(b":\n\n");
        }
    }
}

impl Carrier for Batch {
    fn is_full(&self) -> bool {
        Self::is_full(self)
    }

    fn unsent(&self) -> usize {
        self.len()
    }

    /// Firefox shows a page no answer before the first byte of its body.
    fn begin(&mut self) {
        self.push(b":\n\n");
    }

    fn event(&mut self, event: &Event, _: Position) {
        event.push_to_event_stream(self);
    }

    fn gap(&mut self, gap: &Gap, text: Option<&str>) {
        let mut data = Vec::new();
        GapFrame::new(gap, text).encode_data(&mut data);
        let data = String::from_utf8_lossy(&data);
        let id = gap.resumed().to_string();
        encode(&Fields::new(&data).with_name(SSE_GAP).with_id(&id), self);
    }

    fn position(&mut self, position: Position, _: Position) {
        let id = position.to_string();
        encode(&Fields::new("").with_name(SSE_POSITION).with_id(&id), self);
    }
}

/// Appends a block of ours: positions and fixed names have nothing that could be refused.
fn encode(fields: &Fields<'_>, batch: &mut Batch) {
    let encoded = sse_parse::encode(fields, batch.out());
    debug_assert_eq!(encoded, Ok(()));
}
