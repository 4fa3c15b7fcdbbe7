//! WebSockets of `ws::accept`, whose idle memory is measured, and what their clients do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as Client};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use longwire::http::{Handler, Take};
use longwire::sse::{self, Subscription};
use longwire::ws::{self, Config, Deflate, Outbox, Received, Session};
use tokio::net::{TcpListener, TcpStream};
use ws_deflate::{Deflater, WindowBits};
use ws_frame::{CloseReason, FrameHeader, MaskKey, OpCode, Rsv, mask};
use ws_handshake::{Request, RequestHead};

/// What there is, and how it is called in the table.
pub(crate) const SERVERS: [(&str, &str); 6] = [
    ("plain", "ws::accept, session"),
    ("deflate", "ws::accept, session, deflate"),
    ("shared", "ws::accept, session, one Config"),
    ("shared-deflate", "the same, deflate"),
    ("serve", "http::serve, session"),
    ("serve-deflate", "http::serve, session, deflate"),
];

/// The request for one of [`SERVERS`].
pub(crate) fn request(name: &str) -> String {
    let extensions = if name.ends_with("deflate") {
        "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; \
         server_no_context_takeover\r\n"
    } else {
        ""
    };
    format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         {extensions}\r\n"
    )
}

/// Serves until killed.
pub(crate) fn serve(name: &str) {
    let deflate = name.ends_with("deflate").then(Deflate::new);
    // The clients answer no pings: to open thousands of them may take longer than a pong may.
    let config = Config::default()
        .deflate(deflate)
        .pong_within(Duration::from_secs(3_600));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}/", listener.local_addr().unwrap());
        let shared = Arc::new(config);
        if name.starts_with("serve") {
            let (app, config) = (Arc::new(App(shared)), longwire::http::Config::default());
            longwire::http::serve(listener, app, config, std::future::pending()).await;
            return;
        }
        loop {
            let (io, _) = listener.accept().await.unwrap();
            if name.starts_with("shared") {
                tokio::spawn(serve_one(io, shared.clone()));
            } else {
                tokio::spawn(serve_one(io, config));
            }
        }
    });
}

async fn serve_one(
    io: TcpStream,
    config: impl Into<Arc<Config>>,
) -> Result<CloseReason, longwire::Error> {
    let socket = ws::accept(io, config, |accept| Ok(accept)).await?;
    socket.run(Echo).await
}

struct App(Arc<Config>);

impl Handler for App {
    type EventStream = Subscription;
    type WebSocket = Echo;
    type Body = sse::Body<Subscription>;

    fn take(&self, head: &RequestHead<'_>, _: SocketAddr) -> Take<Subscription, Echo> {
        let request = Request::from_head(head.clone()).unwrap();
        Take::WebSocket(ws::Answer::new(request.accept(), self.0.clone()), Echo)
    }

    async fn http(&self, _: http::Request<Incoming>, _: SocketAddr) -> Response<Self::Body> {
        unreachable!("every request is taken over")
    }
}

struct Echo;

impl Session for Echo {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Outbox<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn receive(&mut self, message: Received<'_>, out: &mut Outbox<'_>) {
        // Only a connection that is over takes nothing.
        let _ = out.send(message);
    }
}

/// Sends a text of 1 KiB on each of `streams`, compressed or not, and reads the echoes.
pub(crate) fn echo(name: &str, streams: &mut [Client]) {
    let text = r#"{"topic":"idle","event":"tick"} "#.repeat(32);
    let mut frame = FrameHeader::new(OpCode::Text, 0);
    let mut payload = text.into_bytes();
    assert_eq!(payload.len(), 1024);
    if name.ends_with("deflate") {
        let plain = std::mem::take(&mut payload);
        let context = ws_deflate::Context::without_takeover(WindowBits::MAX);
        Deflater::new(context).deflate(&plain, true, &mut payload);
        frame.rsv = Rsv::RSV1;
    }
    frame.len = payload.len() as u64;
    let expected = frame.rsv;
    let key = MaskKey::new([1, 2, 3, 4]);
    frame.mask = Some(key);
    mask(key, 0, &mut payload);
    let request = [frame.encode().as_ref(), &payload].concat();
    for stream in &mut *streams {
        stream.write_all(&request).unwrap();
    }
    for stream in streams {
        // Those that were quiet for long are pinged.
        let header = loop {
            let header = next(stream);
            if header.opcode != OpCode::Ping {
                break header;
            }
        };
        assert_eq!((header.opcode, header.rsv), (OpCode::Text, expected));
    }
}

/// Reads a frame, and returns its header.
fn next(stream: &mut Client) -> FrameHeader {
    let mut bytes = vec![0; 2];
    stream.read_exact(&mut bytes).unwrap();
    let header = loop {
        match FrameHeader::decode(&bytes).unwrap() {
            Some((header, _)) => break header,
            None => {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                bytes.extend_from_slice(&byte);
            }
        }
    };
    let mut payload = vec![0; usize::try_from(header.len).unwrap()];
    stream.read_exact(&mut payload).unwrap();
    header
}
