//! The chunked transfer coding of a response's body, taken off without IO.

/// Digits of a chunk's size: enough for 2⁶⁴ − 1.
const MAX_DIGITS: usize = 16;
/// Bytes of a line after its size, and of a line in the trailer.
const MAX_LINE: usize = 4096;

/// Takes the chunked coding off, whatever pieces the bytes come in.
//= https://www.rfc-editor.org/rfc/rfc9112#section-7.1
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chunked {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// In the line before a chunk: its size so far, and how many digits.
    Size(u64, usize),
    /// In an extension of that line, which is ignored, or after its CR.
    Extension(u64, usize),
    /// This many bytes of the chunk are still to come.
    Data(u64),
    /// CR LF after a chunk.
    DataEnd,
    /// In a line of the trailer, of which this many bytes have come.
    Trailer(usize),
    #[default]
    Start,
    End,
    /// The coding was broken.
    Broken,
}

impl Chunked {
    /// Appends what `input` holds of the body to `out`, but not more than `room` bytes.
    ///
    /// Consumes all of `input`; after the end or an error, it is ignored.
    pub(crate) fn decode(&mut self, mut input: &[u8], mut room: usize, out: &mut Vec<u8>) {
        while let Some((&byte, rest)) = input.split_first() {
            if let State::Data(left) = self.state {
                let len = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
                let (data, rest) = input.split_at(len);
                let kept = len.min(room);
                out.extend_from_slice(&data[..kept]);
                room -= kept;
                input = rest;
                self.state = match left - len as u64 {
                    0 => State::DataEnd,
                    left => State::Data(left),
                };
                continue;
            }
            self.state = self.state.after(byte);
            input = rest;
        }
    }

    /// Whether nothing more will come: the body is whole, or broken.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::End | State::Broken)
    }
}

impl State {
    /// The next state, outside of a chunk's data.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Start, _) => Self::Size(0, 0).after(byte),
            (Self::Size(size, digits), _) if byte.is_ascii_hexdigit() && digits < MAX_DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Self::Size(size << 4 | u64::from(digit), digits + 1)
            }
            (Self::Size(size, 1..), b';' | b' ' | b'\t' | b'\r') => Self::Extension(size, 0),
            (Self::Extension(0, _), b'\n') => Self::Trailer(0),
            (Self::Extension(size, _), b'\n') => Self::Data(size),
            (Self::Extension(size, len), _) if len < MAX_LINE => Self::Extension(size, len + 1),
            (Self::DataEnd, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::Start,
            (Self::Trailer(0), b'\n') => Self::End,
            (Self::Trailer(len), b'\r') => Self::Trailer(len),
            (Self::Trailer(_), b'\n') => Self::Trailer(0),
            (Self::Trailer(len), _) if len < MAX_LINE => Self::Trailer(len + 1),
            (Self::End, _) => Self::End,
            _ => Self::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]], room: usize) -> (Vec<u8>, State) {
        let mut chunked = Chunked::default();
        let mut out = Vec::new();
        for piece in pieces {
            chunked.decode(piece, room.saturating_sub(out.len()), &mut out);
        }
        (out, chunked.state)
    }

    #[test]
    fn every_split_gives_the_same_body() {
        let coded =
            b"5\r\nhello\r\n0a;name=\"v\"\r\n, chunks!\n\r\n00\r\nTrailer: 1\r\nX: 2\r\n\r\nnext";
        for at in 0..=coded.len() {
            let (first, second) = coded.split_at(at);
            let (body, state) = decode(&[first, second], usize::MAX);
            assert_eq!(body, b"hello, chunks!\n", "{at}");
            assert_eq!(state, State::End);
        }
    }

    #[test]
    fn no_more_than_the_room_is_kept() {
        let (body, state) = decode(&[b"5\r\nhel", b"lo\r\n0\r\n\r\n"], 4);
        assert_eq!((&*body, state), (&b"hell"[..], State::End));
    }

    #[test]
    fn a_broken_coding_ends_the_body() {
        for coded in [
            &b"x"[..],
            b"\r\n",
            b";\r\n",
            b"-1\r\n",
            b"12345678901234567\r\n",
            b"1\r\nab\r\n",
        ] {
            let (_, state) = decode(&[coded], usize::MAX);
            assert_eq!(
                state,
                State::Broken,
                "{:?}",
                coded.escape_ascii().to_string()
            );
        }
        let long = [b"1;", &[b'x'; 5000][..]].concat();
        assert_eq!(decode(&[&long], usize::MAX).1, State::Broken);
        let (body, state) = decode(&[b"ffffffffffffffff\r\nabc"], usize::MAX);
        assert_eq!((&*body, state), (&b"abc"[..], State::Data(u64::MAX - 3)));
    }
}
