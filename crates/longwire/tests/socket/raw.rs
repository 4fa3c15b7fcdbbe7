//! A server's end against a peer made of raw frames.

use longwire::ws::{self, Config, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use ws_frame::{FrameHeader, MaskKey, OpCode, Rsv, mask};

/// A client's frame.
pub(crate) fn frame(fin: bool, rsv: Rsv, opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let key = MaskKey::new([1, 2, 3, 4]);
    let mut header = FrameHeader::new(opcode, payload.len() as u64);
    header.fin = fin;
    header.rsv = rsv;
    header.mask = Some(key);
    let mut payload = payload.to_vec();
    mask(key, 0, &mut payload);
    [header.encode().as_ref(), &payload].concat()
}

/// A server's end whose handshake is over, and the raw other end of its pipe.
pub(crate) async fn server(
    config: Config,
    offer: &str,
    pipe: usize,
) -> (Socket<DuplexStream>, DuplexStream) {
    let (io, mut peer) = duplex(pipe);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
    );
    let shake = async {
        peer.write_all(request.as_bytes()).await.unwrap();
        peer
    };
    let accept = ws::accept(io, config, |accept| Ok(accept));
    let (socket, mut peer) = tokio::join!(accept, shake);
    let mut socket = socket.unwrap();
    let head = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(peer.read_u8().await.unwrap());
        }
    };
    let (flushed, ()) = tokio::join!(socket.flush(), head);
    flushed.unwrap();
    (socket, peer)
}

/// The next frame of a server: opcode, FIN and payload.
pub(crate) async fn next(peer: &mut DuplexStream) -> (OpCode, bool, Vec<u8>) {
    let mut head = Vec::new();
    loop {
        head.push(peer.read_u8().await.unwrap());
        if let Some((header, _)) = FrameHeader::decode(&head).unwrap() {
            let mut payload = vec![0; usize::try_from(header.len).unwrap()];
            peer.read_exact(&mut payload).await.unwrap();
            return (header.opcode, header.fin, payload);
        }
    }
}
