//! Drives one WebSocket over one blocking socket: all that the cores leave to their user.

use core::mem;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use ws_deflate::{Agreed, Context, Deflater, Inflater, WindowBits};
use ws_frame::{
    CloseCode, CloseReason, Config, Connection, Data, DataKind, Event, Limits, OutboundData, Side,
    State, Utf8Validator,
};

/// The largest message, also after inflation: what the Autobahn test suite sends.
const MAX_MESSAGE: usize = 16 << 20;
/// The most frames of a message: 4 MiB in frames of 64 bytes and an empty last one, which the
/// suite sends too.
const MAX_FRAGMENTS: u32 = 65_537;
/// More unwritten output than this is written before the next event is looked at.
const SOFT_LIMIT: usize = 64 * 1024;
/// How often a read comes back to look at the clock.
const TICK: Duration = Duration::from_secs(1);
/// How often the peer may send its budget of control frames.
const REFILL: Duration = Duration::from_secs(10);
/// How long a message may take to arrive, and a write to make progress.
const MESSAGE: Duration = Duration::from_secs(60);
/// How long the peer may take to end the TCP connection.
const CLOSE: Duration = Duration::from_secs(5);

/// What a connection of this program accepts.
pub(crate) fn config(agreed: Option<&Agreed>) -> Config {
    let limits = Limits::default()
        .with_max_message(MAX_MESSAGE as u64)
        .with_max_frame(MAX_MESSAGE as u64)
        .with_max_fragments(MAX_FRAGMENTS);
    Config::default()
        .with_limits(limits)
        .with_compression(agreed.is_some())
}

/// Compression as the peer likes it: anything is served, nothing is asked for.
pub(crate) fn deflate_config() -> ws_deflate::Config {
    let any = Context::with_takeover(WindowBits::MAX);
    ws_deflate::Config::new().own(any).peer(any)
}

/// The two codecs of a connection with permessage-deflate.
pub(crate) struct Codecs {
    inflater: Inflater,
    deflater: Deflater,
}

impl Codecs {
    /// Codecs for what this side and its peer compress with.
    pub(crate) fn new(own: Context, peer: Context) -> Self {
        Self {
            inflater: Inflater::new(peer, MAX_MESSAGE),
            deflater: Deflater::new(own).with_threshold(0),
        }
    }
}

/// A connection that sends every message back.
pub(crate) struct Echo<S> {
    connection: Connection<S>,
    codecs: Option<Codecs>,
    /// The message in progress, inflated.
    message: Vec<u8>,
    /// Checks compressed text, which the connection cannot.
    text: Utf8Validator,
    out: Vec<u8>,
}

impl<S: Side> Echo<S> {
    pub(crate) fn new(connection: Connection<S>, codecs: Option<Codecs>) -> Self {
        Self {
            connection,
            codecs,
            message: Vec::new(),
            text: Utf8Validator::new(),
            out: Vec::new(),
        }
    }

    /// Echoes until the closing handshake is done, an error has been answered, or the stream has
    /// ended. `first` is what was read behind the head of the opening handshake.
    pub(crate) fn run(&mut self, socket: &mut TcpStream, first: &[u8]) -> io::Result<()> {
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(MESSAGE))?;
        let mut buffer = first.to_vec();
        buffer.resize(buffer.len().max(64 * 1024), 0);
        let mut filled = first.len();
        let mut refilled = Instant::now();
        let mut message_began = None;
        loop {
            self.receive(&mut buffer[..filled], socket)?;
            socket.write_all(&self.out)?;
            self.out.clear();
            if self.connection.state() != State::Open {
                return Ok(());
            }
            if refilled.elapsed() >= REFILL {
                self.connection.refill_control_budget();
                refilled = Instant::now();
            }
            if !self.connection.is_receiving_message() {
                message_began = None;
            } else if message_began.get_or_insert_with(Instant::now).elapsed() >= MESSAGE {
                self.close(CloseCode::POLICY_VIOLATION);
            }
            filled = match socket.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(error) if is_timeout(&error) => 0,
                Err(error) => return Err(error),
            };
        }
    }

    /// How the connection ended. Call it when the stream has.
    pub(crate) fn receive_eof(&mut self) -> CloseReason {
        self.connection.receive_eof()
    }

    fn receive(&mut self, mut input: &mut [u8], socket: &mut TcpStream) -> io::Result<()> {
        loop {
            match self.connection.next_event(&mut input, &mut self.out) {
                Ok(Some(Event::Data(data))) => {
                    if let Err(code) = self.echo(data) {
                        self.close(code);
                        return Ok(());
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => eprintln!("{error}"),
            }
            if self.out.len() > SOFT_LIMIT {
                socket.write_all(&self.out)?;
                self.out.clear();
            }
        }
    }

    /// Takes a piece of a message, and sends the message back with its last.
    fn echo(&mut self, data: Data<'_>) -> Result<(), CloseCode> {
        if data.start && data.end && self.codecs.is_none() {
            // Nothing to join and nothing to inflate: straight from the read buffer.
            let message = OutboundData::new(data.kind, data.bytes);
            return self.send(message);
        }
        if data.start {
            self.text.reset();
        }
        match &mut self.codecs {
            Some(codecs) if data.compressed => {
                let before = self.message.len();
                codecs
                    .inflater
                    .inflate(data.bytes, data.end, &mut self.message)
                    .map_err(|error| {
                        CloseCode::new(error.close_code()).unwrap_or(CloseCode::INTERNAL_ERROR)
                    })?;
                let good = data.kind == DataKind::Binary
                    || self.text.push(&self.message[before..]).is_ok()
                        && (self.text.is_complete() || !data.end);
                if !good {
                    return Err(CloseCode::INVALID_PAYLOAD);
                }
            }
            _ => self.message.extend_from_slice(data.bytes),
        }
        if !data.end {
            return Ok(());
        }
        let message = mem::take(&mut self.message);
        let mut payload = Vec::new();
        let compressed = match &mut self.codecs {
            Some(codecs) => codecs.deflater.deflate_message(&message, &mut payload),
            None => false,
        };
        if compressed {
            self.send(OutboundData::new(data.kind, &payload).compressed())
        } else {
            self.send(OutboundData::new(data.kind, &message))
        }
    }

    fn send(&mut self, message: OutboundData<'_>) -> Result<(), CloseCode> {
        self.connection
            .send(message, &mut self.out)
            .map_err(|_| CloseCode::INTERNAL_ERROR)
    }

    fn close(&mut self, code: CloseCode) {
        // Refused only where a close frame has been sent before.
        let _ = self.connection.close(code, "", &mut self.out);
    }
}

/// Reads and drops what still comes, until the stream ends: no matter how, the connection is
/// closed. Dropping the socket with bytes unread would reset it, and the peer could lose our last
/// frame.
pub(crate) fn drain(socket: &mut TcpStream) {
    let begun = Instant::now();
    let mut buffer = [0; 4096];
    while begun.elapsed() < CLOSE {
        match socket.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if is_timeout(&error) => {}
            Err(_) => return,
        }
    }
}

/// Windows and Unix name it differently.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
