//! A subscriber over WebSocket.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use ws_frame::{Assembler, Client, Config, Event, MaskKey, MaskSource, OutboundData};
use ws_handshake::{Answer, ClientHandshake, ClientRequest, Nonce};

use super::Connection;

/// Masking keys from the system.
#[derive(Debug)]
struct Keys;

impl MaskSource for Keys {
    fn next_mask(&mut self) -> MaskKey {
        let mut key = [0; 4];
        getrandom::fill(&mut key).unwrap();
        MaskKey::new(key)
    }
}

/// What the hub sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A text frame, which is always JSON.
    Json(Value),
    /// A binary frame: its JSON header, and the bytes behind it.
    Binary(Value, Vec<u8>),
}

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    pub(super) connection: Connection,
    frames: ws_frame::Connection<Client<Keys>>,
    assembler: Assembler,
    messages: VecDeque<Message>,
    close: Option<u16>,
    /// The subprotocol that the hub chose.
    pub(crate) protocol: Option<String>,
}

impl WebSocket {
    /// Opens a WebSocket on `connection`, or gives the status of the refusal.
    pub(crate) async fn open(
        mut connection: Connection,
        request: ClientRequest<'_>,
    ) -> Result<Self, u16> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).unwrap();
        let mut out = Vec::new();
        let mut handshake = ClientHandshake::start(&request, Nonce::new(nonce), &mut out);
        connection.write(&out).await;
        let (len, protocol) = loop {
            assert!(
                connection.read().await > 0,
                "the connection ended in the handshake"
            );
            let Some(head) = handshake.finish(&connection.unused).unwrap() else {
                continue;
            };
            match head.value {
                Answer::Accepted(accepted) => {
                    break (head.len, accepted.protocol().map(str::to_owned));
                }
                Answer::Refused(refused) => return Err(refused.status()),
                other => panic!("{other:?}"),
            }
        };
        connection.unused.drain(..len);
        Ok(Self {
            connection,
            frames: ws_frame::Connection::client(Config::default(), Keys),
            assembler: Assembler::new(4 << 20),
            messages: VecDeque::new(),
            close: None,
            protocol,
        })
    }

    /// The next message; `None` when the hub has closed.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Some(message);
            }
            if self.close.is_some() {
                return None;
            }
            if self.connection.unused.is_empty() && self.connection.read().await == 0 {
                self.close = Some(self.frames.receive_eof().code().get());
            }
            self.receive().await;
        }
    }

    /// The code with which the hub closed: 1006 if it only went away.
    pub(crate) fn close_code(&self) -> Option<u16> {
        self.close
    }

    /// Sends a JSON frame.
    pub(crate) async fn send(&mut self, frame: &Value) {
        let mut out = Vec::new();
        self.frames
            .send(OutboundData::text(&frame.to_string()), &mut out)
            .unwrap();
        self.connection.write(&out).await;
    }

    /// Bytes received so far, the response head among them.
    pub(crate) fn received(&self) -> usize {
        self.connection.received
    }

    async fn receive(&mut self) {
        let mut out = Vec::new();
        let mut bytes = core::mem::take(&mut self.connection.unused);
        let mut input = &mut bytes[..];
        while let Some(event) = self.frames.next_event(&mut input, &mut out).unwrap() {
            match event {
                Event::Data(data) => {
                    let whole = self.assembler.push(data).unwrap();
                    let message = whole.then(|| decode(self.assembler.message()));
                    self.messages.extend(message);
                }
                Event::Close(reason) => self.close = Some(reason.code().get()),
                _ => {}
            }
        }
        if !out.is_empty() {
            // The hub may be gone already when our answer to its close frame comes.
            let _ = self.connection.io.write_all(&out).await;
        }
    }
}

fn decode(message: ws_frame::Message<'_>) -> Message {
    match message {
        ws_frame::Message::Text(text) => Message::Json(serde_json::from_str(text).unwrap()),
        ws_frame::Message::Binary(bytes) => {
            let len = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
            let header = serde_json::from_slice(&bytes[2..2 + len]).unwrap();
            Message::Binary(header, bytes[2 + len..].to_vec())
        }
    }
}
