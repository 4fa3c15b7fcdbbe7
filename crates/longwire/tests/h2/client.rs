//! Our client against our server.

use http::Method;
use longwire::Error;
use longwire::http::Config;
use longwire::ws::h2::Connection;
use longwire::ws::{self, Message};
use ws_frame::CloseCode;

use crate::server::Server;
use crate::support::within;

async fn start() -> Server {
    Server::start(Config::default(), ws::Config::default()).await
}

//= https://www.rfc-editor.org/rfc/rfc8441#section-1
//= type=test
//# The other streams on the connection may carry more extended CONNECT tunnels, traditional HTTP/2
//# data, or a mixture of both.
#[tokio::test]
async fn several_web_sockets_on_one_connection() {
    let mut server = start().await;
    let connection = Connection::connect(&server.url("/")).await.unwrap();
    let mut sockets = Vec::new();
    for number in 0..20 {
        let url = server.url(&format!("/{number}"));
        sockets.push(connection.open(&url).await.unwrap());
    }
    drop(connection);
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.send(format!("text {number}")).await.unwrap();
        socket.send(vec![7; 100_000 * number]).await.unwrap();
    }
    for (number, socket) in sockets.iter_mut().enumerate().rev() {
        let text = within("an echo", socket.recv()).await.unwrap().unwrap();
        assert_eq!(text, Message::from(format!("text {number}")));
        let bytes = within("an echo", socket.recv()).await.unwrap().unwrap();
        assert_eq!(bytes, Message::from(vec![7; 100_000 * number]));
    }
    assert_eq!(*server.methods.lock().unwrap(), vec![Method::CONNECT; 20]);

    // Closed by us, closed by the server, dropped.
    let mut socket = sockets.pop().unwrap();
    socket.close(CloseCode::NORMAL, "done").unwrap();
    assert!(within("the close", socket.recv()).await.is_none());
    assert_eq!(socket.closed().code(), CloseCode::NORMAL);
    assert_eq!(server.end().await, "1000");
    let mut socket = sockets.pop().unwrap();
    socket.send("close").await.unwrap();
    assert!(within("the close", socket.recv()).await.is_none());
    let closed = socket.closed();
    assert_eq!(
        (closed.code(), closed.reason()),
        (CloseCode::GOING_AWAY, "asked to")
    );
    assert_eq!(server.end().await, "1001");
    drop(sockets.pop().unwrap());
    assert_eq!(server.end().await, "1006");
}

#[tokio::test]
async fn the_connection_ends_with_its_last_socket_and_handle() {
    let server = start().await;
    let connection = Connection::connect(&server.url("/")).await.unwrap();
    let mut socket = connection.open(&server.url("/")).await.unwrap();
    drop(connection);
    socket.send("still").await.unwrap();
    assert_eq!(
        socket.recv().await.unwrap().unwrap(),
        Message::from("still")
    );
    drop(socket);
    // The server waits for every connection.
    server.stop.send(()).unwrap();
    within("the connection ends", server.serving).await.unwrap();
}

#[tokio::test]
async fn the_same_checks_as_over_http_1() {
    let server = start().await;
    let url = server.url("/private?token=no");
    let connection = Connection::connect(&url).await.unwrap();
    let error = connection.open(&url).await.unwrap_err();
    let Error::Status(response) = error else {
        panic!("{error}")
    };
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert_eq!(response.body(), "a token is needed");
    let request = ws::connect(&url).header("authorization", "Bearer x");
    let request = request.protocol("other").protocol("chat");
    let (_socket, response) = connection.open_with_response(request).await.unwrap();
    //= https://www.rfc-editor.org/rfc/rfc8441#section-5
    //= type=test
    //# Implementations using this extended CONNECT to bootstrap WebSockets do not do the processing
    //# of the Sec-WebSocket-Key and Sec-WebSocket-Accept header fields of [RFC6455]
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("sec-websocket-accept"));
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let evil = ws::connect(server.url("/")).origin("https://evil.example");
    let error = connection.open(evil).await.unwrap_err();
    assert!(matches!(error, Error::Status(r) if r.status() == 403));
}
