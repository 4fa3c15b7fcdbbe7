//! What one event may cost, and the error when it would cost more.

use core::fmt;

/// Bounds on what a [`Parser`](crate::Parser) keeps for one event.
///
/// The defaults suit a client on the open internet. Memory stays below the event limit plus
/// 64 KiB, whatever arrives. Passing a limit costs one event, never the stream: see [`LimitError`].
///
/// ```
/// let limits = sse_parse::Limits::default().with_max_event(64 * 1024);
/// assert_eq!(limits.max_event(), 64 * 1024);
/// assert_eq!(limits.max_lines(), sse_parse::Limits::DEFAULT_MAX_LINES);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) line: usize,
    pub(crate) event: usize,
    pub(crate) lines: usize,
    pub(crate) id: usize,
}

impl Limits {
    /// Default of [`max_line`](Self::max_line): 4 MiB.
    pub const DEFAULT_MAX_LINE: usize = 4 << 20;
    /// Default of [`max_event`](Self::max_event): 4 MiB.
    pub const DEFAULT_MAX_EVENT: usize = 4 << 20;
    /// Default of [`max_lines`](Self::max_lines): 8,192.
    pub const DEFAULT_MAX_LINES: usize = 8_192;
    /// Default of [`max_id`](Self::max_id): 1,024 bytes.
    pub const DEFAULT_MAX_ID: usize = 1_024;

    /// For input that is already whole in memory, which bounds what parsing it can keep.
    pub(crate) const NONE: Self = Self {
        line: usize::MAX,
        event: usize::MAX,
        lines: usize::MAX,
        id: usize::MAX,
    };

    /// Bytes of one line, field name and colon included, line end not. Raising it alone lets
    /// longer lines of unknown fields pass; kept text is bounded by [`max_event`](Self::max_event).
    #[must_use]
    pub const fn max_line(&self) -> usize {
        self.line
    }

    /// Bytes kept for one event: data (with a line feed between its lines), name and id, and for
    /// [`next_item`](crate::Parser::next_item) a comment while it is read. What is not UTF-8 counts
    /// as it came and once more as the text that replaces it. This bounds the parser's memory.
    #[must_use]
    pub const fn max_event(&self) -> usize {
        self.event
    }

    /// Lines of one event, comments not counted. It bounds work that byte limits do not see:
    /// millions of empty fields.
    #[must_use]
    pub const fn max_lines(&self) -> usize {
        self.lines
    }

    /// Bytes of an id. An id comes back as a request header, and servers refuse long headers: one
    /// accepted here and refused there would fail every reconnect.
    #[must_use]
    pub const fn max_id(&self) -> usize {
        self.id
    }

    /// Sets [`max_line`](Self::max_line).
    #[must_use]
    pub const fn with_max_line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }

    /// Sets [`max_event`](Self::max_event).
    #[must_use]
    pub const fn with_max_event(mut self, bytes: usize) -> Self {
        self.event = bytes;
        self
    }

    /// Sets [`max_lines`](Self::max_lines).
    #[must_use]
    pub const fn with_max_lines(mut self, lines: usize) -> Self {
        self.lines = lines;
        self
    }

    /// Sets [`max_id`](Self::max_id).
    #[must_use]
    pub const fn with_max_id(mut self, bytes: usize) -> Self {
        self.id = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: Self::DEFAULT_MAX_LINE,
            event: Self::DEFAULT_MAX_EVENT,
            lines: Self::DEFAULT_MAX_LINES,
            id: Self::DEFAULT_MAX_ID,
        }
    }
}

/// An event passed one of the [`Limits`].
///
/// It is reported once. The rest of that event is skipped, its id is not kept, and parsing goes on
/// behind the next blank line: calling the parser again is all there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitError {
    /// The text kept for the event passed [`Limits::max_event`].
    Event {
        /// The limit in bytes.
        limit: usize,
    },
    /// The id passed [`Limits::max_id`].
    Id {
        /// The limit in bytes.
        limit: usize,
    },
    /// A line passed [`Limits::max_line`].
    Line {
        /// The limit in bytes.
        limit: usize,
    },
    /// The event passed [`Limits::max_lines`].
    Lines {
        /// The limit in lines.
        limit: usize,
    },
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { limit } => write!(f, "event longer than {limit} bytes"),
            Self::Id { limit } => write!(f, "event id longer than {limit} bytes"),
            Self::Line { limit } => write!(f, "line longer than {limit} bytes"),
            Self::Lines { limit } => write!(f, "event of more than {limit} lines"),
        }
    }
}

impl core::error::Error for LimitError {}
