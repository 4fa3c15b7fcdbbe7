//! Plain messages to compressed ones.

use std::vec::Vec;

use flate2::{Compress, FlushCompress};

use crate::inflate::span;
use crate::spare::Shape;
use crate::{Context, Spare};

/// Most bytes of output per call of the codec.
const STEP: usize = 16 * 1024;

/// How hard to look for repetitions: 1 is the least work, 9 the smallest output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// 1: fixed codes, the least work.
    pub const FASTEST: Self = Self(1);
    /// 9: the smallest output.
    pub const BEST: Self = Self(9);

    /// The level `level`; `None` outside 1 to 9.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        if level < Self::FASTEST.0 || level > Self::BEST.0 {
            None
        } else {
            Some(Self(level))
        }
    }

    /// The level as a number, 1 to 9.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Compresses the messages of one direction of one connection.
///
/// It holds no memory before the first byte. With context takeover it keeps its codec from then
/// on; without, only while a message is half done.
#[derive(Debug)]
pub struct Deflater {
    context: Context,
    level: Level,
    threshold: usize,
    codec: Option<Compress>,
    /// Whether the codec has seen a byte of this message.
    fed: bool,
}

impl Deflater {
    /// The level unless [`with_level`](Self::with_level) says otherwise: 1.
    pub const DEFAULT_LEVEL: Level = Level::FASTEST;
    /// The threshold unless [`with_threshold`](Self::with_threshold) says otherwise: 1 KiB.
    pub const DEFAULT_THRESHOLD: usize = 1024;

    /// A compressor for `context`, which is [`Agreed::server`](crate::Agreed::server) on a server
    /// and [`Agreed::client`](crate::Agreed::client) on a client.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self {
            context,
            level: Self::DEFAULT_LEVEL,
            threshold: Self::DEFAULT_THRESHOLD,
            codec: None,
            fed: false,
        }
    }

    /// Trades work for size. On JSON of 1 KiB to 16 KiB level 6 takes three times as long as
    /// level 1 and gives a quarter less.
    #[must_use]
    pub const fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Messages shorter than `threshold` bytes are not worth compressing:
    /// [`deflate_message`](Self::deflate_message) leaves them alone.
    #[must_use]
    pub const fn with_threshold(mut self, threshold: usize) -> Self {
        self.threshold = threshold;
        self
    }

    /// Compresses a whole message and appends its payload to `out`, if that is worth it.
    ///
    /// Returns `true` for a compressed payload: send it with RSV1 set. Returns `false`, with
    /// nothing appended, for a message below the threshold, and for one without context takeover
    /// that would not become smaller: send it as it is, with RSV1 clear.
    #[must_use = "the result says which payload to send, and whether with RSV1"]
    pub fn deflate_message(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        self.deflate_message_with(&mut Spare::default(), message, out)
    }

    /// Like [`deflate_message`](Self::deflate_message), with codecs taken from `spare` and given
    /// back to it.
    #[must_use = "the result says which payload to send, and whether with RSV1"]
    pub fn deflate_message_with(
        &mut self,
        spare: &mut Spare,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        if message.len() < self.threshold {
            return false;
        }
        let start = out.len();
        self.deflate_with(spare, message, true, out);
        if self.context.is_taken_over() || out.len() - start < message.len() {
            return true;
        }
        out.truncate(start);
        false
    }

    /// Compresses the next bytes of a message, whatever the threshold, and appends what is ready
    /// to `out`: the payload of its next frame. Consumes all of `chunk`; `end` says that the
    /// message ends with it. Without `end` the codec may hold bytes back, so that nothing may be
    /// appended. The first frame has RSV1 set, no other.
    pub fn deflate(&mut self, chunk: &[u8], end: bool, out: &mut Vec<u8>) {
        self.deflate_with(&mut Spare::default(), chunk, end, out);
    }

    /// Like [`deflate`](Self::deflate), with codecs taken from `spare` and given back to it.
    pub fn deflate_with(&mut self, spare: &mut Spare, chunk: &[u8], end: bool, out: &mut Vec<u8>) {
        self.fed |= !chunk.is_empty();
        let shape = Shape {
            level: self.level,
            window: self.context.window_bits(),
        };
        if self.fed {
            let codec = self.codec.get_or_insert_with(|| spare.take_deflate(shape));
            let flush = match (end, self.context.is_taken_over()) {
                (false, _) => FlushCompress::None,
                (true, true) => FlushCompress::Sync,
                // Forgets the message as well, in less time than a reset.
                (true, false) => FlushCompress::Full,
            };
            run(codec, chunk, flush, out);
        }
        if !end {
            return;
        }
        if self.fed {
            //= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1
            //# Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end.
            debug_assert!(out.ends_with(&[0x00, 0x00, 0xff, 0xff]));
            out.truncate(out.len() - 4);
        } else {
            // An empty block without compression, less the same 4 octets.
            out.push(0x00);
        }
        self.fed = false;
        if !self.context.is_taken_over() {
            self.codec
                .take()
                .into_iter()
                .for_each(|codec| spare.give_deflate(shape, codec));
        }
    }

    /// Whether a codec, 240 to 400 KiB, is held at the moment.
    #[must_use]
    pub const fn has_codec(&self) -> bool {
        self.codec.is_some()
    }
}

/// Compresses all of `input`, and with a flush writes all that the codec holds.
fn run(codec: &mut Compress, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    loop {
        let start = out.len();
        // Room for input that does not shrink, and for the empty block of a flush.
        let step = input.len().saturating_add(64).min(STEP);
        out.resize(start + step, 0);
        let (total_in, total_out) = (codec.total_in(), codec.total_out());
        codec
            .compress(input, &mut out[start..], flush)
            .expect("a raw stream that is never finished takes any input");
        input = &input[span(total_in, codec.total_in())..];
        let wrote = span(total_out, codec.total_out());
        out.truncate(start + wrote);
        if wrote < step {
            return;
        }
    }
}
