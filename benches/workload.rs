//! Seeded generators: the same bytes in every run, on every machine.

/// A small deterministic generator (SplitMix64); statistics are all that is asked of it.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next_u64() as u8).collect()
    }

    /// Printable ASCII without `"` and `\`, so that it can stand in JSON as it is.
    pub fn ascii(&mut self, len: usize) -> String {
        const ALPHABET: &[u8] =
            b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,";
        (0..len)
            .map(|_| char::from(ALPHABET[self.next_u64() as usize % ALPHABET.len()]))
            .collect()
    }
}

/// Exactly `len` bytes of text in several scripts, one to four bytes per character.
pub fn text_of(seeded: &mut Seeded, len: usize) -> String {
    const ALPHABET: &[char] = &[
        'a', 'e', 'n', ' ', 'é', 'ü', 'ß', 'д', 'и', 'ж', 'λ', 'ש', 'न', '世', '界', '語', '한',
        '글', '€', '🌍', '🙂',
    ];
    let mut text = String::with_capacity(len);
    while text.len() < len {
        let next = ALPHABET[seeded.next_u64() as usize % ALPHABET.len()];
        text.push(if text.len() + next.len_utf8() <= len {
            next
        } else {
            '.'
        });
    }
    text
}

/// Exactly `len` bytes of JSON in the shape of an API's list of records.
pub fn json(seeded: &mut Seeded, len: usize) -> Vec<u8> {
    let mut text = String::from("[");
    while text.len() < len {
        let id = seeded.next_u64();
        let (price, active) = (id % 100_000, id >> 63 == 1);
        let name = seeded.ascii(12);
        text.push_str(&format!(
            "{{\"id\":\"{id:016x}\",\"name\":\"{name}\",\"price\":{price},\"active\":{active}}},"
        ));
    }
    text.truncate(len);
    text.into_bytes()
}

/// Streams of Server-Sent Events, about `total` bytes each, with the number of events.
pub mod sse {
    use super::Seeded;

    /// A named stream.
    pub struct Stream {
        pub name: &'static str,
        pub bytes: Vec<u8>,
        /// Events; heartbeats where there are none.
        pub events: u64,
    }

    fn repeat(name: &'static str, total: usize, mut block: impl FnMut(u64) -> String) -> Stream {
        let mut bytes = Vec::new();
        let mut events = 0;
        while bytes.len() < total {
            bytes.extend_from_slice(block(events).as_bytes());
            events += 1;
        }
        Stream {
            name,
            bytes,
            events,
        }
    }

    /// 200 bytes of JSON in the shape of an OpenAI-style chunk.
    pub fn token_json(seeded: &mut Seeded) -> String {
        let head = r#"{"id":"chatcmpl-9f2","object":"chat.completion.chunk","created":1763660000,"model":"m-1","choices":[{"index":0,"delta":{"content":""#;
        let tail = r#""},"finish_reason":null}]}"#;
        format!(
            "{head}{}{tail}",
            seeded.ascii(200 - head.len() - tail.len())
        )
    }

    /// `data: {200 bytes of JSON}`, LF line ends.
    pub fn tokens(total: usize) -> Stream {
        let mut seeded = Seeded::new(1);
        repeat("tokens", total, |_| {
            format!("data: {}\n\n", token_json(&mut seeded))
        })
    }

    /// [`tokens`] with CRLF line ends.
    pub fn tokens_crlf(total: usize) -> Stream {
        let mut seeded = Seeded::new(1);
        repeat("tokens-crlf", total, |_| {
            format!("data: {}\r\n\r\n", token_json(&mut seeded))
        })
    }

    /// Anthropic-style `event` and `data` pairs.
    pub fn pairs(total: usize) -> Stream {
        let mut seeded = Seeded::new(2);
        repeat("pairs", total, |_| {
            let text = seeded.ascii(12);
            format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
            )
        })
    }

    /// An id, a name and ten bytes of data.
    pub fn ticks(total: usize) -> Stream {
        let mut seeded = Seeded::new(3);
        repeat("ticks", total, |n| {
            format!(
                "id: {}\nevent: tick\ndata: {}\n\n",
                1000 + n,
                seeded.ascii(10)
            )
        })
    }

    /// Ten data lines of 1 KiB.
    pub fn documents(total: usize) -> Stream {
        let mut seeded = Seeded::new(4);
        repeat("documents", total, |_| {
            let mut block: String = (0..10)
                .map(|_| format!("data: {}\n", seeded.ascii(1024)))
                .collect();
            block.push('\n');
            block
        })
    }

    /// Four events of one line of 1 MiB each.
    pub fn long_lines() -> Stream {
        let mut seeded = Seeded::new(5);
        repeat("long-lines", 4 << 20, |_| {
            format!("data: {}\n\n", seeded.ascii(1 << 20))
        })
    }

    /// Comments alone.
    pub fn heartbeats(total: usize) -> Stream {
        repeat("heartbeats", total, |_| ": keepalive\n\n".into())
    }
}
