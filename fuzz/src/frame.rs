//! What `ws-frame` promises about headers, framing, connections, masking and UTF-8.

mod literal;
mod whole;

pub use self::whole::connection_whole;
use ws_frame::{
    CloseCode, Config, Connection, Data, DataKind, Decoder, Event, FrameError, FrameHeader, Limits,
    MaskKey, OutboundData, Part, SendError, Side, State, Utf8Validator, mask,
};

/// Takes the first byte, as the choice of something.
fn choice(data: &mut &[u8]) -> u8 {
    match data.split_first() {
        Some((first, rest)) => {
            *data = rest;
            *first
        }
        None => 0,
    }
}

/// The sizes of successive reads, made of one byte.
fn reads(data: &[u8], choice: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    let mut turn = u32::from(choice);
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        turn = turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = match choice {
            0 => rest.len(),
            1 => 1,
            _ => 1 + (turn >> 16) as usize % (2 * usize::from(choice)),
        };
        let (read, left) = rest.split_at(len.min(rest.len()));
        rest = left;
        Some(read)
    })
}

/// A header: decoding agrees with a literal reading, no prefix gives another answer, and encoding
/// gives the same bytes again.
pub fn header(data: &[u8]) {
    let data = &data[..data.len().min(32)];
    let whole = FrameHeader::decode(data);
    let literal = literal::header(data);
    match (whole, literal) {
        (Ok(Some((header, used))), Ok(Some((read, len)))) => {
            assert_eq!((header, used), (read, len));
            assert_eq!(header.encode().as_ref(), &data[..used]);
            assert_eq!(FrameHeader::decode(&data[..used]), whole);
        }
        (Ok(None), Ok(None)) => {}
        (Err(error), Err(read)) => assert_eq!(error, read),
        (got, expected) => panic!("{got:?} where a literal reading gives {expected:?}"),
    }
    for end in 0..data.len() {
        match FrameHeader::decode(&data[..end]) {
            Ok(None) => {}
            decided => assert_eq!(decided, whole),
        }
    }
}

/// Header, payload so far, and whether it has ended.
type Frame = (FrameHeader, Vec<u8>, bool);

/// What a decoder makes of a stream: its frames, and the error that stopped it.
fn decode(data: &[u8], reads_by: u8) -> (Vec<Frame>, Option<FrameError>) {
    let mut decoder = Decoder::new();
    let mut frames: Vec<Frame> = Vec::new();
    for read in reads(data, reads_by) {
        let mut bytes = read.to_vec();
        let mut input = &mut bytes[..];
        loop {
            let remaining = decoder.payload_remaining();
            match decoder.next_part(&mut input) {
                Ok(None) => break,
                Ok(Some(Part::Header(header))) => {
                    assert_eq!(remaining, 0);
                    assert_eq!(decoder.payload_remaining(), header.len);
                    frames.push((header, Vec::new(), false));
                }
                Ok(Some(Part::Payload { data, end })) => {
                    assert_eq!(decoder.payload_remaining(), remaining - data.len() as u64);
                    let (_, payload, ended) = frames.last_mut().expect("a header comes first");
                    assert!(!*ended);
                    payload.extend_from_slice(data);
                    *ended = end;
                }
                Ok(Some(part)) => panic!("unknown part {part:?}"),
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(input.is_empty());
    }
    (frames, None)
}

/// Framing: the same frames whatever the split, the same as a literal reading, and encoded again
/// the same bytes. First byte: the split.
pub fn decoder(mut data: &[u8]) {
    let split = choice(&mut data);
    let (frames, error) = decode(data, 0);
    assert_eq!(decode(data, split), (frames.clone(), error));
    assert_eq!(decode(data, 1), (frames.clone(), error));

    let mut rest = data;
    for (header, payload, ended) in &frames {
        let (read, used) = literal::header(rest)
            .expect("a header")
            .expect("a whole header");
        assert_eq!(*header, read);
        assert_eq!(header.encode().as_ref(), &rest[..used]);
        rest = &rest[used..];
        let len = payload.len();
        assert_eq!(*ended, len as u64 == header.len);
        assert_eq!(*payload, literal::unmasked(header.mask, &rest[..len]));
        rest = &rest[len..];
    }
    assert_eq!(literal::header(rest).is_err(), error.is_some());
}

/// Masking in any pieces at any place in memory is the loop of RFC 6455 §5.3, and its own inverse.
/// First bytes: key, phase, place, and two cuts.
pub fn masking(mut data: &[u8]) {
    let key = MaskKey::new([(); 4].map(|()| choice(&mut data)));
    let phase = usize::from(choice(&mut data));
    let place = usize::from(choice(&mut data) % 64);
    // Long input, so that wide vectors have work.
    let times = 1 + usize::from(choice(&mut data)) * 64 / (1 + data.len());
    let cut = usize::from(choice(&mut data)) * 16;
    let data = data.repeat(times);
    let mut bytes = vec![0xA5; place];
    bytes.extend_from_slice(&data);
    bytes.push(0x5A);
    let inner = &mut bytes[place..place + data.len()];
    let (first, second) = inner.split_at_mut(cut.min(data.len()));
    mask(key, phase, first);
    mask(key, phase + first.len(), second);
    assert_eq!(*inner, literal::masked(key, phase, &data));
    mask(key, phase, inner);
    assert_eq!(*inner, data);
    assert!(
        bytes[..place].iter().all(|byte| *byte == 0xA5),
        "written before the data"
    );
    assert_eq!(bytes.last(), Some(&0x5A), "written behind the data");
}

/// UTF-8 in any pieces: the verdict of `std`, and the first bad byte of a literal reading. First
/// bytes: the split, and how often the input is repeated.
pub fn utf8(mut data: &[u8]) {
    let split = choice(&mut data);
    let times = 1 + usize::from(choice(&mut data) % 8);
    let data = data.repeat(times);
    let mut validator = Utf8Validator::new();
    let mut at = 0;
    let mut bad = None;
    for read in reads(&data, split) {
        if let Err(error) = validator.push(read) {
            bad = Some(at + error.at);
            assert!(validator.has_failed());
            assert_eq!(validator.push(b"a").unwrap_err().at, 0, "an error is final");
            break;
        }
        at += read.len();
    }
    assert_eq!(bad, literal::first_bad_byte(&data));
    let valid = std::str::from_utf8(&data).is_ok();
    assert_eq!(bad.is_none() && validator.is_complete(), valid);
}

fn config(choice: u8) -> Config {
    let limits = match choice % 4 {
        0 => Limits::default(),
        1 => Limits::default().with_max_message(100).with_max_frame(60),
        2 => Limits::default()
            .with_max_fragments(2)
            .with_control_budget(2),
        _ => Limits::default()
            .with_max_message(0)
            .with_max_fragments(0)
            .with_control_budget(0),
    };
    Config::default()
        .with_limits(limits)
        .with_auto_pong(choice & 4 == 0)
        .with_compression(choice & 8 != 0)
}

/// One thing that a connection did.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// Kind, bytes, compressed, ended.
    Message(DataKind, Vec<u8>, bool, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    Error(ws_frame::ConnectionError),
}

/// Notes a piece of a message: it belongs to the one that has not ended.
fn see_data(seen: &mut Vec<Seen>, data: &Data<'_>) {
    if let Some(text) = data.as_str() {
        assert_eq!(text.as_bytes(), data.bytes);
    }
    let open = seen.iter_mut().rev().find_map(|seen| match seen {
        Seen::Message(kind, bytes, compressed, ended) => {
            (!*ended).then_some((kind, bytes, compressed, ended))
        }
        _ => None,
    });
    assert_eq!(data.start, open.is_none());
    match open {
        Some((kind, bytes, compressed, ended)) => {
            assert_eq!((*kind, *compressed), (data.kind, data.compressed));
            bytes.extend_from_slice(data.bytes);
            *ended = data.end;
        }
        None => seen.push(Seen::Message(
            data.kind,
            data.bytes.to_vec(),
            data.compressed,
            data.end,
        )),
    }
}

/// Asks for an event, notes what came, and checks what holds for every call. Whether to ask again.
fn step<S: Side>(
    connection: &mut Connection<S>,
    input: &mut &mut [u8],
    seen: &mut Vec<Seen>,
    out: &mut Vec<u8>,
) -> bool {
    let closed = connection.state() == State::Closed;
    let left = input.len();
    let event = match connection.next_event(input, out) {
        Ok(Some(event)) => event,
        Ok(None) => {
            assert!(input.is_empty(), "drained");
            return false;
        }
        Err(error) => {
            assert!(!closed, "an error comes once");
            assert_eq!(connection.state(), State::Closed);
            assert!(input.is_empty());
            seen.push(Seen::Error(error));
            return false;
        }
    };
    assert!(!closed, "no event after the end");
    assert!(input.len() <= left);
    match event {
        Event::Data(data) => see_data(seen, &data),
        Event::Ping(payload) => seen.push(Seen::Ping(payload.to_vec())),
        Event::Pong(payload) => seen.push(Seen::Pong(payload.to_vec())),
        Event::Close(reason) => {
            assert_eq!(connection.state(), State::Closed);
            seen.push(Seen::Close(reason.code().get(), reason.reason().to_owned()));
        }
        other => panic!("unknown event {other:?}"),
    }
    true
}

/// Hands one read to a connection.
fn receive<S: Side>(
    connection: &mut Connection<S>,
    read: &[u8],
    seen: &mut Vec<Seen>,
    out: &mut Vec<u8>,
) {
    let mut bytes = read.to_vec();
    let mut input = &mut bytes[..];
    while step(connection, &mut input, seen, out) {}
}

/// What came of a stream: what was seen, what was sent, how it ended.
type Outcome = (Vec<Seen>, Vec<u8>, State, u16);

fn session<S: Side>(mut connection: Connection<S>, data: &[u8], split: u8) -> Outcome {
    let (mut seen, mut out) = (Vec::new(), Vec::new());
    for read in reads(data, split) {
        receive(&mut connection, read, &mut seen, &mut out);
    }
    let state = connection.state();
    let end = connection.receive_eof().code().get();
    (seen, out, state, end)
}

/// Receiving: the same events, replies and errors whatever the split, and the same as a literal
/// reading of RFC 6455. First bytes: configuration and role, split.
pub fn connection(mut data: &[u8]) {
    let settings = choice(&mut data);
    let split = choice(&mut data);
    let config = config(settings);
    let outcome = |split| {
        if settings & 16 == 0 {
            session(Connection::server(config), data, split)
        } else {
            session(Connection::client(config, || literal::KEY), data, split)
        }
    };
    let whole = outcome(0);
    assert_eq!(outcome(split), whole);
    assert_eq!(outcome(1), whole);

    let expected = literal::receive(&config, settings & 16 != 0, data);
    let (seen, out, state, end) = whole;
    assert_eq!(seen, expected.seen);
    assert_eq!(out, expected.out);
    assert_eq!(state == State::Closed, expected.closed);
    assert_eq!(end, expected.end);
}

/// One end of a connection, and what is on its way to it.
struct End<S> {
    connection: Connection<S>,
    incoming: Vec<u8>,
    seen: Vec<Seen>,
}

impl<S: Side> End<S> {
    fn new(connection: Connection<S>) -> Self {
        Self {
            connection,
            incoming: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Receives up to `most` of the bytes on their way; replies go to `out`.
    fn deliver(&mut self, most: usize, out: &mut Vec<u8>) {
        let read: Vec<u8> = self
            .incoming
            .drain(..most.min(self.incoming.len()))
            .collect();
        receive(&mut self.connection, &read, &mut self.seen, out);
        self.connection.refill_control_budget();
    }
}

/// What one end has sent, as the other must see it.
#[derive(Default)]
struct Sent {
    expected: Vec<Seen>,
    in_message: bool,
    closed: bool,
}

impl Sent {
    /// Sends something that `op` and `data` choose, and notes what the other end must see.
    fn act<S: Side>(&mut self, op: u8, data: &mut &[u8], end: &mut End<S>, out: &mut Vec<u8>) {
        let len = usize::from(choice(data)).min(data.len());
        let (payload, rest) = data.split_at(len);
        *data = rest;
        let connection = &mut end.connection;
        let open = connection.state() == State::Open;
        let before = out.len();
        let last = op & 8 == 0;
        let result = match op % 5 {
            // Text must be text, cut anywhere only if the pieces are.
            0 => {
                let text = String::from_utf8_lossy(payload).into_owned();
                let data = OutboundData::text(&text);
                let result = connection.send(if last { data } else { data.more() }, out);
                self.begin(result, DataKind::Text, text.as_bytes(), last);
                result
            }
            1 => {
                let data = OutboundData::binary(payload);
                let result = connection.send(if last { data } else { data.more() }, out);
                self.begin(result, DataKind::Binary, payload, last);
                result
            }
            2 => {
                let text = String::from_utf8_lossy(payload).into_owned();
                let data = OutboundData::continuation(text.as_bytes());
                let result = connection.send(if last { data } else { data.more() }, out);
                if result.is_ok() {
                    assert!(self.in_message, "a continuation of nothing was sent");
                    self.in_message = !last;
                    let message = self.expected.iter_mut().rev().find_map(|seen| match seen {
                        Seen::Message(_, bytes, _, ended) => Some((bytes, ended)),
                        _ => None,
                    });
                    let (bytes, ended) = message.expect("a message begun");
                    bytes.extend_from_slice(text.as_bytes());
                    *ended = last;
                }
                result
            }
            3 => {
                let payload = &payload[..payload.len().min(130)];
                let result = if last {
                    connection.send_ping(payload, out)
                } else {
                    connection.send_pong(payload, out)
                };
                if result.is_ok() {
                    let payload = payload.to_vec();
                    self.expected.push(if last {
                        Seen::Ping(payload)
                    } else {
                        Seen::Pong(payload)
                    });
                }
                result
            }
            _ => {
                let reason = String::from_utf8_lossy(payload).into_owned();
                let code = if last {
                    CloseCode::NORMAL
                } else {
                    CloseCode::NO_STATUS
                };
                let result = connection.close(code, &reason, out);
                if result.is_ok() {
                    assert_eq!(connection.state(), State::CloseSent);
                    let kept = &reason[..reason.floor_char_boundary(123)];
                    let kept = if last { kept } else { "" };
                    self.expected.push(Seen::Close(code.get(), kept.to_owned()));
                }
                result
            }
        };
        match result {
            Ok(()) => assert!(open),
            Err(SendError::Closed) => assert!(!open),
            Err(_) => assert!(open),
        }
        if result.is_err() {
            assert_eq!(out.len(), before, "a refused call appended something");
        }
    }

    fn begin(&mut self, result: Result<(), SendError>, kind: DataKind, bytes: &[u8], last: bool) {
        assert_eq!(
            result == Err(SendError::MessageInProgress),
            self.in_message && !self.closed
        );
        if result.is_ok() {
            self.in_message = !last;
            self.expected
                .push(Seen::Message(kind, bytes.to_vec(), false, last));
        }
    }
}

/// A client and a server: each sees what the other sent, in order, whatever the order of sending
/// and delivering, and neither ever blames the other. The input is a list of operations.
pub fn pair(mut data: &[u8]) {
    let mut keys = 0_u32;
    let keys = move || {
        keys = keys.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        MaskKey::new(keys.to_le_bytes())
    };
    let config = Config::default().with_limits(Limits::default().with_max_fragments(1 << 20));
    let mut client = End::new(Connection::client(config, keys));
    let mut server = End::new(Connection::server(config));
    let (mut from_client, mut from_server) = (Sent::default(), Sent::default());
    while !data.is_empty() {
        let op = choice(&mut data);
        let most = 1 + usize::from(op >> 2);
        match op & 3 {
            0 => client.deliver(most, &mut server.incoming),
            1 => server.deliver(most, &mut client.incoming),
            2 => {
                from_client.closed = client.connection.state() != State::Open;
                from_client.act(op >> 2, &mut data, &mut client, &mut server.incoming);
            }
            _ => {
                from_server.closed = server.connection.state() != State::Open;
                from_server.act(op >> 2, &mut data, &mut server, &mut client.incoming);
            }
        }
    }
    while !client.incoming.is_empty() || !server.incoming.is_empty() {
        client.deliver(100, &mut server.incoming);
        server.deliver(100, &mut client.incoming);
    }
    check(&client.seen, &from_server);
    check(&server.seen, &from_client);
    let closed = |sent: &Sent| {
        sent.expected
            .iter()
            .any(|seen| matches!(seen, Seen::Close(..)))
    };
    let over = closed(&from_client) || closed(&from_server);
    for state in [client.connection.state(), server.connection.state()] {
        assert_eq!(state, if over { State::Closed } else { State::Open });
    }
}

/// The messages and the pings of `seen` are those that were sent. (A ping may overtake a message of
/// which only frames without bytes came before it.)
fn check(seen: &[Seen], sent: &Sent) {
    let messages = |seen: &&Seen| match seen {
        // Begun, and nothing of it sent but frames without bytes: not seen yet.
        Seen::Message(_, bytes, _, ended) => *ended || !bytes.is_empty(),
        _ => false,
    };
    let pings = |seen: &&Seen| matches!(seen, Seen::Ping(_));
    assert!(
        seen.iter()
            .filter(messages)
            .eq(sent.expected.iter().filter(messages))
    );
    assert!(
        seen.iter()
            .filter(pings)
            .eq(sent.expected.iter().filter(pings))
    );
    assert!(
        !seen.iter().any(|seen| matches!(seen, Seen::Error(_))),
        "{seen:?}"
    );
}
