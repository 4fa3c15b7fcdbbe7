use std::borrow::Cow;

use resume::{Gap, GapReason, Position};
use serde::Deserialize;

use crate::frame_error::{ErrorCode, FrameError, envelope, invalid};
use crate::json::Object;
use crate::{Skipped, text};

/// A frame of `longwire.v1` from the hub to a client, in JSON text.
///
/// # Example
///
/// ```
/// use hub_protocol::{Open, ServerFrame};
/// use resume::{Epoch, Position};
///
/// let open = Open::new(Position::new(Epoch::from_bytes([0; 12]), 7), 25_000);
/// let mut out = Vec::new();
/// ServerFrame::Open(open).encode(&mut out);
/// let json = br##"{"type":"open","position":"#000000000000000000000000-7","heartbeat":25000}"##;
/// assert_eq!(out, json);
/// assert_eq!(ServerFrame::decode(json), Ok(ServerFrame::Open(open)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerFrame<'a> {
    /// The first frame of a connection.
    Open(Open),
    /// An event.
    Event(EventFrame<'a>),
    /// The cursor moved over events that are not for this client.
    Position(PositionFrame),
    /// Events may have been missed.
    Gap(GapFrame<'a>),
    /// Events were left out.
    Skipped(Skipped),
    /// A client's frame was carried out.
    Ack(Ack<'a>),
    /// A client's frame was refused, or the connection is about to end.
    Error(ErrorFrame<'a>),
    /// The replay that a `subscribe` frame asked for is complete.
    CaughtUp(CaughtUp<'a>),
}

/// `{"type":"open","position","heartbeat"}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Open {
    /// The connection's cursor: the client resumes from here until it has seen an event.
    #[serde(deserialize_with = "text::position")]
    pub position: Position,
    /// How often the hub is heard at least, in milliseconds.
    pub heartbeat: u64,
}

impl Open {
    /// Makes the frame.
    #[must_use]
    pub const fn new(position: Position, heartbeat: u64) -> Self {
        Self {
            position,
            heartbeat,
        }
    }
}

/// `{"type":"event","prev","replay","position","id","topics","event","retry","data"}`; of these
/// only `topics` and `data` are always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct EventFrame<'a> {
    /// The connection's cursor before this event.
    #[serde(default, deserialize_with = "text::optional_position")]
    pub prev: Option<Position>,
    /// The `ref` of the `subscribe` frame that this is replayed for.
    #[serde(borrow, default)]
    pub replay: Option<Cow<'a, str>>,
    /// Its place in the log; an ephemeral event has none.
    #[serde(default, deserialize_with = "text::optional_position")]
    pub position: Option<Position>,
    /// The publisher's own id.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    /// Its topics, the canonical one first.
    pub topics: Vec<String>,
    /// Its name.
    #[serde(borrow, default)]
    pub event: Option<Cow<'a, str>>,
    /// The reconnection time in milliseconds.
    #[serde(default)]
    pub retry: Option<u64>,
    /// The payload, if it is text; that of a binary event follows the JSON header.
    #[serde(borrow, default)]
    pub data: Cow<'a, str>,
}

/// `{"type":"position","position","prev"}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PositionFrame {
    /// The connection's cursor now.
    #[serde(deserialize_with = "text::position")]
    pub position: Position,
    /// The connection's cursor before.
    #[serde(deserialize_with = "text::position")]
    pub prev: Position,
}

impl PositionFrame {
    /// Makes the frame.
    #[must_use]
    pub const fn new(position: Position, prev: Position) -> Self {
        Self { position, prev }
    }
}

/// `{"type":"gap","requested","resumed","reason","earliest","head"}`, and `"replay"` if it concerns
/// the replay of added topics only, not the cursor. Over Server-Sent Events the same object without `type` is the data of an event named [`SSE_GAP`](crate::SSE_GAP).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct GapFrame<'a> {
    /// What the client asked to resume from, as far as it was text.
    #[serde(borrow, default)]
    pub requested: Option<Cow<'a, str>>,
    /// The cursor now: whatever is kept after it follows.
    #[serde(deserialize_with = "text::position")]
    pub resumed: Position,
    /// Why; `None` is a reason that this version does not know.
    #[serde(deserialize_with = "text::gap_reason")]
    pub reason: Option<GapReason>,
    /// The oldest event that the log keeps.
    #[serde(deserialize_with = "text::position")]
    pub earliest: Position,
    /// The newest event of the log.
    #[serde(deserialize_with = "text::position")]
    pub head: Position,
    /// The `ref` of the `subscribe` frame whose replay has the gap: the cursor stays where it is.
    #[serde(borrow, default)]
    pub replay: Option<Cow<'a, str>>,
}

impl<'a> GapFrame<'a> {
    /// Makes the notice of a gap. `text` is what was asked for if it was no position: see
    /// [`Start::text`](resume::Start::text).
    #[must_use]
    pub fn new(gap: &Gap, text: Option<&'a str>) -> Self {
        Self {
            requested: match gap.requested {
                Some(position) => Some(Cow::Owned(position.to_string())),
                None => text.map(Cow::Borrowed),
            },
            resumed: gap.resumed(),
            reason: Some(gap.reason),
            earliest: gap.earliest,
            head: gap.head,
            replay: None,
        }
    }

    /// Says that the gap is in the replay of topics that a `subscribe` frame added.
    #[must_use]
    pub fn in_replay(self, reference: &'a str) -> Self {
        Self {
            replay: Some(Cow::Borrowed(reference)),
            ..self
        }
    }

    /// Appends the JSON object without `type` to `out`: the data of the event over Server-Sent
    /// Events. It is one line.
    pub fn encode_data(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        self.members(&mut object);
        object.close();
    }

    /// Reads what [`encode_data`](GapFrame::encode_data) wrote.
    ///
    /// # Errors
    ///
    /// [`FrameError`] with the code [`ErrorCode::Invalid`].
    pub fn decode_data(json: &'a [u8]) -> Result<Self, FrameError> {
        serde_json::from_slice(json).map_err(|error| invalid(None, &error))
    }

    fn members(&self, object: &mut Object<'_>) {
        object
            .optional("requested", self.requested.as_deref())
            .position("resumed", Some(self.resumed))
            .string("reason", self.reason.map_or("other", GapReason::as_str))
            .position("earliest", Some(self.earliest))
            .position("head", Some(self.head))
            .optional("replay", self.replay.as_deref());
    }
}

/// `{"type":"ack","ref","id","position"}`; the last two only for a publish.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Ack<'a> {
    /// The `ref` of the frame that was carried out.
    #[serde(borrow, default, rename = "ref")]
    pub reference: Option<Cow<'a, str>>,
    /// The id of the event that was published.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    /// Its position, unless it was ephemeral.
    #[serde(default, deserialize_with = "text::optional_position")]
    pub position: Option<Position>,
}

impl<'a> Ack<'a> {
    /// Acknowledges a frame that published nothing.
    #[must_use]
    pub fn new(reference: Option<&'a str>) -> Self {
        Self {
            reference: reference.map(Cow::Borrowed),
            ..Self::default()
        }
    }

    /// Acknowledges a publish.
    #[must_use]
    pub fn published(
        reference: Option<&'a str>,
        id: Option<&'a str>,
        position: Option<Position>,
    ) -> Self {
        Self {
            id: id.map(Cow::Borrowed),
            position,
            ..Self::new(reference)
        }
    }
}

/// `{"type":"error","ref","code","message"}`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ErrorFrame<'a> {
    /// The `ref` of the frame that was refused, if it was one.
    #[serde(borrow, default, rename = "ref")]
    pub reference: Option<Cow<'a, str>>,
    /// What a program needs to know.
    #[serde(deserialize_with = "text::error_code")]
    pub code: ErrorCode,
    /// What a person needs to know.
    #[serde(borrow, default)]
    pub message: Cow<'a, str>,
}

impl<'a> ErrorFrame<'a> {
    /// Makes the frame.
    #[must_use]
    pub fn new(
        reference: Option<&'a str>,
        code: ErrorCode,
        message: impl Into<Cow<'a, str>>,
    ) -> Self {
        Self {
            reference: reference.map(Cow::Borrowed),
            code,
            message: message.into(),
        }
    }
}

/// `{"type":"caught-up","ref"}`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct CaughtUp<'a> {
    /// The `ref` of the `subscribe` frame.
    #[serde(borrow, default, rename = "ref")]
    pub reference: Option<Cow<'a, str>>,
}

impl<'a> CaughtUp<'a> {
    /// Makes the frame.
    #[must_use]
    pub fn new(reference: Option<&'a str>) -> Self {
        Self {
            reference: reference.map(Cow::Borrowed),
        }
    }
}

impl<'a> ServerFrame<'a> {
    /// Appends the frame's JSON to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        match self {
            Self::Open(open) => object
                .string("type", "open")
                .position("position", Some(open.position))
                .number("heartbeat", Some(open.heartbeat)),
            Self::Event(event) => object
                .string("type", "event")
                .position("prev", event.prev)
                .optional("replay", event.replay.as_deref())
                .position("position", event.position)
                .optional("id", event.id.as_deref())
                .strings("topics", event.topics.iter().map(String::as_str))
                .optional("event", event.event.as_deref())
                .number("retry", event.retry)
                .string("data", &event.data),
            Self::Position(frame) => object
                .string("type", "position")
                .position("position", Some(frame.position))
                .position("prev", Some(frame.prev)),
            Self::Gap(gap) => {
                object.string("type", "gap");
                gap.members(&mut object);
                &mut object
            }
            Self::Skipped(skipped) => {
                object.string("type", "skipped");
                skipped.members(&mut object);
                &mut object
            }
            Self::Ack(ack) => object
                .string("type", "ack")
                .optional("ref", ack.reference.as_deref())
                .optional("id", ack.id.as_deref())
                .position("position", ack.position),
            Self::Error(error) => object
                .string("type", "error")
                .optional("ref", error.reference.as_deref())
                .string("code", error.code.as_str())
                .string("message", &error.message),
            Self::CaughtUp(frame) => object
                .string("type", "caught-up")
                .optional("ref", frame.reference.as_deref()),
        };
        object.close();
    }

    /// Reads a text frame. Members it does not know are ignored.
    ///
    /// # Errors
    ///
    /// [`FrameError`]: not JSON or a member is wrong ([`ErrorCode::Invalid`]), or a type that this
    /// version does not know ([`ErrorCode::Unsupported`]), which a client does well to ignore.
    pub fn decode(json: &'a [u8]) -> Result<Self, FrameError> {
        let envelope = envelope(json)?;
        let frame = match &*envelope.kind {
            "open" => serde_json::from_slice(json).map(Self::Open),
            "event" => serde_json::from_slice(json).map(Self::Event),
            "position" => serde_json::from_slice(json).map(Self::Position),
            "gap" => serde_json::from_slice(json).map(Self::Gap),
            "skipped" => serde_json::from_slice(json).map(Self::Skipped),
            "ack" => serde_json::from_slice(json).map(Self::Ack),
            "error" => serde_json::from_slice(json).map(Self::Error),
            "caught-up" => serde_json::from_slice(json).map(Self::CaughtUp),
            _ => return Err(envelope.unsupported()),
        };
        frame.map_err(|error| invalid(None, &error))
    }
}

impl<'a> EventFrame<'a> {
    /// Reads a binary frame: the event without `data`, and the bytes that are its payload.
    ///
    /// # Errors
    ///
    /// [`FrameError`] with the code [`ErrorCode::Invalid`]: shorter than it says, or the header is
    /// not that of an event.
    pub fn decode_binary(frame: &'a [u8]) -> Result<(Self, &'a [u8]), FrameError> {
        let (header, bytes) = crate::frame_error::split_binary(frame)?;
        match ServerFrame::decode(header)? {
            ServerFrame::Event(event) => Ok((event, bytes)),
            _ => Err(FrameError::new(
                ErrorCode::Invalid,
                "a binary frame must be an event",
            )),
        }
    }
}
