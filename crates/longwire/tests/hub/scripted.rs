//! A hub that says what a test has it say, on the bare socket.

use core::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use ws_frame::{FrameHeader, OpCode, mask};

use crate::support::within;

/// A place in the log of this hub.
pub(crate) fn position(offset: u64) -> String {
    format!("#000000000000000000000000-{offset}")
}

pub(crate) struct Hub {
    listener: TcpListener,
}

impl Hub {
    pub(crate) async fn start() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Its URL with `rest` behind the path.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("http://{}/hub{rest}", self.address())
    }

    /// The next request.
    pub(crate) async fn asked(&self) -> Asked {
        let accepted = within("a connection", self.listener.accept()).await;
        let mut io = accepted.unwrap().0;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("a head", io.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        Asked { head, io }
    }

    /// The next request, whose answer opens a connection at this offset.
    pub(crate) async fn opens(&self, offset: u64) -> Link {
        self.asked().await.opens(offset).await
    }
}

/// A request that waits for an answer.
pub(crate) struct Asked {
    pub(crate) head: String,
    io: TcpStream,
}

impl Asked {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The body, of the length that the head says.
    pub(crate) async fn body(&mut self) -> String {
        let len = self.field("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; len];
        within("a body", self.io.read_exact(&mut body))
            .await
            .unwrap();
        String::from_utf8(body).unwrap()
    }

    /// Answers with this, and ends the connection.
    pub(crate) async fn answer(mut self, answer: &str) {
        // A client that has heard enough may be gone.
        let _ = self.io.write_all(answer.as_bytes()).await;
        let _ = self.io.shutdown().await;
        let _ = self.io.read_to_end(&mut Vec::new()).await;
    }

    /// Answers with a status, header lines and no body.
    pub(crate) async fn status(self, status: u16, lines: &str) {
        let answer =
            format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n{lines}\r\n");
        self.answer(&answer).await;
    }

    /// Accepts the upgrade, with this header line.
    pub(crate) async fn upgraded(mut self, line: &str) -> Link {
        let key = self.field("sec-websocket-key").unwrap();
        let accept = ws_handshake::accept_key(key.as_bytes());
        let accept = str::from_utf8(&accept).unwrap();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{line}\r\n"
        );
        self.io.write_all(answer.as_bytes()).await.unwrap();
        let Self { io, .. } = self;
        Link { io, frames: true }
    }

    /// Begins an event stream, with this header line.
    pub(crate) async fn streaming(self, line: &str) -> Link {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{line}");
        self.chunked(&head).await
    }

    /// Begins an answer with these lines, whose body comes in chunks.
    pub(crate) async fn chunked(mut self, lines: &str) -> Link {
        let answer = format!("{lines}Transfer-Encoding: chunked\r\n\r\n");
        self.io.write_all(answer.as_bytes()).await.unwrap();
        let Self { io, .. } = self;
        Link { io, frames: false }
    }

    /// Opens what is asked for, at this offset.
    pub(crate) async fn opens(self, offset: u64) -> Link {
        let position = position(offset);
        if self.field("upgrade").is_none() {
            let line = format!("Longwire-Position: {position}\r\n");
            return self.streaming(&line).await;
        }
        let mut link = self
            .upgraded("Sec-WebSocket-Protocol: longwire.v1\r\n")
            .await;
        link.text(&format!(
            r#"{{"type":"open","position":"{position}","heartbeat":25000}}"#
        ))
        .await;
        link
    }
}

/// A connection to a client: a WebSocket or an event stream.
pub(crate) struct Link {
    io: TcpStream,
    frames: bool,
}

impl Link {
    /// Sends an event, the only one since the offset before it.
    pub(crate) async fn event(&mut self, offset: u64, data: &str) {
        let position = position(offset);
        if self.frames {
            let prev = self::position(offset - 1);
            self.text(&format!(
                r#"{{"type":"event","prev":"{prev}","position":"{position}","topics":["a"],"data":"{data}"}}"#
            ))
            .await;
        } else {
            self.chunk(&format!("id: {position}\ndata: {data}\n\n"))
                .await;
        }
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.frame(OpCode::Text, text.as_bytes()).await;
    }

    pub(crate) async fn frame(&mut self, opcode: OpCode, payload: &[u8]) {
        let header = FrameHeader::new(opcode, payload.len() as u64);
        self.bytes(header.encode().as_ref()).await;
        self.bytes(payload).await;
    }

    /// Sends a chunk of a body.
    pub(crate) async fn chunk(&mut self, text: &str) {
        self.bytes(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
            .await;
    }

    /// The same; whether it was taken.
    pub(crate) async fn try_chunk(&mut self, text: &str) -> bool {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        let written = self.io.write_all(chunk.as_bytes());
        within("room for a chunk", written).await.is_ok()
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// The next frame of the client; `None` once it has ended the connection.
    pub(crate) async fn next(&mut self) -> Option<(OpCode, Vec<u8>)> {
        within("a frame", async {
            let mut head = Vec::new();
            loop {
                head.push(self.io.read_u8().await.ok()?);
                if let Some((header, _)) = FrameHeader::decode(&head).unwrap() {
                    let mut payload = vec![0; usize::try_from(header.len).unwrap()];
                    self.io.read_exact(&mut payload).await.ok()?;
                    mask(header.mask.unwrap(), 0, &mut payload);
                    return Some((header.opcode, payload));
                }
            }
        })
        .await
    }

    /// The next frame of the client, as what it must be: a JSON object.
    pub(crate) async fn object(&mut self) -> serde_json::Value {
        let (opcode, payload) = self.next().await.unwrap();
        assert_eq!(opcode, OpCode::Text);
        serde_json::from_slice(&payload).unwrap()
    }

    /// Ends the connection as a server does: once the client has sent its close frame.
    pub(crate) async fn closed(mut self) {
        while let Some((opcode, _)) = self.next().await {
            if opcode == OpCode::Close {
                return;
            }
        }
    }

    /// Waits until the client has ended the connection.
    pub(crate) async fn gone(mut self) {
        let _ = within(
            "the end of a connection",
            self.io.read_to_end(&mut Vec::new()),
        )
        .await;
    }
}
