//! Our client with other people's servers. They echo, take the subprotocol `chat` if it is offered,
//! refuse `/forbidden`, and do as they are told:
//!
//! | text | |
//! |---|---|
//! | `close CODE REASON` | begins the closing handshake |
//! | `drop` | ends the connection without one |
//! | `fragments A B C` | sends one text message in as many frames |
//! | `ping PAYLOAD` | sends a ping, and tells `["pong", payload]` when it is answered |
//! | `big LENGTH` | sends a binary message of so many zeros |
//!
//! When a connection ends they tell `["close", code, reason]`.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::AtomicUsize;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use longwire::Error;
use longwire::net::{Connector, Roots, Stream, Tls};
use longwire::ws::{self, Client, Config, Message, Socket};
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use ws_frame::{CloseCode, Limits};

use crate::server::{Counted, hears_more};
use crate::support::{Authority, Folder, Program, Tool, within};
use crate::tungstenite_server::Tungstenite;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Tungstenite,
    Websockets,
    Ws,
}

/// A server that runs.
#[expect(clippy::large_enum_variant, reason = "there is one")]
pub(crate) enum Server {
    Script { program: Program, port: u16 },
    Thread(Tungstenite),
}

impl Server {
    /// `None` if a tool is missing.
    pub(crate) async fn start(library: Library, options: Value) -> Option<Self> {
        let (tool, script) = match library {
            Library::Tungstenite => return Some(Self::Thread(Tungstenite::start())),
            Library::Websockets => (Tool::Python, "peers/python/websockets_server.py"),
            Library::Ws => (Tool::Node, "peers/node/ws_server.mjs"),
        };
        let [interpreter] = Tool::find([tool])?;
        let mut program = Program::script(interpreter, script, [options.to_string()]);
        let listens = program.line().await.expect("the port");
        let listens: Value = serde_json::from_str(&listens).unwrap();
        assert_eq!(listens[0], "listens");
        let port = u16::try_from(listens[1].as_u64().unwrap()).unwrap();
        Some(Self::Script { program, port })
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Script { port, .. } => *port,
            Self::Thread(tungstenite) => tungstenite.port,
        }
    }

    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port())
    }

    /// The next event.
    async fn next(&mut self) -> Value {
        match self {
            Self::Script { program, .. } => {
                let line = program.line().await.expect("an event");
                serde_json::from_str(&line).unwrap()
            }
            Self::Thread(tungstenite) => tungstenite.next().await,
        }
    }
}

/// Passes a connection on to `port`: where to connect, and the bytes that come from there and go.
pub(crate) async fn counting(port: u16) -> (SocketAddr, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, said) = (Arc::default(), Arc::default());
    let counts = (Arc::clone(&heard), Arc::clone(&said));
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let io = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let (heard, said) = counts;
        // An end is an end, however it comes.
        let _ = copy_bidirectional(&mut near, &mut Counted { io, heard, said }).await;
    });
    (address, heard, said)
}

pub(crate) type Connection = Socket<Stream, Client>;

async fn tell(socket: &mut Connection, text: &str) {
    within("a message is sent", socket.send(text))
        .await
        .unwrap();
}

/// Sends a message and expects this one.
pub(crate) async fn expect(
    socket: &mut Connection,
    message: impl Into<Message>,
    answer: impl Into<Message>,
) {
    within("a message is sent", socket.send(message.into()))
        .await
        .unwrap();
    let received = within("a message", socket.recv()).await.unwrap().unwrap();
    assert_eq!(received, answer.into());
}

/// Waits for the end: the code and reason that the server gave.
async fn ended(mut socket: Connection) -> (u16, String) {
    let more = within("the end", socket.recv()).await;
    assert!(more.is_none(), "{more:?}");
    let closed = socket.closed();
    (closed.code().get(), closed.reason().to_owned())
}

macro_rules! with_every_server {
    ($($test:ident: $what:ident($library:ident);)*) => {$(
        #[tokio::test]
        async fn $test() {
            $what(Library::$library).await;
        }
    )*};
}

with_every_server! {
    tungstenite_talks: talks(Tungstenite);
    websockets_talks: talks(Websockets);
    ws_talks: talks(Ws);
    tungstenite_and_we_close: we_close(Tungstenite);
    websockets_and_we_close: we_close(Websockets);
    ws_and_we_close: we_close(Ws);
    tungstenite_closes: closes(Tungstenite);
    websockets_closes: closes(Websockets);
    ws_closes: closes(Ws);
    tungstenite_refuses: refuses(Tungstenite);
    websockets_refuses: refuses(Websockets);
    ws_refuses: refuses(Ws);
    websockets_talks_over_tls: talks_over_tls(Websockets);
    ws_talks_over_tls: talks_over_tls(Ws);
}

/// Bytes of a server's pong without payload.
const PONG: usize = 2;

/// Messages of every kind, subprotocols, pings both ways, and what is too big.
async fn talks(library: Library) {
    let Some(mut server) = Server::start(library, json!({})).await else {
        return;
    };
    let (address, heard, _) = counting(server.port()).await;
    let config = Config::default().ping_after(Duration::from_millis(50));
    let connecting = ws::connect(format!("ws://{address}/"))
        .protocol("other")
        .protocol("chat")
        .config(config)
        .with_response();
    let (mut socket, response) = within("a connection", connecting).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    for text in ["", "gr\u{fc}\u{df}e", "\u{1f310} \u{0}"] {
        expect(&mut socket, text, text).await;
    }
    for length in [0, 125, 126, 65_535, 65_536, 1 << 20] {
        let bytes: Bytes = (0..=250).cycle().take(length).collect();
        expect(&mut socket, bytes.clone(), bytes).await;
    }
    expect(&mut socket, "fragments in three parts", "inthreeparts").await;
    // Answered while we receive.
    tell(&mut socket, "ping hello").await;
    let pong = tokio::select! {
        event = server.next() => event,
        more = socket.recv() => panic!("{more:?}"),
    };
    assert_eq!(pong, json!(["pong", "hello"]));
    // Whatever comes while nobody talks answers our pings.
    tokio::select! {
        () = hears_more(&heard, 3 * PONG) => {}
        more = socket.recv() => panic!("{more:?}"),
    }
    expect(&mut socket, "still here", "still here").await;
    tell(&mut socket, "big 8388608").await;
    let error = within("the limit", socket.recv())
        .await
        .unwrap()
        .unwrap_err();
    let Error::WebSocket(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.close_code(), CloseCode::TOO_LARGE);
    assert_eq!(
        server.next().await,
        json!(["close", 1009, ""]),
        "{library:?}"
    );

    let limits = Limits::default()
        .with_max_message(16 << 20)
        .with_max_frame(16 << 20);
    let frames = ws_frame::Config::default().with_limits(limits);
    let connecting = ws::connect(server.url()).config(Config::default().frames(frames));
    let mut socket = within("a connection", connecting).await.unwrap();
    expect(&mut socket, "big 8388608", vec![0; 8 << 20]).await;
}

/// We begin the closing handshake.
async fn we_close(library: Library) {
    let Some(mut server) = Server::start(library, json!({})).await else {
        return;
    };
    for (code, reason) in [
        (1000, "bye"),
        (1001, ""),
        (3001, "gr\u{fc}\u{df}e"),
        (4999, ""),
    ] {
        let connecting = ws::connect(server.url());
        let mut socket = within("a connection", connecting).await.unwrap();
        expect(&mut socket, "hello", "hello").await;
        socket.close(CloseCode::new(code).unwrap(), reason).unwrap();
        let (echoed, _) = ended(socket).await;
        assert_eq!(echoed, code, "{library:?}");
        let told = server.next().await;
        assert_eq!(told, json!(["close", code, reason]), "{library:?}");
    }
}

/// The server begins it, or goes without.
async fn closes(library: Library) {
    let Some(mut server) = Server::start(library, json!({})).await else {
        return;
    };
    for (code, reason) in [
        (1000, "bye"),
        (1001, "going away"),
        (1011, ""),
        (1012, "restart"),
        (4000, "gr\u{fc}\u{df}e"),
    ] {
        let connecting = ws::connect(server.url());
        let mut socket = within("a connection", connecting).await.unwrap();
        tell(&mut socket, &format!("close {code} {reason}")).await;
        assert_eq!(
            ended(socket).await,
            (code, reason.to_owned()),
            "{library:?}"
        );
        // Our answer says the code again.
        let told = server.next().await;
        assert_eq!(
            (&told[0], &told[1]),
            (&json!("close"), &json!(code)),
            "{library:?}"
        );
    }
    let connecting = ws::connect(server.url());
    let mut socket = within("a connection", connecting).await.unwrap();
    tell(&mut socket, "drop").await;
    assert_eq!(ended(socket).await, (1006, String::new()), "{library:?}");
}

/// A refusal is told whole.
async fn refuses(library: Library) {
    let Some(server) = Server::start(library, json!({})).await else {
        return;
    };
    let connecting = ws::connect(format!("{}forbidden", server.url()));
    let error = match within("a refusal", connecting).await {
        Err(Error::Status(refused)) => refused,
        other => panic!("{other:?}"),
    };
    assert_eq!(error.status(), 403, "{library:?}");
    assert_eq!(&error.body()[..], b"no", "{library:?}");
}

async fn talks_over_tls(library: Library) {
    let (authority, folder) = (Authority::new(), Folder::new());
    let (certificate, key) = authority.server().write(&folder, "server");
    let options = json!({ "certificate": certificate, "key": key });
    let Some(mut server) = Server::start(library, options).await else {
        return;
    };
    let url = format!("wss://localhost:{}/", server.port());
    let roots = Roots::none().add_pem(authority.certificate().as_bytes());
    let connector = Connector::new().tls(Tls::with_roots(roots.unwrap()));
    let connecting = ws::connect(&url).connector(connector.clone());
    let mut socket = within("a connection", connecting).await.unwrap();
    expect(&mut socket, "gr\u{fc}\u{df}e", "gr\u{fc}\u{df}e").await;
    let bytes: Bytes = (0..=250).cycle().take(1 << 20).collect();
    expect(&mut socket, bytes.clone(), bytes).await;
    socket.close(CloseCode::new(3001).unwrap(), "done").unwrap();
    assert_eq!(ended(socket).await.0, 3001, "{library:?}");
    assert_eq!(
        server.next().await,
        json!(["close", 3001, "done"]),
        "{library:?}"
    );

    let connecting = ws::connect(&url).connector(connector);
    let mut socket = within("a connection", connecting).await.unwrap();
    tell(&mut socket, "close 1012 restart").await;
    assert_eq!(ended(socket).await, (1012, "restart".into()), "{library:?}");
    // Nobody knows who signed it.
    let stranger = Connector::new().tls(Tls::with_roots(Roots::none()));
    let refused = ws::connect(&url).connector(stranger).await;
    assert!(matches!(refused, Err(Error::Connect(_))), "{refused:?}");
}
