//! The servers of `echo`.

use core::fmt::Debug;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use longwire::ws::{self, Config, Outbox, Received, Session, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What raw servers read at once.
const READ: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// Writes back what it reads.
    Raw,
    /// The same, with a timer for each connection.
    RawWithTimers,
    /// Whole small frames and nothing else.
    Floor,
    /// Ours, messages lent to a [`Session`].
    Session,
    /// Ours, `recv` and `feed`.
    Socket,
    /// Ours, `recv_ref` and `feed`: what is lent is copied to a buffer that is used again.
    Lent,
    FastWebSockets,
    NexusWeb,
    Ratchet,
    SockudoWs,
    TokioWebSockets,
    Tungstenite,
    Wtx,
    Yawc,
}

pub(crate) const SERVERS: [(&str, Server); 14] = [
    ("raw", Server::Raw),
    ("raw with timers", Server::RawWithTimers),
    ("floor", Server::Floor),
    ("longwire, session", Server::Session),
    ("longwire, socket", Server::Socket),
    ("longwire, lent", Server::Lent),
    ("fastwebsockets", Server::FastWebSockets),
    ("nexus-web", Server::NexusWeb),
    ("ratchet", Server::Ratchet),
    ("sockudo-ws", Server::SockudoWs),
    ("tokio-tungstenite", Server::Tungstenite),
    ("tokio-websockets", Server::TokioWebSockets),
    ("wtx", Server::Wtx),
    ("yawc", Server::Yawc),
];

impl Server {
    /// Whether its clients send what others answer.
    pub(crate) fn is_raw(self) -> bool {
        matches!(self, Self::Raw | Self::RawWithTimers)
    }
}

/// Serves one connection until its peer goes.
pub(crate) async fn echo(server: Server, mut stream: TcpStream) {
    match server {
        Server::Session => {
            let socket = ws::accept(stream, Config::default(), |accept| Ok(accept)).await;
            let _ended = socket.unwrap().run(Echo).await;
            return;
        }
        Server::Socket => {
            let socket = ws::accept(stream, Config::default(), |accept| Ok(accept)).await;
            let mut socket = socket.unwrap();
            while let Some(Ok(message)) = socket.recv().await {
                socket.feed(message).await.unwrap();
            }
            return;
        }
        Server::Lent => {
            let socket = ws::accept(stream, Config::default(), |accept| Ok(accept)).await;
            return lent(socket.unwrap()).await;
        }
        _ => answer(&mut stream).await,
    }
    match server {
        Server::Raw => raw(stream).await,
        Server::RawWithTimers => raw_with_timers(stream).await,
        Server::Floor => floor(stream).await,
        Server::Session | Server::Socket | Server::Lent => unreachable!("served above"),
        Server::FastWebSockets => fastwebsockets(stream).await,
        Server::NexusWeb => nexus_web(stream).await,
        Server::Ratchet => ratchet(stream).await,
        Server::SockudoWs => {
            let config = sockudo_ws::Config::default();
            let socket = sockudo_ws::WebSocketStream::server(stream, config);
            batches(socket, |message| message.ok().filter(|m| !m.is_close())).await;
        }
        Server::TokioWebSockets => {
            let socket = tokio_websockets::ServerBuilder::new().serve(stream);
            batches(socket, |message| message.ok().filter(|m| !m.is_close())).await;
        }
        Server::Tungstenite => {
            use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
            let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
            batches(socket, |message| message.ok().filter(|m| !m.is_close())).await;
        }
        Server::Wtx => wtx(stream).await,
        Server::Yawc => {
            use yawc::{OpCode, Options, Role, WebSocket};
            let options = Options::default().with_backpressure_boundary(READ);
            let socket = WebSocket::from_stream(stream, Role::Server, options).unwrap();
            batches(socket, |frame| {
                Some(frame).filter(|frame| frame.opcode() != OpCode::Close)
            })
            .await;
        }
    }
}

/// Reads the request and answers it, for servers whose handshake is elsewhere.
async fn answer(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    stream.write_all(answer).await.unwrap();
}

async fn lent(mut socket: Socket<TcpStream>) {
    let mut copy = Vec::new();
    while let Some(Ok(message)) = socket.recv_ref().await {
        let Received::Binary(bytes) = message else {
            return;
        };
        copy.clear();
        copy.extend_from_slice(bytes);
        socket.feed(&*copy).await.unwrap();
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

async fn raw(mut stream: TcpStream) {
    let mut bytes = vec![0; READ];
    while let Ok(len @ 1..) = stream.read(&mut bytes).await {
        stream.write_all(&bytes[..len]).await.unwrap();
    }
}

async fn raw_with_timers(mut stream: TcpStream) {
    let mut bytes = vec![0; READ];
    let mut sleep = pin!(tokio::time::sleep(Duration::from_secs(25)));
    loop {
        let read = {
            let mut read = pin!(stream.read(&mut bytes));
            poll_fn(|cx| {
                let read = read.as_mut().poll(cx);
                if read.is_pending() {
                    assert!(sleep.as_mut().poll(cx).is_pending());
                }
                read
            })
            .await
        };
        let Ok(len @ 1..) = read else { return };
        stream.write_all(&bytes[..len]).await.unwrap();
    }
}

async fn floor(mut stream: TcpStream) {
    let mut bytes = vec![0; READ];
    let mut out = Vec::with_capacity(READ);
    let mut have = 0;
    while let Ok(len @ 1..) = stream.read(&mut bytes[have..]).await {
        have += len;
        let mut at = 0;
        while let Some(&frame) = bytes[at..have].first_chunk::<14>() {
            let (header, len) = match frame[1] & 0x7f {
                126 => (4, usize::from(u16::from_be_bytes([frame[2], frame[3]]))),
                short => (2, usize::from(short)),
            };
            let Some(key) = frame[header..].first_chunk() else {
                break;
            };
            let key = ws_frame::MaskKey::new(*key);
            let start = at + header + 4;
            if have < start + len {
                break;
            }
            let payload = &mut bytes[start..start + len];
            ws_frame::mask(key, 0, payload);
            out.push(frame[0]);
            out.push(frame[1] & 0x7f);
            if header == 4 {
                out.extend_from_slice(&bytes[at + 2..at + 4]);
            }
            out.extend_from_slice(&bytes[start..start + len]);
            at = start + len;
        }
        bytes.copy_within(at..have, 0);
        have -= at;
        stream.write_all(&out).await.unwrap();
        out.clear();
    }
}

/// Sends back what `kept` keeps, flushed when no more is at hand.
async fn batches<S, T, M>(mut socket: S, kept: impl Fn(T) -> Option<M>)
where
    S: Stream<Item = T> + Sink<M> + Unpin,
    S::Error: Debug,
{
    let all = poll_fn(|cx| {
        loop {
            ready!(socket.poll_ready_unpin(cx))?;
            let Poll::Ready(message) = socket.poll_next_unpin(cx) else {
                ready!(socket.poll_flush_unpin(cx))?;
                return Poll::Pending;
            };
            let Some(message) = message.and_then(&kept) else {
                return Poll::Ready(Ok::<(), S::Error>(()));
            };
            socket.start_send_unpin(message)?;
        }
    });
    // Peers go without a word, which some call an error.
    let _ended = all.await;
}

async fn fastwebsockets(stream: TcpStream) {
    use fastwebsockets::{Frame, OpCode, Role, WebSocket};
    let mut socket = WebSocket::after_handshake(stream, Role::Server);
    socket.set_auto_close(true);
    while let Ok(frame) = socket.read_frame().await {
        // The frame that was received has a key, and would be sent with it.
        let answer = Frame::new(true, frame.opcode, None, frame.payload);
        if answer.opcode == OpCode::Close || socket.write_frame(answer).await.is_err() {
            return;
        }
    }
}

async fn nexus_web(mut stream: TcpStream) {
    use nexus_web::ws::{FrameReader, FrameWriter, Message, Role};
    let mut reader = FrameReader::builder()
        .role(Role::Server)
        .buffer_capacity(2 * READ)
        .build();
    let mut writer = FrameWriter::new(Role::Server);
    let mut out = vec![0; 2 * READ];
    loop {
        if reader.should_compact() || reader.spare().is_empty() {
            reader.compact();
        }
        match stream.read(reader.spare()).await {
            Ok(len @ 1..) => reader.filled(len),
            _ => return,
        }
        let mut written = 0;
        while let Ok(Some(message)) = reader.next() {
            match message {
                Message::Binary(bytes) => {
                    written += writer.encode_binary(bytes, &mut out[written..]);
                }
                _ => return,
            }
        }
        stream.write_all(&out[..written]).await.unwrap();
    }
}

async fn ratchet(stream: TcpStream) {
    use ratchet_rs::{Message, NoExt, PayloadType, Role, WebSocket, WebSocketConfig};
    let (config, unread) = (WebSocketConfig::default(), bytes::BytesMut::new());
    let mut socket = WebSocket::from_upgraded(config, stream, None::<NoExt>, unread, Role::Server);
    let mut bytes = bytes::BytesMut::new();
    while let Ok(Message::Binary) = socket.read(&mut bytes).await {
        if socket.write(&bytes, PayloadType::Binary).await.is_err() {
            return;
        }
        bytes.clear();
    }
}

async fn wtx(stream: TcpStream) {
    use wtx::rng::{Xorshift64, simple_seed};
    use wtx::web_socket::{OpCode, WebSocketBuffer, WebSocketOwned, WebSocketPayloadOrigin};
    let (random, buffer) = (Xorshift64::from(simple_seed()), WebSocketBuffer::new());
    let mut socket = WebSocketOwned::<_, _, _, false>::new((), false, random, stream, buffer);
    let (mut common, mut reader, mut writer) = socket.split_mut();
    let mut bytes = wtx::collection::Vector::new();
    let origin = WebSocketPayloadOrigin::Adaptive;
    while let Ok(mut frame) = reader.read_frame(&mut bytes, &mut common, origin).await {
        if frame.op_code() == OpCode::Close
            || writer.write_frame(&mut common, &mut frame).await.is_err()
        {
            return;
        }
    }
}
