//! The encoder: blocks that a parser reads back as they were meant.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use memchr::memchr2;

use crate::item::{Event, MESSAGE};

/// What [`encode`] writes as one block; every field may be absent.
///
/// ```
/// use sse_parse::{Fields, encode};
///
/// let mut out = Vec::new();
/// encode(&Fields::new("one\ntwo").with_name("tick").with_id("7"), &mut out)?;
/// assert_eq!(out, b"event: tick\nid: 7\ndata: one\ndata: two\n\n");
/// # Ok::<(), sse_parse::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Fields<'a> {
    /// The event's type; without it, or empty, clients see `message`.
    pub name: Option<&'a str>,
    /// The last event ID from this block on; empty makes clients forget the one they have.
    pub id: Option<&'a str>,
    /// The reconnection delay, in whole milliseconds.
    pub retry: Option<Duration>,
    /// The data; without it clients dispatch nothing, but keep `id` and `retry`.
    pub data: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// An event with this data.
    #[must_use]
    pub const fn new(data: &'a str) -> Self {
        Self {
            name: None,
            id: None,
            retry: None,
            data: Some(data),
        }
    }

    /// No field at all: for blocks of only an id or a retry delay.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            name: None,
            id: None,
            retry: None,
            data: None,
        }
    }

    /// With this event type.
    #[must_use]
    pub const fn with_name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// With this id.
    #[must_use]
    pub const fn with_id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }

    /// With this reconnection delay; parts of a millisecond are dropped.
    #[must_use]
    pub const fn with_retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }
}

impl<'a> From<Event<'a>> for Fields<'a> {
    /// Name, id and data; the name `message` and an empty id are left out.
    fn from(event: Event<'a>) -> Self {
        Self {
            name: Some(event.name).filter(|name| *name != MESSAGE),
            id: Some(event.id).filter(|id| !id.is_empty()),
            retry: None,
            data: Some(event.data),
        }
    }
}

/// A field holds a character that would end it early. Nothing has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The id holds CR, LF or NUL; with NUL clients ignore it.
    Id,
    /// The name holds CR or LF.
    Name,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "event id with a line break or NUL",
            Self::Name => "event name with a line break",
        })
    }
}

impl core::error::Error for EncodeError {}

/// Appends one block, blank line included, to `out`.
///
/// Data is split at LF, CR and CRLF into `data` lines, so clients get all of it with every line
/// break as LF: the format has no way to carry a CR.
///
/// # Errors
///
/// [`EncodeError`] when name or id would break out of their line; `out` is left as it was.
pub fn encode(fields: &Fields<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    check(fields)?;
    if let Some(name) = fields.name {
        line(b"event: ", name.as_bytes(), out);
    }
    if let Some(id) = fields.id {
        line(b"id: ", id.as_bytes(), out);
    }
    if let Some(retry) = fields.retry {
        encode_retry_line(retry, out);
    }
    if let Some(data) = fields.data {
        lines(b"data: ", data.as_bytes(), out);
    }
    out.push(b'\n');
    Ok(())
}

/// Appends a comment and a blank line to `out`: a heartbeat that clients do not show.
///
/// Each line of `text` becomes a comment line.
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    lines(b": ", text.as_bytes(), out);
    out.push(b'\n');
}

fn check(fields: &Fields<'_>) -> Result<(), EncodeError> {
    if fields
        .name
        .is_some_and(|name| name.bytes().any(|byte| matches!(byte, b'\r' | b'\n')))
    {
        return Err(EncodeError::Name);
    }
    if fields
        .id
        .is_some_and(|id| id.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)))
    {
        return Err(EncodeError::Id);
    }
    Ok(())
}

fn line(prefix: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(prefix);
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn lines(prefix: &[u8], mut value: &[u8], out: &mut Vec<u8>) {
    while let Some(end) = memchr2(b'\r', b'\n', value) {
        let (text, rest) = value.split_at(end);
        line(prefix, text, out);
        value = match rest {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => rest,
        };
    }
    line(prefix, value, out);
}

fn encode_retry_line(retry: Duration, out: &mut Vec<u8>) {
    let mut millis = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
    let mut digits = [0; 20];
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(millis % 10).unwrap_or_default();
        millis /= 10;
        start -= 1;
        if millis == 0 {
            break;
        }
    }
    line(b"retry: ", digits.get(start..).unwrap_or_default(), out);
}
