//! The event that nearly all traffic is made of: complete in the chunk, every field at most once.

use crate::item::MESSAGE;
use crate::scan::{line_end, utf8};

/// A complete event, lent by the chunk.
pub(crate) struct Whole<'b> {
    pub(crate) name: &'b str,
    pub(crate) data: &'b str,
    pub(crate) id: Option<&'b str>,
    /// Non-blank lines.
    pub(crate) lines: usize,
    /// Bytes up to the end of the blank line.
    pub(crate) len: usize,
}

/// Reads the event that begins at `chunk`, or finds that it takes the general way: comments,
/// `retry`, several data lines, unknown fields, NUL in an id, text that is not UTF-8, or an event
/// that goes on in the next chunk.
#[inline]
pub(crate) fn whole_event(chunk: &[u8]) -> Option<Whole<'_>> {
    let mut at = 0;
    let mut lines = 0;
    let (mut name, mut data, mut id) = (0..0, None, None);
    loop {
        let line = chunk.get(at..)?;
        let (prefix, field) = match line {
            [b'd', b'a', b't', b'a', b':', ..] if data.is_none() => (5, Field::Data),
            [b'i', b'd', b':', ..] if id.is_none() => (3, Field::Id),
            [b'e', b'v', b'e', b'n', b't', b':', ..] if name.is_empty() => (6, Field::Name),
            [b'\n', ..] => {
                at += 1;
                break;
            }
            [b'\r', b'\n', ..] => {
                at += 2;
                break;
            }
            _ => return None,
        };
        let prefix = prefix + usize::from(line.get(prefix) == Some(&b' '));
        let value = line.get(prefix..)?;
        let len = line_end(value)?;
        let range = at + prefix..at + prefix + len;
        let end = match value.get(len..)? {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return None,
        };
        at = range.end + end;
        lines += 1;
        match field {
            Field::Data => data = Some(range),
            Field::Id => id = Some(range),
            Field::Name => name = range,
        }
    }
    // One check for the whole block: fields begin and end at ASCII.
    let text = utf8(chunk.get(..at)?)?;
    let id = match id {
        Some(range) => Some(text.get(range).filter(|id| !id.as_bytes().contains(&0))?),
        None => None,
    };
    let name = if name.is_empty() {
        MESSAGE
    } else {
        text.get(name)?
    };
    Some(Whole {
        name,
        data: text.get(data?)?,
        id,
        lines,
        len: at,
    })
}

enum Field {
    Data,
    Id,
    Name,
}
