//! A subscriber over either carrier, for what must be the same over both.

use serde_json::Value;
use ws_handshake::ClientRequest;

use super::{Connection, EventStream, Hub, Item, Message, Request, WebSocket, target, within};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    EventStream,
    WebSocket,
}

pub(crate) const CARRIERS: [Carrier; 2] = [Carrier::EventStream, Carrier::WebSocket];

/// What a subscriber sees, whatever the carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An event of text. Where it has no id of its own, an event stream says the last one that
    /// was set.
    Event {
        id: String,
        name: String,
        data: String,
    },
    /// The members of a gap.
    Gap(Value),
    /// The cursor is here.
    Position(String),
    /// What was left out.
    Skipped(Value),
    /// The token has ended: the last word of an event stream.
    Expired,
}

impl Seen {
    pub(crate) fn event(id: &str, data: &str) -> Self {
        Self::Event {
            id: id.into(),
            name: "message".into(),
            data: data.into(),
        }
    }
}

/// An open subscription.
#[derive(Debug)]
pub(crate) enum Subscriber {
    EventStream(EventStream),
    WebSocket(WebSocket),
}

impl Subscriber {
    /// Subscribes to what comes next, and waits until the hub has said where that is.
    pub(crate) async fn live(carrier: Carrier, hub: &Hub, topic: &str) -> Self {
        let mut subscriber = Self::open(carrier, hub, &[("topic", topic)]).await;
        let first = subscriber.next().await;
        assert!(matches!(first, Seen::Position(_)), "{carrier:?}: {first:?}");
        subscriber
    }

    /// Subscribes to `topic` after `id`. The `open` frame, which only WebSocket has, is passed
    /// over, and so is the position that an event stream begins with if `id` is none.
    pub(crate) async fn after(carrier: Carrier, hub: &Hub, topic: &str, id: &str) -> Self {
        let parameters = [("topic", topic), ("lastEventID", id)];
        let mut subscriber = Self::open(carrier, hub, &parameters).await;
        if carrier == Carrier::WebSocket || id == "earliest" {
            let first = subscriber.next().await;
            assert!(matches!(first, Seen::Position(_)), "{first:?}");
        }
        subscriber
    }

    /// Subscribes with these query parameters.
    pub(crate) async fn open(carrier: Carrier, hub: &Hub, parameters: &[(&str, &str)]) -> Self {
        Self::open_on(hub.connect().await, carrier, hub, parameters).await
    }

    /// The same, on this connection.
    pub(crate) async fn open_on(
        connection: Connection,
        carrier: Carrier,
        hub: &Hub,
        parameters: &[(&str, &str)],
    ) -> Self {
        let target = target(parameters);
        let what = format!("the answer to {target} over {carrier:?}");
        match carrier {
            Carrier::EventStream => {
                let request = Request::new("GET", &target);
                Self::EventStream(within(&what, EventStream::open(connection, request)).await)
            }
            Carrier::WebSocket => {
                let url = hub.url("ws", &target);
                let request = ClientRequest::new(&url)
                    .unwrap()
                    .protocol("longwire.v1")
                    .unwrap();
                let socket = within(&what, WebSocket::open(connection, request))
                    .await
                    .unwrap();
                assert_eq!(socket.protocol.as_deref(), Some("longwire.v1"));
                Self::WebSocket(socket)
            }
        }
    }

    /// The data of the next event; there must be one.
    pub(crate) async fn data(&mut self) -> String {
        match self.next().await {
            Seen::Event { data, .. } => data,
            other => panic!("no event: {other:?}"),
        }
    }

    /// What comes next; there must be something.
    pub(crate) async fn next(&mut self) -> Seen {
        within("the next event", self.try_next())
            .await
            .expect("the stream goes on")
    }

    /// What comes next, or `None` if the hub has ended the stream.
    pub(crate) async fn try_next(&mut self) -> Option<Seen> {
        match self {
            Self::EventStream(stream) => loop {
                if let Item::Event(event) = stream.next().await? {
                    return Some(from_event(event));
                }
            },
            Self::WebSocket(socket) => match socket.next().await? {
                Message::Json(frame) => Some(from_frame(frame)),
                Message::Binary(..) => panic!("a binary frame for an event of text"),
            },
        }
    }

    /// Receives what comes next, and looks at nothing.
    pub(crate) async fn read_a_little(&mut self) {
        let connection = match self {
            Self::EventStream(stream) => &mut stream.connection,
            Self::WebSocket(socket) => &mut socket.connection,
        };
        if connection.read().await == 0 {
            core::future::pending::<()>().await;
        }
    }

    /// From now on so many bytes are read in a second, or as many as come.
    pub(crate) fn set_pace(&mut self, pace: Option<usize>) {
        match self {
            Self::EventStream(stream) => stream.connection.pace = pace,
            Self::WebSocket(socket) => socket.connection.pace = pace,
        }
    }

    /// Bytes received so far.
    pub(crate) fn received(&self) -> usize {
        match self {
            Self::EventStream(stream) => stream.received(),
            Self::WebSocket(socket) => socket.received(),
        }
    }
}

fn from_event(event: sse_parse::OwnedEvent) -> Seen {
    match event.name.as_str() {
        "longwire-position" => {
            assert_eq!(event.data, "");
            Seen::Position(event.id)
        }
        "longwire-gap" => {
            let gap: Value = serde_json::from_str(&event.data).unwrap();
            assert_eq!(
                gap["resumed"],
                event.id.as_str(),
                "the id moves the browser's cursor"
            );
            Seen::Gap(gap)
        }
        "longwire-skipped" => Seen::Skipped(serde_json::from_str(&event.data).unwrap()),
        "longwire-auth-expired" => {
            assert_eq!(event.data, "");
            Seen::Expired
        }
        _ => Seen::Event {
            id: event.id,
            name: event.name,
            data: event.data,
        },
    }
}

fn from_frame(mut frame: Value) -> Seen {
    let text = |frame: &Value, member: &str| frame[member].as_str().map(str::to_owned);
    match frame["type"].as_str().unwrap() {
        "open" | "position" => Seen::Position(text(&frame, "position").unwrap()),
        "gap" => {
            frame.as_object_mut().unwrap().remove("type");
            Seen::Gap(frame)
        }
        "skipped" => {
            frame.as_object_mut().unwrap().remove("type");
            Seen::Skipped(frame)
        }
        "event" => Seen::Event {
            // An ephemeral event has neither.
            id: text(&frame, "id")
                .or_else(|| text(&frame, "position"))
                .unwrap_or_default(),
            name: text(&frame, "event").unwrap_or_else(|| "message".into()),
            data: text(&frame, "data").unwrap(),
        },
        _ => panic!("unexpected: {frame}"),
    }
}
