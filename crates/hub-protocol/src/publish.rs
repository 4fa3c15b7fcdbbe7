use core::fmt;
use std::borrow::Cow;

use resume::Position;

use crate::base64::decode_base64;
use crate::limits::{
    MAX_BODY, MAX_DATA, MAX_EVENT_NAME, MAX_ID, MAX_LINES, MAX_TOPIC, MAX_TOPICS, MAX_TOPICS_BYTES,
};
use crate::urlencoded::pairs;

/// What a publisher asked for, checked against every rule of the protocol.
///
/// # Example
///
/// ```
/// use hub_protocol::{Data, PublishForm};
///
/// let form = PublishForm::parse(b"topic=prices&data=a%0D%0Ab&type=tick").unwrap();
/// assert_eq!(form.topics, ["prices"]);
/// assert_eq!(form.data, Data::Text("a\nb".into())); // line ends become LF
/// assert_eq!(form.event.as_deref(), Some("tick"));
///
/// let error = PublishForm::parse(b"data=nowhere").unwrap_err();
/// assert_eq!((error.status(), error.to_string().as_str()), (400, "there is no topic"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishForm {
    /// Where the event goes: at least one topic, the first of them canonical.
    pub topics: Vec<String>,
    /// The payload; empty text if none was given.
    pub data: Data,
    /// The publisher's own id.
    pub id: Option<String>,
    /// The event's name, field `type` of the form: what `addEventListener` listens to.
    pub event: Option<String>,
    /// The reconnection time to tell subscribers, in milliseconds.
    pub retry: Option<u64>,
    /// Only for subscribers whose grant matches.
    pub private: bool,
    /// For those who are connected now: no position, no place in the log and no id.
    pub ephemeral: bool,
}

/// The payload of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an event is text or it is not")]
pub enum Data {
    /// Text, its line ends all LF.
    Text(String),
    /// Bytes, given as base64 or in a binary frame.
    Binary(Vec<u8>),
}

impl Data {
    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PublishForm {
    /// A form with nothing but topics and data; the other fields can be set. No rule was checked:
    /// whoever sends it hears from the hub.
    #[must_use]
    pub const fn new(topics: Vec<String>, data: Data) -> Self {
        Self {
            topics,
            data,
            id: None,
            event: None,
            retry: None,
            private: false,
            ephemeral: false,
        }
    }

    /// Parses a body of type `application/x-www-form-urlencoded`, in one pass.
    ///
    /// The fields: `topic` (repeatable, the first is canonical), `data`, `id`, `type`, `retry`,
    /// `private` and `ephemeral` (presence alone counts), `encoding=base64`. Others are ignored;
    /// `id`, `type`, `retry` and `encoding` count as absent when empty.
    ///
    /// # Errors
    ///
    /// [`PublishError`] names the rule that was broken.
    pub fn parse(body: &[u8]) -> Result<Self, PublishError> {
        if body.len() > MAX_BODY {
            return Err(PublishError::BodyTooLarge);
        }
        let mut draft = Draft::default();
        for (name, value) in pairs(body) {
            match &*name {
                b"topic" => draft.topics.push(text(value, Field::Topic)?),
                b"data" => once(&mut draft.data, value.into_owned(), Field::Data)?,
                b"id" => once(&mut draft.id, text(value, Field::Id)?, Field::Id)?,
                b"type" => once(&mut draft.event, text(value, Field::Type)?, Field::Type)?,
                b"retry" => once(&mut draft.retry, value.into_owned(), Field::Retry)?,
                b"encoding" => once(&mut draft.encoding, value.into_owned(), Field::Encoding)?,
                b"private" => draft.private = true,
                b"ephemeral" => draft.ephemeral = true,
                _ => {}
            }
            if draft.topics.len() > MAX_TOPICS {
                return Err(PublishError::TooManyTopics);
            }
        }
        draft.finish()
    }

    /// Checks a form whose parts did not come as one: topics, id, event name and sizes by the
    /// rules of [`PublishForm::parse`]; line ends of text become LF.
    ///
    /// # Errors
    ///
    /// [`PublishError`] names the rule that was broken.
    pub(crate) fn checked(mut self) -> Result<Self, PublishError> {
        check_topics(&self.topics)?;
        self.id = self.id.filter(|id| !id.is_empty());
        if let Some(id) = &self.id {
            check_id(id)?;
            if self.ephemeral {
                return Err(PublishError::EphemeralId);
            }
        }
        self.event = self.event.filter(|event| !event.is_empty());
        if let Some(event) = &self.event {
            check_event(event)?;
        }
        if let Data::Text(text) = self.data {
            let text = with_lf(text);
            if text.bytes().filter(|byte| *byte == b'\n').count() >= MAX_LINES {
                return Err(PublishError::TooManyLines);
            }
            self.data = Data::Text(text);
        }
        if self.data.len() > MAX_DATA {
            return Err(PublishError::DataTooLarge);
        }
        if self.retry.is_some_and(|retry| retry > MAX_RETRY) {
            return Err(PublishError::Retry);
        }
        Ok(self)
    }
}

/// Ten digits: 115 days in milliseconds.
const MAX_RETRY: u64 = 9_999_999_999;

/// The fields as they came.
#[derive(Default)]
struct Draft {
    topics: Vec<String>,
    data: Option<Vec<u8>>,
    id: Option<String>,
    event: Option<String>,
    retry: Option<Vec<u8>>,
    encoding: Option<Vec<u8>>,
    private: bool,
    ephemeral: bool,
}

impl Draft {
    fn finish(self) -> Result<PublishForm, PublishError> {
        let bytes = self.data.unwrap_or_default();
        let data = match self.encoding.as_deref() {
            None | Some(b"") => {
                let text = String::from_utf8(bytes);
                Data::Text(text.map_err(|_| PublishError::NotUtf8(Field::Data))?)
            }
            Some(b"base64") => Data::Binary(decode_base64(&bytes).ok_or(PublishError::Base64)?),
            Some(_) => return Err(PublishError::Encoding),
        };
        let retry = match self.retry.as_deref() {
            None | Some(b"") => None,
            Some(digits) => Some(retry(digits).ok_or(PublishError::Retry)?),
        };
        let Self {
            topics,
            id,
            event,
            private,
            ephemeral,
            ..
        } = self;
        PublishForm {
            topics,
            data,
            id,
            event,
            retry,
            private,
            ephemeral,
        }
        .checked()
    }
}

fn text(value: Cow<'_, [u8]>, field: Field) -> Result<String, PublishError> {
    String::from_utf8(value.into_owned()).map_err(|_| PublishError::NotUtf8(field))
}

fn once<T>(slot: &mut Option<T>, value: T, field: Field) -> Result<(), PublishError> {
    if slot.replace(value).is_some() {
        return Err(PublishError::Repeated(field));
    }
    Ok(())
}

fn retry(digits: &[u8]) -> Option<u64> {
    if digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + u64::from(digit - b'0')),
    )
}

fn check_topics(topics: &[String]) -> Result<(), PublishError> {
    if topics.is_empty() {
        return Err(PublishError::NoTopic);
    }
    if topics.len() > MAX_TOPICS {
        return Err(PublishError::TooManyTopics);
    }
    for topic in topics {
        if topic.is_empty() || topic.chars().any(char::is_control) {
            return Err(PublishError::Topic);
        }
        if topic.len() > MAX_TOPIC {
            return Err(PublishError::TopicTooLong);
        }
    }
    if topics.iter().map(String::len).sum::<usize>() > MAX_TOPICS_BYTES {
        return Err(PublishError::TopicsTooLong);
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), PublishError> {
    if id.len() > MAX_ID {
        Err(PublishError::IdTooLong)
    } else if id.chars().any(char::is_control) {
        Err(PublishError::IdControl)
    } else if id.starts_with('#') || id == "earliest" || Position::parse(id.as_bytes()).is_ok() {
        Err(PublishError::IdReserved)
    } else {
        Ok(())
    }
}

fn check_event(event: &str) -> Result<(), PublishError> {
    if event.len() > MAX_EVENT_NAME {
        Err(PublishError::TypeTooLong)
    } else if event.contains(['\r', '\n', '\0']) {
        Err(PublishError::Type)
    } else {
        Ok(())
    }
}

/// CRLF and CR become LF.
fn with_lf(text: String) -> String {
    if !text.contains('\r') {
        return text;
    }
    let mut lines = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\r') {
        lines.push_str(&rest[..at]);
        lines.push('\n');
        rest = &rest[at + 1..];
        rest = rest.strip_prefix('\n').unwrap_or(rest);
    }
    lines.push_str(rest);
    lines
}

/// A field of the publish form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// `data`
    Data,
    /// `encoding`
    Encoding,
    /// `id`
    Id,
    /// `retry`
    Retry,
    /// `topic`
    Topic,
    /// `type`
    Type,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "data",
            Self::Encoding => "encoding",
            Self::Id => "id",
            Self::Retry => "retry",
            Self::Topic => "topic",
            Self::Type => "type",
        })
    }
}

/// Why an event cannot be published. Displayed, it is the reason to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// `data` is not base64 although `encoding` says so.
    Base64,
    /// The body is longer than [`MAX_BODY`](crate::MAX_BODY).
    BodyTooLarge,
    /// `data` is longer than [`MAX_DATA`](crate::MAX_DATA).
    DataTooLarge,
    /// `encoding` is something else than `base64`.
    Encoding,
    /// `id` was given to an `ephemeral` event, from which nobody could resume.
    EphemeralId,
    /// `id` has a control character.
    IdControl,
    /// `id` begins with `#`, is `earliest` or has the form of a position.
    IdReserved,
    /// `id` is longer than [`MAX_ID`](crate::MAX_ID).
    IdTooLong,
    /// There is no `topic`.
    NoTopic,
    /// The field is not UTF-8.
    NotUtf8(Field),
    /// The field, which can be given once, was given again.
    Repeated(Field),
    /// `retry` is not a number of at most ten digits.
    Retry,
    /// The text has more than [`MAX_LINES`](crate::MAX_LINES) lines.
    TooManyLines,
    /// There are more than [`MAX_TOPICS`](crate::MAX_TOPICS) topics.
    TooManyTopics,
    /// A topic is empty or has a control character.
    Topic,
    /// A topic is longer than [`MAX_TOPIC`](crate::MAX_TOPIC).
    TopicTooLong,
    /// The topics together are longer than [`MAX_TOPICS_BYTES`](crate::MAX_TOPICS_BYTES).
    TopicsTooLong,
    /// `type` has a CR, LF or NUL.
    Type,
    /// `type` is longer than [`MAX_EVENT_NAME`](crate::MAX_EVENT_NAME).
    TypeTooLong,
}

impl PublishError {
    /// The HTTP status to answer with: 413 for a body or data too large or with too many lines, 400
    /// for all else.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BodyTooLarge | Self::DataTooLarge | Self::TooManyLines => 413,
            _ => 400,
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64 => f.write_str(
                "data is not base64 with padding (in a form, a plus sign must be sent as %2B)",
            ),
            Self::BodyTooLarge => write!(f, "the body is longer than {MAX_BODY} bytes"),
            Self::DataTooLarge => write!(f, "data is longer than {MAX_DATA} bytes"),
            Self::Encoding => f.write_str("the only encoding is base64"),
            Self::EphemeralId => f.write_str("an ephemeral event has no id"),
            Self::IdControl => f.write_str("id must not have control characters"),
            Self::IdReserved => f.write_str(
                "id must not begin with #, nor be earliest, nor have the form of a position",
            ),
            Self::IdTooLong => write!(f, "id is longer than {MAX_ID} bytes"),
            Self::NoTopic => f.write_str("there is no topic"),
            Self::NotUtf8(field) => write!(f, "{field} is not UTF-8"),
            Self::Repeated(field) => write!(f, "{field} was given more than once"),
            Self::Retry => f.write_str("retry must be a number of at most 10 digits"),
            Self::TooManyLines => write!(
                f,
                "data has more than {MAX_LINES} lines: publish them as bytes, with encoding=base64"
            ),
            Self::TooManyTopics => write!(f, "there are more than {MAX_TOPICS} topics"),
            Self::Topic => f.write_str("a topic must not be empty, nor have control characters"),
            Self::TopicTooLong => write!(f, "a topic is longer than {MAX_TOPIC} bytes"),
            Self::TopicsTooLong => {
                write!(
                    f,
                    "the topics together are longer than {MAX_TOPICS_BYTES} bytes"
                )
            }
            Self::Type => f.write_str("type must not have a CR, LF or NUL"),
            Self::TypeTooLong => write!(f, "type is longer than {MAX_EVENT_NAME} bytes"),
        }
    }
}

impl core::error::Error for PublishError {}
