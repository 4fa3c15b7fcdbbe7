//! A server with tungstenite, a thread per connection.

use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::{HeaderValue, StatusCode};
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Error, Message, WebSocket};

use crate::support::within;

/// It listens as long as the test runs.
pub(crate) struct Tungstenite {
    pub(crate) port: u16,
    events: UnboundedReceiver<Value>,
}

impl Tungstenite {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (told, events) = unbounded_channel();
        thread::spawn(move || {
            for io in listener.incoming() {
                let told = told.clone();
                thread::spawn(move || serve(io.unwrap(), &told));
            }
        });
        Self { port, events }
    }

    pub(crate) async fn next(&mut self) -> Value {
        within("an event of tungstenite", self.events.recv())
            .await
            .expect("the thread runs")
    }
}

#[expect(clippy::result_large_err, reason = "tungstenite's callback")]
fn choose(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if request.uri().path() == "/forbidden" {
        let mut refusal = ErrorResponse::new(Some("no".into()));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        return Err(refusal);
    }
    let offered = request.headers().get_all("Sec-WebSocket-Protocol");
    let offers = |value: &HeaderValue| value.to_str().unwrap().contains("chat");
    if offered.iter().any(offers) {
        let chat = HeaderValue::from_static("chat");
        response
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", chat);
    }
    Ok(response)
}

fn serve(io: TcpStream, events: &UnboundedSender<Value>) {
    let Ok(mut socket) = tungstenite::accept_hdr(io, choose) else {
        return;
    };
    let mut closed = (1006, String::new());
    loop {
        let done = match socket.read() {
            Ok(Message::Text(text)) => obey(&mut socket, &text),
            Ok(message @ Message::Binary(_)) => socket.send(message),
            Ok(Message::Pong(payload)) => {
                tell(events, json!(["pong", String::from_utf8_lossy(&payload)]));
                Ok(())
            }
            Ok(Message::Close(frame)) => {
                let code = |f: CloseFrame| (u16::from(f.code), f.reason.to_string());
                closed = frame.map_or((1005, String::new()), code);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if done.is_err() {
            return tell(events, json!(["close", closed.0, closed.1]));
        }
    }
}

fn obey(socket: &mut WebSocket<TcpStream>, text: &str) -> Result<(), Error> {
    let words: Vec<&str> = text.split(' ').collect();
    match words[0] {
        "close" => socket.close(Some(CloseFrame {
            code: words[1].parse::<u16>().unwrap().into(),
            reason: words[2..].join(" ").into(),
        })),
        "drop" => Err(Error::ConnectionClosed),
        "fragments" => {
            for (at, word) in words.iter().enumerate().skip(1) {
                let kind = if at == 1 { Data::Text } else { Data::Continue };
                let last = at + 1 == words.len();
                let frame = Frame::message(word.to_string(), OpCode::Data(kind), last);
                socket.send(Message::Frame(frame))?;
            }
            Ok(())
        }
        "ping" => socket.send(Message::Ping(words[1].to_owned().into())),
        "big" => socket.send(Message::binary(vec![0; words[1].parse().unwrap()])),
        _ => socket.send(Message::text(text)),
    }
}

fn tell(events: &UnboundedSender<Value>, event: Value) {
    // Nobody listens once the test is over.
    let _ = events.send(event);
}
