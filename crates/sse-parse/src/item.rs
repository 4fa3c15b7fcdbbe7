//! What a stream is made of.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::time::Duration;

/// The name of an event whose block has no `event` field, or an empty one.
pub(crate) const MESSAGE: &str = "message";

/// What one step of the parser found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A block with data ended: dispatch this event.
    Event(Event<'a>),
    /// A comment line ended: its text behind the colon, without one leading space. Servers send
    /// comments to show that they are alive.
    Comment(&'a str),
    /// A `retry` line ended: the server asks for this delay before a reconnect.
    Retry(Duration),
    /// A block with an id and no data ended: nothing to dispatch, but the last event ID is now this.
    Id(&'a str),
}

/// An event to dispatch, lent by the parser or by the chunk it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The event's type: the `event` field, `message` where there was none.
    pub name: &'a str,
    /// The `data` lines joined by line feeds.
    pub data: &'a str,
    /// The last event ID at this event: its own `id`, or the one before it that still holds.
    pub id: &'a str,
}

impl<'a> Event<'a> {
    /// An event called `message` with an empty id.
    #[must_use]
    pub const fn new(data: &'a str) -> Self {
        Self {
            name: MESSAGE,
            data,
            id: "",
        }
    }

    /// With this name.
    #[must_use]
    pub const fn with_name(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    /// With this last event ID.
    #[must_use]
    pub const fn with_id(mut self, id: &'a str) -> Self {
        self.id = id;
        self
    }

    /// Copies the event, to keep it past the next step of the parser.
    #[must_use]
    pub fn to_owned(self) -> OwnedEvent {
        self.into()
    }
}

/// An event that owns its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct OwnedEvent {
    /// The event's type; see [`Event::name`].
    pub name: String,
    /// The joined data lines; see [`Event::data`].
    pub data: String,
    /// The last event ID at this event; see [`Event::id`].
    pub id: String,
}

impl OwnedEvent {
    /// The event, lent.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        Event {
            name: &self.name,
            data: &self.data,
            id: &self.id,
        }
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        Self {
            name: event.name.to_owned(),
            data: event.data.to_owned(),
            id: event.id.to_owned(),
        }
    }
}
