//! A client made of bytes, which keeps no rule that it is not told to keep.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use ws_frame::{FrameHeader, MaskKey, OpCode, Rsv, mask};

use crate::support::within;

/// The request of an opening handshake.
pub(crate) const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A connection after the opening handshake.
pub(crate) async fn open(address: SocketAddr) -> TcpStream {
    open_with(address, "").await.0
}

/// The same with further `fields` in the request, and the answer.
pub(crate) async fn open_with(address: SocketAddr, fields: &str) -> (TcpStream, String) {
    let mut io = TcpStream::connect(address).await.unwrap();
    io.set_nodelay(true).unwrap();
    let request = format!("{}{fields}\r\n", REQUEST.strip_suffix("\r\n").unwrap());
    io.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("the answer", io.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    (io, String::from_utf8(head).unwrap())
}

/// One frame, masked.
pub(crate) fn frame(fin: bool, opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    masked(fin, Rsv::NONE, opcode, payload)
}

/// The same with reserved bits.
pub(crate) fn masked(fin: bool, rsv: Rsv, opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let key = MaskKey::new([1, 2, 3, 4]);
    let mut header = FrameHeader::new(opcode, payload.len() as u64);
    header.fin = fin;
    header.rsv = rsv;
    header.mask = Some(key);
    let mut payload = payload.to_vec();
    mask(key, 0, &mut payload);
    [header.encode().as_ref(), &payload].concat()
}

/// Sends a text and waits for it to come back; pings in between are passed over.
pub(crate) async fn echo(io: &mut TcpStream, text: &str) {
    let message = frame(true, OpCode::Text, text.as_bytes());
    io.write_all(&message).await.unwrap();
    loop {
        let (opcode, payload) = within("an echo", receive(io)).await.unwrap();
        if opcode == OpCode::Ping {
            let pong = frame(true, OpCode::Pong, &payload);
            io.write_all(&pong).await.unwrap();
            continue;
        }
        assert_eq!((opcode, &*payload), (OpCode::Text, text.as_bytes()));
        return;
    }
}

/// The next frame; `None` at the end of the stream, whatever it is.
pub(crate) async fn receive(io: &mut TcpStream) -> Option<(OpCode, Vec<u8>)> {
    let mut bytes = vec![0; 2];
    io.read_exact(&mut bytes).await.ok()?;
    loop {
        let more = match FrameHeader::decode(&bytes).unwrap() {
            Some((header, _)) => {
                let mut payload = vec![0; usize::try_from(header.len).unwrap()];
                io.read_exact(&mut payload).await.ok()?;
                return Some((header.opcode, payload));
            }
            None => io.read_u8().await.ok()?,
        };
        bytes.push(more);
    }
}

/// The code of the close frame that comes, if one does before the end.
pub(crate) async fn close_code(io: &mut TcpStream) -> Option<u16> {
    while let Some((opcode, payload)) = receive(io).await {
        if opcode == OpCode::Close {
            return Some(u16::from_be_bytes([payload[0], payload[1]]));
        }
    }
    None
}

/// Somebody else's connection, which echoes all the time.
pub(crate) struct Bystander {
    rounds: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    echoing: JoinHandle<()>,
}

impl Bystander {
    pub(crate) async fn start(address: SocketAddr) -> Self {
        let (rounds, stop) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, stopped) = (rounds.clone(), stop.clone());
        let mut io = open(address).await;
        let echoing = tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                echo(&mut io, "undisturbed").await;
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(core::time::Duration::from_millis(2)).await;
            }
        });
        Self {
            rounds,
            stop,
            echoing,
        }
    }

    /// Waits for some more echoes: what has happened since the last call did not stop them.
    pub(crate) async fn is_served(&self) {
        let until = self.rounds.load(Ordering::Relaxed) + 5;
        let served = async {
            while self.rounds.load(Ordering::Relaxed) < until && !self.echoing.is_finished() {
                tokio::time::sleep(core::time::Duration::from_millis(5)).await;
            }
        };
        within("echoes to somebody else", served).await;
        assert!(
            !self.echoing.is_finished(),
            "somebody else lost his connection"
        );
    }

    /// Ends it: how many rounds there were.
    pub(crate) async fn finish(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.echoing.await.unwrap();
        self.rounds.load(Ordering::Relaxed)
    }
}
