//! Other people's clients and servers of RFC 8441.

use http::Method;
use longwire::Error;
use longwire::http::Config;
use longwire::net::{Connector, Roots, ServerTls, Tls};
use longwire::ws::h2::Connection;
use longwire::ws::{self, CloseCode, Message};
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::{Authority, Folder, Page, Program, Tool, free_port, nghttpx};

async fn plain() -> Server {
    Server::start(Config::default(), ws::Config::default()).await
}

/// The one line of JSON that a script prints.
async fn report(mut script: Program) -> Value {
    let line = script.line().await.expect("a line of JSON");
    assert_eq!(script.finish().await, (Vec::new(), true));
    serde_json::from_str(&line).unwrap()
}

#[tokio::test]
async fn chromium_uses_the_session_that_it_has() {
    a_browser_uses_its_session(Page::start().await, "1006").await;
}

#[tokio::test]
async fn firefox_uses_the_session_that_it_has() {
    a_browser_uses_its_session(Page::firefox().await, "1001").await;
}

/// `left` is how a WebSocket ends whose page goes.
async fn a_browser_uses_its_session(page: Option<Page>, left: &str) {
    let Some(mut page) = page else {
        return;
    };
    let authority = Authority::new();
    let identity = authority.server();
    let tls = ServerTls::from_pem(identity.certificate.as_bytes(), identity.key.as_bytes());
    let config = Config::default().tls(tls.unwrap());
    let mut server = Server::start(config, ws::Config::default()).await;
    page.open(&format!("https://{}/", server.address)).await;
    let talk = format!(
        "new Promise((resolve) => {{
            const said = [];
            const socket = new WebSocket('wss://{}/', ['other', 'chat']);
            socket.binaryType = 'arraybuffer';
            socket.onopen = () => {{
                said.push(socket.protocol);
                socket.send('hello');
                socket.send(new Uint8Array(100000));
                socket.send('close');
            }};
            socket.onmessage = ({{ data }}) => said.push(data.byteLength ?? data);
            socket.onclose = ({{ code, reason, wasClean }}) =>
                resolve([...said, code, reason, wasClean]);
        }})",
        server.address
    );
    for _ in 0..2 {
        let said = page.evaluate(&talk).await;
        assert_eq!(
            said,
            json!(["chat", "hello", 100_000, 1001, "asked to", true])
        );
        assert_eq!(server.end().await, "1001");
    }
    let refused = talk.replace(
        &format!("{}/'", server.address),
        &format!("{}/private'", server.address),
    );
    let said = page.evaluate(&refused).await;
    assert_eq!(said, json!([1006, "", false]));
    // Left open when the page goes.
    let open = format!(
        "new Promise((resolve) => {{
            window.socket = new WebSocket('wss://{}/');
            window.socket.onopen = () => resolve('open');
        }})",
        server.address
    );
    assert_eq!(page.evaluate(&open).await, "open");
    page.open("about:blank").await;
    assert_eq!(server.end().await, left);
    page.close().await;
    assert_eq!(*server.methods.lock().unwrap(), vec![Method::CONNECT; 3]);
}

#[tokio::test]
async fn node_as_a_client() {
    let mut server = plain().await;
    let Some([node]) = Tool::find([Tool::Node]) else {
        return;
    };
    let script = Program::script(node, "h2/node/client.mjs", [server.address.to_string()]);
    assert_eq!(
        report(script).await,
        json!({
            "announced": true,
            "status": 200,
            "protocol": "chat",
            // The echo, then the close frame.
            "received": "810568656c6c6f880203e8",
            "rstCode": 0,
            "refused": 401,
        })
    );
    assert_eq!(server.end().await, "1000");
    assert_eq!(server.end().await, "1006");
}

#[tokio::test]
async fn python_as_a_client() {
    let mut server = plain().await;
    let Some([python]) = Tool::find([Tool::Python]) else {
        return;
    };
    let script = Program::script(python, "h2/python/client.py", [server.address.to_string()]);
    assert_eq!(
        report(script).await,
        json!({
            "announced": 1,
            "status": "200",
            "text": "grüße",
            "same": true,
            "pong": "are you there",
            "close": 1000,
        })
    );
    assert_eq!(server.end().await, "1000");
}

#[tokio::test]
async fn nghttpx_makes_an_extended_connect_of_an_upgrade() {
    let mut server = plain().await;
    let port = free_port();
    let frontend = format!("--frontend=127.0.0.1,{port};no-tls");
    let backend = format!("--backend=127.0.0.1,{};;proto=h2", server.address.port());
    let Some(_proxy) = nghttpx(port, &[&frontend, &backend]).await else {
        return;
    };
    let url = format!("ws://127.0.0.1:{port}/");
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let request = ws::connect(&url).protocol("chat");
        let (socket, response) = request.with_response().await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
        sockets.push(socket);
    }
    for socket in &mut sockets {
        socket.send("through a proxy").await.unwrap();
        socket.send(vec![1; 300_000]).await.unwrap();
    }
    for socket in &mut sockets {
        let text = socket.recv().await.unwrap().unwrap();
        assert_eq!(text, Message::from("through a proxy"));
        assert_eq!(
            socket.recv().await.unwrap().unwrap(),
            Message::from(vec![1; 300_000])
        );
    }
    let mut socket = sockets.pop().unwrap();
    socket.close(CloseCode::NORMAL, "").unwrap();
    assert!(socket.recv().await.is_none());
    assert_eq!(server.end().await, "1000");
    let mut socket = sockets.pop().unwrap();
    socket.send("close").await.unwrap();
    assert!(socket.recv().await.is_none());
    assert_eq!(socket.closed().code(), CloseCode::GOING_AWAY);
    assert_eq!(server.end().await, "1001");
    // A client that vanishes is a reset stream, and not with CANCEL.
    drop(sockets);
    let ended = server.end().await;
    assert!(ended.contains("stream error received"), "{ended}");

    let private = format!("ws://127.0.0.1:{port}/private");
    let error = ws::connect(private).await.unwrap_err();
    assert!(matches!(error, Error::Status(response) if response.status() == 401));
    assert_eq!(*server.methods.lock().unwrap(), vec![Method::CONNECT; 3]);
}

#[tokio::test]
async fn hypercorn_as_a_server() {
    let Some([python]) = Tool::find([Tool::Python]) else {
        return;
    };
    let authority = Authority::new();
    let identity = authority.server();
    let folder = Folder::new();
    let certificate = folder.write("certificate.pem", &identity.certificate);
    let key = folder.write("key.pem", &identity.key);
    let port = free_port();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/h2/python/server.py");
    let arguments = [
        script.into(),
        port.to_string().into(),
        certificate.into_os_string(),
        key.into_os_string(),
    ];
    let _server = Program::server(&python, folder, port, arguments).await;

    let roots = Roots::none()
        .add_pem(authority.certificate().as_bytes())
        .unwrap();
    let connector = Connector::new().tls(Tls::with_roots(roots));
    let url = format!("wss://localhost:{port}/");
    let to = ws::connect(&url).connector(connector);
    let connection = Connection::connect(to.clone()).await.unwrap();
    let (mut one, response) = connection
        .open_with_response(ws::connect(&url).protocol("chat"))
        .await
        .unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let mut two = connection.open(&url).await.unwrap();
    for socket in [&mut one, &mut two] {
        socket.send("hello").await.unwrap();
        socket.send(vec![5; 200_000]).await.unwrap();
        assert_eq!(
            socket.recv().await.unwrap().unwrap(),
            Message::from("hello")
        );
        assert_eq!(
            socket.recv().await.unwrap().unwrap(),
            Message::from(vec![5; 200_000])
        );
    }
    let error = connection
        .open(format!("wss://localhost:{port}/forbidden"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Status(response) if response.status() == 403));
    one.close(CloseCode::NORMAL, "done").unwrap();
    assert!(one.recv().await.is_none());
    assert_eq!(one.closed().code(), CloseCode::NORMAL);

    // It forgets a stream that it has ended, and gives the connection up when we end ours.
    let connection = Connection::connect(to).await.unwrap();
    let mut socket = connection.open(&url).await.unwrap();
    socket.send("close").await.unwrap();
    assert!(socket.recv().await.is_none());
    let closed = socket.closed();
    assert_eq!((closed.code().get(), closed.reason()), (4000, "asked to"));
}
