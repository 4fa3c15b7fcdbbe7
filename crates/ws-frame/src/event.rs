//! What a connection reports.

use crate::{CloseReason, ControlPayload, OpCode};

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 closes this set")]
pub enum DataKind {
    /// UTF-8 text.
    Text,
    /// Arbitrary bytes.
    Binary,
}

impl DataKind {
    /// The opcode of the first frame of such a message.
    #[must_use]
    #[inline]
    pub const fn opcode(self) -> OpCode {
        match self {
            Self::Text => OpCode::Text,
            Self::Binary => OpCode::Binary,
        }
    }
}

/// Something that the peer sent, borrowed from the input alone.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'b> {
    /// The next piece of a text or binary message.
    Data(Data<'b>),
    /// A ping; its pong is in `out` already, unless [`Config::auto_pong`](crate::Config::auto_pong)
    /// is off.
    Ping(ControlPayload),
    /// A pong.
    Pong(ControlPayload),
    /// The peer's close frame. The answer is in `out` already; nothing more will come.
    Close(CloseReason),
}

/// A piece of a message, as large as the frame and the input allow.
///
/// The pieces of a message come in order and without gaps; only control frames come between them.
/// The first piece after one with `end` begins the next message. A message may have pieces without
/// bytes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Data<'b> {
    /// The type of the message, the same for all its pieces.
    pub kind: DataKind,
    /// The unmasked payload: the bytes of the input that were consumed last.
    pub bytes: &'b [u8],
    /// Whether the message is compressed (RSV1 on its first frame): its bytes are those of RFC
    /// 7692 §7.2, and its text is unchecked.
    pub compressed: bool,
    /// Whether the message ends here.
    pub end: bool,
    /// Whether no piece of this message came before.
    pub start: bool,
    /// `bytes` as text, where checking them gave it; else empty.
    pub(crate) text: &'b str,
}

impl<'b> Data<'b> {
    /// The whole message as text: `Some` if this piece is all of an uncompressed text message.
    ///
    /// Where the check of the message made a `str` of it, this hands it out: that is text of 64
    /// bytes to 16 KiB beyond ASCII, in one frame and one input. Else it reads the bytes once more.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> Option<&'b str> {
        if self.kind != DataKind::Text || !self.start || !self.end || self.compressed {
            None
        } else if self.text.len() == self.bytes.len() {
            Some(self.text)
        } else {
            simdutf8::basic::from_utf8(self.bytes).ok()
        }
    }
}
