//! What an echo costs a server: CPU time of its thread per message, over loopback.
//!
//! ```sh
//! cargo bench -p benches --bench echo
//! ```
//!
//! Each server runs on one thread, whose CPU time is read before and after the traffic; clients
//! are other threads, made of raw sockets and frames that were encoded beforehand. Rounds take
//! every server in turn; medians are printed. `--test` runs every case once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

use longwire::ws::{self, Config, Outbox, Received, Session};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ROUNDS: usize = 9;

/// How the servers are driven.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    connections: usize,
    payload: usize,
    /// Messages sent before answers are read.
    batch: usize,
    batches: usize,
}

const LOADS: [Load; 4] = [
    Load {
        name: "pipelined 16 B",
        connections: 1,
        payload: 16,
        batch: 4000,
        batches: 50,
    },
    Load {
        name: "ping-pong 16 B",
        connections: 64,
        payload: 16,
        batch: 1,
        batches: 100,
    },
    Load {
        name: "ping-pong 1 KiB",
        connections: 64,
        payload: 1024,
        batch: 1,
        batches: 100,
    },
    Load {
        name: "ping-pong 16 KiB",
        connections: 64,
        payload: 16 * 1024,
        batch: 1,
        batches: 60,
    },
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    /// Writes back what it reads: the limit. Its clients send what the others answer.
    Raw,
    /// Ours, messages lent to a [`Session`].
    Session,
    /// Ours, `recv` and `feed`.
    Socket,
    FastWebSockets,
    TokioWebSockets,
    Tungstenite,
}

const SERVERS: [(&str, Server); 6] = [
    ("raw", Server::Raw),
    ("longwire, session", Server::Session),
    ("longwire, socket", Server::Socket),
    ("fastwebsockets", Server::FastWebSockets),
    ("tokio-websockets", Server::TokioWebSockets),
    ("tokio-tungstenite", Server::Tungstenite),
];

fn main() {
    let test = std::env::args().any(|arg| arg == "--test");
    for mut load in LOADS {
        let rounds = if test { 1 } else { ROUNDS };
        if test {
            load.batches = 1;
            load.batch = load.batch.min(10);
        }
        let mut samples = vec![Vec::new(); SERVERS.len()];
        for _ in 0..rounds {
            for ((_, server), samples) in SERVERS.iter().zip(&mut samples) {
                samples.push(measure(*server, load));
            }
        }
        println!("\n{}", load.name);
        let mut raw = 0.0;
        for ((name, server), samples) in SERVERS.iter().zip(&mut samples) {
            samples.sort_by(f64::total_cmp);
            let median = samples[samples.len() / 2];
            if *server == Server::Raw {
                raw = median;
            }
            println!(
                "  {name:<20} {median:>9.0} ns/message {:>7.2} x raw",
                median / raw
            );
        }
    }
}

fn thread_cpu_ns() -> u64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// Nanoseconds of the server's thread per message.
fn measure(server: Server, load: Load) -> f64 {
    let (tell_address, address) = mpsc::channel();
    let (tell_ready, ready) = tokio::sync::mpsc::channel::<()>(1);
    let (tell_spent, spent) = mpsc::channel();
    let (tell_begun, begun) = mpsc::channel();
    let name = SERVERS.iter().find(|(_, known)| *known == server);
    let on = thread::Builder::new().name(name.unwrap().0.into());
    let on = on.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(serve(
            server,
            load.connections,
            tell_address,
            ready,
            tell_begun,
            tell_spent,
        ));
    });
    let on = on.unwrap();
    let address: SocketAddr = address.recv().unwrap();
    let mut streams: Vec<TcpStream> = (0..load.connections).map(|_| open(address)).collect();
    tell_ready.blocking_send(()).unwrap();
    begun.recv().unwrap();
    let request = frames(load, server != Server::Raw);
    let answer = frames(load, false).len();
    if load.connections == 1 {
        let stream = streams[0].try_clone().unwrap();
        let writer = thread::spawn(move || {
            let mut stream = stream;
            for _ in 0..load.batches {
                stream.write_all(&request).unwrap();
            }
        });
        let mut bytes = vec![0; answer];
        for _ in 0..load.batches {
            streams[0].read_exact(&mut bytes).unwrap();
        }
        writer.join().unwrap();
    } else {
        let mut bytes = vec![0; answer];
        for _ in 0..load.batches {
            for stream in &mut streams {
                stream.write_all(&request).unwrap();
            }
            for stream in &mut streams {
                stream.read_exact(&mut bytes).unwrap();
            }
        }
    }
    tell_ready.blocking_send(()).unwrap();
    let spent: u64 = spent.recv().unwrap();
    drop(streams);
    on.join().unwrap();
    spent as f64 / (load.connections * load.batch * load.batches) as f64
}

/// The messages of one batch.
fn frames(load: Load, masked: bool) -> Vec<u8> {
    let mut frame = vec![0x82];
    let mask = if masked { 0x80 } else { 0 };
    match u16::try_from(load.payload).unwrap() {
        short @ 0..126 => frame.push(mask | short.to_le_bytes()[0]),
        long => {
            frame.push(mask | 126);
            frame.extend_from_slice(&long.to_be_bytes());
        }
    }
    if masked {
        frame.extend_from_slice(&[1, 2, 3, 4]);
    }
    frame.resize(frame.len() + load.payload, b'x');
    frame.repeat(load.batch)
}

/// A connection after the handshake.
fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream
}

async fn serve(
    server: Server,
    connections: usize,
    tell_address: mpsc::Sender<SocketAddr>,
    mut ready: tokio::sync::mpsc::Receiver<()>,
    tell_begun: mpsc::Sender<()>,
    tell_spent: mpsc::Sender<u64>,
) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    tell_address.send(listener.local_addr().unwrap()).unwrap();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tasks.push(tokio::spawn(echo(server, stream)));
    }
    ready.recv().await.unwrap();
    let before = thread_cpu_ns();
    tell_begun.send(()).unwrap();
    ready.recv().await.unwrap();
    tell_spent.send(thread_cpu_ns() - before).unwrap();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn echo(server: Server, mut stream: tokio::net::TcpStream) {
    match server {
        Server::Raw => {
            answer(&mut stream).await;
            let mut bytes = vec![0; 64 * 1024];
            loop {
                match stream.read(&mut bytes).await {
                    Ok(len @ 1..) => stream.write_all(&bytes[..len]).await.unwrap(),
                    _ => return,
                }
            }
        }
        Server::Session => {
            let socket = ws::accept(stream, Config::default(), |accept| Ok(accept)).await;
            let _ended = socket.unwrap().run(Echo).await;
        }
        Server::Socket => {
            let socket = ws::accept(stream, Config::default(), |accept| Ok(accept)).await;
            let mut socket = socket.unwrap();
            while let Some(Ok(message)) = socket.recv().await {
                socket.feed(message).await.unwrap();
            }
        }
        Server::FastWebSockets => {
            use fastwebsockets::{OpCode, Role, WebSocket};
            answer(&mut stream).await;
            let mut socket = WebSocket::after_handshake(stream, Role::Server);
            socket.set_auto_close(true);
            while let Ok(frame) = socket.read_frame().await {
                if frame.opcode == OpCode::Close || socket.write_frame(frame).await.is_err() {
                    return;
                }
            }
        }
        Server::TokioWebSockets => {
            use futures_util::{SinkExt, StreamExt};
            answer(&mut stream).await;
            let mut socket = tokio_websockets::ServerBuilder::new().serve(stream);
            while let Some(Ok(message)) = socket.next().await {
                if socket.feed(message).await.is_err() {
                    return;
                }
            }
        }
        Server::Tungstenite => {
            use futures_util::{SinkExt, StreamExt};
            use tokio_tungstenite::WebSocketStream;
            use tokio_tungstenite::tungstenite::protocol::Role;
            // What is only fed stays in its buffer while it waits to read.
            answer(&mut stream).await;
            let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
            while let Some(Ok(message)) = socket.next().await {
                if message.is_close() || socket.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Reads the request and answers it, for servers whose handshake is elsewhere.
async fn answer(stream: &mut tokio::net::TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    stream.write_all(answer).await.unwrap();
}

struct Echo;

impl Session for Echo {
    fn poll_fill(
        &mut self,
        _: &mut core::task::Context<'_>,
        _: &mut Outbox<'_>,
    ) -> core::task::Poll<()> {
        core::task::Poll::Pending
    }

    fn receive(&mut self, message: Received<'_>, out: &mut Outbox<'_>) {
        // Only a connection that is over takes nothing.
        let _ = out.send(message);
    }
}
