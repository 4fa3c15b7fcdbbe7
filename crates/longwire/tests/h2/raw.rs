//! A peer made of frames of HTTP/2 (RFC 9113 §4.1).

use core::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = len[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Literal fields without indexing, of fewer than 127 bytes each (RFC 7541 §6.2.2).
pub(crate) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// A request for a page.
pub(crate) fn get() -> Vec<u8> {
    fields(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/large"),
    ])
}

/// A connection whose SETTINGS are sent.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr, settings: &[u8]) -> Self {
        let mut raw = Self(TcpStream::connect(address).await.unwrap());
        raw.0.set_nodelay(true).unwrap();
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        raw.send(&frame(SETTINGS, 0, 0, settings)).await;
        raw
    }

    /// Sends, unless the server has closed the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // Then reading tells.
        let _ = self.0.write_all(bytes).await;
    }

    /// The next frame: its type, stream and payload; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [l2, l1, l0, kind, _, s @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l2, l1, l0]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((kind, u32::from_be_bytes(s), payload))
    }

    /// Reads until the server gives the connection up, and says why.
    pub(crate) async fn until_go_away(&mut self) -> u32 {
        while let Some((kind, _, payload)) = self.next().await {
            if kind == GOAWAY {
                return u32::from_be_bytes(payload[4..8].try_into().unwrap());
            }
        }
        panic!("the connection ended without GOAWAY");
    }

    /// Reads until a frame of this type comes for this stream.
    pub(crate) async fn until(&mut self, kind: u8, stream: u32) -> Vec<u8> {
        loop {
            match self.next().await {
                Some((k, s, payload)) if (k, s) == (kind, stream) => return payload,
                Some(_) => {}
                None => panic!("the connection ended"),
            }
        }
    }
}
