//! What is kept, by topic and by its publisher's id.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hub_protocol::{Selectors, Template, TopicSelector};

use crate::event::Event;

#[derive(Debug, Default)]
pub(super) struct Index {
    topics: HashMap<Box<str>, Topic>,
    /// The templates that subscribers asked for, by their text.
    templates: HashMap<Arc<str>, Matching>,
    /// The offsets of the events kept that their publisher gave an id.
    ids: HashMap<Box<str>, u64>,
}

#[derive(Debug, Default)]
struct Topic {
    /// The offsets of the events kept, in order.
    offsets: VecDeque<u64>,
    /// The templates that match, found out once; those that nobody wants any more may be among
    /// them.
    templates: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Matching {
    template: Template,
    /// The offsets of the events kept of all topics that match, in order.
    offsets: VecDeque<u64>,
    subscribers: usize,
}

impl Index {
    /// Adds the newest event; gives the templates that match it.
    pub(super) fn insert(&mut self, event: &Event) -> Vec<Arc<str>> {
        let Self {
            topics,
            templates,
            ids,
        } = self;
        let offset = event.position.offset;
        let mut matched = Vec::new();
        for topic in event.topics() {
            let topic = match topics.get_mut(topic) {
                Some(topic) => topic,
                None => {
                    let matching = templates.iter().filter(|(_, m)| m.matches(topic));
                    let entry = topics.entry(topic.into()).or_default();
                    entry.templates = matching.map(|(text, _)| text.clone()).collect();
                    entry
                }
            };
            push(&mut topic.offsets, offset);
            topic.templates.retain(|text| {
                let matching = templates.get_mut(text);
                if let Some(matching) = matching {
                    if push(&mut matching.offsets, offset) {
                        matched.push(text.clone());
                    }
                    return true;
                }
                false
            });
        }
        if let Some(id) = &event.form.id {
            ids.insert(id.as_str().into(), offset);
        }
        matched
    }

    /// Forgets an event, the oldest there was; gives the templates that match it.
    pub(super) fn remove(&mut self, event: &Event) -> Vec<Arc<str>> {
        let offset = event.position.offset;
        let mut matched = Vec::new();
        for name in event.topics() {
            if let Some(topic) = self.topics.get_mut(name) {
                pop(&mut topic.offsets, offset);
                for text in &topic.templates {
                    let matching = self.templates.get_mut(text);
                    if matching.is_some_and(|matching| pop(&mut matching.offsets, offset)) {
                        matched.push(text.clone());
                    }
                }
                if topic.offsets.is_empty() {
                    self.topics.remove(name);
                }
            }
        }
        if let Some(id) = &event.form.id {
            self.ids.remove(id.as_str());
        }
        matched
    }

    /// Finds the events of a template from now on, for one subscriber more. The first one costs a
    /// look at every topic.
    pub(super) fn watch(&mut self, template: &Template) {
        if let Some(matching) = self.templates.get_mut(template.as_str()) {
            matching.subscribers += 1;
            return;
        }
        let text: Arc<str> = template.as_str().into();
        let mut offsets = Vec::new();
        let mut matching = Matching {
            template: template.clone(),
            offsets: VecDeque::new(),
            subscribers: 1,
        };
        for (name, topic) in &mut self.topics {
            if matching.matches(name) {
                offsets.extend(&topic.offsets);
                if !topic.templates.contains(&text) {
                    topic.templates.push(text.clone());
                }
            }
        }
        offsets.sort_unstable();
        offsets.dedup();
        matching.offsets = offsets.into();
        self.templates.insert(text, matching);
    }

    /// Undoes [`watch`](Self::watch).
    pub(super) fn unwatch(&mut self, template: &Template) {
        if let Some(matching) = self.templates.get_mut(template.as_str()) {
            matching.subscribers -= 1;
            if matching.subscribers == 0 {
                self.templates.remove(template.as_str());
            }
        }
    }

    /// The templates that are watched and match a topic. For one of which events are kept, that is
    /// known.
    pub(super) fn matching(&self, topic: &str) -> Vec<Arc<str>> {
        let Some(known) = self.topics.get(topic) else {
            let matching = self.templates.iter().filter(|(_, m)| m.matches(topic));
            return matching.map(|(text, _)| text.clone()).collect();
        };
        let watched = |text: &&Arc<str>| self.templates.contains_key(*text);
        known.templates.iter().filter(watched).cloned().collect()
    }

    pub(super) fn by_id(&self, id: &str) -> Option<u64> {
        self.ids.get(id).copied()
    }

    /// The offsets after another of the events that one of `selectors` means; `*` means each from
    /// `earliest` to `head`. Beginning takes a hash and a binary search per selector, however long
    /// the log is.
    pub(super) fn run(
        &self,
        selectors: &Selectors,
        after: u64,
        earliest: u64,
        head: u64,
    ) -> Run<'_> {
        let mut lists = Lists::None;
        for selector in selectors.iter() {
            let offsets = match selector {
                TopicSelector::Exact(topic) => {
                    self.topics.get(&**topic).map(|topic| &topic.offsets)
                }
                TopicSelector::Template(template) => {
                    let matching = self.templates.get(template.as_str());
                    matching.map(|matching| &matching.offsets)
                }
                _ => {
                    lists = Lists::All((after + 1).max(earliest));
                    break;
                }
            };
            if let Some(offsets) = offsets {
                lists.add(offsets, first_after(offsets, after));
            }
        }
        Run { lists, head }
    }

    #[cfg(test)]
    pub(super) fn is_watched(&self, template: &Template) -> bool {
        self.templates.contains_key(template.as_str())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        let topics = self.topics.values().map(|topic| topic.offsets.len());
        (topics.sum(), self.ids.len())
    }
}

impl Matching {
    /// As [`TopicSelector::matches`].
    fn matches(&self, topic: &str) -> bool {
        #[cfg(test)]
        MATCHED.with(|count| count.set(count.get() + 1));
        self.template.as_str() == topic || self.template.matches(topic)
    }
}

/// Adds the newest offset, unless a topic was given twice.
fn push(offsets: &mut VecDeque<u64>, offset: u64) -> bool {
    let new = offsets.back() != Some(&offset);
    if new {
        offsets.push_back(offset);
    }
    new
}

/// Removes the oldest offset, if it is this one.
fn pop(offsets: &mut VecDeque<u64>, offset: u64) -> bool {
    let there = offsets.front() == Some(&offset);
    if there {
        offsets.pop_front();
    }
    there
}

/// Where the first offset after another is.
fn first_after(offsets: &VecDeque<u64>, after: u64) -> usize {
    // Nearly always a subscriber is up to date but for the last few.
    let last = offsets.iter().rev().take(4);
    let newer = last.take_while(|offset| **offset > after).count();
    if newer < 4 {
        offsets.len() - newer
    } else {
        offsets.partition_point(|offset| *offset <= after)
    }
}

/// The offsets, in order, of events that some selectors mean.
#[derive(Debug)]
pub(crate) struct Run<'l> {
    lists: Lists<'l>,
    head: u64,
}

/// Lists of offsets, and where each is read next.
#[derive(Debug)]
enum Lists<'l> {
    None,
    /// Every offset from this one on.
    All(u64),
    One(&'l VecDeque<u64>, usize),
    Many(Vec<(&'l VecDeque<u64>, usize)>),
}

impl<'l> Lists<'l> {
    fn add(&mut self, offsets: &'l VecDeque<u64>, at: usize) {
        match self {
            Self::One(first, read) => *self = Self::Many(vec![(first, *read), (offsets, at)]),
            Self::Many(lists) => lists.push((offsets, at)),
            Self::None | Self::All(_) => *self = Self::One(offsets, at),
        }
    }
}

impl Iterator for Run<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let next = match &mut self.lists {
            Lists::None => None,
            Lists::All(next) => {
                *next += 1;
                Some(*next - 1)
            }
            Lists::One(offsets, at) => {
                *at += 1;
                offsets.get(*at - 1).copied()
            }
            Lists::Many(lists) => {
                let next = lists.iter().filter_map(|(offsets, at)| offsets.get(*at));
                let next = next.copied().min();
                for (offsets, at) in lists {
                    *at += usize::from(next.is_some() && offsets.get(*at) == next.as_ref());
                }
                next
            }
        };
        next.filter(|offset| *offset <= self.head)
    }
}

#[cfg(test)]
thread_local! {
    /// How often a topic was compared with a template.
    static MATCHED: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use hub_protocol::PublishForm;
    use resume::{Epoch, Position};

    use super::*;

    fn event(offset: u64, topic: &str) -> Event {
        let position = Position::new(Epoch::from_bytes([7; Epoch::LEN]), offset);
        Event::new(position, PublishForm::text([topic], ""))
    }

    /// The comparisons that `run` makes.
    fn compared(run: impl FnOnce()) -> usize {
        MATCHED.set(0);
        run();
        MATCHED.get()
    }

    /// However many events there are of a topic, and however many subscribers of a template.
    #[test]
    fn a_topic_is_compared_once_with_each_template() {
        let mut index = Index::default();
        let templates = ["/a/{x}", "/b/{x}", "{+all}"].map(|t| Template::parse(t).unwrap());
        for _ in 0..100 {
            templates.iter().for_each(|template| index.watch(template));
        }
        let topics = ["/a/1", "/a/2"].into_iter().cycle();
        let events = (1..=300).zip(topics);
        let events: Vec<_> = events.map(|(offset, topic)| event(offset, topic)).collect();
        let publish = compared(|| {
            for event in &events {
                assert_eq!(index.insert(event).len(), 2);
            }
        });
        assert_eq!(publish, 2 * 3, "two topics, three templates");
        // An ephemeral event of a topic that is known costs none.
        assert_eq!(compared(|| assert_eq!(index.matching("/a/1").len(), 2)), 0);
        assert_eq!(compared(|| assert_eq!(index.matching("/c").len(), 1)), 3);
        // A template that comes later is compared with each topic, not with each event.
        let late = Template::parse("/a/{y}").unwrap();
        assert_eq!(compared(|| index.watch(&late)), 2);
        let forget = compared(|| {
            for event in &events {
                assert_eq!(index.remove(event).len(), 3);
            }
        });
        assert_eq!(forget, 0);
    }
}
