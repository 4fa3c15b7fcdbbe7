//! Compressed messages to plain ones.

use core::fmt;
use std::vec::Vec;

use flate2::{Decompress, FlushDecompress, Status};

use crate::{Context, Spare};

//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2
//# Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The tail and an empty last block. A stream that ends with them, and with no byte of output
/// from them, was at the right place in the right state.
const LAST: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];

/// Most bytes that `out` grows by before they are needed. The decoder is slow on the last 260
/// bytes of a step and keeps a copy of its last 32 KiB: a message of 1 MiB in steps of 16 KiB takes
/// a fifth longer.
const STEP: usize = 256 * 1024;
/// Room for one match, and for the decoder to be fast.
const SMALL_STEP: usize = 320;

/// Inflates the compressed messages of one direction of one connection.
///
/// It holds no memory before the first compressed byte. With context takeover it keeps its codec
/// from then on; without, only while a message is half done.
#[derive(Debug)]
pub struct Inflater {
    context: Context,
    limit: usize,
    codec: Option<Decompress>,
    /// Bytes of this message appended so far.
    produced: usize,
    /// Whether the codec has seen a byte since the last end of a message or of a DEFLATE stream.
    fed: bool,
    failed: Option<InflateError>,
}

/// Why a message cannot be inflated. Final for the connection.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// The bytes are not DEFLATE data, refer back beyond the first byte, or end inside a block.
    InvalidData,
    /// The message is longer than the limit of `limit` bytes.
    TooLarge {
        /// The limit given to [`Inflater::new`].
        limit: usize,
    },
}

impl InflateError {
    /// The code for the close frame: 1007 for invalid data, 1009 for a message above the limit.
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::InvalidData => 1007,
            Self::TooLarge { .. } => 1009,
        }
    }
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidData => f.write_str("invalid compressed data"),
            Self::TooLarge { limit } => write!(f, "a message inflates to more than {limit} bytes"),
        }
    }
}

impl core::error::Error for InflateError {}

impl Inflater {
    /// An inflater for what the peer compresses with `context`, which is
    /// [`Agreed::client`](crate::Agreed::client) on a server and
    /// [`Agreed::server`](crate::Agreed::server) on a client.
    ///
    /// `limit` is the most bytes that one message may inflate to. Deflate makes up to 1,030 bytes
    /// of one, so the limit on received bytes says nothing about it.
    #[must_use]
    pub const fn new(context: Context, limit: usize) -> Self {
        Self {
            context,
            limit,
            codec: None,
            produced: 0,
            fed: false,
            failed: None,
        }
    }

    /// Inflates the next bytes of a message and appends the result to `out`. Consumes all of
    /// `chunk`, which may be any part of the message's payload, also none; `end` says that the
    /// message ends with it. Any split of the same payload appends the same bytes.
    ///
    /// Allocates a codec for a message without context takeover, and frees it after it. To keep
    /// codecs for the next message, of this or another connection, call
    /// [`inflate_with`](Self::inflate_with).
    ///
    /// # Errors
    ///
    /// [`InvalidData`](InflateError::InvalidData) at the first byte that cannot be decoded, with
    /// what came before it in `out`; [`TooLarge`](InflateError::TooLarge) as soon as a byte more
    /// than the limit would come, with `limit` bytes of this message appended. Every later call
    /// returns the same error.
    pub fn inflate(
        &mut self,
        chunk: &[u8],
        end: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        self.inflate_with(&mut Spare::default(), chunk, end, out)
    }

    /// Like [`inflate`](Self::inflate), with codecs taken from `spare` and given back to it.
    ///
    /// # Errors
    ///
    /// As [`inflate`](Self::inflate).
    pub fn inflate_with(
        &mut self,
        spare: &mut Spare,
        chunk: &[u8],
        end: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self
            .feed(spare, chunk, out)
            .and_then(|()| if end { self.finish() } else { Ok(()) });
        self.failed = result.err();
        if (end && !self.context.is_taken_over()) || result.is_err() {
            self.codec
                .take()
                .into_iter()
                .for_each(|codec| spare.give_inflate(codec));
        }
        result
    }

    /// The most bytes that one message may inflate to.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Whether a codec, about 45 KiB, is held at the moment.
    #[must_use]
    pub const fn has_codec(&self) -> bool {
        self.codec.is_some()
    }

    fn feed(
        &mut self,
        spare: &mut Spare,
        mut input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        if input.is_empty() {
            return Ok(());
        }
        let codec = self.codec.get_or_insert_with(|| spare.take_inflate());
        // JSON shrinks to a quarter, and the decoder is fastest with 260 bytes to spare.
        let mut guess = input.len().saturating_mul(4).saturating_add(SMALL_STEP);
        loop {
            let room = self.limit - self.produced;
            let step = guess.min(STEP).min(room);
            let run = if room == 0 {
                // A byte that nobody sees tells whether the message goes on.
                Run::new(codec, input, &mut [0])
            } else {
                Run::append(codec, input, out, step, room)
            };
            if run.wrote > room {
                return Err(InflateError::TooLarge { limit: self.limit });
            }
            self.produced += run.wrote;
            self.fed |= run.read > 0;
            input = &input[run.read..];
            match run.status {
                None => return Err(InflateError::InvalidData),
                Some(Status::StreamEnd) => {
                    // A block with BFINAL set: what follows starts anew at the next byte.
                    codec.reset(false);
                    self.fed = false;
                    if input.is_empty() {
                        return Ok(());
                    }
                    // Two bytes make a stream: it must not cost a large step each time.
                    guess = SMALL_STEP;
                }
                Some(_) if run.wrote < step || room == 0 => return Ok(()),
                // The output was full, so that more of it may wait inside the codec.
                Some(_) if input.is_empty() => guess = SMALL_STEP,
                Some(_) => guess = guess.saturating_mul(2),
            }
        }
    }

    /// Ends the message, if any bytes of it came.
    fn finish(&mut self) -> Result<(), InflateError> {
        if let (true, Some(codec)) = (self.fed, &mut self.codec) {
            let kept = self.context.is_taken_over();
            let run = Run::new(codec, if kept { &TAIL } else { &LAST }, &mut [0]);
            let whole = match run.status {
                Some(Status::StreamEnd) => {
                    if kept {
                        codec.reset(false);
                    }
                    run.read == TAIL.len() || run.read == LAST.len()
                }
                Some(_) => kept,
                None => false,
            };
            if !whole || run.wrote > 0 {
                return Err(InflateError::InvalidData);
            }
        }
        self.fed = false;
        self.produced = 0;
        Ok(())
    }
}

/// What one call of the codec did.
struct Run {
    read: usize,
    wrote: usize,
    /// `None` for data that is not DEFLATE.
    status: Option<Status>,
}

impl Run {
    fn new(codec: &mut Decompress, input: &[u8], output: &mut [u8]) -> Self {
        let (total_in, total_out) = (codec.total_in(), codec.total_out());
        let status = codec.decompress(input, output, FlushDecompress::None).ok();
        Self {
            read: span(total_in, codec.total_in()),
            wrote: span(total_out, codec.total_out()),
            status,
        }
    }

    /// Writes up to `step` bytes behind those in `out`, which never grows by more than `room`.
    fn append(
        codec: &mut Decompress,
        input: &[u8],
        out: &mut Vec<u8>,
        step: usize,
        room: usize,
    ) -> Self {
        let start = out.len();
        if out.capacity() - start < step {
            out.reserve_exact(step.max(start.min(room)));
        }
        out.resize(start + step, 0);
        let run = Self::new(codec, input, &mut out[start..]);
        out.truncate(start + run.wrote);
        run
    }
}

/// The bytes between two readings of a counter, both of one call.
#[expect(clippy::cast_possible_truncation, reason = "bytes of one slice")]
pub(crate) const fn span(before: u64, after: u64) -> usize {
    (after - before) as usize
}
