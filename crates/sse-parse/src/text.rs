//! Decoding as the Encoding Standard's UTF-8 decoder does, for values that arrive in pieces.

use alloc::string::String;

use crate::scan::utf8;

/// A UTF-8 sequence that the end of a chunk cut: a valid beginning of at most three bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut {
    bytes: [u8; 4],
    len: usize,
}

/// The text would pass the cap; the value is to be dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverCap;

const REPLACEMENT: &str = "\u{fffd}";

impl Cut {
    /// Appends the text of `piece` to `out`, which grows to at most `cap` bytes.
    pub(crate) fn push(
        &mut self,
        mut piece: &[u8],
        cap: usize,
        out: &mut String,
    ) -> Result<(), OverCap> {
        if self.len > 0 {
            piece = self.complete(piece, cap, out)?;
        }
        match utf8(piece) {
            Some(text) => put(text, cap, out),
            None => self.push_lossy(piece, cap, out),
        }
    }

    /// Ends the value: a sequence still cut is an error in the stream.
    pub(crate) fn finish(&mut self, cap: usize, out: &mut String) -> Result<(), OverCap> {
        self.len = 0;
        put(REPLACEMENT, cap, out)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Feeds the cut sequence from `piece` and returns what is left.
    #[cold]
    fn complete<'p>(
        &mut self,
        mut piece: &'p [u8],
        cap: usize,
        out: &mut String,
    ) -> Result<&'p [u8], OverCap> {
        while let Some((&byte, rest)) = piece.split_first() {
            let Some(slot) = self.bytes.get_mut(self.len) else {
                break;
            };
            *slot = byte;
            match core::str::from_utf8(self.bytes.get(..=self.len).unwrap_or_default()) {
                Ok(text) => {
                    put(text, cap, out)?;
                    self.len = 0;
                    return Ok(rest);
                }
                Err(error) if error.error_len().is_none() => {
                    self.len += 1;
                    piece = rest;
                }
                // `byte` does not continue the sequence; it may begin one.
                Err(_) => {
                    self.len = 0;
                    put(REPLACEMENT, cap, out)?;
                    return Ok(piece);
                }
            }
        }
        Ok(piece)
    }

    #[cold]
    fn push_lossy(&mut self, piece: &[u8], cap: usize, out: &mut String) -> Result<(), OverCap> {
        let mut left = piece.len();
        for chunk in piece.utf8_chunks() {
            put(chunk.valid(), cap, out)?;
            let bad = chunk.invalid();
            left -= chunk.valid().len() + bad.len();
            let cut = left == 0
                && core::str::from_utf8(bad).is_err_and(|error| error.error_len().is_none());
            if cut {
                for (slot, byte) in self.bytes.iter_mut().zip(bad) {
                    *slot = *byte;
                }
                self.len = bad.len();
            } else if !bad.is_empty() {
                put(REPLACEMENT, cap, out)?;
            }
        }
        Ok(())
    }
}

/// Appends `text`, growing by doubling but never past `cap`.
#[inline]
fn put(text: &str, cap: usize, out: &mut String) -> Result<(), OverCap> {
    let len = out.len().saturating_add(text.len());
    if len > out.capacity() {
        grow(len, cap, out)?;
    } else if len > cap {
        return Err(OverCap);
    }
    out.push_str(text);
    Ok(())
}

#[cold]
fn grow(len: usize, cap: usize, out: &mut String) -> Result<(), OverCap> {
    if len > cap {
        return Err(OverCap);
    }
    let capacity = out.capacity().saturating_mul(2).clamp(len, cap);
    out.reserve_exact(capacity - out.len());
    Ok(())
}
