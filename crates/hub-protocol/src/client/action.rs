use resume::{Finished, GapReason, Position, Start};

use super::{Carrier, End, Receipt};
use crate::{Data, ErrorCode, Skipped, TopicSelector};

/// What the driver of a [`Client`](super::Client) has to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAction {
    /// Ask the application for URL and token, and make an attempt; resolve names again.
    Connect(Attempt),
    /// Send this text frame.
    Text {
        /// On this connection; drop it if it is another by now.
        generation: u64,
        /// The frame.
        frame: String,
    },
    /// Send this binary frame.
    Binary {
        /// On this connection; drop it if it is another by now.
        generation: u64,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Publish by POST, and tell with [`Client::posted`](super::Client::posted) what became of it.
    Post {
        /// Names the item in the answer.
        number: u64,
        /// The body, of type `application/x-www-form-urlencoded`.
        body: Vec<u8>,
    },
    /// Give this to the application.
    Deliver(ClientEvent),
    /// Drop the attempt or connection, and what is still to be sent on it, without ceremony.
    Drop {
        /// Which.
        generation: u64,
    },
    /// Close the connection with a closing handshake (1000); do not wait long for it.
    Close {
        /// Which.
        generation: u64,
    },
    /// It is over: there will be no other action.
    Finish {
        /// Why.
        why: Finished,
        /// How the last attempt or connection ended, unless the application closed.
        end: Option<End>,
    },
}

/// An attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Tell what becomes of it with this number.
    pub generation: u64,
    /// With what.
    pub carrier: Carrier,
    /// The last token was refused: get another.
    pub refresh: bool,
    /// To be appended to the URL's query: the topics, percent-encoded; empty if there is none.
    pub query: String,
    /// The value of the header `Last-Event-ID`, unless the client begins live.
    pub last_event_id: Option<String>,
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// There is a connection, and the hub was heard on it.
    Opened {
        /// With what.
        carrier: Carrier,
        /// Whether it goes on where the client stood: nothing was missed. If not, and the client
        /// had a place to go on from, a gap says so.
        resumed: bool,
    },
    /// An event of the topics.
    Message(Message),
    /// Events may have been missed.
    Missed(Missed),
    /// The hub left events out, as it was asked to or because they were ephemeral: they will not
    /// come again.
    Skipped(Skipped),
    /// The connection ended; the client tries again.
    Interrupted(End),
    /// The hub refused topics: they are no longer subscribed. Or, with
    /// [`ErrorCode::Unsupported`], they are subscribed, but what was published before cannot be
    /// replayed over this carrier.
    Refused {
        /// The topics.
        topics: Vec<TopicSelector>,
        /// Why, for a program.
        code: ErrorCode,
        /// Why, for a person.
        message: String,
    },
    /// What became of an item that was to be published.
    Published {
        /// What [`Client::publish`](super::Client::publish) returned.
        number: u64,
        /// What became of it.
        outcome: Outcome,
    },
}

/// An event of the topics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its topics, the canonical one first. Server-Sent Events do not say them: empty.
    pub topics: Vec<String>,
    /// The publisher's own id; an ephemeral event has none.
    pub id: Option<String>,
    /// Its name.
    pub event: Option<String>,
    /// The payload. Server-Sent Events carry bytes as base64, and that is text.
    pub data: Data,
    /// Its place in the log, if the carrier says it and it has one.
    pub position: Option<Position>,
    /// Whether it is replayed for topics that were added.
    pub replayed: bool,
    /// To be given to [`Client::handled`](super::Client::handled) when the application is done.
    pub receipt: Receipt,
}

/// Events may have been missed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missed {
    /// Where the client stood.
    pub after: Start,
    /// The events after this place follow.
    pub resumed: Position,
    /// Why; `None` if it was not said, or the hub's idea of where this client stands is beyond
    /// its own.
    pub reason: Option<GapReason>,
    /// The topics whose replay it concerns, if it is not the whole subscription.
    pub topics: Vec<TopicSelector>,
    /// To be given to [`Client::handled`](super::Client::handled) when the application is done.
    pub receipt: Receipt,
}

/// What became of an item that was to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is in the log, or was ephemeral and is on its way.
    Acknowledged {
        /// The event's id, unless it was ephemeral.
        id: Option<String>,
        /// Its place, unless it was ephemeral.
        position: Option<Position>,
    },
    /// The hub does not want it.
    Rejected {
        /// Why, for a program.
        code: ErrorCode,
        /// Why, for a person.
        message: String,
    },
    /// It was sent, and no answer came. Repeating it might not be harmless any more: the hub may
    /// have forgotten its id.
    Unknown,
    /// It was never sent: the client closed before.
    Unsent,
}
