//! The parser: HTML Standard §9.2.5 and §9.2.6 over a cursor.
//!
//! # Theory of operation
//!
//! A block is the lines up to a blank one. Most blocks lie whole in the chunk and are lent from it
//! (`whole.rs`). Every other block goes through the states below a piece at a time; a state is
//! where in a line the chunk ended, so nothing waits for more input and nothing is read twice.
//! Values go straight into the buffer of their field.
//!
//! ```text
//!        +----------------------------- line end -----------------------------+
//!        v                                                                    |
//!      Start --byte--> Name --':'--> Colon(field) --a space is skipped--> Value(field)
//!        |               |  unknown, or longer than any field                 ^
//!        |               +----------------------------------------------------+
//!        +--':'--> Colon(comment)
//!      any --limit passed--> Skip --blank line--> Start
//! ```

use alloc::string::String;
use core::mem;
use core::time::Duration;

use crate::block::{Block, Ended, Field, LONGEST_NAME, Line};
use crate::item::{Event, Item, MESSAGE};
use crate::limits::{LimitError, Limits};
use crate::run::Run;
use crate::scan::{line_end, line_end_far, utf8_with_more};

/// Reads a `text/event-stream` from chunks as they arrive.
///
/// Hand every chunk to [`next_event`](Self::next_event) or [`next_item`](Self::next_item) until it
/// returns `None`: the chunk is then used up. Any split of a stream into chunks gives the same
/// items. The format itself cannot be wrong; only [`Limits`] can be passed.
///
/// The end of a stream needs no call: an event without its blank line is discarded.
///
/// ```
/// let mut parser = sse_parse::Parser::new();
/// let mut seen = Vec::new();
/// for chunk in [&b"data: on"[..], b"e\n\nevent: tick\nda", b"ta: two\n\ndata: lost"] {
///     let mut input = chunk;
///     while let Some(event) = parser.next_event(&mut input)? {
///         seen.push((event.name.to_owned(), event.data.to_owned()));
///     }
/// }
/// assert_eq!(seen, [("message".into(), "one".into()), ("tick".into(), "two".into())]);
/// # Ok::<(), sse_parse::LimitError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Parser {
    at: At,
    /// Bytes of the current line so far; not kept up in the value of a `data` line.
    line_len: usize,
    block: Block,
    last_event_id: String,
    retry: Option<Duration>,
}

/// Where the last chunk ended.
#[derive(Clone, Copy, Debug)]
enum At {
    /// At the start of the stream, behind this many bytes of a byte order mark.
    Stream(usize),
    /// At the start of a line.
    Start,
    /// The same, but an LF would belong to the CR before it.
    AfterCr,
    /// Behind these bytes of a field name.
    Name {
        name: [u8; LONGEST_NAME],
        len: usize,
    },
    /// Behind the colon.
    Colon(Field),
    /// In the value of a `data` line.
    Data,
    /// In the value of another line.
    Value(Field),
    /// In a line of an event that passed a limit.
    SkipLine,
    /// Before a line of such an event.
    Skip { after_cr: bool },
}

impl Default for At {
    fn default() -> Self {
        Self::Stream(0)
    }
}

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// What a step found, without the borrow that would tie up the parser in a loop.
enum Found<'b> {
    /// The chunk is used up.
    Nothing,
    WholeEvent {
        name: &'b str,
        data: &'b str,
    },
    WholeComment(&'b str),
    Event,
    Comment,
    Retry(Duration),
    Id,
}

impl Parser {
    /// A parser at the start of a stream, with the default [`Limits`]. It allocates only when
    /// something spans chunks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A parser with these limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            block: Block::with_limits(limits),
            ..Self::default()
        }
    }

    /// Finds the next event, comment, retry or id, and consumes `input` up to the end of the line
    /// that completed it. `None`: all of `input` is consumed, call again with the next chunk.
    ///
    /// Text is borrowed from `input` where it lies there whole, otherwise from the parser.
    /// [`last_event_id`](Self::last_event_id) and [`retry`](Self::retry) already include the item.
    ///
    /// # Errors
    ///
    /// [`LimitError`] once for an event that passes one of the [`Limits`]. The rest of that event
    /// is skipped, its id is not kept, and the next call goes on behind it.
    ///
    /// # Example
    ///
    /// ```
    /// use sse_parse::{Item, Parser};
    ///
    /// let mut input = &b": still here\nretry: 2000\nid: 7\n\n"[..];
    /// let mut parser = Parser::new();
    /// assert_eq!(parser.next_item(&mut input)?, Some(Item::Comment("still here")));
    /// assert_eq!(
    ///     parser.next_item(&mut input)?,
    ///     Some(Item::Retry(std::time::Duration::from_secs(2))),
    /// );
    /// assert_eq!(parser.next_item(&mut input)?, Some(Item::Id("7")));
    /// assert_eq!(parser.next_item(&mut input)?, None);
    /// assert!(input.is_empty());
    /// # Ok::<(), sse_parse::LimitError>(())
    /// ```
    #[inline]
    pub fn next_item<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Item<'a>>, LimitError> {
        Ok(Some(match self.advance(input, true)? {
            Found::Nothing => return Ok(None),
            Found::WholeEvent { name, data } => Item::Event(Event {
                name,
                data,
                id: &self.last_event_id,
            }),
            Found::Event => Item::Event(self.block.event(&mut self.last_event_id)?),
            Found::WholeComment(text) => Item::Comment(text),
            Found::Comment => Item::Comment(self.block.comment()),
            Found::Retry(delay) => Item::Retry(delay),
            Found::Id => Item::Id(&self.last_event_id),
        }))
    }

    /// Finds the next event and consumes `input` up to the end of its blank line. `None`: all of
    /// `input` is consumed, call again with the next chunk.
    ///
    /// Comments are passed over, also one that began here and goes on in
    /// [`next_item`](Self::next_item); ids and retries are too, but kept for
    /// [`last_event_id`](Self::last_event_id) and [`retry`](Self::retry). Data that is one line
    /// whole in `input` is borrowed from there, otherwise from the parser.
    ///
    /// # Errors
    ///
    /// As [`next_item`](Self::next_item).
    #[inline]
    pub fn next_event<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Event<'a>>, LimitError> {
        loop {
            match self.advance(input, false)? {
                Found::Nothing => return Ok(None),
                Found::WholeEvent { name, data } => {
                    return Ok(Some(Event {
                        name,
                        data,
                        id: &self.last_event_id,
                    }));
                }
                Found::Event => break,
                Found::WholeComment(_) | Found::Comment | Found::Retry(_) | Found::Id => {}
            }
        }
        self.block.event(&mut self.last_event_id).map(Some)
    }

    /// The id to send as `Last-Event-ID` on a reconnect; empty: send none.
    ///
    /// It moves at the blank line that ends a block, so an event that was cut off does not count.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection delay the server asked for last, in this stream or before
    /// [`reset`](Self::reset).
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Starts a new stream after a reconnect: the last event ID and the retry delay stay, an
    /// unfinished event and all buffers go, and a byte order mark may come again.
    pub fn reset(&mut self) {
        *self = Self {
            block: Block::with_limits(self.block.limits),
            last_event_id: mem::take(&mut self.last_event_id),
            retry: self.retry,
            ..Self::default()
        };
    }

    /// Finds the next item; comments only if they are `wanted`.
    #[inline]
    fn advance<'b>(&mut self, input: &mut &'b [u8], wanted: bool) -> Result<Found<'b>, LimitError> {
        self.step(input, wanted).inspect_err(|_| {
            self.at = At::SkipLine;
            self.block.clear();
        })
    }

    #[inline]
    fn step<'b>(&mut self, input: &mut &'b [u8], wanted: bool) -> Result<Found<'b>, LimitError> {
        while let Some(&first) = input.first() {
            match self.at {
                At::Data => self.data(input)?,
                At::Start => {
                    if let Some(found) = self.start(first, input, wanted)? {
                        return Ok(found);
                    }
                }
                _ => {
                    if let Some(found) = self.middle(first, input)? {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(Found::Nothing)
    }

    /// Reads the value of a `data` line, and those that follow it at once.
    #[inline]
    fn data(&mut self, input: &mut &[u8]) -> Result<(), LimitError> {
        while let Some(end) = line_end_far(input) {
            let (value, rest) = input.split_at(end);
            self.block.push_data(value)?;
            *input = rest;
            self.end_line(input);
            if !matches!(self.at, At::Start) || input.first() != Some(&b'd') {
                return Ok(());
            }
            self.begin_field(input)?;
            if !matches!(self.at, At::Data) {
                return Ok(());
            }
        }
        self.block.push_data(input)?;
        *input = &[];
        Ok(())
    }

    /// At the start of a line.
    #[inline]
    fn start<'b>(
        &mut self,
        first: u8,
        input: &mut &'b [u8],
        wanted: bool,
    ) -> Result<Option<Found<'b>>, LimitError> {
        match first {
            b'\n' | b'\r' => {
                self.end_line(input);
                return Ok(match self.block.end(&mut self.last_event_id) {
                    Ended::Nothing => None,
                    Ended::Id => Some(Found::Id),
                    Ended::Event => Some(Found::Event),
                });
            }
            b':' => return self.comment(input, wanted),
            _ => {}
        }
        if self.block.is_empty()
            && let Some(found) = self.run(input)
        {
            return Ok(found);
        }
        self.begin_field(input)?;
        Ok(None)
    }

    /// At the first byte of a line that is no comment.
    #[inline]
    fn begin_field(&mut self, input: &mut &[u8]) -> Result<(), LimitError> {
        const DATA: &[u8] = b"data: ";
        self.block.begin_line()?;
        self.line_len = 0;
        if let Some(value) = input.strip_prefix(DATA)
            && let Some(room) = self.block.limits.line.checked_sub(DATA.len())
        {
            self.at = At::Data;
            self.block.begin(Field::Data, room)?;
            *input = value;
        } else {
            self.at = At::Name {
                name: [0; LONGEST_NAME],
                len: 0,
            };
        }
        Ok(())
    }

    /// At the start of a block: takes the lines that can be taken as they lie, or nothing.
    #[inline]
    fn run<'b>(&mut self, input: &mut &'b [u8]) -> Option<Option<Found<'b>>> {
        let run = Run::read(input);
        let limits = &self.block.limits;
        if run.lines == 0
            || run.len > limits.line.min(limits.event)
            || run.lines > limits.lines
            || run.id.as_ref().is_some_and(|id| id.len() > limits.id)
        {
            return None;
        }
        // One check for all fields: they begin and end at ASCII.
        let text = utf8_with_more(input, run.len)?;
        let id = match run.id {
            Some(range) => Some(text.get(range).filter(|id| !id.as_bytes().contains(&0))?),
            None => None,
        };
        let name = match run.name {
            Some(range) => Some(text.get(range)?),
            None => None,
        };
        let data = match run.data {
            Some(range) => Some(text.get(range)?),
            None => None,
        };
        if let Some(data) = data
            && run.blank > 0
        {
            if let Some(id) = id {
                self.last_event_id.clear();
                self.last_event_id.push_str(id);
            }
            consume(input, run.len + run.blank);
            let name = name.filter(|name| !name.is_empty()).unwrap_or(MESSAGE);
            return Some(Some(Found::WholeEvent { name, data }));
        }
        self.block.adopt(run.lines, name, data, id);
        consume(input, run.len);
        Some(None)
    }

    /// A comment line from its colon on; lent when it lies whole in the chunk.
    #[inline]
    fn comment<'b>(
        &mut self,
        input: &mut &'b [u8],
        wanted: bool,
    ) -> Result<Option<Found<'b>>, LimitError> {
        // What is kept of a comment counts towards the event: bytes that are not UTF-8 four times,
        // as they are and as replacements.
        let limits = &self.block.limits;
        let kept = if wanted {
            self.block.room() / 4
        } else {
            usize::MAX
        };
        // The colon is part of the line.
        let below = limits.line.min(kept.saturating_add(1));
        while let [b':', line @ ..] = *input
            && let Some(end) = line_end(line)
            && end < below
        {
            if wanted {
                let Some(text) = utf8_with_more(line, end).and_then(|text| text.get(..end)) else {
                    break;
                };
                consume(input, 1 + end);
                self.end_line(input);
                let text = text.strip_prefix(' ').unwrap_or(text);
                return Ok(Some(Found::WholeComment(text)));
            }
            // Heartbeats stand alone: the blank line behind one ends nothing.
            match line.get(end..) {
                Some([b'\n', b'\n', rest @ ..]) if self.block.is_empty() => *input = rest,
                Some([b'\n', rest @ ..]) => *input = rest,
                _ => {
                    consume(input, 1 + end);
                    self.end_line(input);
                    return Ok(None);
                }
            }
        }
        if input.first() != Some(&b':') {
            return Ok(None);
        }
        self.line_len = 0;
        self.count(1)?;
        consume(input, 1);
        self.at = if wanted {
            At::Colon(Field::Comment)
        } else {
            At::Value(Field::Unknown)
        };
        Ok(None)
    }

    /// Anywhere but at the start of a line or in data.
    fn middle<'b>(
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
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
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
    fn end_line(&mut self, input: &mut &[u8]) {
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
    fn count(&mut self, len: usize) -> Result<(), LimitError> {
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
fn consume(input: &mut &[u8], len: usize) {
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
