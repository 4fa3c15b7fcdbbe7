//! Joining the pieces of messages.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use crate::{Data, DataKind, TooLarge};

/// A whole message, borrowed from the [`Assembler`] that joined it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 closes this set")]
pub enum Message<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// Arbitrary bytes, or the compressed form of a message of either kind.
    Binary(&'a [u8]),
}

/// Joins the pieces of each message, up to a limit.
///
/// For callers that want messages rather than pieces. Pieces that are whole messages can be used as
/// they are instead, without a copy: see [`Data::as_str`].
///
/// ```
/// use ws_frame::{Assembler, Config, Connection, Event, Message};
///
/// // "Hel" and "lo", masked with a key of zeros, with a ping between them.
/// let mut bytes = *b"\x01\x83\0\0\0\0Hel\x89\x80\0\0\0\0\x80\x82\0\0\0\0lo";
/// let mut server = Connection::server(Config::default());
/// let mut assembler = Assembler::new(64 * 1024);
/// let mut out = Vec::new();
/// let mut input = &mut bytes[..];
/// while let Some(event) = server.next_event(&mut input, &mut out)? {
///     if let Event::Data(data) = event
///         && assembler.push(data)?
///     {
///         assert_eq!(assembler.message(), Message::Text("Hello"));
///     }
/// }
/// assert_eq!(out, b"\x8a\x00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Assembler {
    bytes: Vec<u8>,
    text: bool,
    /// Whether `bytes` is a whole message, so that the next piece begins another.
    whole: bool,
    /// Whether the message in progress was dropped.
    dropped: bool,
    limit: usize,
}

impl Assembler {
    /// An assembler of messages of at most `limit` bytes. No memory is reserved before the first
    /// piece.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            text: false,
            whole: false,
            dropped: false,
            limit,
        }
    }

    /// Appends a piece and returns whether the message is whole. The message before is forgotten,
    /// its memory used again.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] if the message would exceed the limit: its pieces so far are dropped, and so is
    /// each that follows, with the same error.
    pub fn push(&mut self, data: Data<'_>) -> Result<bool, TooLarge> {
        if data.start || self.whole {
            self.bytes.clear();
            self.dropped = false;
        }
        if self.dropped || data.bytes.len() > self.limit - self.bytes.len() {
            self.bytes = Vec::new();
            self.dropped = true;
            self.whole = false;
            return Err(TooLarge { limit: self.limit });
        }
        self.bytes.extend_from_slice(data.bytes);
        self.text = data.kind == DataKind::Text && !data.compressed;
        self.whole = data.end;
        Ok(data.end)
    }

    /// The message joined last, or the pieces so far of the one in progress as
    /// [`Message::Binary`].
    #[must_use]
    pub fn message(&self) -> Message<'_> {
        if self.text
            && self.whole
            && let Ok(text) = simdutf8::basic::from_utf8(&self.bytes)
        {
            return Message::Text(text);
        }
        Message::Binary(&self.bytes)
    }

    /// Takes the bytes out and leaves no memory behind.
    #[must_use]
    pub fn take_bytes(&mut self) -> Vec<u8> {
        self.whole = false;
        mem::take(&mut self.bytes)
    }

    /// Takes a text message out and leaves no memory behind; `None`, and nothing taken, if the
    /// message joined last is not a whole text.
    #[must_use]
    pub fn take_text(&mut self) -> Option<String> {
        if !(self.text && self.whole) {
            return None;
        }
        String::from_utf8(self.take_bytes()).ok()
    }
}
