//! Events that are for those who are connected now: they are not in the log.
//!
//! Nothing is queued for a subscriber here, either. The newest events are kept in a ring, and each
//! subscriber knows the first of them that concerns it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use crate::event::Event;

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
    /// Adds an event, and gives its number, which is never 0.
    pub(crate) fn push(&self, event: Arc<Event>) -> u64 {
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
        ring.count
    }

    /// The events from `first` on, of which the subscriber knows that it concerns it, that are
    /// `wanted`.
    pub(crate) fn since(&self, first: u64, wanted: impl Fn(&Event) -> bool) -> Waiting {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
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
            assert_eq!(ring.push(event(number)), number as u64);
        }
        let all = ring.since(11, |_| true);
        assert_eq!((all.events.len(), all.missed), (MOST_EVENTS, false));
        assert_eq!(all.events[0].0, 11);
        let late = ring.since(10, |_| true);
        assert_eq!((late.events.len(), late.missed), (MOST_EVENTS, true));
        let last = ring.since(MOST_EVENTS as u64 + 10, |_| true);
        assert_eq!(last.events.len(), 1);
        assert_eq!(last.events[0].1.form, event(MOST_EVENTS + 10).form);
        assert!(ring.since(1, |_| false).events.is_empty());
    }

    #[test]
    fn large_ones_are_bounded_by_their_bytes() {
        let ring = Ephemerals::default();
        for _ in 0..100 {
            ring.push(event(0));
        }
        let kept = ring.since(1, |_| true);
        let bytes: usize = kept.events.iter().map(|(_, event)| event.weight()).sum();
        assert!(bytes <= MOST_BYTES && kept.events.len() < 4, "{bytes}");
    }
}
