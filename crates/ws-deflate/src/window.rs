//! The size of an LZ77 sliding window.

use core::fmt;

/// The base-2 logarithm of an LZ77 sliding window in bytes: 8 to 15, a window of 256 bytes to
/// 32 KiB.
///
/// A smaller window takes less memory and finds fewer repetitions. The peer's decoder must reach
/// as far back as the encoder does, so an encoder may always use a window below the agreed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(pub(crate) u8);

impl WindowBits {
    /// 8: a window of 256 bytes.
    pub const MIN: Self = Self(8);
    /// 15: a window of 32,768 bytes, what holds when nothing else is agreed.
    pub const MAX: Self = Self(15);

    /// A window of 2 to the power of `bits` bytes; `None` outside 8 to 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits < Self::MIN.0 || bits > Self::MAX.0 {
            None
        } else {
            Some(Self(bits))
        }
    }

    /// The logarithm, 8 to 15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The window in bytes, 256 to 32,768.
    #[must_use]
    pub const fn bytes(self) -> usize {
        1 << self.0
    }

    /// The value of `server_max_window_bits` or `client_max_window_bits`, as a token or in the
    /// quotes of a quoted string.
    //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.1
    //# This parameter has a decimal integer value without leading zeroes between 8 to 15,
    //# inclusive
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let value = value
            .strip_prefix('"')
            .and_then(|v| v.strip_suffix('"'))
            .unwrap_or(value);
        match value.as_bytes() {
            [digit @ b'8'..=b'9'] => Self::new(digit - b'0'),
            [b'1', digit @ b'0'..=b'5'] => Self::new(10 + digit - b'0'),
            _ => None,
        }
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
