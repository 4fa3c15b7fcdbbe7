use crate::Recovery;

/// How an attempt to open an event stream, or a stream that was open, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The stream was open and ended as it should: the server sent all it had.
    Ended,
    /// The connection could not be made or was lost, or the server was silent for too long.
    Lost,
    /// A response that is no event stream and will not become one: another type, a redirect that
    /// may not be followed, a coding that cannot be read.
    Refused,
    /// A response with this status, which is neither that of an event stream nor a redirect.
    Status(u16),
}

/// What the end of an event stream means for coming back: by default what the HTML Standard says,
/// by option what others need.
///
/// ```text
/// Outcome            Standard   stop_at_end   retry_statuses   once
/// Ended              Retry      Stop          Retry            Stop
/// Lost               Retry      Retry         Retry            Stop
/// Refused            Stop       Stop          Stop             Stop
/// Status, passing    Stop       Stop          Retry            Stop
/// Status, other      Stop       Stop          Stop             Stop
/// ```
///
/// # Example
///
/// ```
/// use resume::{Outcome, Patience, Recovery};
///
/// let standard = Patience::new();
/// assert_eq!(standard.recovery(Outcome::Ended), Recovery::Retry);
/// assert_eq!(standard.recovery(Outcome::Status(503)), Recovery::Stop);
/// assert_eq!(standard.retry_statuses().recovery(Outcome::Status(503)), Recovery::Retry);
/// assert_eq!(Patience::new().once().recovery(Outcome::Lost), Recovery::Stop);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    ends: bool,
    statuses: bool,
    once: bool,
}

impl Patience {
    /// As the HTML Standard says.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ends: false,
            statuses: false,
            once: false,
        }
    }

    /// A stream that ended as it should is over, as those of language models are.
    #[must_use]
    pub const fn stop_at_end(self) -> Self {
        Self { ends: true, ..self }
    }

    /// Statuses that pass with time are tried again: those for which
    /// [`Recovery::after_status`] says so (408, 425, 429 and 5xx).
    #[must_use]
    pub const fn retry_statuses(self) -> Self {
        Self {
            statuses: true,
            ..self
        }
    }

    /// The request is made once, whatever becomes of it: repeating it might repeat its effect.
    #[must_use]
    pub const fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// What to do after `outcome`: [`Recovery::Retry`] or [`Recovery::Stop`].
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
    //# if res is a network error, then reestablish the connection
    #[must_use]
    pub const fn recovery(self, outcome: Outcome) -> Recovery {
        let again = match outcome {
            Outcome::Ended => !self.ends,
            Outcome::Lost => true,
            Outcome::Refused => false,
            Outcome::Status(status) => {
                self.statuses && matches!(Recovery::after_status(status), Recovery::Retry)
            }
        };
        if again && !self.once {
            Recovery::Retry
        } else {
            Recovery::Stop
        }
    }
}
