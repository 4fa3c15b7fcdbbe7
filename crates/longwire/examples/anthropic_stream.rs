//! An Anthropic-style stream: named events, `event:` and `data:`, from `message_start` to
//! `message_stop`, with `ping` and `error` in between.
//!
//! ```sh
//! cargo run --example anthropic_stream
//! ```
//!
//! The server is in this file. The request is a POST, so it is made once: a connection lost in the
//! middle of an answer is an error, never a second prompt.

use core::error::Error;
use core::time::Duration;
use std::io::Write;

use longwire::sse::{EventSource, EventSourceConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

// ANCHOR: read
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1/messages", listener.local_addr()?);
    tokio::spawn(serve(listener));

    let prompt = json!({"model": "local", "stream": true, "max_tokens": 64, "messages": [
        {"role": "user", "content": "What is an event stream?"},
    ]});
    let request = http::Request::post(url)
        .header("content-type", "application/json")
        .header("x-api-key", "none")
        .body(prompt.to_string().into())?;
    let mut source = EventSource::with_config(request, EventSourceConfig::new().stop_at_end())?;

    while let Some(event) = source.next().await {
        let event = event?;
        let data: Value = serde_json::from_str(event.data)?;
        match event.name {
            "content_block_delta" => {
                print!("{}", data["delta"]["text"].as_str().unwrap_or_default());
                std::io::stdout().flush()?;
            }
            "message_stop" => {
                println!();
                return Ok(());
            }
            "error" => return Err(data["error"]["message"].to_string().into()),
            // `message_start`, `ping`, and whatever may come to be added.
            _ => {}
        }
    }
    Err("the stream ended before message_stop: the answer is not whole".into())
}
// ANCHOR_END: read

/// Answers every prompt the same, a word at a time.
async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (mut io, _) = listener.accept().await?;
        let mut request = [0; 4096];
        // One read is enough for the request above.
        let _ = io.read(&mut request).await?;
        io.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            .await?;
        let event = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n");
        let start = event("message_start", json!({"type": "message_start"}));
        io.write_all(start.as_bytes()).await?;
        io.write_all(event("ping", json!({"type": "ping"})).as_bytes())
            .await?;
        for word in "An event stream is text, sent as it comes about.".split_inclusive(' ') {
            let delta = json!({"type": "text_delta", "text": word});
            let block = json!({"type": "content_block_delta", "index": 0, "delta": delta});
            io.write_all(event("content_block_delta", block).as_bytes())
                .await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let stop = event("message_stop", json!({"type": "message_stop"}));
        io.write_all(stop.as_bytes()).await?;
    }
}
