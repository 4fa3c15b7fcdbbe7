use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use crate::Epoch;

/// A place in a log: an epoch, and the offset of the last event before that place.
///
/// Offsets count from 1; offset 0 is the place before the first event, so that a consumer which
/// has not seen any event still has a position to resume from. The pair is stored, compared and
/// replaced as one value: an offset without its epoch means nothing, which is why there is no
/// `Ord` and [`compare`](Position::compare) answers only within one epoch.
///
/// The text form is `#EPOCH-OFFSET`, at most [`Position::MAX_TEXT_LEN`] bytes.
///
/// # Example
///
/// ```
/// use resume::{Epoch, Position};
///
/// let position = Position::new(Epoch::from_bytes(*b"twelve bytes"), 42);
/// assert_eq!(position.to_string(), "#7477656c7665206279746573-42");
/// assert_eq!("#7477656c7665206279746573-42".parse(), Ok(position));
/// assert_eq!("7477656c7665206279746573-42".parse(), Ok(position));
/// assert!("7477656c7665206279746573-042".parse::<Position>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a position is this pair")]
pub struct Position {
    /// The history that `offset` counts in.
    pub epoch: Epoch,
    /// How many events of that history lie before this place.
    pub offset: u64,
}

impl Position {
    /// Length in bytes of the longest text form: `#`, the epoch, `-` and 20 digits.
    pub const MAX_TEXT_LEN: usize = 1 + Epoch::TEXT_LEN + 1 + 20;

    /// Length in bytes beyond which a text is refused unread.
    pub const MAX_PARSED_LEN: usize = 128;

    /// Makes a position of its two parts.
    #[must_use]
    pub const fn new(epoch: Epoch, offset: u64) -> Self {
        Self { epoch, offset }
    }

    /// The order of two positions of one epoch; `None` if the epochs differ.
    #[must_use]
    pub fn compare(self, other: Self) -> Option<Ordering> {
        (self.epoch == other.epoch).then(|| self.offset.cmp(&other.offset))
    }

    /// Parses the text form, with or without the leading `#`, strictly: the epoch's digits, one
    /// hyphen, and the offset in decimal without sign, spaces or leading zeros. What parses is
    /// written back by [`encode`](Position::encode) byte for byte (with the `#`).
    ///
    /// # Errors
    ///
    /// [`PositionError`], by the part that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, PositionError> {
        if text.len() > Self::MAX_PARSED_LEN {
            return Err(PositionError::TooLong);
        }
        let text = text.strip_prefix(b"#").unwrap_or(text);
        let (epoch, rest) = text
            .split_at_checked(Epoch::TEXT_LEN)
            .ok_or(PositionError::Epoch)?;
        let epoch = Epoch::parse(epoch)?;
        let digits = rest.strip_prefix(b"-").ok_or(PositionError::Separator)?;
        Ok(Self {
            epoch,
            offset: offset(digits)?,
        })
    }

    /// Appends the text form, with its `#`, to `out`.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.push(b'#');
        out.extend_from_slice(&self.epoch.to_text());
        out.push(b'-');
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = self.offset;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10).to_le_bytes()[0];
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        out.extend_from_slice(&digits[start..]);
    }
}

fn offset(digits: &[u8]) -> Result<u64, PositionError> {
    match digits {
        [] => Err(PositionError::Offset),
        [b'0'] => Ok(0),
        [b'0', ..] => Err(PositionError::Offset),
        _ => digits.iter().try_fold(0_u64, |offset, byte| {
            let digit = match byte {
                b'0'..=b'9' => u64::from(byte - b'0'),
                _ => return Err(PositionError::Offset),
            };
            offset
                .checked_mul(10)
                .and_then(|o| o.checked_add(digit))
                .ok_or(PositionError::Offset)
        }),
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}-{}", self.epoch, self.offset)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

/// Why a text is not a [`Position`] or an [`Epoch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PositionError {
    /// The epoch is not [`Epoch::TEXT_LEN`] lower-case hexadecimal digits.
    Epoch,
    /// The offset is not a decimal number of 64 bits without sign or leading zeros.
    Offset,
    /// There is no hyphen after the epoch.
    Separator,
    /// The text is longer than [`Position::MAX_PARSED_LEN`] bytes.
    TooLong,
}

impl fmt::Display for PositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Epoch => "the epoch is not 24 lower-case hexadecimal digits",
            Self::Offset => "the offset is not a plain decimal number of 64 bits",
            Self::Separator => "there is no hyphen between epoch and offset",
            Self::TooLong => "the position is longer than 128 bytes",
        })
    }
}

impl core::error::Error for PositionError {}
