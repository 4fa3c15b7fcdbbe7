//! An agent on one WebSocket: tokens come down while the user cancels, approves and steers.
//!
//! ```sh
//! cargo run -p longwire --example agent
//! npx wscat -c ws://127.0.0.1:8080
//! ```
//!
//! Up: `{"ask":"…"}`, `{"approve":true}`, `{"steer":"…"}`, `{"cancel":true}`. Down:
//! `{"token":"…"}`, `{"approve?":"…"}`, `{"done":"…"}`. The model is a list of words; a real one
//! goes where [`Run::next`] waits.

use core::future::pending;
use core::time::Duration;
use std::collections::VecDeque;

use longwire::Error;
use longwire::ws::{self, Message, Socket};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use ws_handshake::{OriginPolicy, Reject, Scheme};

/// The answer to one question, as far as it has not been sent.
#[derive(Default)]
struct Run {
    words: VecDeque<String>,
    /// A tool that waits for the user, and what it would say.
    asking: bool,
}

impl Run {
    fn new(question: &str) -> Self {
        let mut words: VecDeque<String> = question.split_whitespace().map(String::from).collect();
        words.push_back("[tool]".to_owned());
        Self {
            words,
            asking: false,
        }
    }

    /// The next thing to send. A cancelled call loses nothing.
    async fn next(&mut self) -> Value {
        if self.asking {
            return pending().await;
        }
        sleep(Duration::from_millis(20)).await;
        match self.words.pop_front() {
            Some(word) if word == "[tool]" => {
                self.asking = true;
                json!({ "approve?": "may I look it up?" })
            }
            Some(word) => json!({ "token": word }),
            None => json!({ "done": "complete" }),
        }
    }
}

/// What the user wants, and what to say to it at once.
fn steer(run: &mut Option<Run>, wish: &Value) -> Option<Value> {
    if let Some(question) = wish["ask"].as_str() {
        *run = Some(Run::new(question));
    } else if wish["cancel"] == true && run.take().is_some() {
        return Some(json!({ "done": "cancelled" }));
    } else if let (Some(run), Some(approved)) = (&mut *run, wish["approve"].as_bool()) {
        run.asking = false;
        run.words
            .push_front(if approved { "found" } else { "unknown" }.to_owned());
    } else if let (Some(run), Some(text)) = (run, wish["steer"].as_str()) {
        run.words.extend(text.split_whitespace().map(String::from));
    }
    None
}

async fn converse(mut socket: Socket<TcpStream>) -> Result<(), Error> {
    let mut run = None;
    loop {
        let next = async {
            match &mut run {
                Some(run) => Run::next(run).await,
                None => pending().await,
            }
        };
        let answer = tokio::select! {
            message = socket.recv() => match message.transpose()? {
                Some(Message::Text(text)) => {
                    steer(&mut run, &serde_json::from_str(&text).unwrap_or_default())
                }
                Some(Message::Binary(_)) => None,
                None => return Ok(()),
            },
            step = next => {
                if step.get("done").is_some() {
                    run = None;
                }
                Some(step)
            }
        };
        if let Some(answer) = answer {
            socket.send(answer.to_string()).await?;
        }
    }
}

pub(crate) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (io, _) = listener.accept().await?;
        tokio::spawn(async move {
            let socket = ws::accept(io, ws::Config::default(), |accept| {
                // Whoever may ask the agent may spend its money: no foreign pages.
                let initiator = accept.request().head().initiator(Scheme::Http);
                match OriginPolicy::same_origin().check(&initiator) {
                    Ok(()) => Ok(accept),
                    Err(forbidden) => Err(Reject::new(forbidden.status())),
                }
            });
            if let Err(error) = async { converse(socket.await?).await }.await {
                eprintln!("a connection failed: {error}");
            }
        });
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    serve(listener).await
}
