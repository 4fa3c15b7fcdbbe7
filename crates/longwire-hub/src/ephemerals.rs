//! Events that are for those who are connected now: they are not in the log.
//!
//! Nothing is queued for a subscriber here, either. The newest events are kept in a ring, and each
//! subscriber knows the first of them that concerns it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use crate::event::Event;
use crate::fanout::Bell;

/// Most events that are kept for those who are slow, and bytes of memory that they may come to
/// take, but for a single one.
const MOST_EVENTS: usize = 1_024;
const MOST_BYTES: usize = 8 << 20;

#[derive(Debug, Default)]
pub(crate) struct Ephemerals {
    ring: RwLock<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    /// How many there were, which is the number of the newest one.
    count: u64,
    weight: usize,
}

/// What waits for a subscriber.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// With their numbers, in order.
    pub(crate) events: VecDeque<(u64, Arc<Event>)>,
    /// Something that concerned it is no longer there.
    pub(crate) missed: bool,
}

impl Ephemerals {
    /// Adds an event, and says its number, which is never 0, to `announce`: nobody can look before
    /// all whom it concerns know of it, or else they would see it now and again when they do.
    pub(crate) fn push(&self, event: Arc<Event>, announce: impl FnOnce(u64)) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        ring.weight += event.weight();
        ring.events.push_back(event);
        while ring.events.len() > 1
            && (ring.events.len() > MOST_EVENTS || ring.weight > MOST_BYTES)
            && let Some(oldest) = ring.events.pop_front()
        {
            ring.weight -= oldest.weight();
        }
        ring.count += 1;
        announce(ring.count);
    }

    /// The events that are `wanted`, from the one on of which the subscriber's bell says that it
    /// waits.
    pub(crate) fn waiting(&self, bell: &Bell, wanted: impl Fn(&Event) -> bool) -> Waiting {
        if !bell.is_announced() {
            return Waiting::default();
        }
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = bell.take_announced() else {
            return Waiting::default();
        };
        let oldest = ring.count + 1 - ring.events.len() as u64;
        let gone = usize::try_from(first.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let kept = (oldest..).zip(&ring.events).skip(gone);
        Waiting {
            events: kept
                .filter(|(_, event)| wanted(event))
                .map(|(number, event)| (number, event.clone()))
                .collect(),
            missed: first < oldest,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use hub_protocol::{Data, PublishForm};
    use resume::{Epoch, Position};

    fn event(data: usize) -> Arc<Event> {
        let mut form = PublishForm::text(["a"], data.to_string());
        form.ephemeral = true;
        if data == 0 {
            form.data = Data::Binary(vec![0; 1 << 20]);
        }
        Arc::new(Event::new(
            Position::new(Epoch::from_bytes([7; Epoch::LEN]), 3),
            form,
        ))
    }

    #[test]
    fn the_newest_are_kept_and_it_is_known_what_is_gone() {
        let ring = Ephemerals::default();
        for number in 1..=MOST_EVENTS + 10 {
            ring.push(event(number), |given| assert_eq!(given, number as u64));
        }
        let since = |number| {
            let bell = Bell::default();
            bell.announce(number);
            ring.waiting(&bell, |_| true)
        };
        let all = since(11);
        assert_eq!((all.events.len(), all.missed), (MOST_EVENTS, false));
        assert_eq!(all.events[0].0, 11);
        let late = since(10);
        assert_eq!((late.events.len(), late.missed), (MOST_EVENTS, true));
        let last = since(MOST_EVENTS as u64 + 10);
        assert_eq!(last.events.len(), 1);
        assert_eq!(last.events[0].1.form, event(MOST_EVENTS + 10).form);
        let bell = Bell::default();
        assert!(ring.waiting(&bell, |_| true).events.is_empty());
        bell.announce(1);
        assert!(ring.waiting(&bell, |_| false).events.is_empty());
    }

    /// Two publishers and somebody who looks at every moment.
    #[test]
    fn each_is_seen_once_and_in_order() {
        const EACH: usize = 20_000;
        let (ring, bell) = (Ephemerals::default(), Bell::default());
        let told = AtomicUsize::new(0);
        let mut last = 0;
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for number in 1..=EACH {
                        ring.push(event(number), |number| bell.announce(number));
                        told.fetch_add(1, Ordering::Release);
                    }
                });
            }
            while last < 2 * EACH as u64 {
                let all_told = told.load(Ordering::Acquire) == 2 * EACH;
                let waiting = ring.waiting(&bell, |_| true);
                for (number, _) in waiting.events {
                    assert!(
                        waiting.missed || number == last + 1,
                        "{number} after {last}"
                    );
                    assert!(number > last, "{number} again after {last}");
                    last = number;
                }
                assert!(!all_told || last == 2 * EACH as u64, "{last} was the last");
            }
        });
    }

    #[test]
    fn large_ones_are_bounded_by_their_bytes() {
        let ring = Ephemerals::default();
        for _ in 0..100 {
            ring.push(event(0), |_| ());
        }
        let bell = Bell::default();
        bell.announce(1);
        let kept = ring.waiting(&bell, |_| true);
        let bytes: usize = kept.events.iter().map(|(_, event)| event.weight()).sum();
        assert!(bytes <= MOST_BYTES && kept.events.len() < 4, "{bytes}");
    }
}
