use core::cmp::Ordering;

use resume::{Bounds, Position, Start};

use crate::{Selectors, Step, TopicSelector};

/// The replay of topics that were added to a session in flight.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    /// What is replayed.
    added: Selectors,
    /// What was subscribed before: events that match it are not repeated.
    before: Selectors,
    reach: Reach,
    /// The session's cursor when the topics were added.
    until: Position,
    reference: Option<Box<str>>,
}

/// How far the replay has come.
#[derive(Clone, Debug)]
enum Reach {
    /// Where it begins is not decided yet.
    From(Start),
    /// Everything up to here was read.
    Read(Position),
}

impl Replay {
    pub(crate) fn new(
        added: Selectors,
        before: Selectors,
        after: Start,
        until: Position,
        reference: Option<&str>,
    ) -> Self {
        let reference = reference.map(Into::into);
        Self {
            added,
            before,
            reach: Reach::From(after),
            until,
            reference,
        }
    }

    /// What to do now; `None` once it is complete.
    pub(crate) fn next(&mut self, log: &Bounds) -> Option<Step> {
        let located = match &self.reach {
            Reach::From(start) => log.locate(start),
            Reach::Read(read) if read.compare(self.until) != Some(Ordering::Less) => return None,
            Reach::Read(read) => log.locate(&Start::After(*read)),
        };
        match located {
            Ok(after) => {
                self.reach = Reach::Read(after);
                let pending = after.compare(self.until) == Some(Ordering::Less);
                pending.then_some(Step::Replay {
                    after,
                    until: self.until,
                })
            }
            Err(gap) => {
                self.reach = Reach::Read(gap.resumed());
                Some(Step::ReplayGap {
                    gap,
                    reference: self.reference.clone(),
                })
            }
        }
    }

    /// Moves over an event; `Some` if it is part of the replay.
    pub(crate) fn offer<'t>(
        &mut self,
        position: Position,
        topics: impl IntoIterator<Item = &'t str> + Clone,
    ) -> Option<&str> {
        let Reach::Read(read) = &mut self.reach else {
            return None;
        };
        let new = read.compare(position) == Some(Ordering::Less)
            && position.compare(self.until).is_some_and(Ordering::is_le);
        if !new {
            return None;
        }
        *read = position;
        let wanted = self.added.matches(topics.clone()) && !self.before.matches(topics);
        wanted.then_some(self.reference.as_deref().unwrap_or_default())
    }

    /// Moves over events that are known not to be part of it.
    pub(crate) fn read_to(&mut self, position: Position) {
        if let Reach::Read(read) = &mut self.reach
            && read.compare(position) == Some(Ordering::Less)
        {
            *read = position;
        }
    }

    pub(crate) fn added(&self) -> &Selectors {
        &self.added
    }

    pub(crate) fn remove(&mut self, topic: &TopicSelector) {
        self.added.remove(topic);
    }

    pub(crate) fn into_reference(self) -> Option<Box<str>> {
        self.reference
    }
}
