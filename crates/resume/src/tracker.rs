use core::cmp::Ordering;

use crate::Position;

/// Where a consumer stands in a log: what it has seen, what it has handled, what it has lost.
///
/// Theory of operation. Two positions are kept. *Seen* is the newest one that arrived, and decides
/// what the next arrival means. *Handled* is the newest one whose event the application is done
/// with, and is what to resume from: it moves only when [`handled`](Tracker::handled) is called
/// with the [`Delivery`] of an event, so that an event that was cut off, or whose handler never
/// finished, is asked for again. What was seen and is sent again after a reconnect is a duplicate,
/// because it waits in this process already.
///
/// ```text
///            event(), moved()               handled()
///  wire ────► seen ──────────► application ──────────► handled ────► asked for after a reconnect
/// ```
///
/// A hole between two offsets means nothing: offsets are dense over the whole log and sparse per
/// topic. Loss is known only from the producer's word: a gap notice, another epoch, or a `prev`
/// (the producer's idea of this consumer's cursor) that lies beyond what was seen.
///
/// # Example
///
/// ```
/// use resume::{Arrival, Epoch, Position, Tracker};
///
/// let at = |offset| Position::new(Epoch::from_bytes([7; 12]), offset);
/// let mut tracker = Tracker::new();
/// tracker.opened(at(4)); // the producer said where the connection begins
///
/// let Arrival::Deliver(delivery) = tracker.event(at(6), Some(at(4))) else { unreachable!() };
/// assert_eq!(tracker.resume_from(), Some(at(4))); // not yet handled
/// tracker.handled(delivery);
/// assert_eq!(tracker.resume_from(), Some(at(6)));
///
/// assert_eq!(tracker.event(at(6), Some(at(4))), Arrival::Duplicate);
/// // An event whose `prev` was never seen here: something between 6 and 8 is missing.
/// assert!(matches!(tracker.event(at(9), Some(at(8))), Arrival::Gap { .. }));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    seen: Option<Position>,
    handled: Option<Position>,
    /// Number of the newest delivery given out.
    issued: u64,
    /// Number of the newest delivery that was handled.
    settled: u64,
}

/// What an arrival means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub enum Arrival {
    /// New, and nothing was lost before it: hand it over.
    Deliver(Delivery),
    /// Seen before: drop it.
    Duplicate,
    /// New, but something was lost before it: report that, then hand it over.
    Gap {
        /// The consumer's own cursor.
        after: Position,
        /// The producer's idea of it: what lay between was not seen.
        prev: Position,
        /// For the event.
        delivery: Delivery,
    },
    /// New, of another epoch: whatever the old one still held is lost. Report that, then hand it
    /// over.
    EpochChanged {
        /// The consumer's own cursor, in the epoch that ended.
        after: Position,
        /// For the event.
        delivery: Delivery,
    },
}

/// An event that was handed over, to be given to [`Tracker::handled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "without it the event is never known to be handled"]
pub struct Delivery {
    position: Position,
    number: u64,
}

impl Delivery {
    /// Where the consumer stands once this is handled.
    #[must_use]
    pub const fn position(self) -> Position {
        self.position
    }
}

impl Tracker {
    /// A consumer that has never seen anything.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            seen: None,
            handled: None,
            issued: 0,
            settled: 0,
        }
    }

    /// A consumer that handled everything up to a position it has kept.
    #[must_use]
    pub const fn resuming_from(position: Position) -> Self {
        Self {
            seen: Some(position),
            handled: Some(position),
            ..Self::new()
        }
    }

    /// The producer said where the connection begins. A consumer without a position takes it over,
    /// so that it can resume although it never sees an event; one that has a position keeps it.
    pub fn opened(&mut self, position: Position) {
        if self.seen.is_none() {
            *self = Self {
                seen: Some(position),
                handled: Some(position),
                ..*self
            };
        }
    }

    /// An event arrived, whole. `prev` is the producer's cursor for this consumer before it, if the
    /// carrier says so.
    pub fn event(&mut self, position: Position, prev: Option<Position>) -> Arrival {
        let Some(seen) = self.seen else {
            return Arrival::Deliver(self.deliver(position));
        };
        match position.compare(seen) {
            None => {
                return Arrival::EpochChanged {
                    after: seen,
                    delivery: self.deliver(position),
                };
            }
            Some(Ordering::Less | Ordering::Equal) => return Arrival::Duplicate,
            Some(Ordering::Greater) => {}
        }
        match prev {
            // A `prev` before what was seen is as good as one that equals it: all that matched
            // after it was sent, and this event is the first of that which is new here.
            Some(prev) if prev.compare(seen).is_none_or(Ordering::is_gt) => Arrival::Gap {
                after: seen,
                prev,
                delivery: self.deliver(position),
            },
            _ => Arrival::Deliver(self.deliver(position)),
        }
    }

    /// The cursor moved over events that are not for this consumer. It is judged like an event, but
    /// there is nothing to hand over: give the delivery to [`handled`](Tracker::handled) at once if
    /// everything before it [is](Tracker::is_settled), or else together with the next event's.
    pub fn moved(&mut self, position: Position, prev: Option<Position>) -> Arrival {
        self.event(position, prev)
    }

    /// The producer said that events may have been missed, and that it goes on after `resumed`;
    /// `head` is its newest event. Report that, then call [`handled`](Tracker::handled).
    ///
    /// If the log still contains what was seen here, that cursor stays, and what is sent again up
    /// to it are duplicates. Otherwise the cursor is `resumed` from now on, even if that lies
    /// before what was seen: history was not what this consumer thought.
    pub fn gap(&mut self, resumed: Position, head: Position) -> Delivery {
        let known = self.seen.filter(|seen| {
            seen.compare(head).is_some_and(Ordering::is_le)
                && seen.compare(resumed).is_some_and(Ordering::is_ge)
        });
        self.deliver(known.unwrap_or(resumed))
    }

    fn deliver(&mut self, position: Position) -> Delivery {
        self.seen = Some(position);
        self.issued += 1;
        Delivery {
            position,
            number: self.issued,
        }
    }

    /// The application is done with a delivery, and with all before it. `false` if that was known
    /// already, or if the delivery was [discarded](Tracker::discard): nothing moves then.
    pub fn handled(&mut self, delivery: Delivery) -> bool {
        if delivery.number <= self.settled {
            return false;
        }
        self.settled = delivery.number;
        self.handled = Some(delivery.position);
        true
    }

    /// What was handed over but not handled has been thrown away: let it be delivered again.
    pub fn discard(&mut self) {
        self.seen = self.handled;
        self.issued += 1;
        self.settled = self.issued;
    }

    /// Whether everything that was handed over is handled.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.settled == self.issued
    }

    /// The newest position that arrived: what the next `prev` is compared with.
    #[must_use]
    pub const fn seen(&self) -> Option<Position> {
        self.seen
    }

    /// The position to ask for after a reconnect, and to keep for the next start of the process.
    #[must_use]
    pub const fn resume_from(&self) -> Option<Position> {
        self.handled
    }
}
