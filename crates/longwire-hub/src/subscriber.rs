//! A subscriber: a position in the log, and what its carrier makes of the steps of its session.

mod event_stream;
mod filling;
#[cfg(test)]
mod handover;
mod web_socket;

use core::time::Duration;
use std::sync::Arc;

use hub_protocol::{
    Session, Skipped, Slow, Subscribe, SubscribeError, SubscribeQuery, TopicSelector,
};
use resume::{Gap, Position, Start};

use crate::event::Event;
use crate::fanout::Bell;
use crate::hub::Hub;
use crate::limits::Seated;
use crate::log::Log;
use crate::metrics::Wire;
use crate::presence::{self, Identity};
use crate::reader::Ahead;
use crate::rights::Grant;

use filling::pass_evicted;
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
