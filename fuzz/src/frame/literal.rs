//! RFC 6455 read literally, a whole stream at a time: slow, simple, and of its own making.

use super::Seen;
use ws_frame::{Config, ConnectionError, DataKind, FrameError, FrameHeader, MaskKey, OpCode, Rsv};

/// The key of every frame that a client sends here.
pub(super) const KEY: MaskKey = MaskKey::new([1, 2, 3, 4]);

/// §5.2: the header at the start of `bytes`, `None` if it is cut.
pub(super) fn header(bytes: &[u8]) -> Result<Option<(FrameHeader, usize)>, FrameError> {
    let bit = |byte: usize, bit: u8| bytes[byte] >> bit & 1 == 1;
    if bytes.is_empty() {
        return Ok(None);
    }
    let opcode = match bytes[0] % 16 {
        0 => OpCode::Continuation,
        1 => OpCode::Text,
        2 => OpCode::Binary,
        8 => OpCode::Close,
        9 => OpCode::Ping,
        10 => OpCode::Pong,
        _ => return Err(FrameError::ReservedOpCode),
    };
    let control = bytes[0] % 16 >= 8;
    if control && !bit(0, 7) {
        return Err(FrameError::FragmentedControl);
    }
    if bytes.len() < 2 {
        return Ok(None);
    }
    let short = bytes[1] % 128;
    let length_bytes = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if control && length_bytes > 0 {
        return Err(FrameError::ControlTooLong);
    }
    if bytes.len() < 2 + length_bytes {
        return Ok(None);
    }
    let mut len = u64::from(short);
    if length_bytes > 0 {
        len = bytes[2..2 + length_bytes]
            .iter()
            .fold(0, |len, byte| len << 8 | u64::from(*byte));
        if len < if length_bytes == 2 { 126 } else { 65_536 } {
            return Err(FrameError::LengthNotMinimal);
        }
        if len > i64::MAX as u64 {
            return Err(FrameError::LengthTooLarge);
        }
    }
    let key_bytes = if bit(1, 7) { 4 } else { 0 };
    let used = 2 + length_bytes + key_bytes;
    if bytes.len() < used {
        return Ok(None);
    }
    let mask = bit(1, 7).then(|| MaskKey::new(bytes[used - 4..used].try_into().expect("four")));
    let mut rsv = Rsv::NONE;
    for (at, set) in [(6, Rsv::RSV1), (5, Rsv::RSV2), (4, Rsv::RSV3)] {
        if bit(0, at) {
            rsv = rsv | set;
        }
    }
    Ok(Some((
        FrameHeader {
            fin: bit(0, 7),
            rsv,
            opcode,
            mask,
            len,
        },
        used,
    )))
}

/// §5.3: octet i of the one is octet i of the other, XOR octet i modulo 4 of the key.
pub(super) fn masked(key: MaskKey, phase: usize, data: &[u8]) -> Vec<u8> {
    let key = key.to_bytes();
    data.iter()
        .enumerate()
        .map(|(i, byte)| byte ^ key[(phase + i) % 4])
        .collect()
}

pub(super) fn unmasked(key: Option<MaskKey>, data: &[u8]) -> Vec<u8> {
    key.map_or_else(|| data.to_vec(), |key| masked(key, 0, data))
}

/// The first byte after which no continuation makes `data` valid UTF-8.
pub(super) fn first_bad_byte(data: &[u8]) -> Option<usize> {
    let start = match std::str::from_utf8(data) {
        Err(error) if error.error_len().is_some() => error.valid_up_to(),
        _ => return None,
    };
    (start..data.len()).find(|end| {
        let piece = std::str::from_utf8(&data[start..=*end]);
        piece.is_err_and(|error| error.error_len().is_some())
    })
}

/// What must come of a stream.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) seen: Vec<Seen>,
    pub(super) out: Vec<u8>,
    pub(super) closed: bool,
    pub(super) end: u16,
}

impl Expected {
    fn reply(&mut self, client: bool, opcode: OpCode, payload: &[u8]) {
        self.out.extend([
            0x80 | opcode as u8,
            if client { 0x80 } else { 0 } | payload.len() as u8,
        ]);
        if client {
            self.out.extend(KEY.to_bytes());
            self.out.extend(masked(KEY, 0, payload));
        } else {
            self.out.extend(payload);
        }
    }

    fn fail(mut self, client: bool, error: ConnectionError) -> Self {
        self.seen.push(Seen::Error(error));
        self.reply(
            client,
            OpCode::Close,
            &error.close_code().get().to_be_bytes(),
        );
        self.closed = true;
        self
    }
}

/// A message on its way.
struct Message {
    kind: DataKind,
    compressed: bool,
    bytes: Vec<u8>,
    /// Where it stands among what was seen, once a piece of it was.
    at: Option<usize>,
    declared: u64,
    frames: u32,
}

/// What a server, or a client, makes of `data` if nothing of its own was sent before.
pub(super) fn receive(config: &Config, client: bool, data: &[u8]) -> Expected {
    let limits = config.limits();
    let mut expected = Expected {
        end: 1006,
        ..Expected::default()
    };
    let mut message: Option<Message> = None;
    let mut controls = 0;
    let mut rest = data;
    loop {
        let (header, used) = match header(rest) {
            Ok(None) => return expected,
            Ok(Some(found)) => found,
            Err(error) => return expected.fail(client, ConnectionError::Frame(error)),
        };
        rest = &rest[used..];
        let data_frame = matches!(header.opcode, OpCode::Text | OpCode::Binary);
        let compressed = header.rsv == Rsv::RSV1 && data_frame && config.compression();
        if header.rsv != Rsv::NONE && !compressed {
            return expected.fail(client, ConnectionError::ReservedBits);
        }
        if client && header.mask.is_some() {
            return expected.fail(client, ConnectionError::Masked);
        }
        if !client && header.mask.is_none() {
            return expected.fail(client, ConnectionError::Unmasked);
        }
        let available = usize::try_from(header.len)
            .unwrap_or(usize::MAX)
            .min(rest.len());
        let whole = available as u64 == header.len;
        let payload = unmasked(header.mask, &rest[..available]);
        rest = &rest[available..];

        if header.opcode as u8 >= 8 {
            controls += 1;
            if controls > limits.control_budget() {
                let limit = limits.control_budget();
                return expected.fail(client, ConnectionError::TooManyControlFrames { limit });
            }
            if !whole {
                return expected;
            }
            match header.opcode {
                OpCode::Ping => {
                    if config.auto_pong() {
                        expected.reply(client, OpCode::Pong, &payload);
                    }
                    expected.seen.push(Seen::Ping(payload));
                }
                OpCode::Pong => expected.seen.push(Seen::Pong(payload)),
                _ => return close(expected, client, &payload),
            }
            continue;
        }

        let current = match (&mut message, header.opcode) {
            (Some(_), OpCode::Text | OpCode::Binary) => {
                return expected.fail(client, ConnectionError::ExpectedContinuation);
            }
            (None, OpCode::Continuation) => {
                return expected.fail(client, ConnectionError::UnexpectedContinuation);
            }
            (current, OpCode::Continuation) => current.as_mut().expect("checked"),
            (current, opcode) => current.insert(Message {
                kind: if opcode == OpCode::Text {
                    DataKind::Text
                } else {
                    DataKind::Binary
                },
                compressed,
                bytes: Vec::new(),
                at: None,
                declared: 0,
                frames: 0,
            }),
        };
        if header.len > limits.max_frame() {
            let limit = limits.max_frame();
            return expected.fail(client, ConnectionError::FrameTooLarge { limit });
        }
        current.declared += header.len;
        if current.declared > limits.max_message() {
            let limit = limits.max_message();
            return expected.fail(client, ConnectionError::MessageTooLarge { limit });
        }
        current.frames += 1;
        if current.frames > limits.max_fragments() {
            let limit = limits.max_fragments();
            return expected.fail(client, ConnectionError::TooManyFragments { limit });
        }

        let end = header.fin && whole;
        let before = current.bytes.len();
        current.bytes.extend(&payload);
        let mut bad = false;
        if current.kind == DataKind::Text && !current.compressed {
            let good = first_bad_byte(&current.bytes).or_else(|| {
                let open = end && std::str::from_utf8(&current.bytes).is_err();
                // The last byte should not have been the last: if it came with this frame.
                open.then(|| (current.bytes.len() - 1).max(before))
            });
            bad = good.is_some();
            current.bytes.truncate(good.unwrap_or(usize::MAX));
        }
        let end = end && !bad;
        if current.bytes.len() > before || end {
            let seen = Seen::Message(current.kind, current.bytes.clone(), current.compressed, end);
            match current.at {
                Some(at) => expected.seen[at] = seen,
                None => {
                    current.at = Some(expected.seen.len());
                    expected.seen.push(seen);
                }
            }
        }
        if bad {
            return expected.fail(client, ConnectionError::InvalidUtf8);
        }
        if !whole {
            return expected;
        }
        if end {
            message = None;
        }
    }
}

/// §5.5.1, §7.1.5, §7.4.
fn close(mut expected: Expected, client: bool, payload: &[u8]) -> Expected {
    if payload.len() == 1 {
        return expected.fail(client, ConnectionError::CloseTooShort);
    }
    let (mut code, mut reason) = (1005, "");
    if payload.len() >= 2 {
        code = u16::from_be_bytes([payload[0], payload[1]]);
        let allowed = [1000..=1003, 1007..=1014, 3000..=4999];
        if !allowed.iter().any(|range| range.contains(&code)) {
            return expected.fail(client, ConnectionError::InvalidCloseCode(code));
        }
        match std::str::from_utf8(&payload[2..]) {
            Ok(text) => reason = text,
            Err(_) => return expected.fail(client, ConnectionError::InvalidUtf8),
        }
    }
    let answer = payload.get(..2).unwrap_or_default();
    expected.reply(client, OpCode::Close, answer);
    expected.seen.push(Seen::Close(code, reason.to_owned()));
    expected.closed = true;
    expected.end = code;
    expected
}
