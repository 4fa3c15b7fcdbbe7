//! What can go wrong, split by whose fault it is.

use core::fmt;

use crate::CloseCode;

/// The peer broke the framing grammar of RFC 6455 §5.2 and §5.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameError {
    /// An opcode of the ranges 0x3–0x7 and 0xB–0xF.
    ReservedOpCode,
    /// A control frame without the FIN bit.
    FragmentedControl,
    /// A control frame that declares more than 125 bytes.
    ControlTooLong,
    /// A length that fits a shorter form than the one used.
    LengthNotMinimal,
    /// A 64-bit length with the most significant bit set.
    LengthTooLarge,
}

impl FrameError {
    /// The code of the close frame that goes with this error: always 1002.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        CloseCode::PROTOCOL_ERROR
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedOpCode => "reserved opcode",
            Self::FragmentedControl => "fragmented control frame",
            Self::ControlTooLong => "control frame of more than 125 bytes",
            Self::LengthNotMinimal => "payload length not in its shortest form",
            Self::LengthTooLarge => "payload length of more than 63 bits",
        })
    }
}

impl core::error::Error for FrameError {}

/// Why a connection failed: the peer broke the grammar, a rule, or a limit.
///
/// The close frame that tells the peer so has been appended to `out`, unless a close frame had
/// been sent before. The error is final: see [`Connection::next_event`](crate::Connection::next_event).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionError {
    /// A frame that does not follow the grammar.
    Frame(FrameError),
    /// A reserved bit that no negotiated extension defines, or RSV1 on any but the first frame of
    /// a data message.
    ReservedBits,
    /// A frame from a client that is not masked.
    Unmasked,
    /// A frame from a server that is masked.
    Masked,
    /// A continuation frame while no message is in progress.
    UnexpectedContinuation,
    /// A text or binary frame while a fragmented message is in progress.
    ExpectedContinuation,
    /// A close frame with a body of one byte.
    CloseTooShort,
    /// A close frame with a code that must not stand in one.
    InvalidCloseCode(u16),
    /// Text, or the reason of a close frame, that is not UTF-8.
    InvalidUtf8,
    /// A frame that declares more payload than [`Limits::max_frame`](crate::Limits::max_frame).
    FrameTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A message whose frames so far declare more than
    /// [`Limits::max_message`](crate::Limits::max_message).
    MessageTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A message of more frames than [`Limits::max_fragments`](crate::Limits::max_fragments).
    TooManyFragments {
        /// The limit, in frames.
        limit: u32,
    },
    /// More control frames than the budget of
    /// [`Limits::control_budget`](crate::Limits::control_budget) had left.
    TooManyControlFrames {
        /// The whole budget, in frames.
        limit: u32,
    },
}

impl ConnectionError {
    /// The code of the close frame that goes with this error: 1002, 1007, 1008 or 1009.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Frame(error) => error.close_code(),
            Self::ReservedBits
            | Self::Unmasked
            | Self::Masked
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::CloseTooShort
            | Self::InvalidCloseCode(_) => CloseCode::PROTOCOL_ERROR,
            Self::InvalidUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooLarge { .. } | Self::MessageTooLarge { .. } => CloseCode::TOO_LARGE,
            Self::TooManyFragments { .. } | Self::TooManyControlFrames { .. } => {
                CloseCode::POLICY_VIOLATION
            }
        }
    }
}

impl From<FrameError> for ConnectionError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::ReservedBits => f.write_str("reserved bit without a meaning"),
            Self::Unmasked => f.write_str("unmasked frame from a client"),
            Self::Masked => f.write_str("masked frame from a server"),
            Self::UnexpectedContinuation => f.write_str("continuation without a message"),
            Self::ExpectedContinuation => f.write_str("new message inside a fragmented one"),
            Self::CloseTooShort => f.write_str("close frame with a body of one byte"),
            Self::InvalidCloseCode(code) => write!(f, "invalid close code {code}"),
            Self::InvalidUtf8 => f.write_str("text that is not UTF-8"),
            Self::FrameTooLarge { limit } => write!(f, "frame of more than {limit} bytes"),
            Self::MessageTooLarge { limit } => write!(f, "message of more than {limit} bytes"),
            Self::TooManyFragments { limit } => write!(f, "message of more than {limit} frames"),
            Self::TooManyControlFrames { limit } => {
                write!(f, "more than {limit} control frames in one period")
            }
        }
    }
}

impl core::error::Error for ConnectionError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Frame(error) => Some(error),
            _ => None,
        }
    }
}

/// A call that does not fit what was sent before, or what a frame can carry. Nothing was appended
/// to `out`, and the connection is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendError {
    /// A close frame has been sent, or the connection is over.
    Closed,
    /// A message was begun while the fragments of another are still being sent.
    MessageInProgress,
    /// A continuation while no message is being sent.
    NoMessage,
    /// A compressed message on a connection whose [`Config`](crate::Config) does not allow them,
    /// or a continuation marked as compressed.
    NotNegotiated,
    /// A control payload of more than 125 bytes.
    ControlTooLong,
    /// A code that must not stand in a close frame: 1006 and 1015.
    UnsendableCode,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "connection is closing or closed",
            Self::MessageInProgress => "another message is being sent",
            Self::NoMessage => "continuation without a message",
            Self::NotNegotiated => "compression was not negotiated",
            Self::ControlTooLong => "control payload of more than 125 bytes",
            Self::UnsendableCode => "close code that must not be sent",
        })
    }
}

impl core::error::Error for SendError {}

/// Bytes that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Utf8Error {
    /// Index, in the slice given, of the first byte after which no continuation can be valid.
    pub at: usize,
}

impl fmt::Display for Utf8Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not UTF-8 at byte {}", self.at)
    }
}

impl core::error::Error for Utf8Error {}

/// A message that would grow beyond the limit of its [`Assembler`](crate::Assembler).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TooLarge {
    /// The limit, in bytes.
    pub limit: usize,
}

impl TooLarge {
    /// The code of the close frame that goes with this error: always 1009.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        CloseCode::TOO_LARGE
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message of more than {} bytes", self.limit)
    }
}

impl core::error::Error for TooLarge {}
