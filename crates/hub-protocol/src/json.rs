//! Writing JSON without a tree of values.

use resume::Position;

/// Appends `text` as a JSON string, in quotes. Only what must be escaped is.
//= https://www.rfc-editor.org/rfc/rfc8259#section-7
//# All Unicode characters may be placed within the quotation marks, except for the characters
//# that MUST be escaped: quotation mark, reverse solidus, and the control characters (U+0000
//# through U+001F).
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(plain) = plain_prefix(rest) {
        out.extend_from_slice(&rest[..plain]);
        escaped(rest[plain], out);
        rest = &rest[plain + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// How many bytes stand before the first that must be escaped, if there is one. Where one was,
/// the next is often near, as in JSON: so the first bytes are looked at one by one, and eight at
/// a time only after them.
fn plain_prefix(bytes: &[u8]) -> Option<usize> {
    let special = |byte: &u8| ESCAPES[usize::from(*byte)] != 0;
    let (near, far) = bytes.split_at(bytes.len().min(16));
    if let Some(at) = near.iter().position(special) {
        return Some(at);
    }
    let (words, _) = far.as_chunks::<8>();
    let clean = words
        .iter()
        .take_while(|word| !needs_escape(**word))
        .count()
        * 8;
    let at = far[clean..].iter().position(special)?;
    Some(near.len() + clean + at)
}

/// Whether any of eight bytes must be escaped.
fn needs_escape(word: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_ne_bytes(word);
    let (quote, slash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
    // A byte below the subtrahend borrows, and its highest bit appears. What is borrowed can mark
    // a neighbour as well, but never without the byte that borrows.
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let slash = slash.wrapping_sub(ONES) & !slash;
    (control | quote | slash) & HIGHS != 0
}

/// Appends the escape of a byte that needs one.
fn escaped(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match ESCAPES[usize::from(byte)] {
        b'u' => {
            out.extend_from_slice(b"\\u00");
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 0xf)]);
        }
        letter => out.extend_from_slice(&[b'\\', letter]),
    }
}

/// What follows the reverse solidus for each byte: a letter, `u` if four digits follow, or 0 if
/// the byte stands for itself.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x09] = b't';
    escapes[0x0a] = b'n';
    escapes[0x0c] = b'f';
    escapes[0x0d] = b'r';
    escapes[0x22] = b'"';
    escapes[0x5c] = b'\\';
    escapes
};

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

    pub(crate) fn boolean(&mut self, key: &str, value: bool) -> &mut Self {
        let text = if value { "true" } else { "false" };
        self.raw(key, Some(text))
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: Option<&str>) -> &mut Self {
        if let Some(json) = json {
            self.key(key).extend_from_slice(json.as_bytes());
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
