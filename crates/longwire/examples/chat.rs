//! A chat: rooms, who is there, who is typing.
//!
//! ```sh
//! cargo run -p longwire --example chat --features axum
//! ```
//!
//! Open <http://127.0.0.1:8080/> in two windows. A client sends `{"say":"…"}` and
//! `{"typing":true}`; everyone in the room hears them with `"from"`, and `{"here":[…]}` whenever
//! somebody comes or goes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use longwire::ws::{CloseCode, Message, Socket, Upgraded, WebSocketUpgrade};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};

/// What a member may be behind before it is sent away; it comes back to an empty queue.
const QUEUE: usize = 256;
/// Bytes that may be said at once.
const MAX_SAY: usize = 2000;

type Rooms = Arc<Mutex<HashMap<String, Room>>>;

struct Room {
    here: Vec<String>,
    lines: Sender<String>,
}

impl Room {
    /// Everyone in the room hears it. Nobody there is no error.
    fn tell(&self, line: &Value) {
        let _ = self.lines.send(line.to_string());
    }
}

/// One who is in a room, until dropped.
struct Member {
    rooms: Rooms,
    room: String,
    name: String,
}

impl Member {
    fn enter(rooms: Rooms, room: String, name: String) -> (Self, Receiver<String>) {
        let member = Self { rooms, room, name };
        let lines = member.with_room(|room| {
            let lines = room.lines.subscribe();
            room.here.push(member.name.clone());
            room.tell(&json!({ "here": room.here }));
            lines
        });
        (member, lines)
    }

    fn with_room<T>(&self, act: impl FnOnce(&mut Room) -> T) -> T {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(self.room.clone()).or_insert_with(|| Room {
            here: Vec::new(),
            lines: broadcast::channel(QUEUE).0,
        });
        let value = act(room);
        if room.here.is_empty() {
            rooms.remove(&self.room);
        }
        value
    }

    /// Passes on what is known, whatever else the message holds; the rest is ignored.
    fn hear(&self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let name = &self.name;
        if let Some(say) = message["say"].as_str().filter(|say| say.len() <= MAX_SAY) {
            self.with_room(|room| room.tell(&json!({ "from": name, "say": say })));
        } else if let Some(typing) = message["typing"].as_bool() {
            self.with_room(|room| room.tell(&json!({ "from": name, "typing": typing })));
        }
    }

    /// Until the socket ends.
    async fn chat(self, mut socket: Socket<Upgraded>, mut lines: Receiver<String>) {
        loop {
            // A cancelled `recv` loses nothing.
            tokio::select! {
                message = socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&text),
                    Some(Ok(Message::Binary(_))) => {}
                    Some(Err(_)) | None => return,
                },
                line = lines.recv() => match line {
                    Ok(line) => if socket.send(line).await.is_err() { return },
                    Err(RecvError::Lagged(_)) => {
                        let _ = socket.close(CloseCode::TRY_AGAIN_LATER, "too slow");
                    }
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.with_room(|room| {
            if let Some(at) = room.here.iter().position(|name| *name == self.name) {
                room.here.remove(at);
            }
            room.tell(&json!({ "here": room.here }));
        });
    }
}

async fn join(
    Path((room, name)): Path<(String, String)>,
    State(rooms): State<Rooms>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if room.len() > 64 || name.len() > 64 {
        return (StatusCode::BAD_REQUEST, "at most 64 bytes each").into_response();
    }
    upgrade.on_upgrade(|socket| async move {
        let (member, lines) = Member::enter(rooms, room, name);
        member.chat(socket, lines).await;
    })
}

pub(crate) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(async || Html(include_str!("chat.html"))))
        .route("/rooms/{room}/{name}", any(join))
        .with_state(Rooms::default());
    axum::serve(listener, app).await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}/", listener.local_addr()?);
    serve(listener).await
}
