//! The log in memory: every event once, found by offset, by topic and by its publisher's id.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use hub_protocol::{PublishForm, Selectors, TopicSelector};
use resume::{Bounds, Epoch, Limits, Position, ReplayWindow, Start};

use crate::event::Event;

#[derive(Debug)]
pub(crate) struct Log {
    window: ReplayWindow<Arc<Event>>,
    /// The offsets of the events kept, by topic, in order.
    topics: HashMap<Box<str>, VecDeque<u64>>,
    /// The offsets of the events kept that their publisher gave an id.
    ids: HashMap<Box<str>, u64>,
    /// Evicted, and not yet asked for.
    evicted: Vec<Arc<Event>>,
    started: Instant,
}

/// What became of an event that was to be appended.
#[derive(Debug)]
pub(crate) enum Appended {
    New(Arc<Event>),
    /// The same event with the same id is in the log: nothing was appended.
    Repeated(Arc<Event>),
    /// Another event with the same id is in the log: nothing was appended.
    Conflict,
}

impl Log {
    /// An empty log; `epoch` comes from a cryptographic generator.
    pub(crate) fn new(epoch: Epoch, limits: Limits) -> Self {
        Self {
            window: ReplayWindow::new(epoch, limits),
            topics: HashMap::new(),
            ids: HashMap::new(),
            evicted: Vec::new(),
            started: Instant::now(),
        }
    }

    pub(crate) fn append(&mut self, form: PublishForm) -> Appended {
        if let Some(kept) = form.id.as_deref().and_then(|id| self.by_id(id)) {
            return if kept.form == form {
                Appended::Repeated(kept.clone())
            } else {
                Appended::Conflict
            };
        }
        let head = self.window.head();
        let position = Position::new(head.epoch, head.offset + 1);
        let event = Arc::new(Event::new(position, form));
        for topic in &event.form.topics {
            let offsets = self.topics.entry(topic.as_str().into()).or_default();
            // A topic may be given twice.
            if offsets.back() != Some(&position.offset) {
                offsets.push_back(position.offset);
            }
        }
        if let Some(id) = &event.form.id {
            self.ids.insert(id.as_str().into(), position.offset);
        }
        let pushed = self
            .window
            .push(event.clone(), event.weight(), self.started.elapsed());
        debug_assert_eq!(pushed.position, position);
        for (position, evicted) in pushed.evicted {
            forget(&mut self.topics, &mut self.ids, position, &evicted);
            self.evicted.push(evicted);
        }
        Appended::New(event)
    }

    /// Evicts what has passed its age.
    pub(crate) fn expire(&mut self) {
        for (position, evicted) in self.window.expire(self.started.elapsed()) {
            forget(&mut self.topics, &mut self.ids, position, &evicted);
            self.evicted.push(evicted);
        }
    }

    /// What was evicted since this was last asked.
    pub(crate) fn take_evicted(&mut self) -> Vec<Arc<Event>> {
        core::mem::take(&mut self.evicted)
    }

    /// What is kept at this moment.
    pub(crate) fn bounds(&self) -> Bounds {
        self.window.bounds()
    }

    /// Replaces a publisher's id by the position of its event, if that is kept.
    pub(crate) fn resolve(&self, start: Start) -> Start {
        match start {
            Start::Id(id) => match self.by_id(&id) {
                Some(event) => Start::After(event.position),
                None => Start::Id(id),
            },
            start => start,
        }
    }

    fn by_id(&self, id: &str) -> Option<&Arc<Event>> {
        self.window.get(*self.ids.get(id)?)
    }

    /// The first event after an offset that one of `selectors` means. Finding it takes a hash and
    /// a binary search per selector, however long the log is.
    pub(crate) fn next(&self, selectors: &Selectors, after: u64) -> Option<&Arc<Event>> {
        let next = selectors.iter().filter_map(|selector| match selector {
            TopicSelector::Exact(topic) => {
                let offsets = self.topics.get(topic)?;
                // Nearly always the subscriber is up to date but for the last few.
                let newer = offsets
                    .iter()
                    .rev()
                    .take(4)
                    .take_while(|offset| **offset > after)
                    .count();
                let at = if newer < 4 {
                    offsets.len() - newer
                } else {
                    offsets.partition_point(|offset| *offset <= after)
                };
                offsets.get(at).copied()
            }
            _ => Some((after + 1).max(self.window.earliest().offset)),
        });
        self.window.get(next.min()?)
    }
}

/// Removes an evicted event, the oldest there was, from the indexes.
fn forget(
    topics: &mut HashMap<Box<str>, VecDeque<u64>>,
    ids: &mut HashMap<Box<str>, u64>,
    position: Position,
    event: &Event,
) {
    for topic in &event.form.topics {
        if let Some(offsets) = topics.get_mut(topic.as_str()) {
            if offsets.front() == Some(&position.offset) {
                offsets.pop_front();
            }
            if offsets.is_empty() {
                topics.remove(topic.as_str());
            }
        }
    }
    if let Some(id) = &event.form.id {
        ids.remove(id.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_protocol::Data;

    fn form(topics: &[&str], data: &str, id: Option<&str>) -> PublishForm {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for topic in topics {
            body.append_pair("topic", topic);
        }
        body.append_pair("data", data);
        if let Some(id) = id {
            body.append_pair("id", id);
        }
        PublishForm::parse(body.finish().as_bytes()).unwrap()
    }

    fn log(count: usize) -> Log {
        Log::new(
            Epoch::from_bytes([7; Epoch::LEN]),
            Limits::new().count(count),
        )
    }

    fn selectors(topics: &[&str]) -> Selectors {
        let mut selectors = Selectors::new();
        for topic in topics {
            selectors
                .insert(TopicSelector::parse(topic).unwrap())
                .unwrap();
        }
        selectors
    }

    /// What a walk over every event that is kept finds.
    fn walk(log: &Log, selectors: &Selectors, after: u64) -> Option<u64> {
        let bounds = log.bounds();
        (bounds.earliest().offset..=bounds.head().offset)
            .filter(|offset| *offset > after)
            .find(|offset| selectors.matches(log.window.get(*offset).unwrap().topics()))
    }

    #[test]
    fn the_index_finds_what_a_walk_over_the_log_finds() {
        let topics = ["a", "b", "c", "rare"];
        let asked = [
            selectors(&["a"]),
            selectors(&["rare"]),
            selectors(&["b", "c", "rare"]),
            selectors(&["nobody publishes this"]),
            selectors(&["*"]),
            selectors(&["*", "a"]),
            selectors(&[]),
        ];
        let mut log = log(40);
        let mut seed = 1_u32;
        for published in 0..300_u64 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let picked: Vec<&str> = (0..3)
                .filter(|bit| seed >> (16 + bit) & 1 == 1)
                .map(|bit| topics[bit])
                .chain((published % 50 == 0).then_some("rare"))
                .chain(["a"].into_iter().filter(|_| seed >> 20 & 3 == 0))
                .collect();
            let picked = if picked.is_empty() { vec!["b"] } else { picked };
            assert!(matches!(
                log.append(form(&picked, "", None)),
                Appended::New(_)
            ));
            for selectors in &asked {
                for after in 0..=published + 2 {
                    let found = log
                        .next(selectors, after)
                        .map(|event| event.position.offset);
                    assert_eq!(
                        found,
                        walk(&log, selectors, after),
                        "{selectors:?} after {after}"
                    );
                }
            }
        }
        let kept: usize = log.topics.values().map(VecDeque::len).sum();
        assert!(kept <= 4 * 40, "the index forgets what the log forgets");
    }

    #[test]
    fn an_id_is_taken_while_its_event_is_kept() {
        let mut log = log(2);
        let first = match log.append(form(&["a"], "1", Some("x"))) {
            Appended::New(event) => event.position,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            log.resolve(Start::parse(b"x")),
            Start::After(first),
            "an id resumes like its position"
        );
        assert!(matches!(
            log.append(form(&["a"], "1", Some("x"))),
            Appended::Repeated(event) if event.position == first
        ));
        for other in [form(&["a"], "2", Some("x")), form(&["b"], "1", Some("x"))] {
            assert!(matches!(log.append(other), Appended::Conflict));
        }
        assert_eq!(log.bounds().head(), first, "nothing was appended");
        log.append(form(&["a"], "2", None));
        log.append(form(&["a"], "3", None));
        assert_eq!(log.resolve(Start::parse(b"x")), Start::Id("x".into()));
        assert!(matches!(
            log.append(form(&["a"], "2", Some("x"))),
            Appended::New(_)
        ));
        assert_eq!(log.ids.len(), 1);
    }

    #[test]
    fn a_topic_given_twice_is_delivered_once() {
        let mut log = log(9);
        log.append(form(&["a", "a"], "", None));
        assert_eq!(log.next(&selectors(&["a"]), 0).unwrap().position.offset, 1);
        assert!(log.next(&selectors(&["a"]), 1).is_none());
        let event = log.window.get(1).unwrap();
        assert_eq!(event.form.data, Data::Text(String::new()));
    }
}
