//! Lines that do not lie whole in a chunk, or are not the usual ones: piece by piece.

use core::time::Duration;

use super::{At, Found, Parser};
use crate::block::{Field, LONGEST_NAME, Line};
use crate::limits::LimitError;
use crate::scan::line_end;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

impl Parser {
    /// Anywhere but at the start of a line or in data.
    pub(super) fn middle<'b>(
        &mut self,
        first: u8,
        input: &mut &'b [u8],
    ) -> Result<Option<Found<'b>>, LimitError> {
        match self.at {
            At::Value(field) => return self.value(field, input),
            At::Name { name, len } => return self.name(name, len, input),
            At::Colon(field) => {
                //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
                //# If value starts with a U+0020 SPACE character, remove it from value.
                if first == b' ' {
                    self.count(1)?;
                    consume(input, 1);
                }
                self.begin_value(field)?;
            }
            At::AfterCr => {
                self.at = At::Start;
                if first == b'\n' {
                    consume(input, 1);
                }
            }
            At::Stream(bom) => self.byte_order_mark(bom, first, input)?,
            At::Skip { after_cr } => self.skip(after_cr, first, input),
            At::SkipLine => match line_end(input) {
                Some(end) => {
                    consume(input, end);
                    self.skip_line_end(input);
                }
                None => *input = &[],
            },
            At::Start | At::Data => {}
        }
        Ok(None)
    }

    /// Matches the next byte of a byte order mark.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    //# The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any.
    fn byte_order_mark(
        &mut self,
        seen: usize,
        first: u8,
        input: &mut &[u8],
    ) -> Result<(), LimitError> {
        if BOM.get(seen) == Some(&first) {
            consume(input, 1);
            self.at = if seen + 1 == BOM.len() {
                At::Start
            } else {
                At::Stream(seen + 1)
            };
        } else if seen == 0 {
            self.at = At::Start;
        } else {
            // Not a mark after all: those bytes begin the name of a field that nobody knows.
            self.block.begin_line()?;
            self.line_len = 0;
            self.count(seen)?;
            self.at = At::Value(Field::Unknown);
        }
        Ok(())
    }

    /// Reads a field name up to its colon or the end of its line.
    fn name<'b>(
        &mut self,
        mut name: [u8; LONGEST_NAME],
        mut len: usize,
        input: &mut &'b [u8],
    ) -> Result<Option<Found<'b>>, LimitError> {
        while let Some(&byte) = input.first() {
            if matches!(byte, b'\r' | b'\n') {
                let field = Field::of(name.get(..len).unwrap_or_default());
                self.begin_value(field)?;
                return self.end_value(field, input);
            }
            self.count(1)?;
            consume(input, 1);
            if byte == b':' {
                self.at = At::Colon(Field::of(name.get(..len).unwrap_or_default()));
                return Ok(None);
            }
            let Some(slot) = name.get_mut(len) else {
                self.at = At::Value(Field::Unknown);
                return Ok(None);
            };
            *slot = byte;
            len += 1;
        }
        self.at = At::Name { name, len };
        Ok(None)
    }

    /// At the first byte of a value, or at the line end where there is none.
    #[inline]
    fn begin_value(&mut self, field: Field) -> Result<(), LimitError> {
        self.at = if field == Field::Data {
            At::Data
        } else {
            At::Value(field)
        };
        self.block
            .begin(field, self.block.limits.line - self.line_len)
    }

    /// Reads a value up to the end of its line, or as much as is there.
    fn value<'b>(
        &mut self,
        field: Field,
        input: &mut &'b [u8],
    ) -> Result<Option<Found<'b>>, LimitError> {
        let end = line_end(input);
        let len = end.unwrap_or(input.len());
        // The other limits judge what stands before the line limit, as if it had come alone.
        let within = len.min(self.block.limits.line - self.line_len);
        self.block
            .push(field, input.get(..within).unwrap_or_default())?;
        self.count(len)?;
        consume(input, len);
        if end.is_some() {
            self.end_value(field, input)
        } else {
            Ok(None)
        }
    }

    /// At the line end behind the value of `field`.
    fn end_value<'b>(
        &mut self,
        field: Field,
        input: &mut &'b [u8],
    ) -> Result<Option<Found<'b>>, LimitError> {
        let line = self.block.end_line(field)?;
        self.end_line(input);
        Ok(match line {
            Line::Comment => Some(Found::Comment),
            Line::Retry(millis) => {
                let delay = Duration::from_millis(millis);
                self.retry = Some(delay);
                Some(Found::Retry(delay))
            }
            Line::Field => None,
        })
    }

    /// Consumes the line end at the front of `input`.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    //# Lines must be separated by either a U+000D CARRIAGE RETURN U+000A LINE FEED (CRLF) character
    //# pair, a single U+000A LINE FEED (LF) character, or a single U+000D CARRIAGE RETURN (CR)
    //# character.
    #[inline]
    pub(super) fn end_line(&mut self, input: &mut &[u8]) {
        self.at = if consume_line_end(input) {
            At::AfterCr
        } else {
            At::Start
        };
    }

    /// Before a line of an event that passed a limit: a blank one is its end.
    #[cold]
    fn skip(&mut self, after_cr: bool, first: u8, input: &mut &[u8]) {
        match first {
            b'\n' if after_cr => {
                consume(input, 1);
                self.at = At::Skip { after_cr: false };
            }
            b'\r' | b'\n' => self.end_line(input),
            _ => self.at = At::SkipLine,
        }
    }

    fn skip_line_end(&mut self, input: &mut &[u8]) {
        self.at = At::Skip {
            after_cr: consume_line_end(input),
        };
    }

    /// Counts bytes of the current line.
    #[inline]
    pub(super) fn count(&mut self, len: usize) -> Result<(), LimitError> {
        let limit = self.block.limits.line;
        if len > limit - self.line_len {
            return Err(LimitError::Line { limit });
        }
        self.line_len += len;
        Ok(())
    }
}

/// Drops `len` bytes from the front.
#[inline]
pub(super) fn consume(input: &mut &[u8], len: usize) {
    *input = input.get(len..).unwrap_or_default();
}

/// Drops a line end; true if it is a CR at the end of the chunk, which an LF may follow.
#[inline]
fn consume_line_end(input: &mut &[u8]) -> bool {
    let len = match **input {
        [b'\r'] => {
            *input = &[];
            return true;
        }
        [b'\r', b'\n', ..] => 2,
        _ => 1,
    };
    consume(input, len);
    false
}
