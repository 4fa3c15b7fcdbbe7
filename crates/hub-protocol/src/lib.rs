//! The wire protocol of the Longwire hub, without IO.

mod base64;
mod client_frame;
mod event;
mod frame_error;
mod json;
mod limits;
mod publish;
mod replay;
mod selector;
mod server_frame;
mod session;
mod subscribe;
mod text;
mod urlencoded;

pub use base64::encode_base64;
pub use client_frame::{ClientFrame, Publish, Subscribe, Token, Unsubscribe};
pub use event::{EventBody, HeaderTooLong, encode_binary_start, encode_event_start};
pub use frame_error::{ErrorCode, FrameError};
pub use limits::{
    MAX_BODY, MAX_DATA, MAX_EVENT_NAME, MAX_FRAME, MAX_ID, MAX_REF, MAX_TOKEN, MAX_TOPIC,
    MAX_TOPICS, MAX_TOPICS_BYTES,
};
pub use publish::{Data, Field, PublishError, PublishForm};
pub use selector::{SelectorError, Selectors, TopicSelector};
pub use server_frame::{
    Ack, CaughtUp, ErrorFrame, EventFrame, GapFrame, Open, PositionFrame, ServerFrame,
};
pub use session::{Session, Step, SubscribeError};
pub use subscribe::{QueryError, SubscribeQuery};

/// The WebSocket subprotocol whose frames these are.
pub const SUBPROTOCOL: &str = "longwire.v1";
/// Name of the event that says over Server-Sent Events that events may have been missed. Its data
/// is the object of [`GapFrame`] without `type`, its id [`GapFrame::resumed`].
pub const SSE_GAP: &str = "longwire-gap";
/// Name of the event that moves a quiet stream's cursor: its id is the position, its data empty.
pub const SSE_POSITION: &str = "longwire-position";
