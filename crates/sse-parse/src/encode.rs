//! The encoder: blocks that a parser reads back as they were meant.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use memchr::{memchr2, memchr3};

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
    /// The buffer has no room for the block.
    #[cfg(feature = "bytes")]
    Room,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "event id with a line break or NUL",
            Self::Name => "event name with a line break",
            #[cfg(feature = "bytes")]
            Self::Room => "no room for the event in the buffer",
        })
    }
}

impl core::error::Error for EncodeError {}

/// Appends one block, blank line included, to `out`.
///
/// Data is split at LF, CR and CRLF into `data` lines, so clients get all of it, with every line
/// break as LF: the format has no way to carry a CR. Everything else comes back as it was put in,
/// but for an empty name, which clients see as `message`.
///
/// # Errors
///
/// [`EncodeError`] when name or id would break out of their line; `out` is left as it was.
///
/// # Example
///
/// ```
/// use sse_parse::{EncodeError, Fields, encode};
///
/// let mut out = Vec::new();
/// encode(&Fields::new("a\r\nb"), &mut out)?;
/// assert_eq!(out, b"data: a\ndata: b\n\n");
///
/// let injected = Fields::new("").with_id("1\rdata: more");
/// assert_eq!(encode(&injected, &mut out), Err(EncodeError::Id));
/// # Ok::<(), EncodeError>(())
/// ```
pub fn encode(fields: &Fields<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    check(fields)?;
    out.reserve(shortest(fields));
    block(fields, out);
    Ok(())
}

/// Appends a comment and a blank line to `out`: a heartbeat that clients do not show.
///
/// Each line of `text` becomes a comment line.
///
/// ```
/// let mut out = Vec::new();
/// sse_parse::encode_comment("still\nhere", &mut out);
/// assert_eq!(out, b": still\n: here\n\n");
/// ```
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    lines(b": ", b"\n: ", text.as_bytes(), out);
    out.put(b"\n");
}

/// [`encode`] into any [`BufMut`](bytes::BufMut).
///
/// # Errors
///
/// As [`encode`], and [`EncodeError::Room`] when `out` cannot take the whole block. Nothing has
/// been written then.
#[cfg(feature = "bytes")]
pub fn encode_buf(fields: &Fields<'_>, out: &mut impl bytes::BufMut) -> Result<(), EncodeError> {
    check(fields)?;
    let mut len = Length(0);
    block(fields, &mut len);
    if len.0 > out.remaining_mut() {
        return Err(EncodeError::Room);
    }
    block(fields, &mut Buffer(out));
    Ok(())
}

/// Encodes one block to share: encode once, send to many.
///
/// ```
/// use sse_parse::{Fields, encode_bytes};
///
/// let block = encode_bytes(&Fields::new("to all"))?;
/// let (one, other) = (block.clone(), block);
/// assert_eq!(one.as_ptr(), other.as_ptr());
/// # Ok::<(), sse_parse::EncodeError>(())
/// ```
///
/// # Errors
///
/// As [`encode`].
#[cfg(feature = "bytes")]
pub fn encode_bytes(fields: &Fields<'_>) -> Result<bytes::Bytes, EncodeError> {
    let mut out = Vec::new();
    encode(fields, &mut out)?;
    Ok(out.into())
}

fn check(fields: &Fields<'_>) -> Result<(), EncodeError> {
    if fields
        .name
        .is_some_and(|name| memchr2(b'\r', b'\n', name.as_bytes()).is_some())
    {
        return Err(EncodeError::Name);
    }
    if fields
        .id
        .is_some_and(|id| memchr3(b'\r', b'\n', 0, id.as_bytes()).is_some())
    {
        return Err(EncodeError::Id);
    }
    Ok(())
}

/// The length of the block if the data is one line.
fn shortest(fields: &Fields<'_>) -> usize {
    let of = |field: Option<&str>, prefix: usize| field.map_or(0, |value| prefix + value.len() + 1);
    let retry = if fields.retry.is_some() {
        b"retry: ".len() + DIGITS + 1
    } else {
        0
    };
    of(fields.name, b"event: ".len())
        + of(fields.id, b"id: ".len())
        + retry
        + of(fields.data, b"data: ".len())
        + 1
}

fn block(fields: &Fields<'_>, out: &mut impl Out) {
    if let Some(name) = fields.name {
        line(b"event: ", name.as_bytes(), out);
    }
    if let Some(id) = fields.id {
        line(b"id: ", id.as_bytes(), out);
    }
    if let Some(retry) = fields.retry {
        retry_line(retry, out);
    }
    if let Some(data) = fields.data {
        lines(b"data: ", b"\ndata: ", data.as_bytes(), out);
    }
    out.put(b"\n");
}

#[inline]
fn line<const P: usize>(prefix: &[u8; P], value: &[u8], out: &mut impl Out) {
    out.put(prefix);
    out.put(value);
    out.put(b"\n");
}

/// Looked at and copied in one go, while it is in the nearest cache.
const WINDOW: usize = 8 * 1024;

/// `between` is a line end and the prefix; arrays, so that their copies need no call.
#[inline]
fn lines<const P: usize, const B: usize>(
    prefix: &[u8; P],
    between: &[u8; B],
    mut value: &[u8],
    out: &mut impl Out,
) {
    out.put(prefix);
    while !value.is_empty() {
        let (window, rest) = value.split_at(value.len().min(WINDOW));
        let Some(end) = memchr2(b'\r', b'\n', window) else {
            out.put(window);
            value = rest;
            continue;
        };
        let (text, rest) = value.split_at(end);
        out.put(text);
        out.put(between);
        let end = 1 + usize::from(rest.starts_with(b"\r\n"));
        value = rest.get(end..).unwrap_or_default();
    }
    out.put(b"\n");
}

/// Digits of the largest `u64`.
const DIGITS: usize = 20;

fn retry_line(retry: Duration, out: &mut impl Out) {
    let mut millis = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
    let mut digits = [0; DIGITS];
    let mut start = DIGITS;
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

trait Out {
    fn put(&mut self, bytes: &[u8]);
}

impl Out for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

#[cfg(feature = "bytes")]
struct Length(usize);

#[cfg(feature = "bytes")]
impl Out for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

#[cfg(feature = "bytes")]
struct Buffer<'b, B>(&'b mut B);

#[cfg(feature = "bytes")]
impl<B: bytes::BufMut> Out for Buffer<'_, B> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }
}
