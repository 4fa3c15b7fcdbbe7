//! What a subscriber is sent: the steps of its session, carried out.

use core::time::Duration;
use std::sync::Arc;

use hub_protocol::{Kept, Latest, Selectors, Session, Skipped, Slow, Step};
use resume::{Bounds, Position};
use tracing::error;

use super::{Carrier, Greeting, Subscriber, signed};
use crate::ephemerals::Waiting;
use crate::event::Event;
use crate::fanout::{Bell, Fanout};
use crate::hub::Hub;
use crate::log::Log;
use crate::reader::{Ahead, MOST_EVENTS};
use crate::rights::{Grant, Policy};
use crate::store::StoreError;
use crate::token::unix_time;

impl Subscriber {
    /// Says what is due. A subscriber whose carrier is full is at rest: it is a position.
    pub(super) fn fill(&mut self, carrier: &mut impl Carrier) {
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
        // What the session is to read, found with one look-up however much it is.
        let mut run = None;
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
            let next = if replays {
                log.next(selectors, after.offset)
            } else {
                let run = run.get_or_insert_with(|| log.run(selectors, after.offset).peekable());
                while run.next_if(|offset| *offset <= after.offset).is_some() {}
                run.peek().copied()
            };
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
pub(super) fn pass_evicted(session: &mut Session, log: &Bounds, fanout: &Fanout) {
    let cursor = session.cursor();
    let evicted = Position::new(cursor.epoch, log.earliest().offset - 1);
    if cursor.offset < evicted.offset && !fanout.lost_after(session.selectors(), cursor.offset) {
        session.read_to(evicted);
    }
}
