//! A DEFLATE decoder (RFC 1951) bit by bit, with the rules of this crate for where a message may
//! end. Slow and plain: the oracle for the fast one.

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    Invalid,
    TooLarge,
}

/// What a message inflates to.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: End,
    /// The longest distance that any match reaches back.
    #[allow(dead_code, reason = "not all tests look at it")]
    pub(crate) reach: usize,
}

/// Inflates the payload of one message that starts with the window `history`; without context
/// takeover `history` is empty, and the end of the message is checked exactly.
pub(crate) fn message(payload: &[u8], history: &[u8], takeover: bool, limit: usize) -> Message {
    let mut input = payload.to_vec();
    input.extend([0x00, 0x00, 0xff, 0xff]);
    if !takeover {
        input.extend([0x01, 0x00, 0x00, 0xff, 0xff]);
    }
    let mut decoder = Decoder {
        input: &input,
        payload_bits: payload.len() * 8,
        at: 0,
        out: history.to_vec(),
        history: history.len(),
        stream: 0,
        limit,
        reach: 0,
    };
    let end = decoder
        .run(payload.len(), takeover)
        .err()
        .unwrap_or(End::Whole);
    Message {
        bytes: decoder.out.split_off(history.len()),
        end,
        reach: decoder.reach,
    }
}

struct Decoder<'a> {
    input: &'a [u8],
    payload_bits: usize,
    /// The next bit.
    at: usize,
    out: Vec<u8>,
    /// Bytes of `out` from earlier messages.
    history: usize,
    /// Where in `out` the current DEFLATE stream begins.
    stream: usize,
    limit: usize,
    reach: usize,
}

type Step<T> = Result<T, End>;

impl Decoder<'_> {
    fn run(&mut self, payload: usize, takeover: bool) -> Step<()> {
        if payload == 0 {
            return Ok(());
        }
        loop {
            let last = self.bits(1)? == 1;
            match self.bits(2)? {
                0 => self.stored()?,
                1 => self.coded(&Code::new(&fixed_lengths()), &Code::new(&[5; 30]))?,
                2 => self.dynamic()?,
                _ => return Err(End::Invalid),
            }
            if last {
                self.at = self.at.next_multiple_of(8);
                self.stream = self.out.len();
                let byte = self.at / 8;
                if byte == payload || byte == payload + 4 || byte == self.input.len() {
                    return Ok(());
                }
                if byte > payload {
                    return Err(End::Invalid);
                }
            } else if takeover && self.at == self.input.len() * 8 {
                return Ok(());
            }
        }
    }

    fn bits(&mut self, count: usize) -> Step<usize> {
        let mut value = 0;
        for i in 0..count {
            let byte = self.input.get(self.at / 8).ok_or(End::Invalid)?;
            value |= usize::from(byte >> (self.at % 8) & 1) << i;
            self.at += 1;
        }
        Ok(value)
    }

    fn push(&mut self, byte: usize) -> Step<()> {
        // Output that needs bits of the tail was not sent.
        if self.at > self.payload_bits {
            return Err(End::Invalid);
        }
        if self.out.len() - self.history == self.limit {
            return Err(End::TooLarge);
        }
        self.out.push(u8::try_from(byte).map_err(|_| End::Invalid)?);
        Ok(())
    }

    fn stored(&mut self) -> Step<()> {
        self.at = self.at.next_multiple_of(8);
        let length = self.bits(16)?;
        if self.bits(16)? != length ^ 0xffff {
            return Err(End::Invalid);
        }
        for _ in 0..length {
            let byte = self.bits(8)?;
            self.push(byte)?;
        }
        Ok(())
    }

    fn dynamic(&mut self) -> Step<()> {
        const ORDER: [usize; 19] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        let literals = self.bits(5)? + 257;
        let distances = self.bits(5)? + 1;
        let codes = self.bits(4)? + 4;
        if literals > 286 || distances > 30 {
            return Err(End::Invalid);
        }
        let mut lengths = [0; 19];
        for &i in &ORDER[..codes] {
            lengths[i] = self.bits(3)?;
        }
        if !complete(&lengths, false) {
            return Err(End::Invalid);
        }
        let code = Code::new(&lengths);
        let mut all = Vec::new();
        while all.len() < literals + distances {
            let (value, times) = match self.symbol(&code)? {
                symbol @ 0..=15 => (symbol, 1),
                16 => (*all.last().ok_or(End::Invalid)?, 3 + self.bits(2)?),
                17 => (0, 3 + self.bits(3)?),
                _ => (0, 11 + self.bits(7)?),
            };
            all.extend(core::iter::repeat_n(value, times));
        }
        if all.len() > literals + distances || all[256] == 0 {
            return Err(End::Invalid);
        }
        let (literals, distances) = all.split_at(literals);
        if !complete(literals, true) || !complete(distances, true) {
            return Err(End::Invalid);
        }
        self.coded(&Code::new(literals), &Code::new(distances))
    }

    fn coded(&mut self, literals: &Code, distances: &Code) -> Step<()> {
        loop {
            let symbol = self.symbol(literals)?;
            let (base, extra) = match symbol {
                0..=255 => {
                    self.push(symbol)?;
                    continue;
                }
                256 => return Ok(()),
                257..=264 => (symbol - 254, 0),
                265..=284 => {
                    let extra = (symbol - 261) / 4;
                    (3 + ((4 + (symbol - 261) % 4) << extra), extra)
                }
                285 => (258, 0),
                _ => return Err(End::Invalid),
            };
            let length = base + self.bits(extra)?;
            let symbol = self.symbol(distances)?;
            let (base, extra) = match symbol {
                0..=3 => (symbol + 1, 0),
                4..=29 => {
                    let extra = symbol / 2 - 1;
                    (1 + ((2 + symbol % 2) << extra), extra)
                }
                _ => return Err(End::Invalid),
            };
            let distance = base + self.bits(extra)?;
            self.reach = self.reach.max(distance);
            if distance > self.out.len() - self.stream {
                return Err(End::Invalid);
            }
            for _ in 0..length {
                self.push(self.out[self.out.len() - distance].into())?;
            }
        }
    }

    /// Reads a symbol of the code.
    fn symbol(&mut self, code: &Code) -> Step<usize> {
        let (mut bits, mut first, mut index) = (0, 0, 0);
        for count in code.counts {
            bits = bits << 1 | self.bits(1)?;
            first <<= 1;
            if bits < first + count {
                return Ok(code.symbols[index + bits - first]);
            }
            first += count;
            index += count;
        }
        Err(End::Invalid)
    }
}

/// A canonical code.
struct Code {
    /// How many symbols have codes of 1, 2, … 15 bits.
    counts: [usize; 15],
    /// The symbols in the order of their codes.
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut symbols: Vec<_> = (0..lengths.len()).filter(|&s| lengths[s] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[symbol]);
        let mut counts = [0; 15];
        for &symbol in &symbols {
            counts[lengths[symbol] - 1] += 1;
        }
        Self { counts, symbols }
    }
}

fn fixed_lengths() -> Vec<usize> {
    let mut lengths = vec![8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    lengths
}

/// Whether the lengths make a code: neither too many nor, but for a single code of one bit or
/// none at all, too few.
fn complete(lengths: &[usize], single: bool) -> bool {
    let used: Vec<_> = lengths.iter().filter(|&&length| length > 0).collect();
    let space: usize = used.iter().map(|&&length| 1 << (15 - length)).sum();
    space == 1 << 15 || used.is_empty() || single && used == [&1]
}
