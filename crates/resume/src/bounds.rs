use core::fmt;

use crate::{Epoch, Position, Start};

/// What a log holds at one moment: every event from `earliest` to `head`, without holes.
///
/// Of an empty log `earliest` is `head + 1`: the offset that the next event will get. It is all
/// that is needed to decide where a consumer may begin, so that logs in memory and on disk decide
/// alike.
///
/// # Example
///
/// ```
/// use resume::{Bounds, Epoch, GapReason, Position, Start};
///
/// let epoch = Epoch::from_bytes([7; 12]);
/// let bounds = Bounds::new(epoch, 51, 100); // events 51 to 100 are kept
///
/// let after_60 = Start::After(Position::new(epoch, 60));
/// assert_eq!(bounds.locate(&after_60), Ok(Position::new(epoch, 60)));
///
/// let gap = bounds.locate(&Start::After(Position::new(epoch, 49))).unwrap_err();
/// assert_eq!(gap.reason, GapReason::Evicted);
/// assert_eq!(gap.resumed(), Position::new(epoch, 50)); // go on here, after saying so
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    epoch: Epoch,
    earliest: u64,
    head: u64,
}

impl Bounds {
    /// Makes the bounds of a log that keeps the events `earliest..=head`.
    ///
    /// # Panics
    ///
    /// If `earliest` is 0 or greater than `head + 1`: no log looks like that.
    #[must_use]
    pub const fn new(epoch: Epoch, earliest: u64, head: u64) -> Self {
        assert!(
            earliest >= 1 && earliest - 1 <= head,
            "earliest must lie in 1..=head + 1"
        );
        Self {
            epoch,
            earliest,
            head,
        }
    }

    /// The position of the newest event, kept or not; offset 0 before the first one.
    #[must_use]
    pub const fn head(&self) -> Position {
        Position::new(self.epoch, self.head)
    }

    /// The position of the oldest event kept, or the one after [`head`](Bounds::head) if none is.
    #[must_use]
    pub const fn earliest(&self) -> Position {
        Position::new(self.epoch, self.earliest)
    }

    /// Whether no event is kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.earliest > self.head
    }

    /// Decides from where a consumer reads: the answer is the position *before* the first event
    /// it gets. O(1).
    ///
    /// # Errors
    ///
    /// A [`Gap`] if the log cannot continue from `start`: the epoch is another, the event after
    /// the position is no longer kept (whether it would have concerned this consumer is not
    /// known), the position lies ahead of the head, the id is not known, or the text was not
    /// understood. Say it to the consumer, then go on from [`Gap::resumed`].
    pub fn locate(&self, start: &Start) -> Result<Position, Gap> {
        let (requested, reason) = match start {
            Start::Live => return Ok(self.head()),
            Start::Earliest => return Ok(self.before_earliest()),
            Start::After(position) => match self.refusal(*position) {
                None => return Ok(*position),
                Some(reason) => (Some(*position), reason),
            },
            Start::Id(_) => (None, GapReason::Unknown),
            Start::Malformed(_) => (None, GapReason::Malformed),
        };
        Err(Gap {
            requested,
            earliest: self.earliest(),
            head: self.head(),
            reason,
        })
    }

    /// Why the log cannot continue from a position, if it cannot.
    fn refusal(&self, position: Position) -> Option<GapReason> {
        if position.epoch != self.epoch {
            Some(GapReason::Epoch)
        } else if position.offset > self.head {
            Some(GapReason::Ahead)
        } else if position.offset < self.earliest - 1 {
            Some(GapReason::Evicted)
        } else {
            None
        }
    }

    const fn before_earliest(&self) -> Position {
        Position::new(self.epoch, self.earliest - 1)
    }
}

/// Says that a log cannot continue from where a consumer asked to: it may have missed events.
///
/// Displayed, it is one clause such as `events after #…-3 are no longer kept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a gap that is not said is silent loss"]
pub struct Gap {
    /// The position asked for, unless the text was none.
    pub requested: Option<Position>,
    /// The oldest event kept; the one after `head` if none is.
    pub earliest: Position,
    /// The newest event.
    pub head: Position,
    /// Why.
    pub reason: GapReason,
}

impl Gap {
    /// The position from which the consumer goes on: just before the oldest event kept, so that
    /// whatever can still be had is delivered.
    #[must_use]
    pub const fn resumed(&self) -> Position {
        Position::new(self.earliest.epoch, self.earliest.offset - 1)
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.requested, self.reason) {
            (Some(at), GapReason::Evicted) => write!(f, "events after {at} are no longer kept"),
            (Some(at), GapReason::Ahead) => write!(f, "{at} is ahead of {}", self.head),
            (Some(at), GapReason::Epoch) => {
                write!(f, "{at} is of another epoch than {}", self.head)
            }
            (_, GapReason::Unknown) => f.write_str("the id is not known"),
            _ => f.write_str("the position was not understood"),
        }
    }
}

/// Why a log cannot continue from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// The position lies ahead of the newest event.
    Ahead,
    /// The position is of another epoch: its history is not the one that is kept.
    Epoch,
    /// Events after the position are no longer kept.
    Evicted,
    /// The text is not a position.
    Malformed,
    /// The id is not that of an event that is kept: never published, or evicted.
    Unknown,
}

impl GapReason {
    /// All of them, in alphabetical order.
    pub const ALL: [Self; 5] = [
        Self::Ahead,
        Self::Epoch,
        Self::Evicted,
        Self::Malformed,
        Self::Unknown,
    ];

    /// The word used on the wire and as a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Epoch => "epoch",
            Self::Evicted => "evicted",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
        }
    }

    /// The reason that a word of the wire stands for, if it is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
