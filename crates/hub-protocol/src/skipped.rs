use resume::Position;
use serde::Deserialize;

use crate::frame_error::{FrameError, invalid};
use crate::json::Object;
use crate::text;

/// `{"type":"skipped","reason","count","after","until"}`: events that were for this client were left
/// out, as it had asked for, or because they were ephemeral and it was slow. The cursor stays where
/// it is. Over Server-Sent Events the same object without `type` is the data of an event named
/// [`SSE_SKIPPED`](crate::SSE_SKIPPED), which has no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Skipped {
    /// Why; `None` is a reason that this version does not know.
    #[serde(deserialize_with = "text::skip_reason")]
    pub reason: Option<SkipReason>,
    /// How many, if that is known.
    #[serde(default)]
    pub count: Option<u64>,
    /// They came after this position,
    #[serde(default, deserialize_with = "text::optional_position")]
    pub after: Option<Position>,
    /// and this is the position of the last one. Ephemeral events have none.
    #[serde(default, deserialize_with = "text::optional_position")]
    pub until: Option<Position>,
}

/// Why events were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkipReason {
    /// They were ephemeral, and more came than are held for those who are slow.
    Ephemeral,
    /// Newer ones of their topics follow: see [`Slow::Latest`](crate::Slow::Latest).
    Latest,
}

impl SkipReason {
    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Latest => "latest",
        }
    }

    /// The reason that a word of the wire stands for, if it is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ephemeral, Self::Latest]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }
}

impl Skipped {
    /// Says that ephemeral events were left out; how many is not known.
    #[must_use]
    pub const fn ephemeral() -> Self {
        Self {
            reason: Some(SkipReason::Ephemeral),
            count: None,
            after: None,
            until: None,
        }
    }

    /// Says that so many events after one position and up to the other were left out, because
    /// newer ones of their topics follow.
    #[must_use]
    pub const fn latest(count: u64, after: Position, until: Position) -> Self {
        Self {
            reason: Some(SkipReason::Latest),
            count: Some(count),
            after: Some(after),
            until: Some(until),
        }
    }

    /// Appends the JSON object without `type` to `out`: the data of the event over Server-Sent
    /// Events. It is one line.
    pub fn encode_data(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        self.members(&mut object);
        object.close();
    }

    /// Reads what [`encode_data`](Skipped::encode_data) wrote.
    ///
    /// # Errors
    ///
    /// [`FrameError`] with the code [`ErrorCode::Invalid`](crate::ErrorCode::Invalid).
    pub fn decode_data(json: &[u8]) -> Result<Self, FrameError> {
        serde_json::from_slice(json).map_err(|error| invalid(None, &error))
    }

    pub(crate) fn members(&self, object: &mut Object<'_>) {
        object
            .string("reason", self.reason.map_or("other", SkipReason::as_str))
            .number("count", self.count)
            .position("after", self.after)
            .position("until", self.until);
    }
}
