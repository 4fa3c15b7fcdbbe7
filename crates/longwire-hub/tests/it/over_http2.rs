//! Subscriptions over WebSocket on streams of HTTP/2 (RFC 8441): the same checks and frames as over
//! HTTP/1.1.

use longwire::Error;
use longwire::ws::h2::{Connection, Stream};
use longwire::ws::{self, Client, Message, Socket};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Hub, target, within};

async fn next(socket: &mut Socket<Stream, Client>) -> Value {
    match within("a frame", socket.recv()).await {
        Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn several_subscriptions_on_one_connection_until_the_hub_drains() {
    let hub = Hub::start(&[]).await;
    let connection = Connection::connect(hub.url("ws", "/")).await.unwrap();
    let mut sockets = Vec::new();
    for topics in [
        &[("topic", "tea")][..],
        &[("topic", "tea"), ("topic", "coffee")],
    ] {
        let url = hub.url("ws", &target(topics));
        let request = ws::connect(url).protocol("longwire.v1");
        let (mut socket, response) = connection.open_with_response(request).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "longwire.v1");
        assert_eq!(next(&mut socket).await["type"], "open");
        sockets.push(socket);
    }
    for (topic, data) in [("coffee", "black"), ("tea", "green")] {
        hub.publish_data(topic, data).await;
    }
    let [tea, both] = &mut sockets[..] else {
        unreachable!("there are two");
    };
    assert_eq!(next(tea).await["data"], "green");
    assert_eq!(next(both).await["data"], "black");
    assert_eq!(next(both).await["data"], "green");

    let foreign = ws::connect(hub.url("ws", &target(&[("topic", "tea")])));
    let foreign = connection
        .open(foreign.origin("https://evil.example"))
        .await;
    assert!(matches!(foreign, Err(Error::Status(response)) if response.status() == 403));

    hub.signal(Signal::TERM);
    for socket in &mut sockets {
        while within("the end", socket.recv()).await.is_some() {}
        assert_eq!(socket.closed().code().get(), 1012);
    }
    let (status, text) = hub.ended().await;
    assert!(status.success(), "{text}");
}
