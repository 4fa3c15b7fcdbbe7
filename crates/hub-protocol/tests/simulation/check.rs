//! What must hold after every step, and at the end: the invariants, by their names in the contract.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use hub_protocol::{ClientEvent, Data, Message, Missed, Outcome, Receipt};
use resume::{GapReason, Position, Start};

use crate::hub::History;

/// One process of a client: from its start to its crash, close or end.
#[derive(Debug)]
pub(crate) struct Process {
    /// What was delivered, each once: epoch and offset.
    delivered: BTreeSet<(usize, u64)>,
    /// The newest event that is not part of a replay.
    last: Option<(usize, u64)>,
    missed: Vec<(Missed, Option<Position>)>,
    /// From where on all events of a topic are owed.
    owed: BTreeMap<String, Option<Position>>,
    /// Handed over, with where it stands, and not handled.
    unhandled: Vec<(Receipt, Option<(usize, u64)>)>,
    /// What became of what was published: nothing, or the result.
    published: BTreeMap<u64, (String, Option<Outcome>)>,
    /// Gaps that came over the wire, and were reported.
    pub(crate) gaps: (u64, u64),
    pub(crate) finished: bool,
}

impl Process {
    pub(crate) fn new(start: Start, topics: &BTreeSet<String>, history: &History) -> Self {
        let from = match &start {
            Start::After(position) => Some(*position),
            Start::Id(id) => history.by_id(id),
            _ => None,
        };
        Self {
            delivered: BTreeSet::new(),
            last: None,
            missed: Vec::new(),
            owed: topics.iter().map(|topic| (topic.clone(), from)).collect(),
            unhandled: Vec::new(),
            published: BTreeMap::new(),
            gaps: (0, 0),
            finished: false,
        }
    }

    /// Topics were added; from where on is known once the hub knows it, or was said.
    pub(crate) fn subscribe(&mut self, topic: &str, from: Option<Position>) {
        self.owed.entry(topic.to_owned()).or_insert(from);
    }

    pub(crate) fn unsubscribe(&mut self, topic: &str) {
        self.owed.remove(topic);
    }

    /// The hub knows now that these topics are wanted after this position.
    pub(crate) fn owes_from<'t>(
        &mut self,
        topics: impl Iterator<Item = &'t str>,
        position: Position,
    ) {
        for topic in topics {
            if let Some(from @ None) = self.owed.get_mut(topic) {
                *from = Some(position);
            }
        }
    }

    pub(crate) fn publish(&mut self, number: u64, data: String) {
        let known = self.published.insert(number, (data, None));
        assert!(known.is_none(), "I14: a number was given twice");
    }

    pub(crate) fn deliver(&mut self, event: ClientEvent, history: &History) {
        assert!(!self.finished, "I9: something came after the end");
        match event {
            ClientEvent::Message(message) => self.message(message, history),
            ClientEvent::Missed(missed) => self.miss(missed, history),
            ClientEvent::Published { number, outcome } => {
                let (data, known) = self
                    .published
                    .get_mut(&number)
                    .expect("I14: unknown number");
                assert!(known.is_none(), "I14: a second result for {data}");
                *known = Some(outcome);
            }
            _ => {}
        }
    }

    fn message(&mut self, message: Message, history: &History) {
        let Data::Text(data) = &message.data else {
            panic!("only text is published")
        };
        // An event stream may say only the id. One that was published again after a log was lost
        // is in two: the one that goes on where this client stands is meant.
        let position = message.position.unwrap_or_else(|| {
            let id = message.id.as_deref().expect("an id or a position");
            let next = self.last.and_then(|last| history.after(last, id));
            next.or_else(|| history.by_id(id))
                .expect("an event that was published")
        });
        let event = history.at(position);
        assert_eq!(event.data, *data, "an event was altered");
        let at = (history.epoch(position), position.offset);
        let wanted = event
            .topics
            .iter()
            .any(|topic| self.owed.contains_key(topic));
        assert!(
            wanted || message.topics.is_empty(),
            "an event of topics that were removed was delivered"
        );
        assert!(
            self.delivered.insert(at),
            "I2: {position} was delivered twice"
        );
        if !message.replayed {
            if let Some(last) = self.last {
                assert!(
                    at.0 != last.0 || at.1 > last.1,
                    "I2: {position} came after offset {}",
                    last.1
                );
                let told = self
                    .missed
                    .last()
                    .is_some_and(|(missed, _)| history.epoch(missed.resumed) >= at.0);
                assert!(
                    at.0 == last.0 || told,
                    "I6: another epoch came without a word"
                );
            }
            self.last = Some(at);
        }
        self.hand(message.receipt, (!message.replayed).then_some(at));
    }

    fn miss(&mut self, missed: Missed, history: &History) {
        assert!(
            missed.reason.is_some(),
            "I3: a gap was inferred where the hub lost nothing: {missed:?}"
        );
        self.gaps.1 += u64::from(missed.topics.is_empty());
        let elsewhere =
            matches!(missed.after, Start::Id(_)) && missed.reason == Some(GapReason::Epoch);
        if elsewhere && self.gaps.1 > self.gaps.0 {
            self.gaps.0 += 1; // the id was found in another epoch's log: the hub sees no gap
        }
        let after = match &missed.after {
            Start::After(position) => Some(*position),
            // After a republication the newest is not where the client stood.
            Start::Id(id) => history
                .by_id(id)
                .filter(|at| history.epoch(*at) < history.epoch(missed.resumed)),
            _ => None,
        };
        if missed.topics.is_empty() {
            self.last = Some((history.epoch(missed.resumed), missed.resumed.offset));
        }
        let receipt = missed.receipt.clone();
        self.missed.push((missed, after));
        self.hand(receipt, None);
    }

    fn hand(&mut self, receipt: Receipt, at: Option<(usize, u64)>) {
        self.unhandled.push((receipt, at));
    }

    /// Takes what the application handles next, in order.
    pub(crate) fn next_handled(&mut self) -> Option<Receipt> {
        (!self.unhandled.is_empty()).then(|| self.unhandled.remove(0).0)
    }

    /// I4: what is kept for the next process lies before all that is not handled.
    pub(crate) fn kept(&self, start: &Start, history: &History) {
        let kept = match start {
            Start::After(position) => *position,
            Start::Id(id) => history.by_id(id).expect("the id of an event"),
            _ => return,
        };
        let kept = (history.epoch(kept), kept.offset);
        for (_, at) in &self.unhandled {
            let Some(at) = at else { continue };
            assert!(
                at.0 != kept.0 || at.1 > kept.1,
                "I4: {kept:?} was kept before {at:?} was handled"
            );
        }
    }

    /// After all faults are over and time has passed: what is owed was delivered, or said to be
    /// missing.
    pub(crate) fn complete(&self, history: &History) {
        for (epoch, events) in history.events.iter().enumerate() {
            for (event, offset) in events.iter().zip(1..) {
                let at = (epoch, offset);
                if self.delivered.contains(&at) {
                    continue;
                }
                for topic in &event.topics {
                    let Some(Some(from)) = self.owed.get(topic) else {
                        continue;
                    };
                    let owed = (history.epoch(*from), from.offset) < at;
                    assert!(
                        !owed || self.excused(at, topic, history),
                        "lost in silence: {at:?} of topic {topic}, owed after {from}"
                    );
                }
            }
        }
        assert_eq!(
            self.gaps.0, self.gaps.1,
            "I3: gaps that came, and gaps that were reported"
        );
    }

    fn excused(&self, at: (usize, u64), topic: &str, history: &History) -> bool {
        self.missed.iter().any(|(missed, after)| {
            let concerns = missed.topics.is_empty()
                || missed.topics.iter().any(|selector| selector.matches(topic));
            let resumed = (history.epoch(missed.resumed), missed.resumed.offset);
            let after = after.map(|after| (history.epoch(after), after.offset));
            concerns && at <= resumed && after.is_none_or(|after| at > after)
        })
    }

    /// I14: every item has the result that the logs show.
    pub(crate) fn results(&self, history: &History, over: bool, across_epochs: bool) {
        for (data, outcome) in self.published.values() {
            let places: Vec<usize> = history
                .events
                .iter()
                .map(|events| events.iter().filter(|event| event.data == *data).count())
                .collect();
            assert!(
                places.iter().all(|count| *count <= 1),
                "I14: {data} is in a log twice"
            );
            let logs: usize = places.iter().sum();
            assert!(
                across_epochs || logs <= 1,
                "I14: {data} was repeated in another log"
            );
            match outcome {
                Some(Outcome::Acknowledged { position, .. }) => {
                    let position = position.expect("it is in the log");
                    assert_eq!(history.at(position).data, *data, "I14: acknowledged");
                }
                Some(Outcome::Unsent) => assert_eq!(logs, 0, "I14: {data} is in a log unsent"),
                Some(Outcome::Rejected { .. }) => assert_eq!(logs, 0, "I14: {data} rejected"),
                Some(_) => {}
                None => assert!(!over, "I14: {data} has no result"),
            }
        }
    }

    /// I14: what one client published stands in each log in its order.
    pub(crate) fn order(&self, history: &History) {
        for events in &history.events {
            let mut newest = 0;
            for event in events {
                let published = self
                    .published
                    .iter()
                    .find(|(_, (data, _))| *data == event.data);
                if let Some((&number, _)) = published {
                    assert!(number > newest, "I14: {} is out of order", event.data);
                    newest = number;
                }
            }
        }
    }
}

/// I11 and I12: a model of the delays.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    failures: u32,
    opened_at: Option<Duration>,
    heard: bool,
    hint: Duration,
    /// Delays as parts of their ceilings: their sum, and how many.
    pub(crate) drawn: (f64, u32),
}

impl Delays {
    pub(crate) fn opened(&mut self, now: Duration) {
        self.opened_at = Some(now);
        self.heard = false;
    }

    pub(crate) fn heard(&mut self) {
        self.heard = true;
    }

    pub(crate) fn retry_after(&mut self, hint: Duration) {
        self.hint = hint;
    }

    pub(crate) fn ended(&mut self, now: Duration) {
        let healthy = self
            .opened_at
            .take()
            .is_some_and(|at| now - at >= Duration::from_secs(10));
        if healthy && self.heard {
            self.failures = 0;
        }
    }

    pub(crate) fn waits(&mut self, delay: Duration) {
        let ceiling = Duration::from_secs(1 << self.failures.min(5)).min(Duration::from_secs(30));
        let hint = core::mem::take(&mut self.hint);
        let floor = Duration::from_millis(100).max(hint);
        let span = ceiling.max(hint.min(Duration::from_secs(30)));
        assert!(delay >= floor, "I12: {delay:?} is less than {floor:?}");
        assert!(
            delay <= floor.max(hint + span),
            "I11: attempt {} waits {delay:?}",
            self.failures
        );
        if self.failures >= 2 && hint.is_zero() {
            self.drawn.0 += delay.as_secs_f64() / ceiling.as_secs_f64();
            self.drawn.1 += 1;
        }
        self.failures += 1;
    }
}
