//! Content codings of a response, taken off step by step.
//!
//! A few bytes can become very many. So a step makes at most [`STEP`] bytes, which the parser uses
//! up before the next one: its limits hold on the decoded lines while they are being decoded.

use core::fmt;

#[cfg(feature = "brotli")]
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState, enc::StandardAlloc};
#[cfg(feature = "gzip")]
use flate2::{Decompress, FlushDecompress, Status};
#[cfg(feature = "zstd")]
use zstd::{stream::raw::Operation, zstd_safe::DParameter};

/// Bytes that one step decodes at most.
const STEP: usize = 16 * 1024;

/// A content coding that can be read (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `br`. Its decoder keeps up to 16 MiB, as the server chooses (RFC 7932 §9.1).
    #[cfg(feature = "brotli")]
    Brotli,
    /// `gzip`. Its decoder keeps about 40 KiB.
    #[cfg(feature = "gzip")]
    Gzip,
    /// `zstd`. Its decoder keeps up to 8 MiB, as the server chooses.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// Those of the features that are enabled.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "brotli")]
        Self::Brotli,
        #[cfg(feature = "gzip")]
        Self::Gzip,
        #[cfg(feature = "zstd")]
        Self::Zstd,
    ];

    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "brotli")]
            Self::Brotli => "br",
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1
    //# All content codings are case-insensitive
    //= https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3
    //# A recipient SHOULD consider "x-gzip" to be equivalent to "gzip".
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let name = if name.eq_ignore_ascii_case(b"x-gzip") {
            b"gzip"
        } else {
            name
        };
        let is = |coding: &&Self| name.eq_ignore_ascii_case(coding.name().as_bytes());
        Self::ALL.iter().find(is).copied()
    }

    /// Starts taking this coding off.
    pub(crate) fn decoder(self) -> Result<Decoder, Malformed> {
        match self {
            #[cfg(feature = "brotli")]
            Self::Brotli => Ok(Decoder(Box::new(Brotli::new()))),
            #[cfg(feature = "gzip")]
            Self::Gzip => Ok(Decoder(Box::new(Gzip::new()))),
            #[cfg(feature = "zstd")]
            Self::Zstd => Ok(Decoder(Box::new(Zstd::new()?))),
        }
    }
}

/// What a step left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All of the input is used up and decoded.
    Drained,
    /// There is more to decode, even without more input.
    More,
}

/// The bytes are not what their coding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Takes one coding off.
pub(crate) struct Decoder(Box<dyn Decode + Send>);

trait Decode {
    /// Decodes into `room`: bytes read and bytes written.
    fn decode(&mut self, input: &[u8], room: &mut [u8]) -> Result<(usize, usize), Malformed>;

    /// Whether the coded bytes may end here.
    fn is_finished(&self) -> bool;
}

impl Decoder {
    /// Decodes at most [`STEP`] bytes of `input` to the end of `out`, and advances `input`.
    pub(crate) fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<Step, Malformed> {
        let before = out.len();
        out.resize(before + STEP, 0);
        let (read, written) = self.0.decode(input, &mut out[before..])?;
        out.truncate(before + written);
        *input = &input[read..];
        if read == 0 && written == 0 && !input.is_empty() {
            return Err(Malformed);
        }
        Ok(if input.is_empty() && written < STEP {
            Step::Drained
        } else {
            Step::More
        })
    }

    /// Whether the coded bytes may end here.
    pub(crate) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Decoder");
        debug
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "brotli")]
struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    finished: bool,
}

#[cfg(feature = "brotli")]
impl Brotli {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            // No windows beyond those of RFC 7932.
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            finished: false,
        }
    }
}

#[cfg(feature = "brotli")]
impl Decode for Brotli {
    fn decode(&mut self, input: &[u8], room: &mut [u8]) -> Result<(usize, usize), Malformed> {
        if self.finished {
            return Ok((0, 0));
        }
        let (mut left, mut read) = (input.len(), 0);
        let (mut free, mut written, mut total) = (room.len(), 0, 0);
        match BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut free,
            &mut written,
            room,
            &mut total,
            &mut self.state,
        ) {
            BrotliResult::ResultFailure => return Err(Malformed),
            BrotliResult::ResultSuccess => self.finished = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok((read, written))
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

#[cfg(feature = "gzip")]
struct Gzip {
    state: Decompress,
    finished: bool,
}

#[cfg(feature = "gzip")]
impl Gzip {
    fn new() -> Self {
        Self {
            state: Decompress::new_gzip(15),
            finished: false,
        }
    }
}

#[cfg(feature = "gzip")]
impl Decode for Gzip {
    fn decode(&mut self, input: &[u8], room: &mut [u8]) -> Result<(usize, usize), Malformed> {
        //= https://www.rfc-editor.org/rfc/rfc1952#section-2.2
        //# A gzip file consists of a series of "members"
        if self.finished && !input.is_empty() {
            *self = Self::new();
        }
        if self.finished {
            return Ok((0, 0));
        }
        let (read, written) = (self.state.total_in(), self.state.total_out());
        match self.state.decompress(input, room, FlushDecompress::None) {
            Err(_) => return Err(Malformed),
            Ok(Status::StreamEnd) => self.finished = true,
            // No progress for want of input is none to speak of.
            Ok(Status::Ok | Status::BufError) => {}
        }
        let moved = |now: u64, before: u64| usize::try_from(now - before).map_err(|_| Malformed);
        Ok((
            moved(self.state.total_in(), read)?,
            moved(self.state.total_out(), written)?,
        ))
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

#[cfg(feature = "zstd")]
struct Zstd {
    state: zstd::stream::raw::Decoder<'static>,
    finished: bool,
}

#[cfg(feature = "zstd")]
impl Zstd {
    fn new() -> Result<Self, Malformed> {
        let mut state = zstd::stream::raw::Decoder::new().map_err(|_| Malformed)?;
        //= https://www.rfc-editor.org/rfc/rfc9659#section-3
        //# decoders MUST support window sizes of up to and including 8 MB
        let window = DParameter::WindowLogMax(23);
        state.set_parameter(window).map_err(|_| Malformed)?;
        Ok(Self {
            state,
            finished: false,
        })
    }
}

#[cfg(feature = "zstd")]
impl Decode for Zstd {
    fn decode(&mut self, input: &[u8], room: &mut [u8]) -> Result<(usize, usize), Malformed> {
        // Frames follow each other without more ado.
        let status = self
            .state
            .run_on_buffers(input, room)
            .map_err(|_| Malformed)?;
        self.finished = status.remaining == 0;
        Ok((status.bytes_read, status.bytes_written))
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}
