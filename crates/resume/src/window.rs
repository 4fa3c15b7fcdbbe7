use alloc::collections::vec_deque::{Drain, Iter, VecDeque};
use core::fmt;
use core::time::Duration;

use crate::{Bounds, Epoch, Gap, Position, Start};

/// How much a [`ReplayWindow`] keeps. Each limit holds on its own; the newest event is kept
/// whatever the count and the bytes say, so that whoever is up to date can still read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    count: usize,
    bytes: usize,
    age: Duration,
}

impl Limits {
    /// Events kept by default.
    pub const DEFAULT_COUNT: usize = 100_000;
    /// Bytes kept by default: 64 MiB, of what the caller of [`ReplayWindow::push`] says.
    pub const DEFAULT_BYTES: usize = 64 << 20;
    /// Age up to which events are kept by default: one day.
    pub const DEFAULT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            count: Self::DEFAULT_COUNT,
            bytes: Self::DEFAULT_BYTES,
            age: Self::DEFAULT_AGE,
        }
    }

    /// Keeps at most `count` events (at least one is kept). Lower it and consumers must come back
    /// sooner to miss nothing.
    #[must_use]
    pub const fn count(self, count: usize) -> Self {
        Self { count, ..self }
    }

    /// Keeps at most `bytes`, or the newest event if that alone is larger.
    #[must_use]
    pub const fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Keeps events that are at most `age` old. `Duration::MAX` keeps them regardless of age.
    #[must_use]
    pub const fn age(self, age: Duration) -> Self {
        Self { age, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// The last events of a log in memory, for replay: dense offsets, bounded by count, bytes and
/// age.
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use resume::{Epoch, GapReason, Limits, ReplayWindow, Start};
///
/// let mut window = ReplayWindow::new(Epoch::from_bytes([7; 12]), Limits::new().count(2));
/// let now = Duration::ZERO; // any clock that does not go back
/// let first = window.push("a", 1, now).position;
/// window.push("b", 1, now);
///
/// let missed = window.after(&Start::After(first)).unwrap();
/// assert_eq!(missed.map(|(_, item)| *item).collect::<Vec<_>>(), ["b"]);
///
/// window.push("c", 1, now);
/// window.push("d", 1, now); // "a" and "b" are gone
/// let gap = window.after(&Start::After(first)).unwrap_err();
/// assert_eq!(gap.reason, GapReason::Evicted);
/// let kept = window.after(&Start::After(gap.resumed())).unwrap();
/// assert_eq!(kept.map(|(_, item)| *item).collect::<Vec<_>>(), ["c", "d"]);
/// ```
#[derive(Clone, Debug)]
pub struct ReplayWindow<T> {
    epoch: Epoch,
    /// Offset of the newest event ever pushed.
    head: u64,
    entries: VecDeque<Entry<T>>,
    bytes: usize,
    /// Time of the newest entry: entries are in order of time even if the clock is not.
    newest: Duration,
    limits: Limits,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    item: T,
    bytes: usize,
    at: Duration,
}

impl<T> ReplayWindow<T> {
    /// An empty window at the beginning of an epoch: the first event gets offset 1.
    #[must_use]
    pub const fn new(epoch: Epoch, limits: Limits) -> Self {
        Self::starting_after(Position::new(epoch, 0), limits)
    }

    /// An empty window over a log whose head is `head`: the next event gets the offset after it.
    ///
    /// # Panics
    ///
    /// If no offset is left, which is `u64::MAX`.
    #[must_use]
    pub const fn starting_after(head: Position, limits: Limits) -> Self {
        assert!(head.offset < u64::MAX, "there is no offset left");
        Self {
            epoch: head.epoch,
            head: head.offset,
            entries: VecDeque::new(),
            bytes: 0,
            newest: Duration::ZERO,
            limits,
        }
    }

    /// Appends an event that counts as `bytes` bytes, at the time `now` (since any moment of the
    /// caller's choice; a clock that goes back counts as standing still), and evicts what passes
    /// the limits. Gives the event's position and the evicted events, oldest first, so that their
    /// owner can forget them elsewhere too; they are dropped with that iterator.
    pub fn push(&mut self, item: T, bytes: usize, now: Duration) -> Pushed<'_, T> {
        self.head += 1;
        self.newest = self.newest.max(now);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.push_back(Entry {
            item,
            bytes,
            at: self.newest,
        });
        let position = self.head();
        let over = self.count_over(self.newest);
        Pushed {
            position,
            evicted: self.evict(over),
        }
    }

    /// Evicts what has passed the age limit at the time `now`; the newest event too. Call it now
    /// and then where events are rare: [`push`](ReplayWindow::push) does the same by itself.
    pub fn expire(&mut self, now: Duration) -> Evicted<'_, T> {
        let limit = self.limits.age;
        let over = self
            .entries
            .iter()
            .take_while(|e| now.saturating_sub(e.at) > limit)
            .count();
        self.evict(over)
    }

    /// How many entries from the oldest on are over a limit, never counting the newest.
    fn count_over(&self, now: Duration) -> usize {
        let Limits { count, bytes, age } = self.limits;
        let mut kept = self.bytes;
        let mut over = 0;
        while over + 1 < self.entries.len() {
            let entry = &self.entries[over];
            let fits = self.entries.len() - over <= count
                && kept <= bytes
                && now.saturating_sub(entry.at) <= age;
            if fits {
                break;
            }
            kept -= entry.bytes;
            over += 1;
        }
        over
    }

    fn evict(&mut self, over: usize) -> Evicted<'_, T> {
        let first = self.earliest();
        self.bytes -= self
            .entries
            .iter()
            .take(over)
            .map(|entry| entry.bytes)
            .sum::<usize>();
        Evicted {
            next: first,
            entries: self.entries.drain(..over),
        }
    }

    /// The events after `start`, oldest first. Finding the first is O(1), and the iterator ends
    /// at the head of this moment.
    ///
    /// # Errors
    ///
    /// The [`Gap`] if the window cannot continue from there, as [`Bounds::locate`] says.
    pub fn after(&self, start: &Start) -> Result<Replay<'_, T>, Gap> {
        let from = self.bounds().locate(start)?;
        let skipped = usize::try_from(from.offset + 1 - self.earliest().offset);
        let skipped = skipped.unwrap_or(usize::MAX).min(self.entries.len());
        Ok(Replay {
            from,
            next: from.offset,
            entries: self.entries.range(skipped..),
        })
    }

    /// The event at an offset, if it is kept. O(1).
    #[must_use]
    pub fn get(&self, offset: u64) -> Option<&T> {
        let index = usize::try_from(offset.checked_sub(self.earliest().offset)?).ok()?;
        self.entries.get(index).map(|entry| &entry.item)
    }

    /// What is kept at this moment.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds::new(self.epoch, self.earliest().offset, self.head)
    }

    /// The position of the newest event, kept or not; offset 0 before the first one.
    #[must_use]
    pub const fn head(&self) -> Position {
        Position::new(self.epoch, self.head)
    }

    /// The position of the oldest event kept, or the one after the head if none is.
    #[must_use]
    pub fn earliest(&self) -> Position {
        Position::new(self.epoch, self.head + 1 - self.entries.len() as u64)
    }

    /// How many events are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no event is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of the events kept, as their pushes said.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What [`ReplayWindow::push`] did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pushed<'w, T> {
    /// Where the event stands.
    pub position: Position,
    /// The events that had to go for it, oldest first.
    pub evicted: Evicted<'w, T>,
}

/// Events that left a [`ReplayWindow`], with the positions they had, oldest first.
pub struct Evicted<'w, T> {
    next: Position,
    entries: Drain<'w, Entry<T>>,
}

impl<T> Iterator for Evicted<'_, T> {
    type Item = (Position, T);

    fn next(&mut self) -> Option<(Position, T)> {
        let entry = self.entries.next()?;
        let position = self.next;
        self.next.offset += 1;
        Some((position, entry.item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<T> ExactSizeIterator for Evicted<'_, T> {}

impl<T> fmt::Debug for Evicted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evicted")
            .field("next", &self.next)
            .field("len", &self.len())
            .finish()
    }
}

/// Events of a [`ReplayWindow`] after a position, with their own positions, oldest first.
pub struct Replay<'w, T> {
    from: Position,
    next: u64,
    entries: Iter<'w, Entry<T>>,
}

impl<T> Replay<'_, T> {
    /// The position before the first event of the whole replay.
    #[must_use]
    pub const fn from(&self) -> Position {
        self.from
    }
}

impl<'w, T> Iterator for Replay<'w, T> {
    type Item = (Position, &'w T);

    fn next(&mut self) -> Option<(Position, &'w T)> {
        let entry = self.entries.next()?;
        self.next += 1;
        Some((Position::new(self.from.epoch, self.next), &entry.item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<T> ExactSizeIterator for Replay<'_, T> {}

impl<T> Clone for Replay<'_, T> {
    fn clone(&self) -> Self {
        Self {
            from: self.from,
            next: self.next,
            entries: self.entries.clone(),
        }
    }
}

impl<T> fmt::Debug for Replay<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("from", &self.from)
            .field("len", &self.len())
            .finish()
    }
}
