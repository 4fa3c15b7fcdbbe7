//! The fields of the block being read, and the limits on them.

use alloc::string::String;
use core::mem;

use crate::item::{Event, MESSAGE};
use crate::limits::{LimitError, Limits};
use crate::text::{Cut, OverCap};

/// A field of the format; a comment is one without a name.
#[derive(Clone, Copy, Debug)]
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
    pub(crate) fn of(name: &[u8]) -> Self {
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
    Retry(u64),
    Field,
}

/// What a blank line completed.
pub(crate) enum Ended {
    Nothing,
    Id,
    Event,
}

/// Buffers are kept between blocks and overwritten by the next; the flags say which are current.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) limits: Limits,
    /// Lines so far, comments aside. While zero, no flag counts.
    lines: usize,
    data: String,
    has_data: bool,
    name: String,
    has_name: bool,
    id: String,
    has_id: bool,
    /// A comment or an id whose line has not ended, then the last comment.
    partial: String,
    cut: Cut,
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

/// Buffers up to this size stay when another one grows.
const SMALL: usize = 8 * 1024;

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

    /// At the first byte of a line that is no comment.
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

    /// Behind the colon of `field`, or at the end of a line that is only its name.
    pub(crate) fn begin(&mut self, field: Field) -> Result<(), LimitError> {
        match field {
            //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
            //# Append the field value to the data buffer, then append a single U+000A LINE FEED
            //# (LF) character to the data buffer.
            // Ours goes in front of every value but the first: there is no last one to remove.
            Field::Data if self.has_data => self.push(field, b"\n")?,
            Field::Data => {
                self.data.clear();
                self.has_data = true;
            }
            Field::Name => {
                self.name.clear();
                self.has_name = true;
            }
            Field::Comment | Field::Id => {
                if self.partial.capacity() > SMALL {
                    self.partial = String::new();
                }
                self.partial.clear();
            }
            Field::Retry => self.digits = Digits::Empty,
            Field::Unknown => {}
        }
        Ok(())
    }

    /// Appends bytes to the value of `field`.
    pub(crate) fn push(&mut self, field: Field, piece: &[u8]) -> Result<(), LimitError> {
        match field {
            Field::Retry => self.digits.push(piece),
            Field::Unknown => {}
            Field::Comment | Field::Data | Field::Id | Field::Name => {
                let (room, buffer, cut) = self.buffer(field, piece.len());
                if cut.push(piece, room, buffer).is_err() {
                    return Err(self.over(field, room));
                }
            }
        }
        Ok(())
    }

    /// At the end of the line of `field`.
    pub(crate) fn end_line(&mut self, field: Field) -> Result<Line, LimitError> {
        if !self.cut.is_empty() {
            let (room, buffer, cut) = self.buffer(field, 1);
            if let Err(OverCap) = cut.finish(room, buffer) {
                return Err(self.over(field, room));
            }
        }
        match (field, self.digits) {
            (Field::Comment, _) => return Ok(Line::Comment),
            //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
            //# If the field value consists of only ASCII digits, then interpret the field value as
            //# an integer in base ten, and set the event stream's reconnection time to that
            //# integer. Otherwise, ignore the field.
            (Field::Retry, Digits::Value(millis)) => return Ok(Line::Retry(millis)),
            //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
            //# If the field value does not contain U+0000 NULL, then set the last event ID buffer
            //# to the field value. Otherwise, ignore the field.
            (Field::Id, _) if !self.partial.contains('\0') => {
                mem::swap(&mut self.partial, &mut self.id);
                self.has_id = true;
            }
            _ => {}
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
    pub(crate) fn clear(&mut self) {
        self.lines = 0;
        self.cut = Cut::default();
    }

    /// The event that [`end`](Self::end) found.
    pub(crate) fn event<'a>(&'a self, id: &'a str) -> Event<'a> {
        let name = if self.has_name && !self.name.is_empty() {
            self.name.as_str()
        } else {
            MESSAGE
        };
        Event {
            name,
            data: &self.data,
            id,
        }
    }

    /// The comment that [`end_line`](Self::end_line) found.
    pub(crate) fn comment(&self) -> &str {
        &self.partial
    }

    /// Bytes that one more value may take.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        if self.lines == 0 {
            return self.limits.event;
        }
        self.limits.event - self.len_of_data() - self.len_of_name() - self.len_of_id()
    }

    const fn len_of_data(&self) -> usize {
        if self.has_data { self.data.len() } else { 0 }
    }

    const fn len_of_name(&self) -> usize {
        if self.has_name { self.name.len() } else { 0 }
    }

    const fn len_of_id(&self) -> usize {
        if self.has_id { self.id.len() } else { 0 }
    }

    /// The buffer of `field` with the length it may reach, before it grows by `piece` bytes.
    fn buffer(&mut self, field: Field, piece: usize) -> (usize, &mut String, &mut Cut) {
        let room = self.room();
        let (room, buffer) = match field {
            Field::Data => (room + self.data.len(), &mut self.data),
            Field::Name => (room + self.name.len(), &mut self.name),
            Field::Id => (room.min(self.limits.id), &mut self.partial),
            Field::Comment | Field::Retry | Field::Unknown => (room, &mut self.partial),
        };
        // Replacement characters make text at most three times as long.
        let most = buffer.len().saturating_add(piece.saturating_mul(3));
        if most > buffer.capacity().max(SMALL) {
            self.release(field);
        }
        let buffer = match field {
            Field::Data => &mut self.data,
            Field::Name => &mut self.name,
            _ => &mut self.partial,
        };
        (room, buffer, &mut self.cut)
    }

    /// Gives back what the other buffers hold for nothing: together they keep to the event limit.
    #[cold]
    fn release(&mut self, field: Field) {
        let current = self.lines > 0;
        if !matches!(field, Field::Data) {
            release(&mut self.data, current && self.has_data);
        }
        if !matches!(field, Field::Name) {
            release(&mut self.name, current && self.has_name);
        }
        if matches!(field, Field::Data | Field::Name) {
            release(&mut self.partial, false);
        }
    }

    fn over(&self, field: Field, room: usize) -> LimitError {
        if matches!(field, Field::Id) && room == self.limits.id {
            LimitError::Id {
                limit: self.limits.id,
            }
        } else {
            LimitError::Event {
                limit: self.limits.event,
            }
        }
    }
}

fn release(buffer: &mut String, current: bool) {
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
