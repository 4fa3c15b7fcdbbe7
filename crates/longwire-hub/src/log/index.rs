//! What is kept, by topic and by its publisher's id.

use std::collections::{HashMap, VecDeque};

use hub_protocol::{Selectors, TopicSelector};

use crate::event::Event;

#[derive(Debug, Default)]
pub(super) struct Index {
    /// The offsets of the events kept, by topic, in order.
    topics: HashMap<Box<str>, VecDeque<u64>>,
    /// The offsets of the events kept that their publisher gave an id.
    ids: HashMap<Box<str>, u64>,
}

impl Index {
    pub(super) fn insert(&mut self, event: &Event) {
        let offset = event.position.offset;
        for topic in event.topics() {
            let offsets = match self.topics.get_mut(topic) {
                Some(offsets) => offsets,
                None => self.topics.entry(topic.into()).or_default(),
            };
            // A topic may be given twice.
            if offsets.back() != Some(&offset) {
                offsets.push_back(offset);
            }
        }
        if let Some(id) = &event.form.id {
            self.ids.insert(id.as_str().into(), offset);
        }
    }

    /// Forgets an event, the oldest there was.
    pub(super) fn remove(&mut self, event: &Event) {
        for topic in event.topics() {
            if let Some(offsets) = self.topics.get_mut(topic) {
                if offsets.front() == Some(&event.position.offset) {
                    offsets.pop_front();
                }
                if offsets.is_empty() {
                    self.topics.remove(topic);
                }
            }
        }
        if let Some(id) = &event.form.id {
            self.ids.remove(id.as_str());
        }
    }

    pub(super) fn by_id(&self, id: &str) -> Option<u64> {
        self.ids.get(id).copied()
    }

    /// The first offset after another of an event that one of `selectors` means; `*` means each
    /// from `earliest` to `head`. Finding it takes a hash and a binary search per selector, however
    /// long the log is.
    pub(super) fn next(
        &self,
        selectors: &Selectors,
        after: u64,
        earliest: u64,
        head: u64,
    ) -> Option<u64> {
        let next = selectors.iter().filter_map(|selector| match selector {
            TopicSelector::Exact(topic) => next_of(self.topics.get(topic)?, after),
            _ => Some((after + 1).max(earliest)),
        });
        next.min().filter(|offset| *offset <= head)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (
            self.topics.values().map(VecDeque::len).sum(),
            self.ids.len(),
        )
    }
}

/// The first offset after another.
fn next_of(offsets: &VecDeque<u64>, after: u64) -> Option<u64> {
    // Nearly always a subscriber is up to date but for the last few.
    let last = offsets.iter().rev().take(4);
    let newer = last.take_while(|offset| **offset > after).count();
    let at = if newer < 4 {
        offsets.len() - newer
    } else {
        offsets.partition_point(|offset| *offset <= after)
    };
    offsets.get(at).copied()
}
