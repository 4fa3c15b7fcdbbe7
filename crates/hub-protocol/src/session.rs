use core::cmp::Ordering;
use core::fmt;
use core::time::Duration;

use resume::{Bounds, Gap, Position, Start};

use crate::replay::Replay;
use crate::{SelectorError, Selectors, Skipped, TopicSelector};

/// The decisions of one subscriber: what it is told next, given what the log holds.
///
/// A session is a cursor over the log, not a queue. It knows two places: how far the log was
/// *read* for this subscriber, and what the subscriber was last *told*. Replay after a reconnect,
/// live delivery and catching up after a stall are the same act: read on from the cursor.
///
/// The hub does what [`next`](Session::next) says, again and again, and sleeps on
/// [`Step::Wait`] until the log grows or the time comes:
///
/// ```text
///              ┌────────────── Session::next(bounds, now) ──────────────┐
///              ▼                 ▼                  ▼                    ▼
///         Gap(gap)        Read { after }    Position { position,   Wait { until }
///     say it; the cursor  read events;      prev }: say it         the log grows or
///     moved               offer() each                             `until` comes
/// ```
///
/// Topics added in flight [with a start](Session::subscribe) are replayed up to the cursor first,
/// by steps of their own, while the cursor stands still: so the events of a topic stay in order.
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use hub_protocol::{Selectors, Session, Step, TopicSelector};
/// use resume::{Bounds, Epoch, Position, Start};
///
/// let mut selectors = Selectors::new();
/// selectors.insert(TopicSelector::parse("prices")?)?;
/// let (epoch, now) = (Epoch::from_bytes([7; 12]), Duration::ZERO);
///
/// // The log holds events 1 to 3, and the subscriber has seen the first.
/// let log = Bounds::new(epoch, 1, 3);
/// let seen = Position::new(epoch, 1);
/// let (mut session, gap) = Session::open(selectors, &Start::After(seen), &log, now);
/// assert!(gap.is_none());
///
/// assert_eq!(session.next(&log, now), Step::Read { after: seen });
/// assert_eq!(session.offer(Position::new(epoch, 2), ["news"], now), None); // not for it
/// let prev = session.offer(Position::new(epoch, 3), ["prices"], now);
/// assert_eq!(prev, Some(seen)); // send event 3 with this `prev`
/// assert_eq!(session.next(&log, now), Step::Wait { until: None });
/// # Ok::<(), hub_protocol::SelectorError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    selectors: Selectors,
    /// Everything up to here was read from the log and sent, if it was for this subscriber.
    read: Position,
    /// The newest position that this subscriber was told.
    told: Position,
    /// When it was told.
    told_at: Duration,
    /// What is replayed for topics that were added, the first of them now.
    replays: Vec<Replay>,
    /// How many events were left out since that was last said.
    skipped: u64,
}

/// What to do next for a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The log cannot continue the replay of added topics from where it stands: say so, with the
    /// reference. The connection's cursor is not concerned.
    ReplayGap {
        /// What may be missing.
        gap: Gap,
        /// The `ref` of the subscribe frame.
        reference: Option<Box<str>>,
    },
    /// Read events after one position and up to the other, and
    /// [`offer_replay`](Session::offer_replay) each, in order.
    Replay {
        /// Where the replay stands.
        after: Position,
        /// The last event that belongs to it.
        until: Position,
    },
    /// The replay of added topics is complete, and the subscriber knows where its cursor stands:
    /// say so, with the reference.
    CaughtUp {
        /// The `ref` of the subscribe frame.
        reference: Option<Box<str>>,
    },
    /// The log no longer continues from the cursor, which now stands at [`Gap::resumed`]: say so.
    Gap(Gap),
    /// Read events after this position, and [`offer`](Session::offer) each, in order.
    Read {
        /// The session's cursor.
        after: Position,
    },
    /// It has been quiet, and the cursor moved: say where it is.
    Position {
        /// The cursor now.
        position: Position,
        /// What the subscriber was told before.
        prev: Position,
    },
    /// Nothing, until the log grows or this time comes.
    Wait {
        /// When a position will be due, if one is pending.
        until: Option<Duration>,
    },
}

impl Session {
    /// How long after it was last told a position a subscriber is told that its cursor moved.
    pub const QUIET: Duration = Duration::from_secs(15);

    /// How many replays of added topics can be pending at once.
    pub const MAX_REPLAYS: usize = 8;

    /// Decides where a subscriber begins. The session's [`cursor`](Session::cursor) is the
    /// position to announce when opening: in the open frame, or in the response header
    /// `Last-Event-ID`. A gap is to be said before the first event.
    #[must_use = "a gap must be said"]
    pub fn open(
        selectors: Selectors,
        start: &Start,
        log: &Bounds,
        now: Duration,
    ) -> (Self, Option<Gap>) {
        let (cursor, gap) = match log.locate(start) {
            Ok(cursor) => (cursor, None),
            Err(gap) => (gap.resumed(), Some(gap)),
        };
        let session = Self {
            selectors,
            read: cursor,
            told: cursor,
            told_at: now,
            replays: Vec::new(),
            skipped: 0,
        };
        (session, gap)
    }

    /// Decides what to do now. After every step but [`Step::Wait`] call it again.
    pub fn next(&mut self, log: &Bounds, now: Duration) -> Step {
        if let Some(replay) = self.replays.first_mut() {
            if let Some(step) = replay.next(log) {
                return step;
            }
            // The subscriber must know that its cursor stands where the replay ended: a later
            // connection that resumed from before would repeat what was replayed.
            if self.read != self.told {
                return self.tell_position(now);
            }
            let reference = self.replays.remove(0).into_reference();
            return Step::CaughtUp { reference };
        }
        if let Err(gap) = log.locate(&Start::After(self.read)) {
            self.read = gap.resumed();
            self.tell(self.read, now);
            return Step::Gap(gap);
        }
        if self.read != log.head() {
            return Step::Read { after: self.read };
        }
        if self.read == self.told {
            return Step::Wait { until: None };
        }
        let due = self.told_at.saturating_add(Self::QUIET);
        if now < due {
            return Step::Wait { until: Some(due) };
        }
        self.tell_position(now)
    }

    fn tell_position(&mut self, now: Duration) -> Step {
        let prev = self.told;
        self.tell(self.read, now);
        Step::Position {
            position: self.read,
            prev,
        }
    }

    /// Moves the cursor over an event that was read from the log. `Some(prev)` means: send it,
    /// with this `prev`; `None`: it is not for this subscriber.
    ///
    /// Events are offered in order. Those between the cursor and this one may be left out only if
    /// they are known not to be for this subscriber, by an index of topics for example. One at or
    /// before the cursor is never sent again.
    pub fn offer<'t>(
        &mut self,
        position: Position,
        topics: impl IntoIterator<Item = &'t str>,
        now: Duration,
    ) -> Option<Position> {
        if self.read.compare(position) != Some(Ordering::Less) {
            return None;
        }
        self.read = position;
        if !self.selectors.matches(topics) {
            return None;
        }
        let prev = self.told;
        self.tell(position, now);
        Some(prev)
    }

    /// Moves the cursor over an event that is for this subscriber and is left out, because newer
    /// ones of its topics follow: as [`Latest`](crate::Latest) decided.
    pub fn skip(&mut self, position: Position) {
        if self.read.compare(position) == Some(Ordering::Less) {
            self.read = position;
            self.skipped += 1;
        }
    }

    /// What was [left out](Session::skip) since this was last asked: to be asked before an event is
    /// [offered](Session::offer), and said before it is sent. Its `prev` is what was told before.
    pub fn take_skipped(&mut self) -> Option<Skipped> {
        let count = core::mem::take(&mut self.skipped);
        (count > 0).then(|| Skipped::latest(count, self.told, self.read))
    }

    /// Moves the cursor up to `position`, over events that are known not to be for this subscriber:
    /// for a hub with an index of topics. An earlier position changes nothing.
    pub fn read_to(&mut self, position: Position) {
        if self.read.compare(position) == Some(Ordering::Less) {
            self.read = position;
        }
    }

    /// Adds topics. Unless `after` is [`Start::Live`], the events that they match are replayed
    /// from there up to the cursor, except those that the topics before matched as well, and
    /// [`Step::CaughtUp`] follows, with the reference. A gap is said when its turn comes.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]: too many topics or replays; nothing has changed then.
    pub fn subscribe(
        &mut self,
        topics: impl IntoIterator<Item = TopicSelector>,
        after: Start,
        reference: Option<&str>,
    ) -> Result<(), SubscribeError> {
        let mut all = self.selectors.clone();
        let mut added = Selectors::new();
        for topic in topics {
            if all.insert(topic.clone())? {
                added.insert(topic)?;
            }
        }
        if after != Start::Live {
            if self.replays.len() == Self::MAX_REPLAYS {
                return Err(SubscribeError::TooManyReplays);
            }
            let before = self.selectors.clone();
            self.replays
                .push(Replay::new(added, before, after, self.read, reference));
        }
        self.selectors = all;
        Ok(())
    }

    /// Removes topics, also from replays that are pending.
    pub fn unsubscribe<'t>(&mut self, topics: impl IntoIterator<Item = &'t TopicSelector>) {
        for topic in topics {
            self.selectors.remove(topic);
            for replay in &mut self.replays {
                replay.remove(topic);
            }
        }
    }

    /// Moves the replay over an event that was read from the log. `Some(reference)` means: send
    /// it, marked with this reference (empty if the frame had none); `None`: it is not part of the
    /// replay.
    pub fn offer_replay<'t>(
        &mut self,
        position: Position,
        topics: impl IntoIterator<Item = &'t str> + Clone,
    ) -> Option<&str> {
        self.replays.first_mut()?.offer(position, topics)
    }

    /// The topics that are being replayed: for a hub with an index of topics.
    #[must_use]
    pub fn replayed(&self) -> Option<&Selectors> {
        Some(self.replays.first()?.added())
    }

    /// Moves the replay up to `position`, over events that are known not to be part of it: for a
    /// hub with an index of topics. An earlier position changes nothing.
    pub fn replay_to(&mut self, position: Position) {
        if let Some(replay) = self.replays.first_mut() {
            replay.read_to(position);
        }
    }

    fn tell(&mut self, position: Position, now: Duration) {
        self.told = position;
        self.told_at = now;
    }

    /// How far the log was read.
    #[must_use]
    pub const fn cursor(&self) -> Position {
        self.read
    }

    /// What the subscriber was last told: the `prev` of the next frame.
    #[must_use]
    pub const fn told(&self) -> Position {
        self.told
    }

    /// Whether an event of these topics is for this subscriber: for ephemeral events, which have
    /// no position and move no cursor.
    #[must_use]
    pub fn wants<'t>(&self, topics: impl IntoIterator<Item = &'t str>) -> bool {
        self.selectors.matches(topics)
    }

    /// The topics of this subscriber.
    #[must_use]
    pub const fn selectors(&self) -> &Selectors {
        &self.selectors
    }
}

/// Why topics cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// There would be too many topics.
    Selector(SelectorError),
    /// Too many replays are pending.
    TooManyReplays,
}

impl From<SelectorError> for SubscribeError {
    fn from(error: SelectorError) -> Self {
        Self::Selector(error)
    }
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Selector(error) => error.fmt(f),
            Self::TooManyReplays => {
                write!(
                    f,
                    "there are more than {} replays pending",
                    Session::MAX_REPLAYS
                )
            }
        }
    }
}

impl core::error::Error for SubscribeError {}
