//! Finding line ends and checking UTF-8: the passes over every byte.

use memchr::memchr2;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;
/// One more than CR: bytes below it are LF, CR, or controls that text rarely holds.
const BELOW: u8 = 0x0e;
/// Words looked at one by one: ids, names and small data end in them.
const WORDS: usize = 2;
/// Bytes per step after that; compilers make vector code of it.
const BLOCK: usize = 32;
/// Steps after which the call of the search with run-time detection pays.
const BLOCKS: usize = 8;

/// Where the first CR or LF is.
#[inline]
pub(crate) fn line_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < WORDS * 8 {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return short_tail(bytes, at);
        };
        match first_below(*word) {
            Some(low) => return exact(bytes, at + low),
            None => at += 8,
        }
    }
    blocks(bytes, at)
}

/// [`line_end`] where a long line is likely.
#[inline]
pub(crate) fn line_end_far(bytes: &[u8]) -> Option<usize> {
    if bytes.len() > BLOCK * BLOCKS {
        memchr2(b'\r', b'\n', bytes)
    } else {
        blocks(bytes, 0)
    }
}

#[inline]
fn blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    let (blocks, _) = bytes.get(at..)?.as_chunks::<BLOCK>();
    for block in blocks.iter().take(BLOCKS) {
        if block.iter().fold(false, |any, &byte| any | (byte < BELOW)) {
            return short_tail(bytes, at);
        }
        at += BLOCK;
    }
    let tail = bytes.get(at..)?;
    if tail.len() >= BLOCK {
        memchr2(b'\r', b'\n', tail).map(|end| at + end)
    } else {
        short_tail(bytes, at)
    }
}

/// Word by word: what is left is short, or a line end is near.
#[inline]
fn short_tail(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        match first_below(*word) {
            Some(low) => return exact(bytes, at + low),
            None => at += 8,
        }
    }
    let tail = bytes.get(at..)?;
    tail.iter()
        .position(|byte| matches!(byte, b'\r' | b'\n'))
        .map(|end| at + end)
}

/// The index of the first byte below [`BELOW`].
#[inline]
fn first_below(word: [u8; 8]) -> Option<usize> {
    let word = u64::from_le_bytes(word);
    // The lowest set bit marks it exactly; borrows reach only bytes after it.
    let low = word.wrapping_sub(ONES * BELOW as u64) & !word & HIGH;
    (low != 0).then_some((low.trailing_zeros() / 8) as usize)
}

/// From a byte that may be a line end.
#[inline]
fn exact(bytes: &[u8], at: usize) -> Option<usize> {
    if matches!(bytes.get(at), Some(b'\r' | b'\n')) {
        return Some(at);
    }
    memchr2(b'\r', b'\n', bytes.get(at..)?).map(|end| at + end)
}

/// From this many bytes on the vectorised check is the faster one.
const LONG: usize = 256;

/// The bytes as text, or `None` when they are not UTF-8.
#[inline]
pub(crate) fn utf8(bytes: &[u8]) -> Option<&str> {
    if bytes.len() < LONG {
        core::str::from_utf8(bytes).ok()
    } else {
        simdutf8::basic::from_utf8(bytes).ok()
    }
}

/// The vectorised check works in steps of this many bytes; what is left over costs it most.
const STEP: usize = 64;

/// The first `len` bytes as text, with some that follow them; `None` when they are not UTF-8.
#[inline]
pub(crate) fn utf8_with_more(bytes: &[u8], len: usize) -> Option<&str> {
    let whole = len.next_multiple_of(STEP);
    if let Some(window) = bytes.get(..whole)
        && bytes.get(whole).is_none_or(|&next| !is_continuation(next))
        && let Ok(text) = simdutf8::basic::from_utf8(window)
    {
        return Some(text);
    }
    utf8(bytes.get(..len)?)
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn naive(bytes: &[u8]) -> Option<usize> {
        bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'))
    }

    #[test]
    fn line_ends_are_found_at_every_place_and_length() {
        // Among letters, among controls just below and above CR, and behind bytes of 0x80 and more.
        for filler in [b'a', b'\t', 0x0b, 0x0e, 0, 0xff] {
            for len in (0..120).chain(270..300).chain([512, 600]) {
                let mut bytes = vec![filler; len];
                assert_eq!(line_end(&bytes), None);
                assert_eq!(line_end_far(&bytes), None);
                for at in 0..len {
                    for end in [b'\r', b'\n'] {
                        bytes[at] = end;
                        assert_eq!(line_end(&bytes), naive(&bytes), "{len} {at}");
                        assert_eq!(line_end_far(&bytes), naive(&bytes), "{len} {at}");
                        // A control before it, and another end behind it.
                        bytes[at / 2] = if at / 2 < at { 0x0c } else { end };
                        bytes[len - 1] = b'\n';
                        assert_eq!(line_end(&bytes), naive(&bytes), "{len} {at}");
                        assert_eq!(line_end_far(&bytes), naive(&bytes), "{len} {at}");
                        bytes.fill(filler);
                    }
                }
            }
        }
    }

    #[test]
    fn text_is_checked_up_to_its_end_whatever_follows() {
        for len in 0..200 {
            for more in 0..140 {
                let mut bytes = vec![b'a'; len + more];
                assert!(utf8_with_more(&bytes, len).is_some_and(|text| text.len() >= len));
                if more > 0 {
                    bytes[len] = 0xff;
                    assert!(utf8_with_more(&bytes, len).is_some_and(|text| text.len() == len));
                    bytes[len..].fill("é".as_bytes()[0]);
                    assert!(utf8_with_more(&bytes, len).is_some());
                }
                if len > 0 {
                    bytes[len - 1] = 0xff;
                    assert!(utf8_with_more(&bytes, len).is_none());
                }
            }
        }
    }
}
