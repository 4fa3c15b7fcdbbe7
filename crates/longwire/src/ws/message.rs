//! What arrives and what is sent.

use bytes::Bytes;
use ws_frame::{DataKind, OutboundData};

/// A whole message, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 closes this set")]
pub enum Message {
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

/// A whole message, lent until the next one is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 closes this set")]
pub enum Received<'a> {
    /// UTF-8 text, checked.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

impl Message {
    pub(crate) fn outbound(&self) -> OutboundData<'_> {
        match self {
            Self::Text(text) => OutboundData::text(text),
            Self::Binary(bytes) => OutboundData::binary(bytes),
        }
    }
}

impl Received<'_> {
    /// Copies the message.
    #[must_use]
    pub fn to_owned(self) -> Message {
        match self {
            Self::Text(text) => Message::Text(text.to_owned()),
            Self::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
        }
    }
}

impl<'a> Received<'a> {
    /// `bytes` were checked as they arrived; checking again is what a `&str` costs without unsafe.
    pub(crate) fn new(kind: DataKind, bytes: &'a [u8]) -> Self {
        match kind {
            DataKind::Binary => Self::Binary(bytes),
            DataKind::Text => Self::Text(str::from_utf8(bytes).unwrap_or_default()),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}
