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

mod line;

use alloc::string::String;
use core::mem;
use core::time::Duration;

use self::line::consume;
use crate::block::{Block, Ended, Field, LONGEST_NAME};
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
            // Where an LF could still belong to a CR, that was the last byte.
            if input.first() != Some(&b'd') {
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
        if run.len <= Run::MAX_ADOPTED {
            self.block.adopt(run.lines, name, data, id);
            consume(input, run.len);
            return Some(None);
        }
        None
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
}
