//! The wire protocol of the Longwire hub, without IO.
//!
//! What a hub reads from strangers, what it answers, and what it decides for each subscriber: the
//! publish form and the subscribe query of the Mercure protocol, the frames of the WebSocket
//! subprotocol `longwire.v1`, and the [`Session`] that says what a subscriber is sent next. Clients
//! use the same types from the other end. Positions and gaps are those of the crate `resume`.
//!
//! ```text
//!  POST /.well-known/mercure      PublishForm::parse ──► an event ──► the log
//!                                                                      │ Bounds, events
//!  GET  /.well-known/mercure      SubscribeQuery::parse ──► Session ◄──┘
//!       ?topic=…                                              │ Step: gap, read, position, wait
//!                                                             ▼
//!  longwire.v1                    ClientFrame::decode    encode_event_start + EventBody (shared),
//!                                                        ServerFrame::encode
//! ```
//!
//! # Example
//!
//! An event is encoded once; what differs between connections is put before it.
//!
//! ```
//! use core::time::Duration;
//! use hub_protocol::{
//!     Data, EventBody, PublishForm, ServerFrame, Session, Step, SubscribeQuery,
//!     encode_event_start,
//! };
//! use resume::{Bounds, Epoch, Position};
//!
//! let (epoch, now) = (Epoch::from_bytes([7; 12]), Duration::ZERO);
//! let query = SubscribeQuery::parse("topic=prices", None)?;
//! let (mut session, gap) =
//!     Session::open(query.selectors, &query.start, &Bounds::new(epoch, 1, 0), now);
//! assert!(gap.is_none());
//!
//! // An event is published, and gets a place in the log.
//! let form = PublishForm::parse(b"topic=prices&data=42")?;
//! let Data::Text(data) = &form.data else { unreachable!() };
//! let position = Position::new(epoch, 1);
//! let mut shared = Vec::new();
//! EventBody::new(&form.topics, data).with_position(position).encode(&mut shared);
//!
//! // The session is asked what to do.
//! assert!(matches!(session.next(&Bounds::new(epoch, 1, 1), now), Step::Read { .. }));
//! let topics = form.topics.iter().map(String::as_str);
//! if let Some(prev) = session.offer(position, topics, now) {
//!     let mut frame = Vec::new();
//!     encode_event_start(Some(prev), None, &mut frame);
//!     frame.extend_from_slice(&shared);
//!
//!     // And at the other end:
//!     let ServerFrame::Event(event) = ServerFrame::decode(&frame)? else { unreachable!() };
//!     assert_eq!((event.prev, event.data.as_ref()), (Some(prev), "42"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Publishing
//!
//! `application/x-www-form-urlencoded`, decoded as the URL Standard says; names and values that are
//! used must be UTF-8. Line ends of text become LF, so that all carriers deliver equal bytes.
//!
//! | field | meaning | limit |
//! |---|---|---|
//! | `topic` | where the event goes; repeatable, the first is canonical | 256 bytes each, 128, 16 KiB in all; no control characters |
//! | `data` | the payload; absent is empty | 1 MiB as delivered, 8,000 lines of text |
//! | `private` | presence alone counts | |
//! | `ephemeral` | presence alone counts: no position, no place in the log | |
//! | `id` | the publisher's own id, unless it is `ephemeral` | 255 bytes; not beginning with `#`, not `earliest`, not of a position's form; no control characters |
//! | `type` | the event's name | 255 bytes; no CR, LF, NUL |
//! | `retry` | reconnection time in milliseconds | 10 digits |
//! | `encoding` | `base64`: the payload is bytes | RFC 4648, section 4, with padding |
//!
//! Other fields are ignored. `id`, `type`, `retry` and `encoding` count as absent when empty, and
//! a field other than `topic` given twice is refused. The reason of a refusal is the error's
//! `Display`, its status 400 or 413.
//!
//! # Subscribing
//!
//! `topic` is repeatable: an exact topic, `*` for all, or, if it has braces, a URI template of
//! levels 1 to 3 (RFC 6570). Where to begin is said by the header `Last-Event-ID` or, without it, the
//! parameter `lastEventID`: a position with or without its `#`, a publisher's id, or `earliest`.
//! One that cannot be used never refuses the subscription, because that would stop a browser's
//! EventSource for ever: it becomes a gap. With `slow=latest` a subscriber that falls behind gets
//! only the newest event of each topic of what came meanwhile.
//!
//! # Frames
//!
//! One JSON object in each text frame; members that are not known are ignored.
//!
//! | from the hub | |
//! |---|---|
//! | `open` | `position` (the connection's cursor), `heartbeat` in milliseconds |
//! | `event` | `prev`, `position`, `id`, `topics`, `event`, `retry`, `data`; `replay` in place of `prev` if it is replayed for a `subscribe` |
//! | `position` | `position`, `prev`: the cursor moved over events for others |
//! | `gap` | `requested`, `resumed`, `reason`, `earliest`, `head`; `replay` if it concerns only that |
//! | `skipped` | `reason`, `count`, `after`, `until`: events were left out; the cursor stays |
//! | `ack` | `ref`; `id` and `position` for a publish that was not `ephemeral` |
//! | `error` | `ref`, `code`, `message` |
//! | `caught-up` | `ref` |
//!
//! | from the client | |
//! |---|---|
//! | `subscribe` | `topics`, `after` (as `lastEventID`), `ref` |
//! | `unsubscribe` | `topics`, `ref` |
//! | `publish` | `topics`, `data`, `encoding`, `id`, `event`, `retry`, `private`, `ephemeral`, `ref` |
//! | `token` | `token`, `ref` |
//!
//! `ref` is a string of at most 64 bytes. `prev` is the connection's cursor before the frame:
//! everything that matches between the two was sent, so a client whose own cursor differs lost
//! something. `reason` is one of `ahead`, `epoch`, `evicted`, `malformed`, `unknown`; after a gap
//! follows whatever is kept. An ephemeral event has neither `position` nor `prev`, and over
//! Server-Sent Events no id. A binary event, and a publish of bytes, is a binary frame: the length
//! of the JSON header in two bytes (network byte order), the header, the bytes.
//!
//! Over Server-Sent Events a gap is an event named [`SSE_GAP`] whose data is that object without
//! `type` and whose id is `resumed`, the cursor of a quiet stream moves by an event named
//! [`SSE_POSITION`] with empty data, what was left out is said by one named [`SSE_SKIPPED`], and the
//! last one of a stream whose token has ended is named [`SSE_EXPIRED`].
//!
//! # Subscriptions
//!
//! [`Subscription`] and [`SubscriptionList`] are the documents of the Mercure subscription API,
//! [`SubscriptionPath`] its addresses.
//!
//! # Clients
//!
//! A [`Client`] is one logical connection over many real ones: it decides when to connect and with
//! which [`Carrier`], what to ask for, what to give to the application and what to send again.
//!
//! # What this crate does not do
//!
//! It keeps no events, checks no rights, and knows no HTTP.

mod base64;
mod client;
mod client_frame;
mod event;
mod frame_error;
mod json;
mod latest;
mod limits;
mod publish;
mod replay;
mod selector;
mod server_frame;
mod session;
mod skipped;
mod subscribe;
mod subscription;
mod template;
mod template_program;
mod text;
mod urlencoded;

pub use base64::encode_base64;
pub use client::{
    Attempt, Carrier, CarrierChoice, Client, ClientAction, ClientConfig, ClientEvent, End, Message,
    Missed, Outcome, PublishRefused, Receipt,
};
pub use client_frame::{ClientFrame, Publish, Subscribe, Token, Unsubscribe};
pub use event::{EventBody, HeaderTooLong, encode_binary_start, encode_event_start};
pub use frame_error::{ErrorCode, FrameError};
pub use latest::{Kept, Latest};
pub use limits::{
    MAX_BODY, MAX_DATA, MAX_EVENT_NAME, MAX_FRAME, MAX_ID, MAX_LINES, MAX_REF, MAX_TOKEN,
    MAX_TOPIC, MAX_TOPICS, MAX_TOPICS_BYTES,
};
pub use publish::{Data, Field, PublishError, PublishForm};
pub use selector::{SelectorError, Selectors, TopicSelector};
pub use server_frame::{
    Ack, CaughtUp, ErrorFrame, EventFrame, GapFrame, Open, PositionFrame, ServerFrame,
};
pub use session::{Session, Step, SubscribeError};
pub use skipped::{SkipReason, Skipped};
pub use subscribe::{QueryError, Slow, SubscribeQuery, query_parameter};
pub use subscription::{
    SUBSCRIPTIONS, Subscription, SubscriptionList, SubscriptionPath, last_event_id,
};
pub use template::Template;

/// The WebSocket subprotocol whose frames these are.
pub const SUBPROTOCOL: &str = "longwire.v1";
/// Name of the event that says over Server-Sent Events that events may have been missed. Its data
/// is the object of [`GapFrame`] without `type`, its id [`GapFrame::resumed`].
pub const SSE_GAP: &str = "longwire-gap";
/// Name of the event that says over Server-Sent Events that the token has ended, and the stream
/// with it: come back with another. It has no id and no data.
pub const SSE_EXPIRED: &str = "longwire-auth-expired";
/// Name of the event that says over Server-Sent Events that events were left out. Its data is the
/// object of [`Skipped`] without `type`; it has no id.
pub const SSE_SKIPPED: &str = "longwire-skipped";
/// Name of the event that moves a quiet stream's cursor: its id is the position, its data empty.
pub const SSE_POSITION: &str = "longwire-position";
