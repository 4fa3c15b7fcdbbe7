//! Close codes and reasons of RFC 6455 §7.4, and payloads of control frames.

use core::fmt;
use core::ops::Deref;

use crate::{ConnectionError, SendError};

/// Why a connection ends, as a number.
///
/// A value is either a code that may stand in a close frame (1000–1003, 1007–1014, 3000–4999) or
/// one of the three that are only ever reported: [`NO_STATUS`](Self::NO_STATUS),
/// [`ABNORMAL`](Self::ABNORMAL), [`TLS`](Self::TLS).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint goes away, a server shutting down or a page left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that the endpoint does not accept.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005, only reported: the close frame had no code.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006, only reported: the connection ended without a close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: data that does not fit its type, as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a policy of the endpoint was violated.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message too large to process.
    pub const TOO_LARGE: Self = Self(1009);
    /// 1010: a client misses an extension in the server's handshake.
    pub const EXTENSION_REQUIRED: Self = Self(1010);
    /// 1011: the server met an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts; connect again after a random delay.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded; connect again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response from its upstream.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015, only reported: the TLS handshake failed.
    pub const TLS: Self = Self(1015);

    /// The code `code` if it may stand in a close frame: 1000–1003, 1007–1014 (registered for the
    /// protocol) and 3000–4999 (libraries and private use). `None` for all others.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether the code may stand in a close frame.
    #[must_use]
    pub const fn is_sendable(self) -> bool {
        Self::new(self.get()).is_some()
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.get()
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The payload of a control frame: at most 125 bytes, by value.
#[derive(Clone, Copy)]
pub struct ControlPayload {
    len: u8,
    bytes: [u8; Self::MAX_LEN],
}

impl ControlPayload {
    /// Most bytes that a control frame carries.
    pub const MAX_LEN: usize = 125;

    /// A copy of `bytes`.
    ///
    /// # Errors
    ///
    /// [`SendError::ControlTooLong`] for more than 125 bytes.
    #[inline]
    pub fn new(bytes: &[u8]) -> Result<Self, SendError> {
        let mut payload = Self::EMPTY;
        if payload.extend(bytes) == bytes.len() {
            Ok(payload)
        } else {
            Err(SendError::ControlTooLong)
        }
    }

    pub(crate) const EMPTY: Self = Self {
        len: 0,
        bytes: [0; Self::MAX_LEN],
    };

    /// The bytes.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Appends as much of `bytes` as there is room for and returns how much that was.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the sum is at most 125")]
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> usize {
        let free = &mut self.bytes[usize::from(self.len)..];
        let taken = bytes.len().min(free.len());
        free[..taken].copy_from_slice(&bytes[..taken]);
        self.len += taken as u8;
        taken
    }
}

impl AsRef<[u8]> for ControlPayload {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Deref for ControlPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for ControlPayload {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for ControlPayload {}

impl fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_bytes(), f)
    }
}

/// How a connection ended: the peer's code and reason, or what is reported in their place.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct CloseReason {
    code: CloseCode,
    /// UTF-8, at most 123 bytes.
    reason: ControlPayload,
}

impl CloseReason {
    /// Most bytes of reason text that a close frame carries.
    pub const MAX_REASON_LEN: usize = ControlPayload::MAX_LEN - 2;

    pub(crate) const fn without_text(code: CloseCode) -> Self {
        Self {
            code,
            reason: ControlPayload::EMPTY,
        }
    }

    /// The code of the close frame; [`NO_STATUS`](CloseCode::NO_STATUS) if it had none,
    /// [`ABNORMAL`](CloseCode::ABNORMAL) if there was no close frame.
    #[must_use]
    pub const fn code(&self) -> CloseCode {
        self.code
    }

    /// The peer's reason, at most 123 bytes of untrusted text; empty if it gave none.
    #[must_use]
    pub fn reason(&self) -> &str {
        str::from_utf8(&self.reason).unwrap_or_default()
    }

    /// Reads the payload of a close frame.
    pub(crate) fn parse(payload: &ControlPayload) -> Result<Self, ConnectionError> {
        //= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5
        //# If this Close control frame contains no status code, _The WebSocket Connection Close
        //# Code_ is considered to be 1005.
        let Some((code, reason)) = payload.split_first_chunk() else {
            return if payload.is_empty() {
                Ok(Self::without_text(CloseCode::NO_STATUS))
            } else {
                //= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
                //# If there is a body, the first two bytes of the body MUST be a 2-byte unsigned
                //# integer
                Err(ConnectionError::CloseTooShort)
            };
        };
        let code = u16::from_be_bytes(*code);
        //= https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
        //# 1005 is a reserved value and MUST NOT be set as a status code in a Close control frame
        //# by an endpoint.
        let code = CloseCode::new(code).ok_or(ConnectionError::InvalidCloseCode(code))?;
        //= https://www.rfc-editor.org/rfc/rfc6455#section-8.1
        //# When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream
        //# is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket
        //# Connection_.
        str::from_utf8(reason).map_err(|_| ConnectionError::InvalidUtf8)?;
        let mut text = ControlPayload::EMPTY;
        text.extend(reason);
        Ok(Self { code, reason: text })
    }

    /// The payload of a close frame with `code` and as much of `reason` as fits.
    pub(crate) fn payload(code: CloseCode, reason: &str) -> Result<ControlPayload, SendError> {
        let mut payload = ControlPayload::EMPTY;
        if code == CloseCode::NO_STATUS {
            return Ok(payload);
        }
        if !code.is_sendable() {
            return Err(SendError::UnsendableCode);
        }
        payload.extend(&code.get().to_be_bytes());
        payload.extend(&reason.as_bytes()[..reason.floor_char_boundary(Self::MAX_REASON_LEN)]);
        Ok(payload)
    }
}

impl fmt::Debug for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseReason")
            .field("code", &self.code.get())
            .field("reason", &self.reason())
            .finish()
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            "" => self.code.fmt(f),
            reason => write!(f, "{}: {}", self.code, reason.escape_debug()),
        }
    }
}
