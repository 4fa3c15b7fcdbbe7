//! Events of a stream that is already whole in memory.

use crate::item::OwnedEvent;
use crate::limits::Limits;
use crate::parser::Parser;

/// The events of a complete stream, such as a recorded response body.
///
/// There are no limits: the slice bounds what parsing it can keep. An event without its blank line
/// at the end is discarded, as in a stream that breaks off.
///
/// ```
/// let names: Vec<_> =
///     sse_parse::events(b"event: a\ndata\n\ndata\n\n").map(|event| event.name).collect();
/// assert_eq!(names, ["a", "message"]);
/// ```
#[must_use]
pub fn events(stream: &[u8]) -> Events<'_> {
    Events {
        parser: Parser::with_limits(Limits::NONE),
        rest: stream,
    }
}

/// The iterator of [`events`].
#[derive(Clone, Debug)]
pub struct Events<'b> {
    parser: Parser,
    rest: &'b [u8],
}

impl Iterator for Events<'_> {
    type Item = OwnedEvent;

    fn next(&mut self) -> Option<OwnedEvent> {
        // Without limits there is no error.
        self.parser
            .next_event(&mut self.rest)
            .ok()
            .flatten()
            .map(Into::into)
    }
}
