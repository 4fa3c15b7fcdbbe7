//! Which id a client may ask to resume from.

use alloc::borrow::ToOwned;
use alloc::string::String;

/// The id to send as `Last-Event-ID` on the next request, kept fit to be a header's value.
///
/// The Standard lets an id hold any character but CR, LF and NUL, and be of any length. HTTP
/// libraries refuse values with control characters, and servers refuse long ones: a client that
/// insists on such an id can never reconnect. This keeps the newest usable id instead, and says
/// that it lies [behind](Self::is_behind): from there events may come again, none is lost.
///
/// ```
/// use sse_parse::LastEventId;
///
/// let mut last = LastEventId::new();
/// assert!(last.note("41"));
/// assert!(!last.note("\u{c}42")); // a form feed cannot be sent
/// assert_eq!((last.header(), last.is_behind()), (Some("41"), true));
/// assert!(last.note("43"));
/// assert_eq!((last.header(), last.is_behind()), (Some("43"), false));
/// assert!(last.note("")); // the stream took its id back
/// assert_eq!(last.header(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastEventId {
    id: String,
    behind: bool,
    max: usize,
}

impl LastEventId {
    /// Bytes of the longest usable id by default: 1,024.
    pub const DEFAULT_MAX: usize = 1_024;

    /// No id yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_max(Self::DEFAULT_MAX)
    }

    /// No id yet; those of more than `max` bytes are not usable.
    #[must_use]
    pub const fn with_max(max: usize) -> Self {
        Self {
            id: String::new(),
            behind: false,
            max,
        }
    }

    /// Takes the id that holds at an event, and says whether it can be sent. Costs nothing while
    /// the id stays the same; call it for every event, empty ids included.
    #[inline]
    pub fn note(&mut self, id: &str) -> bool {
        // Two empty strings are not compared: that is slow on some processors.
        if id.is_empty() && self.id.is_empty() && !self.behind {
            return true;
        }
        self.change(id)
    }

    fn change(&mut self, id: &str) -> bool {
        self.behind = !self.is_usable(id);
        if !self.behind && self.id != id {
            id.clone_into(&mut self.id);
        }
        !self.behind
    }

    /// Whether `id` can be the value of a header: no control characters, at most as many bytes as
    /// allowed.
    #[must_use]
    pub fn is_usable(&self, id: &str) -> bool {
        id.len() <= self.max && !id.bytes().any(|byte| byte.is_ascii_control())
    }

    /// The value of the header `Last-Event-ID`, in UTF-8; `None`: send no such header.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    //# If the EventSource object's last event ID string is not the empty string, then:
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        (!self.id.is_empty()).then_some(&*self.id)
    }

    /// Whether the newest id could not be used, so that [`header`](Self::header) is an older one.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.behind
    }
}

impl Default for LastEventId {
    fn default() -> Self {
        Self::new()
    }
}
