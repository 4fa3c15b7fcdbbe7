//! Compressed messages, with clients and servers that compress them too.

use core::sync::atomic::Ordering;

use longwire::ws::{self, Config, Deflate, Message};
use serde_json::json;
use ws_deflate::{Context, WindowBits};

use crate::client::{Client, Library};
use crate::server::Server;
use crate::servers;
use crate::support::within;

/// What is long and worth compressing.
fn text() -> String {
    "compress me ".repeat(5_000)
}

/// The most that it comes to, compressed.
const SMALL: usize = 2_000;

/// Each message with a window of its own, and all with one.
fn configs() -> [Config; 2] {
    let taken_over = Context::with_takeover(WindowBits::MAX);
    let negotiable = ws_deflate::Config::new().own(taken_over).peer(taken_over);
    [Deflate::new(), Deflate::new().negotiable(negotiable)]
        .map(|deflate| Config::default().deflate(Some(deflate)))
}

#[tokio::test]
async fn chromium() {
    client(Library::Chromium).await;
}

#[tokio::test]
async fn undici() {
    client(Library::Undici).await;
}

#[tokio::test]
async fn websockets() {
    client(Library::Websockets).await;
}

#[tokio::test]
async fn ws_client() {
    client(Library::Ws).await;
}

#[tokio::test]
async fn websockets_server() {
    server(servers::Library::Websockets).await;
}

#[tokio::test]
async fn ws_server() {
    server(servers::Library::Ws).await;
}

async fn client(library: Library) {
    let Some(mut client) = Client::start(library, None).await else {
        return;
    };
    for config in configs() {
        let server = Server::start(config).await;
        let (_, extensions) = client.open(&server.url(), &[]).await;
        assert!(extensions.starts_with("permessage-deflate"), "{extensions}");
        // Twice: the second may refer to the first.
        for _ in 0..2 {
            let before = (server.heard(), server.said());
            let text = json!(["text", text()]);
            client.expect(text.clone(), text).await;
            let heard = server.heard() - before.0;
            let said = server.said() - before.1;
            assert!(
                said < SMALL,
                "{library:?} is told {said} bytes, {extensions}"
            );
            if library == Library::Undici {
                // It inflates, and sends what it has as it is.
                assert!(heard > text_len(), "{heard}");
            } else {
                assert!(
                    heard < SMALL,
                    "{library:?} says {heard} bytes, {extensions}"
                );
            }
        }
        let binary = json!(["binary", 1 << 20, true]);
        client.expect(json!(["binary", 1 << 20]), binary).await;
        let short = json!(["text", "short"]);
        client.expect(short.clone(), short).await;
        client
            .expect(json!(["close", 1000, ""]), json!(["close", 1000, ""]))
            .await;
    }
    client.finish().await;
}

fn text_len() -> usize {
    text().len()
}

async fn server(library: servers::Library) {
    let options = json!({ "deflate": true });
    let Some(server) = servers::Server::start(library, options).await else {
        return;
    };
    for config in configs() {
        let (address, heard, said) = servers::counting(server.port()).await;
        let connecting = ws::connect(format!("ws://{address}/"))
            .config(config)
            .with_response();
        let (mut socket, response) = within("a connection", connecting).await.unwrap();
        let extensions = response.headers()["sec-websocket-extensions"].to_str();
        let extensions = extensions.unwrap();
        assert!(extensions.starts_with("permessage-deflate"), "{extensions}");
        for _ in 0..2 {
            let so_far = || (heard.load(Ordering::Relaxed), said.load(Ordering::Relaxed));
            let before = so_far();
            servers::expect(&mut socket, text(), text()).await;
            let heard = so_far().0 - before.0;
            assert!(
                heard < SMALL,
                "{library:?} says {heard} bytes, {extensions}"
            );
            let said = so_far().1 - before.1;
            assert!(
                said < SMALL,
                "{library:?} is told {said} bytes, {extensions}"
            );
        }
        servers::expect(&mut socket, "short", "short").await;
        let bytes: bytes::Bytes = (0..=250).cycle().take(1 << 20).collect();
        servers::expect(&mut socket, bytes.clone(), bytes).await;
        servers::expect(&mut socket, Message::from(""), "").await;
    }
}
