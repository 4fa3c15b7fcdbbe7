//! An event of the log, encoded once per wire format.

use core::time::Duration;
use std::sync::OnceLock;

use bytes::Bytes;
use hub_protocol::{
    Data, EventBody, PublishForm, encode_base64, encode_binary_start, encode_event_start,
};
use longwire::Batch;
use longwire::ws::Outbox;
use resume::Position;
use sse_parse::Fields;
use ws_frame::SendError;

/// A published event. A wire form is made when the first subscriber of its carrier needs it, and
/// shared by all others.
#[derive(Debug)]
pub(crate) struct Event {
    /// Of an ephemeral event, the newest position there was: it comes after that.
    pub(crate) position: Position,
    pub(crate) form: PublishForm,
    /// When this hub took it up, by the hub's time; zero if another run did.
    pub(crate) taken: Duration,
    event_stream: OnceLock<Bytes>,
    web_socket: OnceLock<Bytes>,
}

impl Event {
    pub(crate) fn new(position: Position, form: PublishForm) -> Self {
        Self {
            position,
            form,
            taken: Duration::ZERO,
            event_stream: OnceLock::new(),
            web_socket: OnceLock::new(),
        }
    }

    pub(crate) const fn taken_at(mut self, now: Duration) -> Self {
        self.taken = now;
        self
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &str> {
        self.form.topics.iter().map(String::as_str)
    }

    /// The id that subscribers see: the publisher's, or else the position.
    pub(crate) fn id(&self) -> String {
        self.form
            .id
            .clone()
            .unwrap_or_else(|| self.position.to_string())
    }

    /// Bytes of memory that the event may come to take: as published, and in both wire forms.
    pub(crate) fn weight(&self) -> usize {
        const OVERHEAD: usize = 512;
        let topics: usize = self.form.topics.iter().map(|topic| 3 * topic.len()).sum();
        OVERHEAD + topics + 3 * self.form.data.len()
    }

    /// Appends the event as a block of an event stream.
    pub(crate) fn push_to_event_stream(&self, batch: &mut Batch) {
        batch.push_shared(self.event_stream.get_or_init(|| self.encode_event_stream()));
    }

    fn encode_event_stream(&self) -> Bytes {
        let id = self.id();
        let mut base64 = Vec::new();
        let data = match &self.form.data {
            Data::Text(text) => text,
            Data::Binary(bytes) => {
                encode_base64(bytes, &mut base64);
                str::from_utf8(&base64).unwrap_or_default()
            }
        };
        let mut fields = Fields::new(data);
        // The id of what is in no log would lead a client that comes back with it astray.
        if !self.form.ephemeral {
            fields = fields.with_id(&id);
        }
        if let Some(name) = &self.form.event {
            fields = fields.with_name(name);
        }
        if let Some(retry) = self.form.retry {
            fields = fields.with_retry(Duration::from_millis(retry));
        }
        let mut out = Vec::with_capacity(data.len() + 128);
        let encoded = sse_parse::encode(&fields, &mut out);
        // A form was checked for what could inject a field, a position has none of it.
        debug_assert_eq!(encoded, Ok(()));
        out.into()
    }

    /// Sends the event as a frame of `longwire.v1`; an ephemeral one has no `prev`.
    pub(crate) fn send_to_web_socket(
        &self,
        prev: Option<Position>,
        out: &mut Outbox<'_>,
    ) -> Result<(), SendError> {
        self.send_frame(prev, None, out)
    }

    /// Sends the event as a frame that is replayed for the `subscribe` frame with this reference.
    pub(crate) fn send_replayed(
        &self,
        reference: &str,
        out: &mut Outbox<'_>,
    ) -> Result<(), SendError> {
        self.send_frame(None, Some(reference), out)
    }

    fn send_frame(
        &self,
        prev: Option<Position>,
        replay: Option<&str>,
        out: &mut Outbox<'_>,
    ) -> Result<(), SendError> {
        let shared = self.web_socket.get_or_init(|| self.encode_web_socket());
        let mut own = Vec::with_capacity(128);
        match &self.form.data {
            Data::Text(_) => {
                encode_event_start(prev, replay, &mut own);
                out.text_shared(str::from_utf8(&own).unwrap_or_default(), shared)
            }
            Data::Binary(bytes) => {
                let header = &shared[..shared.len() - bytes.len()];
                let encoded = encode_binary_start(prev, replay, header, &mut own);
                // The limits of a form keep the header within its length field.
                debug_assert_eq!(encoded, Ok(()));
                out.binary_shared(&own, shared)
            }
        }
    }

    fn encode_web_socket(&self) -> Bytes {
        let form = &self.form;
        let (body, bytes) = match &form.data {
            Data::Text(text) => (EventBody::new(&form.topics, text), &[][..]),
            Data::Binary(bytes) => (EventBody::binary(&form.topics), bytes.as_slice()),
        };
        let mut out = Vec::with_capacity(form.data.len() + 256);
        let body = if form.ephemeral {
            body
        } else {
            body.with_position(self.position)
        };
        body.with_id(form.id.as_deref())
            .with_event(form.event.as_deref())
            .with_retry(form.retry)
            .encode(&mut out);
        out.extend_from_slice(bytes);
        out.into()
    }
}
