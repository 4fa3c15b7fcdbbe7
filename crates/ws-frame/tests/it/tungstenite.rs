//! The same streams through another implementation: whole messages and the fact of an error must
//! agree, but for the differences listed here.
//!
//! Streams are made of valid frames, some with one rule broken. Left out are rules of RFC 6455
//! §5.2 and §7.4 that the other does not check, or reads otherwise: lengths that are not minimal,
//! and close codes.

use std::io::{self, Cursor, Read, Write};

use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};
use ws_frame::OpCode::{Binary, Close, Continuation, Ping, Pong, Text};
use ws_frame::{DataKind, FrameHeader, OpCode, Rsv};

use crate::support::{KEY, Seen, feed, frame, server};

/// Reads from memory, writes to nowhere.
struct Memory(Cursor<Vec<u8>>);

impl Read for Memory {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Memory {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whole messages; pings, pongs and the close code; and whether the stream is an error. A ping
/// between fragments comes before its message there and behind its start here: each has its list.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    messages: Vec<Seen>,
    control: Vec<Seen>,
    failed: bool,
}

impl Reading {
    fn new(seen: Vec<Seen>, failed: bool) -> Self {
        let is_message = |seen: &Seen| matches!(seen, Seen::Message(..));
        let (messages, control) = seen.into_iter().partition(is_message);
        Self {
            messages,
            control,
            failed,
        }
    }
}

fn theirs(bytes: Vec<u8>) -> Reading {
    let config = WebSocketConfig::default();
    let mut socket =
        WebSocket::from_raw_socket(Memory(Cursor::new(bytes)), Role::Server, Some(config));
    let mut seen = Vec::new();
    loop {
        use tungstenite::Error as E;
        let message = |kind, bytes: &[u8]| Seen::Message(kind, bytes.to_vec(), false, true);
        seen.push(match socket.read() {
            Ok(Message::Text(text)) => message(DataKind::Text, text.as_bytes()),
            Ok(Message::Binary(bytes)) => message(DataKind::Binary, &bytes),
            Ok(Message::Ping(payload)) => Seen::Ping(payload.to_vec()),
            Ok(Message::Pong(payload)) => Seen::Pong(payload.to_vec()),
            Ok(Message::Close(None)) => Seen::Close(1005, String::new()),
            Ok(Message::Close(Some(reason))) => {
                Seen::Close(reason.code.into(), reason.reason.to_string())
            }
            Ok(Message::Frame(frame)) => panic!("{frame:?}"),
            // The stream ended, with or without a close frame before.
            Err(E::ConnectionClosed | E::Io(_)) => {
                return Reading::new(seen, false);
            }
            Err(E::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
                return Reading::new(seen, false);
            }
            Err(_) => return Reading::new(seen, true),
        });
    }
}

fn ours(bytes: &[u8]) -> Reading {
    let mut record = feed(&mut server(), &[bytes]);
    let failed = record.error().is_some();
    record
        .seen
        .retain(|seen| !matches!(seen, Seen::Error(_) | Seen::Message(_, _, _, false)));
    Reading::new(record.seen, failed)
}

/// A frame, mostly of a kind that may come next.
#[derive(Clone, Debug)]
struct Plan {
    opcode: OpCode,
    fin: bool,
    rsv: u8,
    masked: bool,
    payload: Vec<u8>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let opcode = prop::sample::select(vec![
        Text,
        Text,
        Binary,
        Continuation,
        Continuation,
        Ping,
        Pong,
        Close,
    ]);
    let payload = prop_oneof![
        6 => ".{0,40}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..130),
        1 => prop::sample::select(vec![b"\xe2\x82".to_vec(), b"\xac".to_vec(), b"\xed\xa0\x80".to_vec()]),
        1 => (0..70_000_usize).prop_map(|len| vec![b'x'; len]),
    ];
    (opcode, any::<bool>(), 0..40_u8, 0..40_u8, payload).prop_map(
        |(opcode, fin, rsv, mask, payload)| Plan {
            opcode,
            fin,
            rsv,
            masked: mask > 0,
            payload,
        },
    )
}

/// The frames with what control frames must keep to, one in forty breaking a rule.
fn stream(plans: Vec<Plan>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut in_message = false;
    for mut plan in plans {
        // Follow the sequence of fragments most of the time: `rsv` doubles as the dice.
        if plan.rsv > 3 && !plan.opcode.is_control() {
            plan.opcode = match (in_message, plan.opcode) {
                (true, _) => Continuation,
                (false, Continuation) => Text,
                (false, opcode) => opcode,
            };
        }
        if plan.opcode.is_control() {
            plan.fin |= plan.rsv != 1;
            plan.payload.truncate(if plan.rsv == 2 { 130 } else { 125 });
        }
        if plan.opcode == Close {
            plan.payload = b"\x03\xe8done".to_vec();
        }
        if !plan.opcode.is_control() {
            in_message = !plan.fin;
        }
        let rsv = [Rsv::RSV1, Rsv::RSV2, Rsv::RSV3].get(usize::from(plan.rsv.wrapping_sub(37)));
        let header = FrameHeader {
            fin: plan.fin,
            rsv: *rsv.unwrap_or(&Rsv::NONE),
            mask: plan.masked.then_some(KEY),
            ..FrameHeader::new(plan.opcode, 0)
        };
        bytes.extend(frame(header, &plan.payload));
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn another_implementation_reads_the_same(
        plans in prop::collection::vec(plan(), 1..12),
        cut in 0..200_usize,
    ) {
        let mut bytes = stream(plans);
        // Sometimes the stream stops inside a frame, which the other judges only when it is whole.
        let whole = cut >= 20;
        if !whole {
            bytes.truncate(bytes.len().saturating_sub(cut));
        }
        let (ours, mut theirs) = (ours(&bytes), theirs(bytes));
        theirs.failed |= ours.failed && !whole;
        prop_assert_eq!(ours, theirs);
    }
}
