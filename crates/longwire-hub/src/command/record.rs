//! What `--json` prints: one object a line.

use std::io::Write;

use hub_protocol::encode_base64;
use longwire::hub::{Data, Message, Missed, Position};
use serde::Serialize;

/// A line. Members that have nothing to say are left out.
#[derive(Debug, Default, Serialize)]
pub(super) struct Record<'a> {
    /// `event`, `gap`, `connected`, `interrupted`; of what is published `acknowledged`, `refused`,
    /// `unknown` or `unsent`.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// Which event of the input, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) topics: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
    /// Of a gap: where the client stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requested: Option<String>,
    /// Of a gap: the events after this position follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resumed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) carrier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

impl<'a> Record<'a> {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    pub(super) fn of_event(message: &'a Message) -> Self {
        let (data, base64) = match &message.data {
            Data::Text(text) => (Some(text.as_str()), None),
            Data::Binary(bytes) => (None, Some(base64(bytes))),
        };
        Self {
            id: message.id.as_deref(),
            position: message.position.as_ref().map(Position::to_string),
            topics: (!message.topics.is_empty()).then_some(&message.topics),
            event: message.event.as_deref(),
            data,
            base64,
            ..Self::new("event")
        }
    }

    pub(super) fn of_gap(missed: &Missed) -> Self {
        Self {
            requested: Some(missed.after.to_string()),
            resumed: Some(missed.resumed.to_string()),
            reason: missed.reason.map(|reason| reason.as_str().to_owned()),
            ..Self::new("gap")
        }
    }

    /// Appends the line to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        // Strings and numbers can be written as JSON, and a vector takes them.
        let written = serde_json::to_writer(&mut *out, self);
        debug_assert!(written.is_ok());
        let _ = out.write_all(b"\n");
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    encode_base64(bytes, &mut text);
    // Base64 is ASCII.
    String::from_utf8(text).unwrap_or_default()
}
