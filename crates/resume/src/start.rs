use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::Position;

/// Where a consumer asks to begin.
///
/// It is made of the text that a client sends back (`Last-Event-ID` and the like), and that text
/// is never refused: one that cannot be used becomes a [`Gap`](crate::Gap) when it is located,
/// because an error would stop a browser's EventSource for ever.
///
/// # Example
///
/// ```
/// use resume::Start;
///
/// assert_eq!(Start::parse(b""), Start::Live);
/// assert_eq!(Start::parse(b"earliest"), Start::Earliest);
/// assert!(matches!(Start::parse(b"#7477656c7665206279746573-42"), Start::After(_)));
/// assert_eq!(Start::parse(b"urn:uuid:1"), Start::Id("urn:uuid:1".into()));
/// assert_eq!(Start::parse(b"#nonsense"), Start::Malformed("#nonsense".into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the next event that will be published. Nothing was asked to be replayed.
    #[default]
    Live,
    /// With the oldest event that is kept.
    Earliest,
    /// With the event after this position.
    After(Position),
    /// With the event after the one that its publisher gave this id. Only the owner of the log
    /// can resolve it, by replacing it with the [`Start::After`] of that event; one that stays
    /// is a gap.
    Id(Box<str>),
    /// A text that is neither a position nor a possible id, cut at [`Start::MAX_TEXT`] bytes and
    /// with U+FFFD for what is not UTF-8.
    Malformed(Box<str>),
}

impl Start {
    /// Length in bytes of the longest publisher id, and of what is kept of a malformed text.
    pub const MAX_TEXT: usize = 255;

    /// Reads what a client sent: nothing is [`Start::Live`], `earliest` is [`Start::Earliest`], a
    /// position with or without its `#` is [`Start::After`]; another text of at most
    /// [`Start::MAX_TEXT`] bytes that does not begin with `#` and has no control characters is
    /// [`Start::Id`], and everything else [`Start::Malformed`].
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        match text {
            b"" => return Self::Live,
            b"earliest" => return Self::Earliest,
            _ => {}
        }
        if let Ok(position) = Position::parse(text) {
            return Self::After(position);
        }
        match core::str::from_utf8(text) {
            Ok(id) if is_id(id) => Self::Id(id.into()),
            _ => Self::Malformed(excerpt(text)),
        }
    }

    /// The text of a start that names no position: what a gap's notice shows as requested.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Id(text) | Self::Malformed(text) => Some(text),
            Self::Live | Self::Earliest | Self::After(_) => None,
        }
    }
}

/// The text that [`Start::parse`] reads: nothing for [`Start::Live`].
impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => Ok(()),
            Self::Earliest => f.write_str("earliest"),
            Self::After(position) => position.fmt(f),
            Self::Id(text) | Self::Malformed(text) => f.write_str(text),
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() <= Start::MAX_TEXT && !id.starts_with('#') && !id.chars().any(char::is_control)
}

fn excerpt(text: &[u8]) -> Box<str> {
    let head = &text[..text.len().min(Start::MAX_TEXT)];
    let mut text = String::from_utf8_lossy(head).into_owned();
    if text.len() > Start::MAX_TEXT {
        text = text[..text.floor_char_boundary(Start::MAX_TEXT)].to_owned();
    }
    text.into_boxed_str()
}
