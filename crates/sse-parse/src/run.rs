//! The lines that nearly all traffic is made of, read where they lie.

use core::ops::Range;

use crate::scan::line_end;

/// The complete lines at the front of a chunk, as long as every field is one of `data`, `id` and
/// `event`, comes once, and ends its line with LF or CRLF; then perhaps the blank line.
pub(crate) struct Run {
    pub(crate) data: Option<Range<usize>>,
    pub(crate) id: Option<Range<usize>>,
    pub(crate) name: Option<Range<usize>>,
    /// Lines with a field.
    pub(crate) lines: usize,
    /// Bytes up to the end of the last of them.
    pub(crate) len: usize,
    /// Bytes of the blank line behind them; 0 if something else is there.
    pub(crate) blank: usize,
}

impl Run {
    /// The most bytes to copy ahead of their time: larger fields are left to grow their buffers
    /// under the limit.
    pub(crate) const MAX_ADOPTED: usize = 8 * 1024;

    #[inline]
    pub(crate) fn read(chunk: &[u8]) -> Self {
        let mut run = Self {
            data: None,
            id: None,
            name: None,
            lines: 0,
            len: 0,
            blank: 0,
        };
        while let Some(line) = chunk.get(run.len..) {
            let (start, field) = match line {
                [b'd', b'a', b't', b'a', b':', ..] if run.data.is_none() => (5, &mut run.data),
                [b'i', b'd', b':', ..] if run.id.is_none() => (3, &mut run.id),
                [b'e', b'v', b'e', b'n', b't', b':', ..] if run.name.is_none() => {
                    (6, &mut run.name)
                }
                [b'\n', ..] => {
                    run.blank = 1;
                    break;
                }
                [b'\r', b'\n', ..] => {
                    run.blank = 2;
                    break;
                }
                _ => break,
            };
            let start = start + usize::from(line.get(start) == Some(&b' '));
            let value = line.get(start..).unwrap_or_default();
            let Some(len) = line_end(value) else { break };
            let end = match value.get(len..) {
                Some([b'\n', ..]) => 1,
                Some([b'\r', b'\n', ..]) => 2,
                _ => break,
            };
            let start = run.len + start;
            *field = Some(start..start + len);
            run.len = start + len + end;
            run.lines += 1;
        }
        run
    }
}
