//! UTF-8 checked as the bytes arrive, cut anywhere.
//!
//! Short input goes through a table-driven automaton whose state is a shift: the next state of
//! byte `b` in state `s` is six bits of `ROWS[b]`, `s` bits up. Longer input goes through
//! `simdutf8` up to its last whole character.

use crate::Utf8Error;

/// No byte can follow. Zero, so that all that a row does not list leads here.
const REJECT: u8 = 0;
/// Between two characters.
const ACCEPT: u8 = 6;
/// One, two, three more continuation bytes.
const ONE: u8 = 12;
const TWO: u8 = 18;
const THREE: u8 = 24;
/// After E0, ED, F0, F4: the next byte has a narrower range.
const AFTER_E0: u8 = 30;
const AFTER_ED: u8 = 36;
const AFTER_F0: u8 = 42;
const AFTER_F4: u8 = 48;

static ROWS: [u64; 256] = rows();

/// Unicode 3.9, table 3-7: well-formed UTF-8 byte sequences.
const fn rows() -> [u64; 256] {
    let mut rows = [0; 256];
    let mut byte = 0;
    while byte <= 0xff {
        let next: &[(u8, u8)] = match byte {
            0x00..=0x7f => &[(ACCEPT, ACCEPT)],
            0x80..=0x8f => &[
                (ONE, ACCEPT),
                (TWO, ONE),
                (THREE, TWO),
                (AFTER_ED, ONE),
                (AFTER_F4, TWO),
            ],
            0x90..=0x9f => &[
                (ONE, ACCEPT),
                (TWO, ONE),
                (THREE, TWO),
                (AFTER_ED, ONE),
                (AFTER_F0, TWO),
            ],
            0xa0..=0xbf => &[
                (ONE, ACCEPT),
                (TWO, ONE),
                (THREE, TWO),
                (AFTER_E0, ONE),
                (AFTER_F0, TWO),
            ],
            0xc2..=0xdf => &[(ACCEPT, ONE)],
            0xe0 => &[(ACCEPT, AFTER_E0)],
            0xed => &[(ACCEPT, AFTER_ED)],
            0xe1..=0xef => &[(ACCEPT, TWO)],
            0xf0 => &[(ACCEPT, AFTER_F0)],
            0xf1..=0xf3 => &[(ACCEPT, THREE)],
            0xf4 => &[(ACCEPT, AFTER_F4)],
            _ => &[],
        };
        let mut i = 0;
        while i < next.len() {
            let (from, to) = next[i];
            rows[byte] |= (to as u64) << from;
            i += 1;
        }
        byte += 1;
    }
    rows
}

/// From here on `simdutf8` is faster than the automaton.
const SHORT: usize = 64;

/// `bytes` as text, if they are UTF-8: the check of the standard library, faster on text beyond
/// ASCII.
///
/// ```
/// assert_eq!(ws_frame::as_text(b"gr\xc3\xbc\xc3\x9fe"), Some("gr\u{fc}\u{df}e"));
/// assert_eq!(ws_frame::as_text(b"\xff"), None);
/// ```
#[must_use]
#[inline]
pub fn as_text(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Checks that the pieces of one text, cut anywhere, make valid UTF-8.
///
/// [`Connection`](crate::Connection) checks uncompressed text itself. Text of compressed messages
/// is checked after inflation, by the caller, with this.
///
/// ```
/// use ws_frame::Utf8Validator;
///
/// let mut text = Utf8Validator::new();
/// text.push(b"gr\xc3")?;
/// assert!(!text.is_complete());
/// text.push(b"\xbc\xc3\x9fe")?;
/// assert!(text.is_complete());
/// // The first byte that cannot be right is reported, whatever follows it.
/// assert_eq!(text.push(b"a\xed\xa0\x80").unwrap_err().at, 2);
/// # Ok::<(), ws_frame::Utf8Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Utf8Validator {
    state: u8,
}

impl Utf8Validator {
    /// A validator at the start of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: ACCEPT }
    }

    /// Takes the next piece of the text.
    ///
    /// # Errors
    ///
    /// [`Utf8Error`] with the index in `bytes` of the first byte after which no continuation can
    /// be valid. Every later piece that is not empty is then wrong at 0.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Utf8Error> {
        if bytes.len() < SHORT {
            self.push_short(bytes)
        } else {
            self.push_long(bytes)
        }
    }

    /// Whether the text so far ends with a whole character and had no error.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.state == ACCEPT
    }

    /// Whether [`push`](Self::push) has failed.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.state == REJECT
    }

    /// Forgets the text: the next piece begins a new one.
    pub const fn reset(&mut self) {
        *self = Self::new();
    }

    #[inline]
    fn push_short(&mut self, bytes: &[u8]) -> Result<(), Utf8Error> {
        let mut state = u64::from(self.state);
        for &byte in bytes {
            state = step(state, byte);
        }
        let start = self.state;
        self.state = low(state);
        if self.has_failed() {
            Err(locate(start, bytes))
        } else {
            Ok(())
        }
    }

    fn push_long(&mut self, bytes: &[u8]) -> Result<(), Utf8Error> {
        // The character that the piece before left open.
        let mut at = 0;
        while !self.is_complete() && at < bytes.len() {
            self.state = low(step(u64::from(self.state), bytes[at]));
            if self.has_failed() {
                return Err(Utf8Error { at });
            }
            at += 1;
        }
        let rest = &bytes[at..];
        let (whole, open) = rest.split_at(rest.len() - open_len(rest));
        if simdutf8::basic::from_utf8(whole).is_err() {
            self.state = REJECT;
            return Err(Utf8Error {
                at: at + locate(ACCEPT, whole).at,
            });
        }
        // At most three bytes, and a lead byte among them starts the character.
        self.push_short(open).map_err(|e| Utf8Error {
            at: at + whole.len() + e.at,
        })
    }
}

impl Default for Utf8Validator {
    fn default() -> Self {
        Self::new()
    }
}

/// The state after `byte`, in the low six bits of the result.
#[inline]
const fn step(state: u64, byte: u8) -> u64 {
    ROWS[byte as usize] >> (state & 63)
}

#[inline]
const fn low(state: u64) -> u8 {
    (state & 63) as u8
}

/// Where the automaton stops, on bytes known to make it stop.
#[cold]
fn locate(start: u8, bytes: &[u8]) -> Utf8Error {
    let mut state = u64::from(start);
    let wrong = bytes.iter().position(|&byte| {
        state = step(state, byte);
        low(state) == REJECT
    });
    Utf8Error {
        at: wrong.unwrap_or(bytes.len()),
    }
}

/// How many bytes at the end of `bytes` begin a character without ending it: zero to three.
#[inline]
pub(crate) fn open_len(bytes: &[u8]) -> usize {
    for (len, &byte) in (1..4).zip(bytes.iter().rev()) {
        let needs = match byte {
            0x00..=0x7f => return 0,
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
        };
        return if len < needs { len } else { 0 };
    }
    0
}

/// Checks a whole text: `None` if it is bad, else the text where the check gave it as `str`, else
/// the empty `str`.
#[inline(never)]
pub(crate) fn check_whole(bytes: &[u8]) -> Option<&str> {
    if bytes.len() >= SHORT {
        return simdutf8::basic::from_utf8(bytes).ok();
    }
    let (words, rest) = bytes.as_chunks();
    let high = words
        .iter()
        .fold(0, |high, word| high | u64::from_ne_bytes(*word));
    let high = rest.iter().fold(high, |high, byte| high | u64::from(*byte));
    if high & 0x8080_8080_8080_8080 == 0 || check_short(bytes) {
        Some("")
    } else {
        None
    }
}

fn check_short(bytes: &[u8]) -> bool {
    if bytes.len() <= 16 {
        let mut utf8 = Utf8Validator::new();
        return utf8.push_short(bytes).is_ok() && utf8.is_complete();
    }
    let mut padded = [0; SHORT];
    padded[..bytes.len()].copy_from_slice(bytes);
    simdutf8::basic::from_utf8(&padded).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{ACCEPT, AFTER_F4, REJECT, ROWS, low, rows};

    #[test]
    fn rows_lead_from_states_to_states() {
        let states = (REJECT..=AFTER_F4).step_by(usize::from(ACCEPT));
        for (byte, row) in rows().into_iter().enumerate() {
            let mut rest = row;
            for state in states.clone() {
                let next = low(row >> state);
                assert!(
                    states.clone().any(|state| state == next),
                    "{byte:x} from {state}"
                );
                rest &= !(u64::from(next) << state);
            }
            assert_eq!(rest, 0, "bits of {byte:x} that belong to no state");
            assert_eq!(low(row), REJECT, "{byte:x} leads back from an error");
            assert_eq!(row, ROWS[byte]);
        }
    }
}
