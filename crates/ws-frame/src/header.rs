//! The frame header of RFC 6455 §5.2: a value, its two to fourteen bytes, and back.

use core::ops::{BitOr, Deref};

use crate::{FrameError, MaskKey};

/// What a frame carries: the four opcode bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 closes this set")]
#[repr(u8)]
pub enum OpCode {
    /// A further fragment of the message in progress.
    Continuation = 0x0,
    /// The first or only frame of a text message.
    Text = 0x1,
    /// The first or only frame of a binary message.
    Binary = 0x2,
    /// The end of what the sender has to say.
    Close = 0x8,
    /// A question that a pong with the same payload answers.
    Ping = 0x9,
    /// The answer to a ping, or a one-way heartbeat.
    Pong = 0xA,
}

impl OpCode {
    /// The opcode of the low four bits of `byte`, `None` for the reserved ones.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte & 0x0f {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }

    /// Whether this is close, ping or pong.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The three reserved bits of a frame, which extensions give a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rsv(u8);

impl Rsv {
    /// No bit set, as it is without extensions.
    pub const NONE: Self = Self(0);
    /// RSV1: the message is compressed (RFC 7692 §6).
    pub const RSV1: Self = Self(0x40);
    /// RSV2.
    pub const RSV2: Self = Self(0x20);
    /// RSV3.
    pub const RSV3: Self = Self(0x10);

    const ALL: u8 = 0x70;

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Rsv {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Everything in a frame but the payload.
///
/// ```
/// use ws_frame::{FrameHeader, OpCode};
///
/// // A single-frame unmasked text message of RFC 6455 §5.7.
/// let bytes = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
/// let (header, used) = FrameHeader::decode(&bytes)?.unwrap();
/// assert_eq!(header, FrameHeader::new(OpCode::Text, 5));
/// assert_eq!(header.encode().as_ref(), &bytes[..used]);
/// assert_eq!(FrameHeader::decode(&bytes[..1])?, None);
/// # Ok::<(), ws_frame::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "RFC 6455 closes this set")]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The reserved bits.
    pub rsv: Rsv,
    /// What the frame carries.
    pub opcode: OpCode,
    /// The key that the payload is masked with, if it is masked.
    pub mask: Option<MaskKey>,
    /// Payload length in bytes, below 2^63.
    pub len: u64,
}

impl FrameHeader {
    /// Most bytes that a header takes.
    pub const MAX_LEN: usize = 14;

    /// A final, unmasked frame without reserved bits.
    #[must_use]
    pub const fn new(opcode: OpCode, len: u64) -> Self {
        Self {
            fin: true,
            rsv: Rsv::NONE,
            opcode,
            mask: None,
            len,
        }
    }

    /// Reads the header at the start of `bytes` and says how many bytes it takes; `None` when
    /// `bytes` ends before the header does.
    ///
    /// What does not depend on role or extensions is checked, each rule as soon as its byte is
    /// there: reserved opcodes, whole and short control frames, minimal and 63-bit lengths.
    ///
    /// # Errors
    ///
    /// One variant of [`FrameError`] for each of these rules.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, FrameError> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
        //# If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket
        //# Connection_.
        let opcode = OpCode::from_byte(first).ok_or(FrameError::ReservedOpCode)?;
        let fin = first & 0x80 != 0;
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.5
        //# All control frames MUST have a payload length of 125 bytes or less and MUST NOT be
        //# fragmented.
        if opcode.is_control() && !fin {
            return Err(FrameError::FragmentedControl);
        }
        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        let short = second & 0x7f;
        if opcode.is_control() && short > 125 {
            return Err(FrameError::ControlTooLong);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
        //# Note that in all cases, the minimal number of bytes MUST be used to encode the length
        let (len, mut used) = match short {
            126 => {
                let Some(long) = bytes.get(2..).and_then(<[u8]>::first_chunk) else {
                    return Ok(None);
                };
                let len = u64::from(u16::from_be_bytes(*long));
                if len < 126 {
                    return Err(FrameError::LengthNotMinimal);
                }
                (len, 4)
            }
            127 => {
                let Some(long) = bytes.get(2..).and_then(<[u8]>::first_chunk) else {
                    return Ok(None);
                };
                let len = u64::from_be_bytes(*long);
                if len <= 0xffff {
                    return Err(FrameError::LengthNotMinimal);
                }
                //= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
                //# the following 8 bytes interpreted as a 64-bit unsigned integer (the most
                //# significant bit MUST be 0) are the payload length.
                if len >> 63 != 0 {
                    return Err(FrameError::LengthTooLarge);
                }
                (len, 10)
            }
            short => (u64::from(short), 2),
        };
        let mut mask = None;
        if second & 0x80 != 0 {
            let Some(key) = bytes.get(used..).and_then(<[u8]>::first_chunk) else {
                return Ok(None);
            };
            mask = Some(MaskKey::new(*key));
            used += 4;
        }
        Ok(Some((
            Self {
                fin,
                rsv: Rsv(first & Rsv::ALL),
                opcode,
                mask,
                len,
            },
            used,
        )))
    }

    /// The header's bytes if these are two: without a mask, and a length of at most 125.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the length was compared")]
    pub(crate) const fn encode_short(&self) -> Option<[u8; 2]> {
        if self.mask.is_some() || self.len > 125 {
            return None;
        }
        Some([
            (self.fin as u8) << 7 | self.rsv.0 | self.opcode as u8,
            self.len as u8,
        ])
    }

    /// The header's bytes, two to fourteen, with the length in its shortest form.
    ///
    /// Written before the payload in one vectored write, this sends a frame without copying the
    /// payload. What a peer would refuse (a length of 2^63 or more, a long or fragmented control
    /// frame) is encoded as it stands: [`Connection`](crate::Connection) makes only valid headers.
    #[must_use]
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each arm holds what it casts"
    )]
    pub fn encode(&self) -> EncodedHeader {
        let mut bytes = [0; Self::MAX_LEN];
        bytes[0] = u8::from(self.fin) << 7 | self.rsv.0 | self.opcode as u8;
        let mut len = match self.len {
            0..=125 => {
                bytes[1] = self.len as u8;
                2
            }
            126..=0xffff => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&(self.len as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..10].copy_from_slice(&self.len.to_be_bytes());
                10
            }
        };
        if let Some(key) = self.mask {
            bytes[1] |= 0x80;
            bytes[len..len + 4].copy_from_slice(&key.to_bytes());
            len += 4;
        }
        EncodedHeader {
            bytes,
            len: len as u8,
        }
    }
}

/// The bytes of a [`FrameHeader`], by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EncodedHeader {
    bytes: [u8; FrameHeader::MAX_LEN],
    len: u8,
}

impl AsRef<[u8]> for EncodedHeader {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Deref for EncodedHeader {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}
