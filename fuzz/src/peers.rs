//! The same streams through other implementations.

use std::io::{self, Read, Write};

use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};
use ws_frame::{
    Assembler, Config, Connection, ConnectionError, Event, FrameError, FrameHeader, Limits,
    MaskKey, Message as Whole, Side,
};

/// Reads from memory, then has nothing for now; writes to nowhere.
struct Memory<'b>(&'b [u8]);

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) if !buffer.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            read => read,
        }
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came, whole messages and control frames apart: a ping between fragments may come before or
/// behind their message.
#[derive(Debug)]
struct Reading<E> {
    messages: Vec<(bool, Vec<u8>)>,
    control: Vec<(&'static str, Vec<u8>)>,
    error: Option<E>,
}

impl<E> Reading<E> {
    const fn new() -> Self {
        Self {
            messages: Vec::new(),
            control: Vec::new(),
            error: None,
        }
    }
}

/// Largest frame and largest message that tungstenite takes by default.
const MAX: (u64, u64) = (16 << 20, 64 << 20);

fn ours<S: Side>(mut connection: Connection<S>, stream: &[u8]) -> Reading<ConnectionError> {
    let mut bytes = stream.to_vec();
    let mut input = &mut bytes[..];
    let mut reading = Reading::new();
    let mut assembler = Assembler::new(usize::MAX);
    let mut out = Vec::new();
    loop {
        match connection.next_event(&mut input, &mut out) {
            Ok(None) => return reading,
            Ok(Some(Event::Data(data))) => {
                if assembler.push(data).expect("there is no limit") {
                    reading.messages.push(match assembler.message() {
                        Whole::Text(text) => (true, text.into()),
                        Whole::Binary(bytes) => (false, bytes.into()),
                    });
                }
            }
            Ok(Some(Event::Ping(payload))) => reading.control.push(("ping", payload.to_vec())),
            Ok(Some(Event::Pong(payload))) => reading.control.push(("pong", payload.to_vec())),
            Ok(Some(Event::Close(reason))) => {
                let text = format!("{} {}", reason.code().get(), reason.reason());
                reading.control.push(("close", text.into()));
                return reading;
            }
            Ok(Some(other)) => panic!("{other:?}"),
            Err(error) => {
                reading.error = Some(error);
                return reading;
            }
        }
    }
}

fn theirs(role: Role, stream: &[u8]) -> Reading<String> {
    // The usual buffer takes longer to make than a stream to read.
    let config = WebSocketConfig::default().read_buffer_size(1024);
    let mut socket = WebSocket::from_raw_socket(Memory(stream), role, Some(config));
    let mut reading = Reading::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => reading.messages.push((true, text.as_bytes().into())),
            Ok(Message::Binary(bytes)) => reading.messages.push((false, bytes.to_vec())),
            Ok(Message::Ping(payload)) => reading.control.push(("ping", payload.to_vec())),
            Ok(Message::Pong(payload)) => reading.control.push(("pong", payload.to_vec())),
            Ok(Message::Close(reason)) => {
                let text = reason.map_or("1005 ".into(), |reason| {
                    format!("{} {}", u16::from(reason.code), reason.reason)
                });
                reading.control.push(("close", text.into()));
                return reading;
            }
            Ok(Message::Frame(frame)) => panic!("{frame:?}"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return reading,
            Err(error) => {
                reading.error = Some(error.to_string());
                return reading;
            }
        }
    }
}

/// tungstenite delivers all that we deliver; it refuses nothing that we take, and takes nothing that
/// we refuse but what is said here.
///
/// The first byte is the role, the rest a stream.
pub fn tungstenite(data: &[u8]) {
    let Some((&role, stream)) = data.split_first() else {
        return;
    };
    let limits = Limits::default()
        .with_max_frame(MAX.0)
        .with_max_message(MAX.1)
        .with_max_fragments(u32::MAX)
        .with_control_budget(u32::MAX);
    let config = Config::default().with_limits(limits);
    let (ours, theirs) = if role & 1 == 0 {
        (
            ours(Connection::server(config), stream),
            theirs(Role::Server, stream),
        )
    } else {
        let keys = || MaskKey::new([0; 4]);
        (
            ours(Connection::client(config, keys), stream),
            theirs(Role::Client, stream),
        )
    };
    let Some(error) = ours.error else {
        assert_eq!(theirs.error, None);
        let control: Vec<_> = ours.control.into_iter().map(as_theirs).collect();
        assert_eq!((ours.messages, control), (theirs.messages, theirs.control));
        return;
    };
    assert!(
        theirs.messages.starts_with(&ours.messages),
        "{ours:?}\n{theirs:?}"
    );
    assert!(
        theirs.control.starts_with(&ours.control),
        "{ours:?}\n{theirs:?}"
    );
    let explained = match error {
        // Not checked: RFC 6455 §5.2 and §7.4.
        ConnectionError::Frame(FrameError::LengthNotMinimal) => true,
        ConnectionError::InvalidCloseCode(_) => true,
        // Judged when the message is whole.
        ConnectionError::InvalidUtf8 => true,
        // Judged when the frame is whole.
        _ => !ends_with_a_whole_frame(stream),
    };
    assert!(explained || theirs.error.is_some(), "{error:?}\n{theirs:?}");
}

/// 1014, which the registry has gained since RFC 6455, is a violation there.
fn as_theirs(control: (&'static str, Vec<u8>)) -> (&'static str, Vec<u8>) {
    match control {
        ("close", text) if text.starts_with(b"1014 ") => {
            ("close", b"1002 Protocol violation".into())
        }
        other => other,
    }
}

/// Whether no frame of the stream is cut, as far as it can be read.
fn ends_with_a_whole_frame(mut stream: &[u8]) -> bool {
    while !stream.is_empty() {
        // What is no header of ours may be a longer one of theirs.
        let Ok(Some((header, used))) = FrameHeader::decode(stream) else {
            return false;
        };
        let payload = usize::try_from(header.len).unwrap_or(usize::MAX);
        match stream[used..].get(payload..) {
            Some(rest) => stream = rest,
            None => return false,
        }
    }
    true
}
