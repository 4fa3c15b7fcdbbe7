//! Base64 with the standard alphabet and padding (RFC 4648, section 4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` as base64 text with padding to `out`: how a binary event travels over
/// Server-Sent Events.
pub fn encode_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    let sextet = |word: u32, shift: u32| ALPHABET[(word >> shift & 0x3f) as usize];
    let mut groups = bytes.chunks_exact(3);
    for group in &mut groups {
        let word = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        out.extend([
            sextet(word, 18),
            sextet(word, 12),
            sextet(word, 6),
            sextet(word, 0),
        ]);
    }
    match *groups.remainder() {
        [a] => {
            let word = u32::from_be_bytes([0, a, 0, 0]);
            out.extend([sextet(word, 18), sextet(word, 12), b'=', b'=']);
        }
        [a, b] => {
            let word = u32::from_be_bytes([0, a, b, 0]);
            out.extend([sextet(word, 18), sextet(word, 12), sextet(word, 6), b'=']);
        }
        _ => {}
    }
}

//= https://www.rfc-editor.org/rfc/rfc4648#section-3.5
//# The padding step in base 64 and base 32 encoding can, if improperly implemented, lead to
//# non-significant alterations of the encoded data.
/// The bytes that `text` stands for; `None` unless it is exactly what [`encode_base64`] writes
/// for them: padded, without line ends, unused bits zero.
pub(crate) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let (groups, []) = text.as_chunks::<4>() else {
        return None;
    };
    let Some((last, groups)) = groups.split_last() else {
        return Some(Vec::new());
    };
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3);
    for group in groups {
        decoded.extend_from_slice(&word(group)?.to_be_bytes()[1..]);
    }
    let (padded, len) = match *last {
        [a, b, b'=', b'='] => ([a, b, b'A', b'A'], 1),
        [a, b, c, b'='] => ([a, b, c, b'A'], 2),
        full => (full, 3),
    };
    let [_, bytes @ ..] = word(&padded)?.to_be_bytes();
    if bytes[len..].iter().any(|&unused| unused != 0) {
        return None;
    }
    decoded.extend_from_slice(&bytes[..len]);
    Some(decoded)
}

fn word(group: &[u8; 4]) -> Option<u32> {
    group.iter().try_fold(0, |word, byte| {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        Some(word << 6 | u32::from(sextet))
    })
}
