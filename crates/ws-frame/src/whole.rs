//! The straight path: a whole message in one frame, which nearly all are, and nothing before it.

use crate::decoder::advance;
use crate::mask::mask_ascii_short;
use crate::{Connection, Data, DataKind, MaskKey, Side, Utf8Validator, utf8};

impl<S: Side> Connection<S> {
    /// Takes the next message off the front of `input` if that begins with all of it, uncompressed
    /// and in one frame of at most 16 KiB: what [`next_event`](Self::next_event) would give,
    /// without its other cases. `None` is none of these, and then it is for `next_event` to say what
    /// comes.
    ///
    /// It appends nothing, so that answers can be appended while messages are lent: a loop over it
    /// goes through what one read brought. The bytes lent are the last bytes consumed. A text that
    /// is not UTF-8 is consumed and not lent: its error comes from `next_event`.
    ///
    /// ```
    /// use ws_frame::{Config, Connection, OutboundData};
    ///
    /// // "Hello" twice, masked with a key of zeros, and a ping.
    /// let mut bytes = *b"\x81\x85\0\0\0\0Hello\x81\x85\0\0\0\0Hello\x89\x80\0\0\0\0";
    /// let mut server = Connection::server(Config::default());
    /// let mut out = Vec::new();
    /// let mut input = &mut bytes[..];
    /// while let Some(data) = server.next_whole(&mut input) {
    ///     server.send(OutboundData::new(data.kind, data.bytes), &mut out)?;
    /// }
    /// assert_eq!(out, b"\x81\x05Hello\x81\x05Hello");
    /// server.next_event(&mut input, &mut out)?;
    /// assert!(out.ends_with(b"\x8a\x00"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn next_whole<'b>(&mut self, input: &mut &'b mut [u8]) -> Option<Data<'b>> {
        if !self.at_rest {
            return None;
        }
        let data = self.take_whole(input)?;
        data.end.then_some(data)
    }

    /// The same, with the good start of a bad text.
    #[inline(always)]
    pub(crate) fn take_whole<'b>(&mut self, input: &mut &'b mut [u8]) -> Option<Data<'b>> {
        let (kind, head_len, len) = whole_header(input, S::PEER_MASKS)?;
        if len > usize::from(self.whole_max) || input.len() - head_len < len {
            return None;
        }
        let (head, payload) = advance(input, head_len + len).split_at_mut(head_len);
        let mut ascii = false;
        if S::PEER_MASKS
            && let Some(key) = head.last_chunk()
        {
            ascii = mask_ascii_short(MaskKey::new(*key), payload);
        }
        let bytes: &[u8] = payload;
        let (mut bytes, mut text, mut end) = (bytes, "", true);
        if kind == DataKind::Text && !ascii {
            match utf8::check_whole(bytes) {
                Some(checked) => text = checked,
                None => {
                    bytes = self.bad_whole(bytes)?;
                    end = false;
                }
            }
        }
        Some(Data {
            kind,
            bytes,
            compressed: false,
            end,
            start: true,
            text,
        })
    }

    /// The good start of a text that is bad, if it has one. The error comes with the next call.
    #[cold]
    #[inline(never)]
    fn bad_whole<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        self.at_rest = false;
        self.bad_text = true;
        let good = match Utf8Validator::new().push(bytes) {
            Err(error) => error.at,
            // A character left open at the end is the fault of the last byte.
            Ok(()) => bytes.len() - 1,
        };
        (good > 0).then(|| &bytes[..good])
    }
}

/// Kind, header length and payload length of a final, plain text or binary frame, masked or not as
/// it should be, with a length of less than 64 KiB in its shortest form.
#[inline(always)]
fn whole_header(input: &[u8], masked: bool) -> Option<(DataKind, usize, usize)> {
    let &[first, second, ..] = input else {
        return None;
    };
    let kind = match first {
        0x81 => DataKind::Text,
        0x82 => DataKind::Binary,
        _ => return None,
    };
    if (second & 0x80 != 0) != masked {
        return None;
    }
    let key_len = if masked { 4 } else { 0 };
    let (head_len, len) = match second & 0x7f {
        127 => return None,
        126 => {
            let &[_, _, high, low, ..] = input else {
                return None;
            };
            let len = u16::from_be_bytes([high, low]);
            if len < 126 {
                return None;
            }
            (4 + key_len, usize::from(len))
        }
        short => (2 + key_len, usize::from(short)),
    };
    (input.len() >= head_len).then_some((kind, head_len, len))
}
