use core::cmp::Ordering;

use resume::{Position, Start};

use crate::{MAX_TOPICS, SelectorError, Selectors, Session, TopicSelector};

/// The topics of a client: a set, and what is still replayed for topics that were added to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Topics {
    /// Subscribed, and carried by the connection's cursor.
    pub(super) set: Selectors,
    /// What the connection has been asked for.
    pub(super) asked: Selectors,
    /// Topics whose past is not complete yet, in the order in which they were added.
    pub(super) replays: Vec<PendingReplay>,
    /// Additions without a replay that were not answered.
    pub(super) unanswered: Vec<(u64, Vec<TopicSelector>)>,
    issued: u64,
}

/// Topics that were added with a start, and are not caught up.
#[derive(Clone, Debug)]
pub(super) struct PendingReplay {
    pub(super) number: u64,
    pub(super) topics: Selectors,
    /// From where it goes on.
    pub(super) from: Start,
    pub(super) sent: bool,
}

impl PendingReplay {
    /// Moves over a replayed event; `false` if it came before.
    pub(super) fn event(&mut self, position: Position) -> bool {
        if let Start::After(from) = self.from
            && from.compare(position).is_some_and(Ordering::is_ge)
        {
            return false;
        }
        self.from = Start::After(position);
        true
    }

    /// The replay goes on after `resumed`; it stays where it is if the log still contains that.
    /// Returns where it stood.
    pub(super) fn gap(&mut self, resumed: Position, head: Position) -> Start {
        let after = self.from.clone();
        let known = match after {
            Start::After(from) => {
                from.compare(head).is_some_and(Ordering::is_le)
                    && from.compare(resumed).is_some_and(Ordering::is_ge)
            }
            _ => false,
        };
        if !known {
            self.from = Start::After(resumed);
        }
        after
    }
}

impl Topics {
    /// Which of `topics` are new. Those that are already there stay as they are.
    pub(super) fn new_of(
        &self,
        topics: impl IntoIterator<Item = TopicSelector>,
    ) -> Result<Selectors, SelectorError> {
        let mut new = Selectors::new();
        for topic in topics {
            let known = self.set.contains(&topic)
                || self
                    .replays
                    .iter()
                    .any(|replay| replay.topics.contains(&topic));
            if !known {
                new.insert(topic)?;
            }
        }
        let pending: usize = self.replays.iter().map(|replay| replay.topics.len()).sum();
        if self.set.len() + pending + new.len() > MAX_TOPICS {
            return Err(SelectorError::TooMany);
        }
        Ok(new)
    }

    pub(super) fn add(&mut self, topics: &Selectors) {
        for topic in topics.iter() {
            // The number was checked before.
            let _ = self.set.insert(topic.clone());
        }
    }

    pub(super) fn add_replay(&mut self, topics: Selectors, from: Start) {
        let number = self.issue();
        self.replays.push(PendingReplay {
            number,
            topics,
            from,
            sent: false,
        });
    }

    pub(super) fn remove(&mut self, topic: &TopicSelector) {
        self.set.remove(topic);
        for replay in &mut self.replays {
            replay.topics.remove(topic);
        }
        self.replays.retain(|replay| !replay.topics.is_empty());
    }

    pub(super) fn replay_mut(&mut self, number: u64) -> Option<&mut PendingReplay> {
        self.replays
            .iter_mut()
            .find(|replay| replay.number == number && replay.sent)
    }

    /// The replay is complete, or given up: its topics belong to the cursor now.
    pub(super) fn caught_up(&mut self, number: u64) -> Option<Selectors> {
        let at = self
            .replays
            .iter()
            .position(|replay| replay.number == number)?;
        let replay = self.replays.remove(at);
        self.add(&replay.topics);
        Some(replay.topics)
    }

    /// A new connection is asked for the set; replays are asked for on it by frames.
    pub(super) fn reconnect(&mut self) {
        self.asked = self.set.clone();
        self.unanswered.clear();
        for replay in &mut self.replays {
            replay.sent = false;
        }
    }

    /// Whether an event with these topics is wanted. One whose topics are not said is.
    pub(super) fn want(&self, topics: &[String]) -> bool {
        topics.is_empty() || self.set.matches(topics.iter().map(String::as_str))
    }

    /// Whether an ephemeral event with these topics is wanted: no replay holds it back.
    pub(super) fn want_live(&self, topics: &[String]) -> bool {
        let replays = self.replays.iter().map(|replay| &replay.topics);
        let mut sets = core::iter::once(&self.set).chain(replays);
        sets.any(|set| set.matches(topics.iter().map(String::as_str)))
    }

    /// What the connection was asked for and is no longer wanted; from now on it is not asked for.
    pub(super) fn no_longer_wanted(&mut self) -> Vec<TopicSelector> {
        let wanted = |topic: &TopicSelector| {
            self.set.contains(topic)
                || self
                    .replays
                    .iter()
                    .any(|replay| replay.topics.contains(topic))
        };
        let removed: Vec<_> = self
            .asked
            .iter()
            .filter(|topic| !wanted(topic))
            .cloned()
            .collect();
        for topic in &removed {
            self.asked.remove(topic);
        }
        removed
    }

    /// What is wanted from now on and was not asked for; from now on it is.
    pub(super) fn not_asked_for(&mut self) -> Option<(u64, Vec<TopicSelector>)> {
        let asked = |topic: &&TopicSelector| !self.asked.contains(topic);
        let added: Vec<_> = self.set.iter().filter(asked).cloned().collect();
        if added.is_empty() {
            return None;
        }
        self.ask(added.iter());
        let number = self.issue();
        self.unanswered.push((number, added.clone()));
        Some((number, added))
    }

    /// The next replay to ask for, while the hub has room for one; from now on it is asked for.
    pub(super) fn next_replay(&mut self) -> Option<PendingReplay> {
        let mut replays = self.replays.iter_mut().take(Session::MAX_REPLAYS);
        let replay = replays.find(|replay| !replay.sent)?;
        replay.sent = true;
        let replay = replay.clone();
        self.ask(replay.topics.iter());
        Some(replay)
    }

    fn ask<'t>(&mut self, topics: impl Iterator<Item = &'t TopicSelector>) {
        for topic in topics {
            // No more than are wanted, which were counted before.
            let _ = self.asked.insert(topic.clone());
        }
    }

    fn issue(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }
}
