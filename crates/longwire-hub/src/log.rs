//! The log as subscribers see it: what is kept, and the recent events themselves.

mod index;

use std::collections::VecDeque;
use std::sync::Arc;

use hub_protocol::{Selectors, Template};
use resume::{Bounds, Epoch, Position, Start};

use crate::event::Event;
use index::Index;
pub(crate) use index::Run;

#[derive(Debug)]
pub(crate) struct Log {
    epoch: Epoch,
    earliest: u64,
    head: u64,
    index: Index,
    /// The newest events; the others are in the store.
    recent: VecDeque<Arc<Event>>,
    /// Bytes of memory that the recent ones may come to take, and how many they may.
    weight: usize,
    most: usize,
}

impl Log {
    /// A log that goes on after `head`, with at most `most` bytes of recent events.
    pub(crate) fn new(head: Position, most: usize) -> Self {
        Self {
            epoch: head.epoch,
            earliest: head.offset + 1,
            head: head.offset,
            index: Index::default(),
            recent: VecDeque::new(),
            weight: 0,
            most,
        }
    }

    /// Shows an event that the store has; gives the templates that match it.
    pub(crate) fn show(&mut self, event: Arc<Event>) -> Vec<Arc<str>> {
        let matched = self.index.insert(&event);
        self.head = event.position.offset;
        self.weight += event.weight();
        self.recent.push_back(event);
        while self.weight > self.most && self.recent.len() > 1 {
            self.forget_recent();
        }
        matched
    }

    /// Forgets the oldest event, which the store has removed; gives the templates that match it.
    pub(crate) fn forget(&mut self, event: &Event) -> Vec<Arc<str>> {
        let matched = self.index.remove(event);
        self.earliest = event.position.offset + 1;
        let oldest = self.recent.front();
        if oldest.is_some_and(|oldest| oldest.position.offset < self.earliest) {
            self.forget_recent();
        }
        matched
    }

    /// Finds the events of these templates from now on, for one subscriber more.
    pub(crate) fn watch<'t>(&mut self, templates: impl IntoIterator<Item = &'t Template>) {
        templates
            .into_iter()
            .for_each(|template| self.index.watch(template));
    }

    /// Undoes [`watch`](Self::watch).
    pub(crate) fn unwatch<'t>(&mut self, templates: impl IntoIterator<Item = &'t Template>) {
        templates
            .into_iter()
            .for_each(|template| self.index.unwatch(template));
    }

    fn forget_recent(&mut self) {
        if let Some(event) = self.recent.pop_front() {
            self.weight -= event.weight();
        }
    }

    /// What is kept at this moment.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds::new(self.epoch, self.earliest, self.head)
    }

    /// The offset of the event that has this id.
    pub(crate) fn by_id(&self, id: &str) -> Option<u64> {
        self.index.by_id(id)
    }

    /// Replaces a publisher's id by the position of its event, if that is kept.
    pub(crate) fn resolve(&self, start: Start) -> Start {
        match start {
            Start::Id(id) => match self.by_id(&id) {
                Some(offset) => Start::After(Position::new(self.epoch, offset)),
                None => Start::Id(id),
            },
            start => start,
        }
    }

    /// The offsets of the events after another that one of `selectors` means, in order.
    pub(crate) fn run(&self, selectors: &Selectors, after: u64) -> Run<'_> {
        self.index.run(selectors, after, self.earliest, self.head)
    }

    /// The first of them.
    pub(crate) fn next(&self, selectors: &Selectors, after: u64) -> Option<u64> {
        self.run(selectors, after).next()
    }

    /// The templates that are watched and match a topic.
    pub(crate) fn matching(&self, topic: &str) -> Vec<Arc<str>> {
        self.index.matching(topic)
    }

    #[cfg(test)]
    fn is_watched(&self, template: &Template) -> bool {
        self.index.is_watched(template)
    }

    /// The offset before the oldest of the recent events.
    pub(crate) fn before_recent(&self) -> u64 {
        self.head - self.recent.len() as u64
    }

    /// An event, if it is a recent one.
    pub(crate) fn recent(&self, offset: u64) -> Option<&Arc<Event>> {
        let oldest = self.before_recent() + 1;
        let index = usize::try_from(offset.checked_sub(oldest)?).ok()?;
        self.recent.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_protocol::{Data, PublishForm, TopicSelector};

    const EPOCH: Epoch = Epoch::from_bytes([7; Epoch::LEN]);

    fn event(offset: u64, topics: &[&str], id: Option<&str>) -> Arc<Event> {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let mut form = PublishForm::new(topics, Data::Text(String::new()));
        form.id = id.map(str::to_owned);
        Arc::new(Event::new(Position::new(EPOCH, offset), form))
    }

    fn selectors(topics: &[&str]) -> Selectors {
        let mut selectors = Selectors::new();
        for topic in topics {
            let selector = TopicSelector::parse(topic).unwrap();
            selectors.insert(selector).unwrap();
        }
        selectors
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
            selectors(&["{any}"]),
            selectors(&["{any}are", "c"]),
            selectors(&["no{thing}"]),
        ];
        let mut log = Log::new(
            Position::new(EPOCH, 0),
            10 * event(1, &["a"], None).weight(),
        );
        let mut kept = VecDeque::new();
        let templates = ["{any}", "{any}are", "no{thing}"].map(|t| Template::parse(t).unwrap());
        let mut seed = 1_u32;
        for offset in 1..=300 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let picked: Vec<&str> = (0..3)
                .filter(|bit| seed >> (16 + bit) & 1 == 1)
                .map(|bit| topics[bit])
                .chain((offset % 50 == 0).then_some("rare"))
                .chain(["a"].into_iter().filter(|_| seed >> 20 & 3 == 0))
                .collect();
            let picked = if picked.is_empty() { vec!["b"] } else { picked };
            let event = event(offset, &picked, None);
            // One that comes later finds what was there before it, and one may come again.
            match offset {
                1 => log.watch(&templates[..1]),
                100 => log.watch(&templates[1..]),
                200 => {
                    log.watch(&templates);
                    log.unwatch(&templates);
                    log.unwatch(&templates[1..]);
                }
                202 => log.watch(&templates[1..]),
                _ => {}
            }
            let mut matched = log.show(event.clone());
            matched.sort_unstable();
            let found = asked[7..].iter().zip(&templates);
            let found = found.filter(|(_, t)| log.is_watched(t));
            let found = found.filter(|(_, t)| event.topics().any(|topic| t.matches(topic)));
            let mut found: Vec<_> = found.map(|(_, template)| template.as_str()).collect();
            found.sort_unstable();
            assert_eq!(
                matched.iter().map(|text| &**text).collect::<Vec<_>>(),
                found
            );
            kept.push_back(event);
            if kept.len() > 40 {
                log.forget(&kept.pop_front().unwrap());
            }
            for selectors in &asked {
                let mut wanted = selectors.templates();
                if !wanted.all(|template| log.is_watched(template)) {
                    continue;
                }
                for after in 0..=offset + 1 {
                    let walk = kept
                        .iter()
                        .find(|e| e.position.offset > after && selectors.matches(e.topics()));
                    let walk = walk.map(|event| event.position.offset);
                    let found = log.next(selectors, after);
                    assert_eq!(found, walk, "{selectors:?} after {after}");
                    let walk = kept
                        .iter()
                        .filter(|e| e.position.offset > after && selectors.matches(e.topics()));
                    let walk = walk.map(|event| event.position.offset);
                    assert!(
                        log.run(selectors, after).eq(walk),
                        "{selectors:?} after {after}"
                    );
                }
            }
            for event in &kept {
                let recent = log.recent(event.position.offset);
                assert!(recent.is_none_or(|recent| Arc::ptr_eq(recent, event)));
            }
            assert!(log.recent(offset).is_some() && log.recent(offset + 1).is_none());
            assert!(log.recent.len() < 11, "memory is bounded");
        }
        assert!(
            log.index.len().0 <= 4 * 40,
            "the index forgets what the log forgets"
        );
    }

    #[test]
    fn an_id_is_known_while_its_event_is_kept() {
        let mut log = Log::new(Position::new(EPOCH, 4), usize::MAX);
        let named = event(5, &["a"], Some("x"));
        log.show(named.clone());
        assert_eq!(
            log.resolve(Start::parse(b"x")),
            Start::After(named.position)
        );
        assert_eq!(log.by_id("x"), Some(5));
        log.show(event(6, &["a"], None));
        log.forget(&named);
        assert_eq!(log.resolve(Start::parse(b"x")), Start::Id("x".into()));
        assert_eq!(log.index.len(), (1, 0));
    }

    #[test]
    fn a_topic_given_twice_is_found_once() {
        let mut log = Log::new(Position::new(EPOCH, 0), usize::MAX);
        log.show(event(1, &["a", "a"], None));
        assert_eq!(log.next(&selectors(&["a"]), 0), Some(1));
        assert_eq!(log.next(&selectors(&["a"]), 1), None);
    }
}
