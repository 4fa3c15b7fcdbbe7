//! The extractor for axum, over both carriers.

use core::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Router, serve};
use http_body_util::BodyExt;
use longwire::Error;
use longwire::ws::h2::Connection;
use longwire::ws::{self, Message, WebSocketRejection, WebSocketUpgrade};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use ws_handshake::OriginPolicy;

async fn own(upgrade: WebSocketUpgrade) -> Response {
    answer(upgrade.protocols(["echo.v2", "echo.v1"]))
}

async fn listed(upgrade: WebSocketUpgrade) -> Response {
    let policy = OriginPolicy::listed().allow("https://app.example").unwrap();
    answer(upgrade.origin(policy))
}

async fn small(upgrade: WebSocketUpgrade) -> Response {
    let limits = ws_frame::Limits::default().with_max_message(10);
    let frames = ws_frame::Config::default().with_limits(limits);
    answer(upgrade.config(ws::Config::default().frames(frames)))
}

/// Says which subprotocol it is, and echoes.
fn answer(upgrade: WebSocketUpgrade) -> Response {
    let protocol = upgrade.protocol().unwrap_or("none").to_owned();
    upgrade.on_upgrade(|mut socket| async move {
        socket.send(protocol).await.unwrap();
        while let Some(Ok(message)) = socket.recv().await {
            socket.send(message).await.unwrap();
        }
    })
}

async fn start() -> SocketAddr {
    let app = Router::new()
        .route("/own", any(own))
        .route("/small", any(small))
        .route("/listed", any(listed));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app).into_future());
    address
}

/// The head of the answer to this request, whose connection is then dropped.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn upgrade(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

#[tokio::test]
async fn an_upgrade_of_http_1() {
    let address = start().await;
    let fields = "Sec-WebSocket-Protocol: other, echo.v1\r\n";
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(upgrade("/own", fields).as_bytes())
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(
        head.contains("sec-websocket-protocol: echo.v1\r\n"),
        "{head}"
    );
    let mut first = [0; 9];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"\x81\x07echo.v1");
}

#[tokio::test]
async fn an_extended_connect_of_http_2() {
    let address = start().await;
    let url = format!("ws://{address}/own");
    let connection = Connection::connect(&url).await.unwrap();
    let request = ws::connect(&url).protocol("echo.v2");
    let (mut socket, response) = connection.open_with_response(request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "echo.v2");
    assert_eq!(
        socket.recv().await.unwrap().unwrap(),
        Message::from("echo.v2")
    );
    socket.send("hello").await.unwrap();
    assert_eq!(
        socket.recv().await.unwrap().unwrap(),
        Message::from("hello")
    );
}

#[tokio::test]
async fn what_is_no_handshake_gets_an_answer_that_says_so() {
    let address = start().await;
    let plain = "GET /own HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let head = ask(address, plain).await;
    assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
    assert!(head.contains("upgrade: websocket\r\n"), "{head}");
    let old = upgrade("/own", "").replace("Version: 13", "Version: 8");
    let head = ask(address, &old).await;
    assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
    assert!(head.contains("sec-websocket-version: 13\r\n"), "{head}");
    let post = upgrade("/own", "").replace("GET", "POST");
    let head = ask(address, &post).await;
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    assert!(head.contains("allow: GET\r\n"), "{head}");
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-10.2
//= type=test
//# If the origin indicated is unacceptable to the server, then it SHOULD respond to the WebSocket
//# handshake with a reply containing HTTP 403 Forbidden status code.
#[tokio::test]
async fn pages_of_other_origins_are_refused_over_both_carriers() {
    let address = start().await;
    let url = format!("ws://{address}/");
    let connection = Connection::connect(&url).await.unwrap();
    for (path, origin, may) in [
        ("/own", "http://a.example", true),
        ("/own", "http://a.example:81", false),
        ("/own", "http://evil.example", false),
        ("/own", "null", false),
        ("/listed", "https://app.example", true),
        ("/listed", "http://a.example", false),
    ] {
        let head = ask(address, &upgrade(path, &format!("Origin: {origin}\r\n"))).await;
        let status = if may {
            "HTTP/1.1 101 "
        } else {
            "HTTP/1.1 403 "
        };
        assert!(head.starts_with(status), "{path} {origin}: {head}");

        let url = format!("ws://a.example{path}");
        let request = ws::connect(url).origin(origin);
        match connection.open_with_response(request).await {
            Ok(_) => assert!(may, "{path} {origin}"),
            Err(Error::Status(response)) => {
                assert_eq!(
                    (response.status().as_u16(), may),
                    (403, false),
                    "{path} {origin}"
                );
            }
            Err(error) => panic!("{path} {origin}: {error}"),
        }
    }
    // A cookie says who asks, and the browser adds it whoever wrote the page.
    let head = ask(address, &upgrade("/own", "Cookie: session=1\r\n")).await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
}

#[tokio::test]
async fn the_socket_has_the_limits_that_were_configured() {
    let address = start().await;
    for (len, code) in [(10, 1000), (11, 1009)] {
        let mut socket = ws::connect(format!("ws://{address}/small")).await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), Message::from("none"));
        socket.send("x".repeat(len)).await.unwrap();
        if code == 1000 {
            assert!(socket.recv().await.unwrap().is_ok());
            socket.close(ws::CloseCode::NORMAL, "").unwrap();
        }
        assert!(socket.recv().await.is_none());
        assert_eq!(socket.closed().code().get(), code, "{len}");
    }
}

/// A handshake in order, of a server that hands no connection over: there is nothing to speak on.
#[tokio::test]
async fn a_request_without_its_connection_is_answered_500() {
    let request = http::Request::get("/")
        .header("Host", "a.example")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let rejection = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let rejection = rejection.unwrap_err();
    assert_eq!(rejection, WebSocketRejection::NotUpgradable);
    let response = rejection.into_response();
    assert_eq!(response.status(), 500);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, rejection.to_string());

    parts.headers.remove("Sec-WebSocket-Key");
    let rejection = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let rejection = rejection.unwrap_err();
    let cause = core::error::Error::source(&rejection).unwrap();
    assert_eq!(rejection.to_string(), cause.to_string());
    assert_eq!(rejection.into_response().status(), 400);
}
