use std::borrow::Cow;

use resume::Start;
use serde::Deserialize;

use crate::frame_error::{Envelope, ErrorCode, FrameError, envelope, invalid, split_binary};
use crate::json::Object;
use crate::limits::{MAX_FRAME, MAX_TOKEN, MAX_TOPICS};
use crate::{Data, PublishForm, TopicSelector, encode_base64};

/// A frame of `longwire.v1` from a client to the hub, checked against every rule.
///
/// # Example
///
/// ```
/// use hub_protocol::{ClientFrame, ErrorCode};
/// use resume::Start;
///
/// let json = br#"{"type":"subscribe","topics":["prices"],"after":"earliest","ref":"1"}"#;
/// let ClientFrame::Subscribe(subscribe) = ClientFrame::decode(json)? else { unreachable!() };
/// assert_eq!(subscribe.topics[0].as_str(), "prices");
/// assert_eq!(subscribe.after, Start::Earliest);
///
/// let error = ClientFrame::decode(br#"{"type":"publish","topics":[],"ref":"2"}"#).unwrap_err();
/// assert_eq!(error.code(), ErrorCode::Invalid);
/// assert_eq!((error.reference(), error.message()), (Some("2"), "there is no topic"));
/// # Ok::<(), hub_protocol::FrameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientFrame {
    /// Add topics.
    Subscribe(Subscribe),
    /// Remove topics.
    Unsubscribe(Unsubscribe),
    /// Publish an event.
    Publish(Publish),
    /// Replace the token.
    Token(Token),
}

/// `{"type":"subscribe","topics","after","ref"}`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscribe {
    /// The topics to add; at least one.
    pub topics: Vec<TopicSelector>,
    /// From where the added topics are replayed, up to the connection's cursor.
    pub after: Start,
    /// What the answer refers to.
    pub reference: Option<String>,
}

impl Subscribe {
    /// Makes the frame.
    #[must_use]
    pub const fn new(topics: Vec<TopicSelector>, after: Start, reference: Option<String>) -> Self {
        Self {
            topics,
            after,
            reference,
        }
    }
}

/// `{"type":"unsubscribe","topics","ref"}`
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsubscribe {
    /// The topics to remove; at least one.
    pub topics: Vec<TopicSelector>,
    /// What the answer refers to.
    pub reference: Option<String>,
}

impl Unsubscribe {
    /// Makes the frame.
    #[must_use]
    pub const fn new(topics: Vec<TopicSelector>, reference: Option<String>) -> Self {
        Self { topics, reference }
    }
}

/// `{"type":"publish","topics","data","encoding","id","event","retry","private","ephemeral",
/// "ref"}`, or a binary frame of the same without `data` and `encoding`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publish {
    /// The event.
    pub form: PublishForm,
    /// What the answer refers to.
    pub reference: Option<String>,
}

impl Publish {
    /// Makes the frame.
    #[must_use]
    pub const fn new(form: PublishForm, reference: Option<String>) -> Self {
        Self { form, reference }
    }
}

/// `{"type":"token","token","ref"}`
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// The new token.
    pub token: String,
    /// What the answer refers to.
    pub reference: Option<String>,
}

impl Token {
    /// Makes the frame.
    #[must_use]
    pub const fn new(token: String, reference: Option<String>) -> Self {
        Self { token, reference }
    }
}

/// Without the token, which is a secret.
impl core::fmt::Debug for Token {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Token")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Topics<'a> {
    #[serde(borrow)]
    topics: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    after: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    topics: Vec<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(borrow, default)]
    encoding: Option<Cow<'a, str>>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    retry: Option<u64>,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    ephemeral: bool,
}

#[derive(Deserialize)]
struct Secret {
    token: String,
}

impl ClientFrame {
    /// Reads a text frame. Members it does not know are ignored.
    ///
    /// # Errors
    ///
    /// [`FrameError`], to be answered with an error frame: too large, not JSON, a type that is not
    /// known, or a member that is missing, of a wrong type or against the rules of publishing or
    /// subscribing. It carries the frame's `ref` if that could be read.
    pub fn decode(json: &[u8]) -> Result<Self, FrameError> {
        if json.len() > MAX_FRAME {
            return Err(FrameError::new(
                ErrorCode::TooLarge,
                "the frame is longer than 4 MiB",
            ));
        }
        let envelope = envelope(json)?;
        match &*envelope.kind {
            "subscribe" => {
                let (topics, after) = topics(json, &envelope)?;
                let after = after.map_or(Start::Live, |after| Start::parse(after.as_bytes()));
                Ok(Self::Subscribe(Subscribe {
                    topics,
                    after,
                    reference: envelope.into_ref(),
                }))
            }
            "unsubscribe" => {
                let (topics, _) = topics(json, &envelope)?;
                Ok(Self::Unsubscribe(Unsubscribe {
                    topics,
                    reference: envelope.into_ref(),
                }))
            }
            "publish" => {
                let form = form(json, None, &envelope)?;
                Ok(Self::Publish(Publish {
                    form,
                    reference: envelope.into_ref(),
                }))
            }
            "token" => {
                let Secret { token } = read(json, &envelope)?;
                if token.len() > MAX_TOKEN {
                    return Err(envelope.refuse(ErrorCode::TooLarge, "the token is too long"));
                }
                Ok(Self::Token(Token {
                    token,
                    reference: envelope.into_ref(),
                }))
            }
            _ => Err(envelope.unsupported()),
        }
    }

    /// Reads a binary frame: a publish of bytes.
    ///
    /// # Errors
    ///
    /// As [`decode`](ClientFrame::decode); also if the frame is shorter than it says, its type is
    /// not `publish`, or the header has `data` or `encoding`.
    pub fn decode_binary(frame: &[u8]) -> Result<Self, FrameError> {
        if frame.len() > MAX_FRAME {
            return Err(FrameError::new(
                ErrorCode::TooLarge,
                "the frame is longer than 4 MiB",
            ));
        }
        let (header, bytes) = split_binary(frame)?;
        let envelope = envelope(header)?;
        if envelope.kind != "publish" {
            let message = "a binary frame must be a publish";
            return Err(envelope.refuse(ErrorCode::Invalid, message));
        }
        let form = form(header, Some(bytes), &envelope)?;
        Ok(Self::Publish(Publish {
            form,
            reference: envelope.into_ref(),
        }))
    }

    /// Appends the frame's JSON to `out`, binary data as base64.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        match self {
            Self::Subscribe(frame) => {
                object
                    .string("type", "subscribe")
                    .strings("topics", frame.topics.iter().map(TopicSelector::as_str))
                    .optional("after", after_text(&frame.after).as_deref())
                    .optional("ref", frame.reference.as_deref());
            }
            Self::Unsubscribe(frame) => {
                object
                    .string("type", "unsubscribe")
                    .strings("topics", frame.topics.iter().map(TopicSelector::as_str))
                    .optional("ref", frame.reference.as_deref());
            }
            Self::Publish(frame) => {
                frame.header(&mut object);
                match &frame.form.data {
                    Data::Text(text) => object.string("data", text),
                    Data::Binary(bytes) => {
                        let mut text = Vec::new();
                        encode_base64(bytes, &mut text);
                        object
                            .string("encoding", "base64")
                            .string("data", &String::from_utf8_lossy(&text))
                    }
                };
            }
            Self::Token(frame) => {
                object
                    .string("type", "token")
                    .string("token", &frame.token)
                    .optional("ref", frame.reference.as_deref());
            }
        }
        object.close();
    }
}

impl Publish {
    /// Appends a binary frame to `out`, whatever the data is: two bytes with the length of the
    /// JSON header, the header, the bytes.
    ///
    /// # Errors
    ///
    /// [`HeaderTooLong`](crate::HeaderTooLong): nothing was appended.
    pub fn encode_binary(&self, out: &mut Vec<u8>) -> Result<(), crate::HeaderTooLong> {
        let at = out.len();
        out.extend_from_slice(&[0; 2]);
        let mut object = Object::open(out);
        self.header(&mut object);
        object.close();
        let Ok(len) = u16::try_from(out.len() - at - 2) else {
            out.truncate(at);
            return Err(crate::HeaderTooLong);
        };
        out[at..at + 2].copy_from_slice(&len.to_be_bytes());
        out.extend_from_slice(match &self.form.data {
            Data::Text(text) => text.as_bytes(),
            Data::Binary(bytes) => bytes,
        });
        Ok(())
    }

    fn header(&self, object: &mut Object<'_>) {
        let form = &self.form;
        object
            .string("type", "publish")
            .strings("topics", form.topics.iter().map(String::as_str))
            .optional("id", form.id.as_deref())
            .optional("event", form.event.as_deref())
            .number("retry", form.retry)
            .flag("private", form.private)
            .flag("ephemeral", form.ephemeral)
            .optional("ref", self.reference.as_deref());
    }
}

fn after_text(after: &Start) -> Option<Cow<'_, str>> {
    match after {
        Start::Earliest => Some(Cow::Borrowed("earliest")),
        Start::After(position) => Some(Cow::Owned(position.to_string())),
        other => other.text().map(Cow::Borrowed),
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8], envelope: &Envelope<'_>) -> Result<T, FrameError> {
    serde_json::from_slice(json).map_err(|error| invalid(Some(envelope), &error))
}

fn topics<'a>(
    json: &'a [u8],
    envelope: &Envelope<'_>,
) -> Result<(Vec<TopicSelector>, Option<Cow<'a, str>>), FrameError> {
    let Topics { topics, after } = read(json, envelope)?;
    if topics.is_empty() {
        return Err(envelope.refuse(ErrorCode::Invalid, "there is no topic"));
    }
    if topics.len() > MAX_TOPICS {
        let message = format_args!("there are more than {MAX_TOPICS} topics");
        return Err(envelope.refuse(ErrorCode::Invalid, message));
    }
    let selectors = topics
        .iter()
        .map(|topic| TopicSelector::parse(topic))
        .collect::<Result<_, _>>();
    let selectors = selectors.map_err(|error| envelope.refuse(ErrorCode::Invalid, error))?;
    Ok((selectors, after))
}

/// The event of a publish frame, whose payload is in the JSON or is `bytes`.
fn form(
    json: &[u8],
    bytes: Option<&[u8]>,
    envelope: &Envelope<'_>,
) -> Result<PublishForm, FrameError> {
    let event: Event<'_> = read(json, envelope)?;
    let refuse = |message: &str| envelope.refuse(ErrorCode::Invalid, message);
    let data = match (bytes, event.data, event.encoding.as_deref()) {
        (Some(bytes), None, None) => Data::Binary(bytes.to_vec()),
        (Some(_), ..) => return Err(refuse("the data of a binary frame follows its header")),
        (None, text, None) => Data::Text(text.unwrap_or_default()),
        (None, text, Some("base64")) => {
            let text = text.unwrap_or_default();
            let bytes = crate::base64::decode_base64(text.as_bytes());
            Data::Binary(bytes.ok_or_else(|| refuse("data is not base64 with padding"))?)
        }
        (None, _, Some(_)) => return Err(refuse("the only encoding is base64")),
    };
    let Event {
        topics,
        id,
        event,
        retry,
        private,
        ephemeral,
        ..
    } = event;
    let form = PublishForm {
        topics,
        data,
        id,
        event,
        retry,
        private,
        ephemeral,
    };
    form.checked()
        .map_err(|error| envelope.refuse(ErrorCode::from_status(error.status()), error))
}
