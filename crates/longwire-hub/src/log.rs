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
        }
        Appended::New(event)
    }

    /// Evicts what has passed its age.
    pub(crate) fn expire(&mut self) {
        for (position, evicted) in self.window.expire(self.started.elapsed()) {
            forget(&mut self.topics, &mut self.ids, position, &evicted);
        }
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
