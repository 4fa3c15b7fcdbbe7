//! What arrives and what is sent.

use bytes::Bytes;
use ws_frame::{DataKind, as_text};

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

/// A message to send, owned or borrowed, and whether it may be compressed.
///
/// Made from what a message may be: `&str`, `String`, `&[u8]`, `Vec<u8>`, [`Bytes`], [`Message`],
/// [`Received`]. Bytes that are large and shared ([`Bytes`]) are sent by a server without a copy.
#[derive(Clone, Debug)]
pub struct Outbound<'a> {
    pub(super) data: OutboundData<'a>,
    pub(super) compress: bool,
}

#[derive(Clone, Debug)]
pub(super) enum OutboundData<'a> {
    Text(&'a str),
    OwnText(String),
    Binary(&'a [u8]),
    OwnBinary(Bytes),
}

impl<'a> Outbound<'a> {
    /// The same, sent as it is even where compression was agreed: for a secret that stands in one
    /// message with what an attacker can choose, whose length would give it away (RFC 7692 §8).
    #[must_use]
    pub fn uncompressed(message: impl Into<Self>) -> Self {
        let mut message = message.into();
        message.compress = false;
        message
    }

    pub(super) const fn kind(&self) -> DataKind {
        match self.data {
            OutboundData::Text(_) | OutboundData::OwnText(_) => DataKind::Text,
            OutboundData::Binary(_) | OutboundData::OwnBinary(_) => DataKind::Binary,
        }
    }

    /// Whether it need not be copied to be kept.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self.data, OutboundData::OwnBinary(_))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.data {
            OutboundData::Text(text) => text.as_bytes(),
            OutboundData::OwnText(text) => text.as_bytes(),
            OutboundData::Binary(bytes) => bytes,
            OutboundData::OwnBinary(bytes) => bytes,
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        match self.data {
            OutboundData::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            OutboundData::OwnText(text) => text.into(),
            OutboundData::Binary(bytes) => Bytes::copy_from_slice(bytes),
            OutboundData::OwnBinary(bytes) => bytes,
        }
    }

    pub(super) fn into_owned(self) -> Outbound<'static> {
        Outbound {
            data: match self.data {
                OutboundData::Text(text) => OutboundData::OwnText(text.to_owned()),
                OutboundData::OwnText(text) => OutboundData::OwnText(text),
                OutboundData::Binary(bytes) => {
                    OutboundData::OwnBinary(Bytes::copy_from_slice(bytes))
                }
                OutboundData::OwnBinary(bytes) => OutboundData::OwnBinary(bytes),
            },
            compress: self.compress,
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
    pub(super) fn new(kind: DataKind, bytes: &'a [u8]) -> Self {
        match kind {
            DataKind::Binary => Self::Binary(bytes),
            DataKind::Text => Self::Text(as_text(bytes).unwrap_or_default()),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident;)*) => {$(
        impl<'a> From<$from> for Outbound<'a> {
            fn from(data: $from) -> Self {
                Self { data: OutboundData::$variant(data.into()), compress: true }
            }
        }
    )*};
}

from! {
    &'a str => Text;
    String => OwnText;
    &'a [u8] => Binary;
    Bytes => OwnBinary;
    Vec<u8> => OwnBinary;
}

impl From<Message> for Outbound<'_> {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => text.into(),
            Message::Binary(bytes) => bytes.into(),
        }
    }
}

impl<'a> From<&'a Message> for Outbound<'a> {
    /// Shares the bytes of a binary message, and borrows a text.
    fn from(message: &'a Message) -> Self {
        match message {
            Message::Text(text) => text.as_str().into(),
            Message::Binary(bytes) => bytes.clone().into(),
        }
    }
}

impl<'a> From<Received<'a>> for Outbound<'a> {
    fn from(message: Received<'a>) -> Self {
        match message {
            Received::Text(text) => text.into(),
            Received::Binary(bytes) => bytes.into(),
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
