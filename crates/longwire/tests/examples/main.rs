//! The examples, each driven by a client.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(
    clippy::duplicate_mod,
    reason = "two examples may have a module in common"
)]

mod agent;
mod axum_ws;
mod chat;
mod dashboard;
mod hybrid;
mod llm_tokens;

#[path = "../support/mod.rs"]
mod support;

use core::net::SocketAddr;

use longwire::net::Stream;
use longwire::ws::{self, Client, Message, Socket};
use serde_json::Value;
use tokio::net::TcpListener;

/// A free port, and what listens there.
async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn connect(address: SocketAddr, path: &str) -> Socket<Stream, Client> {
    ws::connect(format!("ws://{address}{path}")).await.unwrap()
}

/// The next message, which is JSON.
async fn next(socket: &mut Socket<Stream, Client>) -> Value {
    match socket.recv().await.unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        Message::Binary(bytes) => panic!("{bytes:?}"),
    }
}
