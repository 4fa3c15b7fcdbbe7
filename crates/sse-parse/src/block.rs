//! The fields of the block being read, and the limits on them.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use crate::decode::{SMALL, decode, decoded_len, keep};
use crate::item::{Event, MESSAGE};
use crate::limits::{LimitError, Limits};
use crate::scan::utf8;

/// A field of the format; a comment is one without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Comment,
    Data,
    Id,
    Name,
    Retry,
    Unknown,
}

/// The length of the longest field name.
pub(crate) const LONGEST_NAME: usize = 5;

impl Field {
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    //# Field names must be compared literally, with no case folding performed.
    pub(crate) const fn of(name: &[u8]) -> Self {
        match name {
            b"data" => Self::Data,
            b"event" => Self::Name,
            b"id" => Self::Id,
            b"retry" => Self::Retry,
            _ => Self::Unknown,
        }
    }
}

/// What the end of a line completed.
pub(crate) enum Line {
    Comment,
    Field,
    Retry(u64),
}

/// What a blank line completed.
pub(crate) enum Ended {
    Nothing,
    Id,
    Event,
}

/// Buffers are kept between blocks and overwritten by the next; the flags say which are current.
///
/// Data is kept as bytes and checked once, when it is lent. The event limit holds for all buffers
/// together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) limits: Limits,
    /// Lines so far, comments aside. While zero, no flag counts.
    lines: usize,
    /// The `data` lines so far, joined.
    data: Vec<u8>,
    has_data: bool,
    /// The length that the current line may give to `data`.
    data_stop: usize,
    /// Whether it is the line limit that stops it there.
    line_stops: bool,
    name: String,
    has_name: bool,
    id: String,
    has_id: bool,
    /// A comment, an id or a name whose line has not ended; then the last comment.
    line: Vec<u8>,
    /// Data or a comment that was not UTF-8, as text.
    lossy: String,
    digits: Digits,
}

/// The value of a `retry` line so far.
#[derive(Clone, Copy, Debug, Default)]
enum Digits {
    #[default]
    Empty,
    Value(u64),
    Invalid,
}

/// The first allocation of a buffer.
const FIRST: usize = 256;

impl Block {
    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Whether no field has begun.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Begins with fields that keep to the limits.
    pub(crate) fn adopt(
        &mut self,
        lines: usize,
        name: Option<&str>,
        data: Option<&str>,
        id: Option<&str>,
    ) {
        self.lines = lines;
        self.has_name = name.is_some();
        self.name.clear();
        self.name.push_str(name.unwrap_or_default());
        self.has_id = id.is_some();
        self.id.clear();
        self.id.push_str(id.unwrap_or_default());
        self.has_data = data.is_some();
        self.data.clear();
        if let Some(data) = data {
            self.data_stop = data.len();
            self.extend_data(data.as_bytes(), data.len());
        }
    }

    /// At the first byte of a line that is no comment.
    #[inline]
    pub(crate) fn begin_line(&mut self) -> Result<(), LimitError> {
        if self.lines == 0 {
            self.has_data = false;
            self.has_name = false;
            self.has_id = false;
        }
        if self.lines == self.limits.lines {
            return Err(LimitError::Lines {
                limit: self.limits.lines,
            });
        }
        self.lines += 1;
        Ok(())
    }

    /// At the beginning of a value that `line` more bytes can be part of.
    #[inline]
    pub(crate) fn begin(&mut self, field: Field, line: usize) -> Result<(), LimitError> {
        match field {
            Field::Data => self.begin_data(line)?,
            Field::Comment | Field::Id | Field::Name => {
                self.line.clear();
                if field == Field::Name {
                    self.has_name = false;
                }
            }
            Field::Retry => self.digits = Digits::Empty,
            Field::Unknown => {}
        }
        Ok(())
    }

    #[inline]
    fn begin_data(&mut self, line: usize) -> Result<(), LimitError> {
        let mut room = self.room();
        if self.has_data {
            //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
            //# Append the field value to the data buffer, then append a single U+000A LINE FEED
            //# (LF) character to the data buffer.
            // Ours goes in front of every value but the first: there is no last one to remove.
            if room == 0 {
                return Err(self.too_long());
            }
            room -= 1;
            self.extend_data(b"\n", self.data.len() + 1);
        } else {
            self.has_data = true;
            self.data.clear();
        }
        self.data_stop = self.data.len().saturating_add(line.min(room));
        self.line_stops = line <= room;
        Ok(())
    }

    /// Appends bytes to the value of a `data` line.
    #[inline]
    pub(crate) fn push_data(&mut self, piece: &[u8]) -> Result<(), LimitError> {
        let len = self.data.len().saturating_add(piece.len());
        if len > self.data_stop {
            return Err(self.data_over());
        }
        self.extend_data(piece, len);
        Ok(())
    }

    #[inline]
    fn extend_data(&mut self, piece: &[u8], len: usize) {
        if len > self.data.capacity() {
            self.grow(Field::Data, len);
        }
        self.data.extend_from_slice(piece);
    }

    /// Appends bytes to the value of another field.
    pub(crate) fn push(&mut self, field: Field, piece: &[u8]) -> Result<(), LimitError> {
        match field {
            Field::Retry => self.digits.push(piece),
            Field::Comment | Field::Id | Field::Name => {
                let len = self.line.len().saturating_add(piece.len());
                let room = self.room();
                if field == Field::Id && len > self.limits.id && self.limits.id <= room {
                    return Err(LimitError::Id {
                        limit: self.limits.id,
                    });
                }
                if len > room {
                    return Err(self.too_long());
                }
                if len > self.line.capacity() {
                    self.grow(field, len);
                }
                self.line.extend_from_slice(piece);
            }
            Field::Data | Field::Unknown => {}
        }
        Ok(())
    }

    /// At the end of a line that is no `data` line.
    pub(crate) fn end_line(&mut self, field: Field) -> Result<Line, LimitError> {
        match field {
            Field::Comment => {
                let room = self.room().saturating_sub(self.line.len());
                // Replacement characters make text at most three times as long.
                let fits = self.line.len().saturating_mul(3) <= room
                    || utf8(&self.line).is_some()
                    || decoded_len(&self.line) <= room;
                if !fits {
                    return Err(self.too_long());
                }
                return Ok(Line::Comment);
            }
            //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
            //# If the field value consists of only ASCII digits, then interpret the field value as
            //# an integer in base ten, and set the event stream's reconnection time to that
            //# integer. Otherwise, ignore the field.
            Field::Retry => {
                if let Digits::Value(millis) = self.digits {
                    return Ok(Line::Retry(millis));
                }
            }
            Field::Name => {
                let room = self.room();
                self.has_name = keep(&mut self.line, &mut self.name, room);
                if !self.has_name {
                    return Err(self.too_long());
                }
            }
            //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
            //# If the field value does not contain U+0000 NULL, then set the last event ID buffer
            //# to the field value. Otherwise, ignore the field.
            Field::Id if !self.line.contains(&0) => {
                let room = self.room();
                self.has_id = keep(&mut self.line, &mut self.id, room);
                if !self.has_id {
                    return Err(self.too_long());
                }
            }
            Field::Data | Field::Id | Field::Unknown => {}
        }
        Ok(Line::Field)
    }

    /// At the blank line: moves an id into `last_event_id`.
    #[inline]
    pub(crate) fn end(&mut self, last_event_id: &mut String) -> Ended {
        if self.lines == 0 {
            return Ended::Nothing;
        }
        self.lines = 0;
        if self.has_id {
            mem::swap(&mut self.id, last_event_id);
        }
        match (self.has_data, self.has_id) {
            (true, _) => Ended::Event,
            (false, true) => Ended::Id,
            (false, false) => Ended::Nothing,
        }
    }

    /// Forgets the block: it passed a limit.
    pub(crate) const fn clear(&mut self) {
        self.lines = 0;
    }

    /// Lends the event that [`end`](Self::end) found, or takes its id back.
    #[inline]
    pub(crate) fn event<'a>(
        &'a mut self,
        last_event_id: &'a mut String,
    ) -> Result<Event<'a>, LimitError> {
        let data = match utf8(&self.data) {
            Some(data) => data,
            None => {
                let id = if self.has_id { last_event_id.len() } else { 0 };
                let kept = self.data.len() + self.len_of_name() + id;
                let room = self.limits.event.saturating_sub(kept);
                if decoded_len(&self.data) > room {
                    if self.has_id {
                        mem::swap(&mut self.id, last_event_id);
                    }
                    return Err(self.too_long());
                }
                decode(&self.data, &mut self.lossy);
                &self.lossy
            }
        };
        let named = self.has_name && !self.name.is_empty();
        Ok(Event {
            name: if named { &self.name } else { MESSAGE },
            data,
            id: last_event_id,
        })
    }

    /// Lends the comment that [`end_line`](Self::end_line) found to keep to the limit.
    pub(crate) fn comment(&mut self) -> &str {
        match utf8(&self.line) {
            Some(text) => text,
            None => {
                decode(&self.line, &mut self.lossy);
                &self.lossy
            }
        }
    }

    /// Bytes by which the buffers may grow.
    #[inline]
    pub(crate) const fn room(&self) -> usize {
        if self.lines == 0 {
            return self.limits.event;
        }
        let data = if self.has_data { self.data.len() } else { 0 };
        let id = if self.has_id { self.id.len() } else { 0 };
        self.limits
            .event
            .saturating_sub(data + self.len_of_name() + id)
    }

    const fn len_of_name(&self) -> usize {
        if self.has_name { self.name.len() } else { 0 }
    }

    /// Lets the buffer of `field` grow to `len` bytes, and by doubling, but not past the limit.
    /// Before it becomes large the others give back what they hold for nothing.
    #[cold]
    fn grow(&mut self, field: Field, len: usize) {
        if len > SMALL {
            let current = !self.is_empty();
            self.lossy = String::new();
            if field == Field::Data {
                shrink(&mut self.line, false);
            } else {
                shrink(&mut self.data, current && self.has_data);
            }
            if self.name.capacity() > SMALL && !(current && self.has_name) {
                self.name = String::new();
            }
        }
        let room = self.room();
        let (buffer, most) = if field == Field::Data {
            let most = self.data.len().saturating_add(room);
            (&mut self.data, most)
        } else {
            (&mut self.line, room)
        };
        let doubled = buffer.capacity().saturating_mul(2).max(FIRST);
        let capacity = doubled.min(most).max(len);
        buffer.reserve_exact(capacity - buffer.len());
    }

    #[cold]
    const fn data_over(&self) -> LimitError {
        if self.line_stops {
            LimitError::Line {
                limit: self.limits.line,
            }
        } else {
            self.too_long()
        }
    }

    #[cold]
    const fn too_long(&self) -> LimitError {
        LimitError::Event {
            limit: self.limits.event,
        }
    }
}

/// Frees a buffer that holds nothing current, or what it has too much.
fn shrink(buffer: &mut Vec<u8>, current: bool) {
    if buffer.capacity() > SMALL {
        if !current {
            buffer.clear();
        }
        buffer.shrink_to_fit();
    }
}

impl Digits {
    fn push(&mut self, piece: &[u8]) {
        for byte in piece {
            let before = match *self {
                Self::Empty => 0,
                Self::Value(value) => value,
                Self::Invalid => return,
            };
            *self = if byte.is_ascii_digit() {
                Self::Value(
                    before
                        .saturating_mul(10)
                        .saturating_add(u64::from(byte - b'0')),
                )
            } else {
                Self::Invalid
            };
        }
    }
}
