//! A poll on one server: everyone watches over Server-Sent Events, those who vote do it over a
//! WebSocket, and the question is put with PUT.
//!
//! ```sh
//! cargo run -p longwire --example hybrid --features axum
//! curl -X PUT -d 'Tea or coffee?' http://127.0.0.1:8080/question
//! ```
//!
//! Open <http://127.0.0.1:8080/>.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, Response};
use axum::routing::{any, get, put};
use longwire::sse::{Broadcast, Fields, Reply, Subscription};
use longwire::ws::{Message, Socket, Upgraded, WebSocketUpgrade};
use serde_json::json;
use tokio::net::TcpListener;

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Poll</title>
<h1></h1><pre></pre><input placeholder="your vote"><p></p>
<script>
  const show = (name, text) => { document.querySelector(name).textContent = text; };
  new EventSource("/events").onmessage = ({ data }) => {
    const { question, votes } = JSON.parse(data);
    show("h1", question);
    show("pre", JSON.stringify(votes, null, 2));
  };
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/vote`);
  socket.onmessage = ({ data }) => show("p", data);
  document.querySelector("input").onchange = ({ target }) => socket.send(target.value);
</script>"#;

#[derive(Default)]
struct Poll {
    state: Mutex<Standing>,
    events: Broadcast,
}

#[derive(Default)]
struct Standing {
    question: String,
    votes: BTreeMap<String, u32>,
}

impl Poll {
    /// Changes something, and tells everyone who watches.
    fn change(&self, change: impl FnOnce(&mut Standing)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let now = json!({ "question": state.question, "votes": state.votes }).to_string();
        // Published under the lock: what comes last is the latest.
        let published = self.events.publish(&Fields::new(&now));
        debug_assert!(
            published.is_ok(),
            "there is no name and no id to be refused"
        );
    }
}

async fn ask(State(poll): State<Arc<Poll>>, question: String) -> StatusCode {
    poll.change(|state| {
        *state = Standing {
            question,
            votes: BTreeMap::new(),
        }
    });
    StatusCode::NO_CONTENT
}

async fn watch(State(poll): State<Arc<Poll>>) -> Reply<Subscription> {
    let subscription = poll.events.subscribe();
    // Who has just come sees how it stands.
    poll.change(|_| {});
    Reply::new(subscription)
}

async fn vote(State(poll): State<Arc<Poll>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| count(socket, poll))
}

/// One has one vote, and may change it.
async fn count(mut socket: Socket<Upgraded>, poll: Arc<Poll>) {
    let mut last: Option<String> = None;
    while let Some(Ok(Message::Text(vote))) = socket.recv().await {
        if vote.len() > 40 {
            let _ = socket.send("that is too long").await;
            continue;
        }
        poll.change(|state| {
            let before = last.take().and_then(|last| state.votes.get_mut(&last));
            if let Some(count) = before {
                *count = count.saturating_sub(1);
            }
            *state.votes.entry(vote.clone()).or_default() += 1;
        });
        if socket.send(format!("you chose {vote}")).await.is_err() {
            break;
        }
        last = Some(vote);
    }
}

pub(crate) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/question", put(ask))
        .route("/events", get(watch))
        .route("/vote", any(vote))
        .with_state(Arc::new(Poll::default()));
    axum::serve(listener, app).await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}/", listener.local_addr()?);
    serve(listener).await
}
