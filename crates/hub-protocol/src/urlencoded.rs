//! `application/x-www-form-urlencoded`, as the URL Standard parses it, in one pass over the bytes;
//! and segments of paths.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// The pairs of a form or a query: names and values decoded, as bytes.
pub(crate) fn pairs(input: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    let mut rest = input;
    let split = core::iter::from_fn(move || {
        let end = memchr(b'&', rest).unwrap_or(rest.len());
        let pair = rest.get(..end).filter(|_| !rest.is_empty())?;
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(pair)
    });
    split.filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = match memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        (decode(name), decode(value))
    })
}

/// Replaces `+` by a space and `%XX` by its byte; a `%` without two digits stands for itself.
//= https://url.spec.whatwg.org/#concept-urlencoded-parser
//# Replace any 0x2B (+) in name and value with 0x20 (SP).
fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr2(b'%', b'+', text) else {
        return Cow::Borrowed(text);
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut plain = first;
    loop {
        decoded.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        let (byte, len) = match rest {
            [] => return Cow::Owned(decoded),
            [b'+', ..] => (b' ', 1),
            [b'%', high, low, ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [other, ..] => (*other, 1),
        };
        decoded.push(byte);
        rest = &rest[len..];
        plain = memchr2(b'%', b'+', rest).unwrap_or(rest.len());
    }
}

/// Replaces `%XX` by its byte; a `%` without two digits stands for itself.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = match tail {
            [high, low, ..] if byte == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
