//! Our server over TLS, with other people's clients.

use longwire::ws::Config;
use serde_json::json;

use crate::client::{Client, Library};
use crate::server::Server;
use crate::support::{Authority, Folder};

#[tokio::test]
async fn chromium_talks() {
    talks(Library::Chromium).await;
}

#[tokio::test]
async fn undici_talks() {
    talks(Library::Undici).await;
}

#[tokio::test]
async fn websockets_talks() {
    talks(Library::Websockets).await;
}

#[tokio::test]
async fn ws_talks() {
    talks(Library::Ws).await;
}

/// Messages of one record and of many, and closing from either side: the code arrives before the
/// end of TLS does.
async fn talks(library: Library) {
    let (authority, folder) = (Authority::new(), Folder::new());
    let ca = folder.write("ca.crt", authority.certificate());
    let Some(mut client) = Client::start(library, Some(&ca)).await else {
        return;
    };
    let mut server = Server::start_tls(Config::default(), &authority.server()).await;
    let url = server.url();
    assert!(url.starts_with("wss:"), "{url}");
    assert_eq!(client.open(&url, &["chat"]).await.0, "chat");
    let text = json!(["text", "gr\u{fc}\u{df}e"]);
    client.expect(text.clone(), text).await;
    let binary = json!(["binary", 1 << 20, true]);
    client.expect(json!(["binary", 1 << 20]), binary).await;
    let closed = json!(["close", 3001, ""]);
    client.expect(json!(["close", 3001, "done"]), closed).await;
    let ended = server.ended().await.unwrap();
    assert_eq!(ended, (3001, "done".to_owned()), "{library:?}");

    client.open(&url, &[]).await;
    let closed = json!(["close", 1012, "restart"]);
    client
        .expect(json!(["text", "close 1012 restart"]), closed)
        .await;
    assert_eq!(server.ended().await.unwrap().0, 1012, "{library:?}");
    client.open(&url, &[]).await;
    let closed = json!(["close", 1006, ""]);
    client.expect(json!(["text", "drop"]), closed).await;
    client.finish().await;
}
