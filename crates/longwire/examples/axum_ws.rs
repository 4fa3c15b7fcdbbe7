//! WebSocket in an axum application, over HTTP/1.1 and HTTP/2.
//!
//! ```sh
//! cargo run -p longwire --example axum_ws --features axum,http2
//! ```
//!
//! Open <http://127.0.0.1:8080/>, or `npx wscat -c ws://127.0.0.1:8080/echo -s echo.v1`.

use axum::Router;
use axum::response::{Html, Response};
use axum::routing::{any, get};
use longwire::Error;
use longwire::ws::{Socket, Upgraded, WebSocketUpgrade};
use tokio::net::TcpListener;

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Echo</title>
<input placeholder="say something" autofocus><ol></ol>
<script>
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/echo`, "echo.v1");
  const input = document.querySelector("input");
  input.onchange = () => { socket.send(input.value); input.value = ""; };
  socket.onmessage = ({ data }) => {
    document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: data }));
  };
</script>"#;

// ANCHOR: serve
async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .protocols(["echo.v1"])
        .on_upgrade(|socket| async move {
            if let Err(error) = echo(socket).await {
                eprintln!("a connection failed: {error}");
            }
        })
}

async fn echo(mut socket: Socket<Upgraded>) -> Result<(), Error> {
    while let Some(message) = socket.recv().await {
        socket.send(message?).await?;
    }
    Ok(())
}

pub(crate) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(async || Html(PAGE)))
        // Not `get`: over HTTP/2 the method of a handshake is CONNECT.
        .route("/echo", any(upgrade));
    axum::serve(listener, app).await
}
// ANCHOR_END: serve

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}/", listener.local_addr()?);
    serve(listener).await
}
