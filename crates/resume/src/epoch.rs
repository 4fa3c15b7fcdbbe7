use core::fmt;
use core::str::FromStr;

use crate::PositionError;

/// One continuous history of a log, as 96 bits that the caller drew at random.
///
/// Offsets of different epochs have nothing to do with each other. A producer begins a new epoch
/// whenever it can no longer prove that the history it holds continues the one it announced.
///
/// The text form is exactly [`Epoch::TEXT_LEN`] lower-case hexadecimal digits: safe in URLs,
/// headers and file names, and without the hyphen that separates epoch and offset in a
/// [`Position`](crate::Position).
///
/// # Example
///
/// ```
/// use resume::Epoch;
///
/// let epoch = Epoch::from_bytes(*b"twelve bytes");
/// assert_eq!(epoch.to_string(), "7477656c7665206279746573");
/// assert_eq!("7477656c7665206279746573".parse(), Ok(epoch));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch([u8; Self::LEN]);

impl Epoch {
    /// Length of the random part in bytes.
    pub const LEN: usize = 12;

    /// Length of the text form in bytes.
    pub const TEXT_LEN: usize = 2 * Self::LEN;

    /// Makes an epoch of bytes that must come from a cryptographic random number generator:
    /// uniqueness is all that keeps an old position from being taken for a new one.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes it was made of.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0
    }

    /// Parses the text form, strictly: [`Epoch::TEXT_LEN`] digits of `0-9a-f` and nothing else.
    ///
    /// # Errors
    ///
    /// [`PositionError::Epoch`] for anything else.
    pub fn parse(text: &[u8]) -> Result<Self, PositionError> {
        let text: &[u8; Self::TEXT_LEN] = text.try_into().map_err(|_| PositionError::Epoch)?;
        let mut bytes = [0; Self::LEN];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }

    /// The text form as bytes, all of them ASCII.
    #[must_use]
    pub fn to_text(self) -> [u8; Self::TEXT_LEN] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; Self::TEXT_LEN];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 0xf)];
        }
        text
    }
}

fn digit(byte: u8) -> Result<u8, PositionError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(PositionError::Epoch),
    }
}

impl FromStr for Epoch {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; Self::TEXT_LEN];
        for (digits, byte) in text.as_chunks_mut().0.iter_mut().zip(self.0) {
            *digits = [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
        }
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({self})")
    }
}
