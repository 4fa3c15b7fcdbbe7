//! Our server with other people's clients.

use core::time::Duration;

use longwire::Error;
use longwire::ws::Config;
use serde_json::{Value, json};
use ws_frame::{CloseCode, Limits};

use crate::client::{Client, Library};
use crate::server::{PONG, Server};

macro_rules! with_every_client {
    ($($test:ident: $what:ident($library:ident);)*) => {$(
        #[tokio::test]
        async fn $test() {
            $what(Library::$library).await;
        }
    )*};
}

with_every_client! {
    chromium_talks: talks(Chromium);
    tungstenite_talks: talks(Tungstenite);
    undici_talks: talks(Undici);
    websockets_talks: talks(Websockets);
    ws_talks: talks(Ws);
    chromium_closes: closes(Chromium);
    tungstenite_closes: closes(Tungstenite);
    undici_closes: closes(Undici);
    websockets_closes: closes(Websockets);
    ws_closes: closes(Ws);
    chromium_is_closed: is_closed(Chromium);
    tungstenite_is_closed: is_closed(Tungstenite);
    undici_is_closed: is_closed(Undici);
    websockets_is_closed: is_closed(Websockets);
    ws_is_closed: is_closed(Ws);
    chromium_sends_too_much: sends_too_much(Chromium);
    tungstenite_sends_too_much: sends_too_much(Tungstenite);
    undici_sends_too_much: sends_too_much(Undici);
    websockets_sends_too_much: sends_too_much(Websockets);
    ws_sends_too_much: sends_too_much(Ws);
}

/// Messages of every kind, subprotocols, and pings both ways.
async fn talks(library: Library) {
    let Some(mut client) = Client::start(library, None).await else {
        return;
    };
    let config = Config::default().ping_after(Duration::from_millis(50));
    let mut server = Server::start(config).await;
    let protocol = client.open(&server.url(), &["other", "chat"]).await.0;
    assert_eq!(protocol, "chat");
    for text in ["", "gr\u{fc}\u{df}e", "\u{1f310} \u{0}"] {
        let text = json!(["text", text]);
        client.expect(text.clone(), text).await;
    }
    // Each form of a length, and one that arrives in many reads.
    for length in [0, 125, 126, 65_535, 65_536, 1 << 20] {
        let echo = json!(["binary", length, true]);
        client.expect(json!(["binary", length]), echo).await;
    }
    if library.fragments() {
        let fragments = json!(["fragments", "in ", "three ", "parts"]);
        let whole = json!(["text", "in three parts"]);
        client.expect(fragments, whole).await;
    }
    if library.pings() {
        let (ping, pong) = (
            json!(["ping", "are you there"]),
            json!(["pong", "are you there"]),
        );
        client.expect(ping, pong).await;
    }
    // Whatever comes while nobody talks answers our pings.
    server.hears_more(3 * PONG).await;
    let text = json!(["text", "still here"]);
    client.expect(text.clone(), text).await;
    client.act(json!(["close", 1000, ""])).await;
    assert_eq!(server.ended().await.unwrap().0, 1000);
    assert_eq!(client.next_but_pings().await, json!(["close", 1000, ""]));
    client.finish().await;
}

/// The client begins the closing handshake; each side hears what the other said.
async fn closes(library: Library) {
    let Some(mut client) = Client::start(library, None).await else {
        return;
    };
    let mut server = Server::start(Config::default()).await;
    for (close, said, heard) in [
        (json!(["close", 1000, "bye"]), (1000, "bye"), 1000),
        (
            json!(["close", 3001, "gr\u{fc}\u{df}e"]),
            (3001, "gr\u{fc}\u{df}e"),
            3001,
        ),
        (json!(["close", 4999, ""]), (4999, ""), 4999),
        match library {
            // Asked to close without a code, it says 1000.
            Library::Websockets => (json!(["close"]), (1000, ""), 1000),
            _ => (json!(["close"]), (1005, ""), 1005),
        },
    ] {
        client.open(&server.url(), &[]).await;
        client.expect(close, json!(["close", heard, ""])).await;
        let ended = server.ended().await.unwrap();
        assert_eq!((ended.0, ended.1.as_str()), said, "{library:?}");
    }
    client.finish().await;
}

/// The server begins it, or goes without.
async fn is_closed(library: Library) {
    let Some(mut client) = Client::start(library, None).await else {
        return;
    };
    let mut server = Server::start(Config::default()).await;
    for (code, reason) in [
        (1000, "bye"),
        (1001, "going away"),
        (1011, ""),
        (1012, "restart"),
        (4000, "gr\u{fc}\u{df}e"),
    ] {
        client.open(&server.url(), &[]).await;
        let close = format!("close {code} {reason}");
        client
            .expect(json!(["text", close]), json!(["close", code, reason]))
            .await;
        // The client says the code again.
        assert_eq!(server.ended().await.unwrap().0, code, "{library:?}");
    }
    client.open(&server.url(), &[]).await;
    client
        .expect(json!(["text", "drop"]), json!(["close", 1006, ""]))
        .await;
    client.finish().await;
}

/// 8 MiB are over the limit of 4 MiB, and under one of 16.
async fn sends_too_much(library: Library) {
    let Some(mut client) = Client::start(library, None).await else {
        return;
    };
    const LENGTH: usize = 8 << 20;
    let mut server = Server::start(Config::default()).await;
    client.open(&server.url(), &[]).await;
    let closed: Value = json!(["close", 1009, ""]);
    client.expect(json!(["binary", LENGTH]), closed).await;
    let error = server.ended().await.unwrap_err();
    let Error::WebSocket(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.close_code(), CloseCode::TOO_LARGE);

    let limits = Limits::default()
        .with_max_message(16 << 20)
        .with_max_frame(16 << 20);
    let frames = ws_frame::Config::default().with_limits(limits);
    let server = Server::start(Config::default().frames(frames)).await;
    client.open(&server.url(), &[]).await;
    client
        .expect(json!(["binary", LENGTH]), json!(["binary", LENGTH, true]))
        .await;
    client.finish().await;
}
