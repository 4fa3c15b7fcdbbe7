//! A POST whose answer streams, token by token, and stops as soon as nobody reads it: on axum.
//!
//! ```sh
//! cargo run -p longwire --example llm_tokens_axum --features axum
//! curl -N http://127.0.0.1:8080/chat -d 'tokens in reverse order'
//! ```
//!
//! Interrupt curl, and the server says how far it came.

use axum::Router;
use axum::routing::post;
use longwire::sse::{self, Events};
use tokio::net::TcpListener;

#[path = "llm_tokens/model.rs"]
mod model;

// ANCHOR: chat
fn chat(prompt: String, told: impl Fn(String) + Send + 'static) -> Events {
    let (sender, events) = sse::channel();
    tokio::spawn(async move {
        let (sent, result) = model::answer(prompt, sender).await;
        told(match result {
            Ok(()) => format!("{sent} tokens, all of them"),
            Err(error) => format!("stopped after {sent} tokens: {error}"),
        });
    });
    events
}
// ANCHOR_END: chat

/// Serves on every connection that `listener` accepts; `told` hears how each answer ended.
pub(crate) async fn serve(
    listener: TcpListener,
    told: impl Fn(String) + Clone + Send + Sync + 'static,
) -> std::io::Result<()> {
    let chat = move |prompt: String| async move { chat(prompt, told) };
    axum::serve(listener, Router::new().route("/chat", post(chat))).await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{}/chat", listener.local_addr()?);
    serve(listener, |outcome| println!("{outcome}")).await
}
