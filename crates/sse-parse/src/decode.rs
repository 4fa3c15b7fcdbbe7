//! Text as the Encoding Standard's UTF-8 decoder makes it.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::str::Utf8Chunk;

/// Buffers up to this size are left alone when another one becomes large.
pub(crate) const SMALL: usize = 8 * 1024;

/// Moves the value in `line` to `kept` as text; false if that takes more than `room` bytes.
pub(crate) fn keep(line: &mut Vec<u8>, kept: &mut String, room: usize) -> bool {
    match String::from_utf8(mem::take(line)) {
        Ok(text) => {
            *line = mem::replace(kept, text).into_bytes();
            if kept.capacity() > SMALL {
                kept.shrink_to_fit();
            }
            true
        }
        Err(error) => {
            *line = error.into_bytes();
            let fits = decoded_len(line) <= room.saturating_sub(line.len());
            if fits {
                decode(line, kept);
            }
            fits
        }
    }
}

const REPLACEMENT: &str = "\u{fffd}";

fn replacement(chunk: &Utf8Chunk<'_>) -> &'static str {
    if chunk.invalid().is_empty() {
        ""
    } else {
        REPLACEMENT
    }
}

/// The length of what [`decode`] makes of these bytes.
#[cold]
pub(crate) fn decoded_len(bytes: &[u8]) -> usize {
    bytes
        .utf8_chunks()
        .map(|chunk| chunk.valid().len() + replacement(&chunk).len())
        .sum()
}

/// Decodes as the Encoding Standard does: each maximal part of a sequence that does not go on as it
/// should becomes one replacement character.
#[cold]
pub(crate) fn decode(bytes: &[u8], text: &mut String) {
    text.clear();
    text.reserve_exact(decoded_len(bytes));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(replacement(&chunk));
    }
}
