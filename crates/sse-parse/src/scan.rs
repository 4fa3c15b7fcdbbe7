//! Finding line ends and checking UTF-8: the two passes over every byte.

use memchr::memchr2;

/// Words looked at before the vectorised search is worth its call.
const SHORT_WORDS: usize = 4;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;
/// One more than CR: bytes below it are LF, CR, or controls that text rarely holds.
const BELOW: u64 = ONES * 0x0e;

/// Where the first CR or LF is.
#[inline]
pub(crate) fn line_end(bytes: &[u8]) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let mut searched = 0;
    for word in words.iter().take(SHORT_WORDS) {
        let word = u64::from_le_bytes(*word);
        // The lowest set bit marks the first byte below 0x0e; borrows reach only bytes after it.
        let low = word.wrapping_sub(BELOW) & !word & HIGH;
        if low != 0 {
            let at = searched + (low.trailing_zeros() / 8) as usize;
            if matches!(bytes.get(at), Some(b'\r' | b'\n')) {
                return Some(at);
            }
            break;
        }
        searched += 8;
    }
    memchr2(b'\r', b'\n', bytes.get(searched..)?).map(|at| searched + at)
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
