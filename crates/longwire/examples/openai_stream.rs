//! An OpenAI-style stream, read with an HTTP client of one's own: `data: {…}` until `data: [DONE]`.
//!
//! ```sh
//! cargo run --example openai_stream
//! ```
//!
//! The server is in this file. Any client whose response is a stream of bytes will do:
//! `decode::stream(response.bytes_stream())` for reqwest, `decode::body(response.into_body())` for
//! hyper.

use core::error::Error;
use core::time::Duration;
use std::io::Write;

use longwire::http::Client;
use longwire::sse::decode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

// ANCHOR: read
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
    tokio::spawn(serve(listener));

    let prompt = json!({"model": "local", "stream": true, "messages": [
        {"role": "user", "content": "What is an event stream?"},
    ]});
    let request = http::Request::post(url)
        .header("content-type", "application/json")
        .header("authorization", "Bearer none")
        .body(prompt.to_string().into())?;
    let response = Client::new().send(request).await?;
    if response.status() != 200 {
        return Err(format!("the server answered {}", response.status()).into());
    }

    let mut events = decode::body(response.into_body());
    while let Some(event) = events.next().await {
        let event = event?;
        if event.data == "[DONE]" {
            println!();
            return Ok(());
        }
        let chunk: Value = serde_json::from_str(event.data)?;
        if let Some(text) = chunk["choices"][0]["delta"]["content"].as_str() {
            print!("{text}");
            std::io::stdout().flush()?;
        }
    }
    Err("the stream ended before [DONE]: the answer is not whole".into())
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
        for word in "An event stream is text, sent as it comes about.".split_inclusive(' ') {
            let chunk = json!({"choices": [{"index": 0, "delta": {"content": word}}]});
            io.write_all(format!("data: {chunk}\n\n").as_bytes())
                .await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        io.write_all(b"data: [DONE]\n\n").await?;
    }
}
