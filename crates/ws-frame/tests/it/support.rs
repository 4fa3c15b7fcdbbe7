//! What the tests of this crate share: a record of a session that does not depend on how its
//! bytes were cut.

use ws_frame::{
    Client, Connection, ConnectionError, Data, DataKind, Event, FrameHeader, MaskKey, OpCode, Side,
};

/// The key of every masked frame in these tests.
pub(crate) const KEY: MaskKey = MaskKey::new([0x37, 0xfa, 0x21, 0x3d]);

/// One event, owned, the pieces of a message joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Kind, bytes so far, compressed, and whether it ended.
    Message(DataKind, Vec<u8>, bool, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    Error(ConnectionError),
}

/// What a session saw and sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) seen: Vec<Seen>,
    pub(crate) out: Vec<u8>,
    /// Whether whole messages are asked for first.
    pub(crate) by_whole: bool,
}

impl Record {
    pub(crate) fn error(&self) -> Option<ConnectionError> {
        match self.seen.last() {
            Some(Seen::Error(error)) => Some(*error),
            _ => None,
        }
    }

    fn push_data(&mut self, data: &Data<'_>) {
        // Control events may stand between the pieces of a message; the piece belongs to the last
        // message that has not ended.
        let open = self.seen.iter_mut().rev().find_map(|seen| match seen {
            Seen::Message(kind, bytes, compressed, end) => Some((kind, bytes, compressed, end)),
            _ => None,
        });
        match open {
            Some((kind, bytes, compressed, end)) if !*end => {
                assert!(!data.start);
                assert_eq!((*kind, *compressed), (data.kind, data.compressed));
                bytes.extend_from_slice(data.bytes);
                *end = data.end;
            }
            _ => {
                assert!(data.start);
                self.seen.push(Seen::Message(
                    data.kind,
                    data.bytes.to_vec(),
                    data.compressed,
                    data.end,
                ));
            }
        }
    }
}

/// Hands `chunks` to `connection`, checking the laws that hold for every call.
pub(crate) fn feed<S: Side>(connection: &mut Connection<S>, chunks: &[&[u8]]) -> Record {
    let mut record = Record::default();
    feed_more(&mut record, connection, chunks);
    record
}

/// Hands further `chunks` of the session that `record` has seen to `connection`.
pub(crate) fn feed_more<S: Side>(
    record: &mut Record,
    connection: &mut Connection<S>,
    chunks: &[&[u8]],
) {
    for chunk in chunks {
        let mut bytes = chunk.to_vec();
        let mut input = &mut bytes[..];
        loop {
            while let Some(data) = record
                .by_whole
                .then(|| connection.next_whole(&mut input))
                .flatten()
            {
                assert!(data.start && data.end && !data.compressed);
                record.push_data(&data);
            }
            let before = input.as_ptr() as usize + input.len();
            match connection.next_event(&mut input, &mut record.out) {
                Ok(None) => break,
                Ok(Some(Event::Data(data))) => {
                    // Exact lending: what is lent ends where the rest of the input begins.
                    let lent_end = data.bytes.as_ptr() as usize + data.bytes.len();
                    if !data.bytes.is_empty() && record.error().is_none() && !input.is_empty() {
                        let rest = input.as_ptr() as usize;
                        assert!(lent_end <= rest && rest <= before);
                    }
                    record.push_data(&data);
                }
                Ok(Some(Event::Ping(payload))) => record.seen.push(Seen::Ping(payload.to_vec())),
                Ok(Some(Event::Pong(payload))) => record.seen.push(Seen::Pong(payload.to_vec())),
                Ok(Some(Event::Close(reason))) => {
                    record
                        .seen
                        .push(Seen::Close(reason.code().get(), reason.reason().into()));
                }
                Ok(Some(other)) => panic!("unknown event {other:?}"),
                Err(error) => {
                    record.seen.push(Seen::Error(error));
                    // Final: the rest is drained without a word.
                    assert!(input.is_empty());
                    assert!(
                        connection
                            .next_event(&mut input, &mut record.out)
                            .unwrap()
                            .is_none()
                    );
                    break;
                }
            }
        }
        assert!(input.is_empty(), "drained");
    }
}

pub(crate) fn server() -> Connection<ws_frame::Server> {
    Connection::server(ws_frame::Config::default())
}

pub(crate) fn client() -> Connection<Client<fn() -> MaskKey>> {
    Connection::client(ws_frame::Config::default(), || KEY)
}

/// A frame as the given role would get it.
pub(crate) fn frame(header: FrameHeader, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        len: payload.len() as u64,
        ..header
    };
    let mut bytes = header.encode().to_vec();
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    if let Some(key) = header.mask {
        ws_frame::mask(key, 0, &mut bytes[start..]);
    }
    bytes
}

/// A masked frame.
pub(crate) fn masked(opcode: OpCode, fin: bool, payload: &[u8]) -> Vec<u8> {
    frame(
        FrameHeader {
            fin,
            mask: Some(KEY),
            ..FrameHeader::new(opcode, 0)
        },
        payload,
    )
}

/// An unmasked frame.
pub(crate) fn plain(opcode: OpCode, fin: bool, payload: &[u8]) -> Vec<u8> {
    frame(
        FrameHeader {
            fin,
            ..FrameHeader::new(opcode, 0)
        },
        payload,
    )
}
