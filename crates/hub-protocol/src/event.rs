use resume::Position;

use crate::json::Object;

/// What is the same for every subscriber of an event: encoded once, shared by all.
///
/// An event frame of `longwire.v1` is two pieces put one after the other: what
/// [`encode_event_start`] writes for one connection, and what [`EventBody::encode`] wrote once.
///
/// # Example
///
/// ```
/// use hub_protocol::{EventBody, encode_event_start};
/// use resume::{Epoch, Position};
///
/// let epoch = Epoch::from_bytes([0; 12]);
/// let mut shared = Vec::new();
/// let topics = ["prices".to_owned()];
/// EventBody::new(&topics, "42").with_position(Position::new(epoch, 7)).encode(&mut shared);
///
/// let mut frame = Vec::new();
/// encode_event_start(Some(Position::new(epoch, 5)), None, &mut frame);
/// frame.extend_from_slice(&shared);
/// assert_eq!(
///     String::from_utf8(frame).unwrap(),
///     r##"{"type":"event","prev":"#000000000000000000000000-5","position":"##.to_owned()
///         + r##""#000000000000000000000000-7","topics":["prices"],"data":"42"}"##,
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EventBody<'a> {
    position: Option<Position>,
    id: Option<&'a str>,
    topics: &'a [String],
    event: Option<&'a str>,
    retry: Option<u64>,
    data: Option<&'a str>,
}

impl<'a> EventBody<'a> {
    /// An event of text.
    #[must_use]
    pub const fn new(topics: &'a [String], data: &'a str) -> Self {
        Self {
            position: None,
            id: None,
            topics,
            event: None,
            retry: None,
            data: Some(data),
        }
    }

    /// An event whose bytes follow the header in a binary frame: there is no `data`.
    #[must_use]
    pub const fn binary(topics: &'a [String]) -> Self {
        Self {
            position: None,
            id: None,
            topics,
            event: None,
            retry: None,
            data: None,
        }
    }

    /// Its place in the log; an ephemeral event has none.
    #[must_use]
    pub const fn with_position(self, position: Position) -> Self {
        Self {
            position: Some(position),
            ..self
        }
    }

    /// The publisher's own id; without it the position is the id.
    #[must_use]
    pub const fn with_id(self, id: Option<&'a str>) -> Self {
        Self { id, ..self }
    }

    /// The event's name.
    #[must_use]
    pub const fn with_event(self, event: Option<&'a str>) -> Self {
        Self { event, ..self }
    }

    /// The reconnection time in milliseconds.
    #[must_use]
    pub const fn with_retry(self, retry: Option<u64>) -> Self {
        Self { retry, ..self }
    }

    /// Appends the members and the closing brace to `out`, without an opening brace.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::members(out);
        object
            .position("position", self.position)
            .optional("id", self.id)
            .strings("topics", self.topics.iter().map(String::as_str))
            .optional("event", self.event)
            .number("retry", self.retry)
            .optional("data", self.data);
        object.close();
    }
}

/// Appends what one connection's event frame begins with, to be followed by the shared
/// [`EventBody`].
///
/// `prev` is the connection's cursor before the event: everything that matches between the two
/// was sent, so a client whose own cursor differs knows that it lost something. An event that is
/// replayed for a `subscribe` frame says so with that frame's `replay` reference instead, and does
/// not move the cursor. An ephemeral event has neither.
pub fn encode_event_start(prev: Option<Position>, replay: Option<&str>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object
        .string("type", "event")
        .position("prev", prev)
        .optional("replay", replay);
    object.comma();
}

/// Appends what a binary event frame begins with: the length of the JSON header in two bytes, in
/// network byte order, and the connection's part of that header. `body` is the shared rest, made
/// by [`EventBody::binary`]; append it and then the event's bytes.
///
/// # Errors
///
/// [`HeaderTooLong`]: nothing was appended. It cannot happen to an event that
/// [`PublishForm`](crate::PublishForm) accepted, unless `replay` is longer than
/// [`MAX_REF`](crate::MAX_REF).
pub fn encode_binary_start(
    prev: Option<Position>,
    replay: Option<&str>,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), HeaderTooLong> {
    let at = out.len();
    out.extend_from_slice(&[0; 2]);
    encode_event_start(prev, replay, out);
    let Ok(len) = u16::try_from(out.len() - at - 2 + body.len()) else {
        out.truncate(at);
        return Err(HeaderTooLong);
    };
    out[at..at + 2].copy_from_slice(&len.to_be_bytes());
    Ok(())
}

/// The JSON header of a binary frame is longer than its length field can say: 65,535 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct HeaderTooLong;

impl core::fmt::Display for HeaderTooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the header of a binary frame is longer than 65,535 bytes")
    }
}

impl core::error::Error for HeaderTooLong {}
