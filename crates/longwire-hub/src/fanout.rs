//! Who is woken by an event: subscribers by topic.
//!
//! Nothing is queued here. A subscriber that wakes reads the log from its own position, so a burst
//! of events costs it one wake-up.

use core::task::Waker;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hub_protocol::{Selectors, TopicSelector};

/// The task of one subscriber, if it waits.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    /// Wakes `waker` at the next event that concerns this subscriber. To miss none, look at the
    /// log only after this call.
    pub(crate) fn listen(&self, waker: &Waker) {
        let mut slot = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Wakes the task if it waits; one that was woken already and has not looked yet is left alone.
    pub(crate) fn ring(&self) {
        let waker = self
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The subscribers by what they asked for.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    bells: RwLock<Bells>,
}

#[derive(Debug, Default)]
struct Bells {
    by_topic: HashMap<Box<str>, Vec<Arc<Bell>>>,
    any: Vec<Arc<Bell>>,
    count: usize,
}

impl Fanout {
    /// Rings `bell` for events that match one of `selectors`, from now on.
    pub(crate) fn add(&self, selectors: &Selectors, bell: &Arc<Bell>) {
        let mut bells = self.bells.write().unwrap_or_else(PoisonError::into_inner);
        bells.count += 1;
        for selector in selectors.iter() {
            let list = match selector {
                TopicSelector::Exact(topic) => bells.by_topic.entry(topic.clone()).or_default(),
                _ => &mut bells.any,
            };
            list.push(bell.clone());
        }
    }

    /// Undoes [`add`](Self::add).
    pub(crate) fn remove(&self, selectors: &Selectors, bell: &Arc<Bell>) {
        let mut bells = self.bells.write().unwrap_or_else(PoisonError::into_inner);
        bells.count -= 1;
        for selector in selectors.iter() {
            let TopicSelector::Exact(topic) = selector else {
                take(&mut bells.any, bell);
                continue;
            };
            if let Some(list) = bells.by_topic.get_mut(topic) {
                take(list, bell);
                if list.is_empty() {
                    bells.by_topic.remove(topic);
                }
            }
        }
    }

    /// Subscribers at this moment.
    pub(crate) fn count(&self) -> usize {
        self.bells
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .count
    }

    /// Rings everybody whom an event of these topics concerns.
    pub(crate) fn ring<'t>(&self, topics: impl Iterator<Item = &'t str>) {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        for topic in topics {
            bells
                .by_topic
                .get(topic)
                .into_iter()
                .flatten()
                .for_each(|bell| bell.ring());
        }
        bells.any.iter().for_each(|bell| bell.ring());
    }

    /// Rings everybody.
    pub(crate) fn ring_all(&self) {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        bells
            .by_topic
            .values()
            .flatten()
            .for_each(|bell| bell.ring());
        bells.any.iter().for_each(|bell| bell.ring());
    }
}

fn take(list: &mut Vec<Arc<Bell>>, bell: &Arc<Bell>) {
    if let Some(at) = list.iter().position(|other| Arc::ptr_eq(other, bell)) {
        list.swap_remove(at);
    }
    // A topic that was popular once should not hold memory for ever.
    if list.capacity() > 4 * list.len().max(16) {
        list.shrink_to(2 * list.len());
    }
}
