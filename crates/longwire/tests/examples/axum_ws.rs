#[allow(dead_code, reason = "`main` is for people")]
#[path = "../../examples/axum_ws.rs"]
mod example;

use longwire::ws::h2::Connection;
use longwire::ws::{self, Message};

use super::listen;

#[tokio::test]
async fn it_echoes_over_both_versions_of_http() {
    let (listener, address) = listen().await;
    tokio::spawn(example::serve(listener));
    let url = format!("ws://{address}/echo");
    let request = || ws::connect(&url).protocol("echo.v1");
    let (mut socket, response) = request().with_response().await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "echo.v1");
    socket.send("over 1.1").await.unwrap();
    assert_eq!(
        socket.recv().await.unwrap().unwrap(),
        Message::from("over 1.1")
    );
    let connection = Connection::connect(&url).await.unwrap();
    let mut socket = connection.open(request()).await.unwrap();
    socket.send("over 2").await.unwrap();
    assert_eq!(
        socket.recv().await.unwrap().unwrap(),
        Message::from("over 2")
    );
}
