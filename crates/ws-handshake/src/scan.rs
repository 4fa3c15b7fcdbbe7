//! Finds the end of a head without looking at any byte twice.

use crate::Limits;

/// What stands at the front of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// The head is not complete, and may still become acceptable.
    Partial,
    /// The head is `buf[start..end]`, its closing empty line included.
    Complete { start: usize, end: usize },
    /// The first line has more than [`Limits::max_line`] bytes.
    LineTooLong,
    /// No head ends within [`Limits::max_head`] bytes.
    TooLarge,
}

/// Looks for the end of the head in `buf`, from where the last call stopped.
///
/// The answer depends on the bytes alone, not on how they were split over calls.
pub(crate) fn scan(buf: &[u8], searched: &mut usize, limits: &Limits) -> Scan {
    let from = (*searched).min(buf.len());
    //= https://www.rfc-editor.org/rfc/rfc9112#section-2.2
    //# In the interest of robustness, a server that is expecting to receive and parse a
    //# request-line SHOULD ignore at least one empty line (CRLF) received prior to the
    //# request-line.
    let start: usize = if buf.starts_with(b"\r\n") { 2 } else { 0 };

    // Asked once, when the buffer first holds more than the longest line.
    let line_end = start.saturating_add(limits.max_line()).saturating_add(2);
    if from < line_end && buf.len() >= line_end && !buf[start..line_end].contains(&b'\n') {
        return Scan::LineTooLong;
    }
    let reachable = &buf[..buf.len().min(limits.max_head())];
    match find_end(reachable, from.saturating_sub(3).max(start)) {
        Some(end) => {
            *searched = 0;
            Scan::Complete { start, end }
        }
        None if buf.len() >= limits.max_head() => Scan::TooLarge,
        None => {
            *searched = buf.len();
            Scan::Partial
        }
    }
}

/// The index after the first CR LF CR LF that begins at or after `from`.
fn find_end(buf: &[u8], from: usize) -> Option<usize> {
    // `last` is where the final LF would stand: most bytes there are neither CR nor LF, and then
    // no match can end before four bytes later.
    let mut last = from + 3;
    while let Some(&b) = buf.get(last) {
        last += match b {
            b'\n' if buf[last - 3..last] == *b"\r\n\r" => return Some(last + 1),
            b'\n' => 2,
            b'\r' => 1,
            _ => 4,
        };
    }
    None
}

/// Whether every CR is followed by LF and every LF preceded by CR; `head` ends with LF.
//= https://www.rfc-editor.org/rfc/rfc9112#section-2.2
//# A recipient of such a bare CR MUST consider that element to be invalid or replace each bare CR
//# with SP before processing the element or forwarding the message.
pub(crate) fn has_clean_line_ends(head: &[u8]) -> bool {
    let follows = head.get(1..).unwrap_or_default();
    // No early exit: this way the loop is vectorised.
    !head
        .iter()
        .zip(follows)
        .fold(false, |bad, (&a, &b)| bad | ((a == b'\r') != (b == b'\n')))
        && head.first() != Some(&b'\n')
}
