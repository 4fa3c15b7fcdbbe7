//! A client with tungstenite, in a thread of its own.

use core::time::Duration;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Error, Message, WebSocket};

use crate::support::within;

/// It ends when dropped.
pub(crate) struct Tungstenite {
    actions: Sender<Value>,
    events: UnboundedReceiver<Value>,
}

impl Tungstenite {
    pub(crate) fn start() -> Self {
        let (actions, taken) = channel();
        let (told, events) = unbounded_channel();
        thread::spawn(move || run(&taken, &told));
        Self { actions, events }
    }

    pub(crate) fn act(&self, action: Value) {
        self.actions.send(action).unwrap();
    }

    pub(crate) async fn next(&mut self) -> Value {
        within("an event of tungstenite", self.events.recv())
            .await
            .expect("the thread runs")
    }
}

/// Opens a connection when told so, and does and tells the rest until `actions` ends.
fn run(actions: &Receiver<Value>, events: &UnboundedSender<Value>) {
    while let Ok(action) = actions.recv() {
        assert_eq!(action[0], "open", "{action}");
        let url = action[1].as_str().unwrap();
        let mut request = url.into_client_request().unwrap();
        let protocols: Vec<_> = action[2].as_array().unwrap().iter().collect();
        if !protocols.is_empty() {
            let protocols: Vec<_> = protocols.iter().map(|p| p.as_str().unwrap()).collect();
            let value = HeaderValue::from_str(&protocols.join(", ")).unwrap();
            request
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", value);
        }
        let address = request.uri().authority().unwrap().as_str();
        let io = TcpStream::connect(address).unwrap();
        let (mut socket, response) = tungstenite::client(request, io).unwrap();
        let header = |name| {
            let value = response.headers().get(name);
            value.map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        tell(
            events,
            json!([
                "open",
                header("Sec-WebSocket-Protocol"),
                header("Sec-WebSocket-Extensions")
            ]),
        );
        // Neither waits for the other for long.
        let soon = Some(Duration::from_millis(5));
        socket.get_ref().set_read_timeout(soon).unwrap();
        if !speak(&mut socket, actions, events) {
            return;
        }
    }
}

/// Until the connection ends; `false` once `actions` has ended.
fn speak(
    socket: &mut WebSocket<TcpStream>,
    actions: &Receiver<Value>,
    events: &UnboundedSender<Value>,
) -> bool {
    let mut closed = (1006, String::new());
    loop {
        match actions.try_recv() {
            // What cannot be sent any more is told by the reading side.
            Ok(action) => drop(act(socket, &action)),
            Err(TryRecvError::Disconnected) => return false,
            Err(TryRecvError::Empty) => {}
        }
        let event = match socket.read() {
            Ok(Message::Text(text)) => json!(["text", text.as_str()]),
            Ok(Message::Binary(bytes)) => {
                json!(["binary", bytes.len(), *bytes == *pattern(bytes.len())])
            }
            Ok(Message::Ping(payload)) => json!(["ping", String::from_utf8_lossy(&payload)]),
            Ok(Message::Pong(payload)) => json!(["pong", String::from_utf8_lossy(&payload)]),
            Ok(Message::Close(frame)) => {
                let code = |f: CloseFrame| (u16::from(f.code), f.reason.to_string());
                closed = frame.map_or((1005, String::new()), code);
                continue;
            }
            Ok(Message::Frame(_)) => continue,
            Err(Error::Io(e))
                if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(_) => {
                tell(events, json!(["close", closed.0, closed.1]));
                return true;
            }
        };
        tell(events, event);
    }
}

fn act(socket: &mut WebSocket<TcpStream>, action: &Value) -> Result<(), Error> {
    let text = |at: usize| action[at].as_str().unwrap().to_owned();
    match action[0].as_str().unwrap() {
        "text" => socket.send(Message::text(text(1))),
        "binary" => {
            let length = usize::try_from(action[1].as_u64().unwrap()).unwrap();
            socket.send(Message::binary(pattern(length)))
        }
        "fragments" => {
            let parts = action.as_array().unwrap();
            for at in 1..parts.len() {
                let kind = if at == 1 { Data::Text } else { Data::Continue };
                let last = at + 1 == parts.len();
                let frame = Frame::message(text(at), OpCode::Data(kind), last);
                socket.send(Message::Frame(frame))?;
            }
            Ok(())
        }
        "ping" => socket.send(Message::Ping(text(1).into())),
        "close" => socket.close(action.get(1).map(|code| CloseFrame {
            code: u16::try_from(code.as_u64().unwrap()).unwrap().into(),
            reason: text(2).into(),
        })),
        other => panic!("{other}"),
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

fn tell(events: &UnboundedSender<Value>, event: Value) {
    // Nobody listens once the test is over.
    let _ = events.send(event);
}
