use resume::{Arrival, GapReason, Position, Start, Tracker};

/// Says that an event, or a gap, was handed over. Given back, it moves the position to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    number: u64,
    /// Where the client stands after it; `None` if it moves nothing.
    start: Option<Start>,
}

impl Receipt {
    /// Moves nothing: of an event without a place, or of a replay of added topics.
    pub(super) const NONE: Self = Self {
        number: 0,
        start: None,
    };

    /// Where the client stands after it: what an application keeps together with the effect of the
    /// event. `None` if it moves nothing.
    #[must_use]
    pub const fn start(&self) -> Option<&Start> {
        self.start.as_ref()
    }
}

/// What the cursor says about something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Duplicate,
    New {
        /// Report this before it.
        missed: Option<Loss>,
        receipt: Receipt,
    },
}

/// Events were missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) after: Start,
    pub(super) resumed: Position,
    pub(super) reason: Option<GapReason>,
}

/// Where a client stands: what was handed over, and what was handled.
///
/// A connection resumes from what was handed over, since that is in this process already; the next
/// process resumes from what was handled. Over Server-Sent Events an event with its publisher's id
/// does not say its position: then the id is the place to resume from, until the hub says which
/// position that is.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    tracker: Tracker,
    /// To resume from.
    seen: Start,
    /// To keep for the next process.
    handled: Start,
    issued: u64,
    /// The newest number that the application was given.
    handed: u64,
    settled: u64,
    /// What the connection was asked for.
    asked: Start,
    /// Where the hub said that the connection begins, until something else was heard.
    announced: Option<Position>,
    /// The position before the next event of an event stream, if it is known.
    told: Option<Position>,
    /// The last event id of the event stream.
    last_id: String,
}

impl Cursor {
    pub(super) fn new(start: Start) -> Self {
        Self {
            tracker: match start {
                Start::After(position) => Tracker::resuming_from(position),
                _ => Tracker::new(),
            },
            seen: start.clone(),
            handled: start.clone(),
            issued: 0,
            handed: 0,
            settled: 0,
            asked: start,
            announced: None,
            told: None,
            last_id: String::new(),
        }
    }

    pub(super) const fn seen(&self) -> &Start {
        &self.seen
    }

    pub(super) const fn handled_start(&self) -> &Start {
        &self.handled
    }

    /// The next connection is asked for what was seen.
    pub(super) fn ask(&mut self) -> &Start {
        self.asked = self.seen.clone();
        self.announced = None;
        self.told = None;
        self.last_id.clear();
        &self.asked
    }

    /// The hub said where the connection begins. `true` if that is where this client stood.
    pub(super) fn opened(&mut self, position: Option<Position>) -> bool {
        self.told = position;
        self.announced = position;
        let Some(position) = position else {
            return false;
        };
        match &self.asked {
            Start::After(asked) => *asked == position,
            Start::Live | Start::Earliest if self.tracker.seen().is_none() => {
                self.tracker.opened(position);
                self.pass(Start::After(position));
                self.announced = None;
                false
            }
            // Which position an id has is believed if no gap follows.
            Start::Id(_) => true,
            _ => false,
        }
    }

    /// Something other than a gap was heard first: the connection begins where it was asked to.
    pub(super) fn begin(&mut self) -> Option<(Loss, Receipt)> {
        let position = self.announced.take()?;
        if !matches!(self.asked, Start::Id(_)) || self.seen != self.asked {
            return None;
        }
        let after = self.seen.clone();
        match self.tracker.moved(position, None) {
            Arrival::EpochChanged { .. } => {
                let receipt = self.advance(Start::After(position));
                let loss = Loss {
                    after,
                    resumed: position,
                    reason: Some(GapReason::Epoch),
                };
                Some((loss, receipt))
            }
            _ => {
                self.pass(Start::After(position));
                None
            }
        }
    }

    /// An event came.
    pub(super) fn event(&mut self, position: Position, prev: Option<Position>) -> Judged {
        match self.judge(position, prev) {
            None => Judged::Duplicate,
            Some(missed) => Judged::New {
                missed,
                receipt: self.advance(Start::After(position)),
            },
        }
    }

    /// What was missed before this place, if anything; `None` if the place is not new.
    fn judge(&mut self, position: Position, prev: Option<Position>) -> Option<Option<Loss>> {
        self.told = Some(position);
        let after = self.seen.clone();
        Some(match self.tracker.event(position, prev) {
            Arrival::Duplicate => return None,
            Arrival::Deliver(delivery) => {
                self.tracker.handled(delivery);
                None
            }
            Arrival::Gap { prev, delivery, .. } => {
                self.tracker.handled(delivery);
                let reason = None;
                let resumed = prev;
                Some(Loss {
                    after,
                    resumed,
                    reason,
                })
            }
            Arrival::EpochChanged { delivery, .. } => {
                self.tracker.handled(delivery);
                Some(Loss {
                    after,
                    resumed: prev.unwrap_or(position),
                    reason: Some(GapReason::Epoch),
                })
            }
            _ => None,
        })
    }

    /// The cursor moved over events for others. It counts as handled when everything before it is.
    pub(super) fn moved(
        &mut self,
        position: Position,
        prev: Option<Position>,
    ) -> Option<(Loss, Receipt)> {
        match self.judge(position, prev)? {
            Some(loss) => Some((loss, self.advance(Start::After(position)))),
            None => {
                self.pass(Start::After(position));
                None
            }
        }
    }

    /// The last event id of the event stream is this at an event; `Some` if the event set it.
    pub(super) fn stream_id<'i>(&mut self, id: &'i str) -> Option<&'i str> {
        if self.last_id == id {
            return None;
        }
        id.clone_into(&mut self.last_id);
        Some(id)
    }

    /// An event came over an event stream, and set the last event id to this.
    pub(super) fn streamed(&mut self, id: &str) -> Judged {
        if let Start::After(position) = Start::parse(id.as_bytes()) {
            let prev = self.told;
            return self.event(position, prev);
        }
        self.told = None;
        let receipt = if id.is_empty() {
            Receipt::NONE
        } else {
            self.advance(Start::Id(id.into()))
        };
        Judged::New {
            missed: None,
            receipt,
        }
    }

    /// The position before the next event of an event stream.
    pub(super) const fn told(&self) -> Option<Position> {
        self.told
    }

    /// The hub said that events may have been missed.
    pub(super) fn gap(
        &mut self,
        resumed: Position,
        head: Position,
        reason: Option<GapReason>,
    ) -> (Loss, Receipt) {
        self.announced = None;
        let after = self.seen.clone();
        let delivery = self.tracker.gap(resumed, head);
        self.tracker.handled(delivery);
        self.told = Some(resumed);
        let receipt = self.advance(Start::After(delivery.position()));
        let loss = Loss {
            after,
            resumed,
            reason,
        };
        (loss, receipt)
    }

    fn advance(&mut self, start: Start) -> Receipt {
        self.issued += 1;
        self.handed = self.issued;
        self.seen = start.clone();
        Receipt {
            number: self.issued,
            start: Some(start),
        }
    }

    /// Moves over what the application is not given.
    fn pass(&mut self, start: Start) {
        self.issued += 1;
        self.seen = start;
        if self.settled >= self.handed {
            self.settle();
        }
    }

    /// All that was handed over is handled.
    fn settle(&mut self) {
        self.settled = self.issued;
        self.handled = self.seen.clone();
    }

    /// The application is done with this, and with all before it.
    pub(super) fn handled(&mut self, receipt: &Receipt) -> bool {
        let Some(start) = &receipt.start else {
            return false;
        };
        if receipt.number <= self.settled {
            return false;
        }
        self.settled = receipt.number;
        self.handled = start.clone();
        if self.settled >= self.handed {
            self.settle();
        }
        true
    }
}
