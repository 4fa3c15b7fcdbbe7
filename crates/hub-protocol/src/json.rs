//! Writing JSON without a tree of values.

use resume::Position;

/// Appends `text` as a JSON string, in quotes. Only what must be escaped is.
//= https://www.rfc-editor.org/rfc/rfc8259#section-7
//# All Unicode characters may be placed within the quotation marks, except for the characters
//# that MUST be escaped: quotation mark, reverse solidus, and the control characters (U+0000
//# through U+001F).
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let (mut copied, mut at) = (0, 0);
    while let Some((word, _)) = bytes[at..].split_first_chunk::<8>() {
        let Some(plain) = first_special(*word) else {
            at += 8;
            continue;
        };
        out.extend_from_slice(&bytes[copied..at]);
        // All eight and back: a copy of a length that the compiler knows.
        out.extend_from_slice(word);
        out.truncate(out.len() - 8 + plain);
        escape(word[plain], out);
        at += plain + 1;
        copied = at;
    }
    for (index, byte) in bytes.iter().enumerate().skip(at) {
        if matches!(byte, 0..0x20 | b'"' | b'\\') {
            out.extend_from_slice(&bytes[copied..index]);
            escape(*byte, out);
            copied = index + 1;
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

/// Which of eight bytes is the first that must be escaped.
fn first_special(word: [u8; 8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_le_bytes(word);
    let (quote, slash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let slash = slash.wrapping_sub(ONES) & !slash;
    // A borrow can mark bytes above a marked one, never below it: the lowest mark is true.
    let marks = (control | quote | slash) & HIGHS;
    (marks != 0).then_some((marks.trailing_zeros() / 8) as usize)
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 0xf)],
            ]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends a position as a JSON string.
pub(crate) fn position(position: Position, out: &mut Vec<u8>) {
    out.push(b'"');
    position.encode(out);
    out.push(b'"');
}

/// Appends a number in decimal.
pub(crate) fn number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Writes the members of an object one after another.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    /// Opens the object.
    pub(crate) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Goes on with members that need no brace and no comma before them.
    pub(crate) fn members(out: &'o mut Vec<u8>) -> Self {
        Self { out, first: true }
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(crate) fn string(&mut self, key: &str, value: &str) -> &mut Self {
        string(value, self.key(key));
        self
    }

    pub(crate) fn optional(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.string(key, value);
        }
        self
    }

    pub(crate) fn position(&mut self, key: &str, value: Option<Position>) -> &mut Self {
        if let Some(value) = value {
            position(value, self.key(key));
        }
        self
    }

    pub(crate) fn number(&mut self, key: &str, value: Option<u64>) -> &mut Self {
        if let Some(value) = value {
            number(value, self.key(key));
        }
        self
    }

    /// `true`, or nothing.
    pub(crate) fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        if value {
            self.key(key).extend_from_slice(b"true");
        }
        self
    }

    pub(crate) fn strings<'s>(
        &mut self,
        key: &str,
        values: impl IntoIterator<Item = &'s str>,
    ) -> &mut Self {
        let out = self.key(key);
        out.push(b'[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            string(value, out);
        }
        out.push(b']');
        self
    }

    /// Ends with a comma, for members that follow from elsewhere.
    pub(crate) fn comma(self) {
        self.out.push(b',');
    }

    /// Closes the object.
    pub(crate) fn close(self) {
        self.out.push(b'}');
    }
}
