//! Content codings of a response, taken off step by step.
//!
//! A few bytes can become very many. So a step makes at most [`STEP`] bytes, which the parser uses
//! up before the next one: its limits hold on the decoded lines while they are being decoded.

use core::fmt;

#[cfg(feature = "brotli")]
use brotli::{
    BrotliDecompressStream, BrotliResult, BrotliState, HuffmanCode, SliceWrapper as _,
    enc::StandardAlloc,
};
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
        let name = match name.get(..2) {
            Some(prefix) if prefix.eq_ignore_ascii_case(b"x-") => &name[2..],
            _ => name,
        };
        let is = |coding: &&Self| name.eq_ignore_ascii_case(coding.name().as_bytes());
        Self::ALL.iter().find(is).copied()
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
pub(crate) enum Decoder {
    #[cfg(feature = "brotli")]
    Brotli {
        state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
        finished: bool,
    },
    #[cfg(feature = "gzip")]
    Gzip { state: Decompress, finished: bool },
    #[cfg(feature = "zstd")]
    Zstd {
        state: Box<zstd::stream::raw::Decoder<'static>>,
        finished: bool,
    },
}

impl Decoder {
    pub(crate) fn new(coding: Coding) -> Result<Self, Malformed> {
        Ok(match coding {
            #[cfg(feature = "brotli")]
            Coding::Brotli => {
                let alloc = StandardAlloc::default;
                let state = BrotliState::new_strict(alloc(), alloc(), alloc());
                Self::Brotli {
                    state: Box::new(state),
                    finished: false,
                }
            }
            #[cfg(feature = "gzip")]
            Coding::Gzip => Self::Gzip {
                state: Decompress::new_gzip(15),
                finished: false,
            },
            #[cfg(feature = "zstd")]
            Coding::Zstd => {
                let mut state = zstd::stream::raw::Decoder::new().map_err(|_| Malformed)?;
                //= https://www.rfc-editor.org/rfc/rfc9659#section-3
                //# decoders MUST support window sizes of up to and including 8 MB
                let window = DParameter::WindowLogMax(23);
                state.set_parameter(window).map_err(|_| Malformed)?;
                Self::Zstd {
                    state: Box::new(state),
                    finished: false,
                }
            }
        })
    }

    /// Decodes at most [`STEP`] bytes of `input` to the end of `out`, and advances `input`.
    pub(crate) fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<Step, Malformed> {
        let before = out.len();
        out.resize(before + STEP, 0);
        let room = &mut out[before..];
        let (read, written) = match self {
            #[cfg(feature = "brotli")]
            Self::Brotli { state, finished } => brotli_step(state, finished, input, room)?,
            #[cfg(feature = "gzip")]
            Self::Gzip { state, finished } => gzip_step(state, finished, input, room)?,
            #[cfg(feature = "zstd")]
            Self::Zstd { state, finished } => {
                // Frames follow each other without more ado.
                let status = state.run_on_buffers(input, room).map_err(|_| Malformed)?;
                *finished = status.remaining == 0;
                (status.bytes_read, status.bytes_written)
            }
        };
        *input = &input[read..];
        out.truncate(before + written);
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
        match self {
            #[cfg(feature = "brotli")]
            Self::Brotli { finished, .. } => *finished,
            #[cfg(feature = "gzip")]
            Self::Gzip { finished, .. } => *finished,
            #[cfg(feature = "zstd")]
            Self::Zstd { finished, .. } => *finished,
        }
    }
}

#[cfg(feature = "brotli")]
fn brotli_step(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    finished: &mut bool,
    input: &[u8],
    room: &mut [u8],
) -> Result<(usize, usize), Malformed> {
    if *finished {
        return if input.is_empty() {
            Ok((0, 0))
        } else {
            Err(Malformed)
        };
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
        state,
    ) {
        BrotliResult::ResultFailure => return Err(Malformed),
        BrotliResult::ResultSuccess => *finished = true,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
    }
    Ok((read, written))
}

#[cfg(feature = "gzip")]
fn gzip_step(
    state: &mut Decompress,
    finished: &mut bool,
    input: &[u8],
    room: &mut [u8],
) -> Result<(usize, usize), Malformed> {
    //= https://www.rfc-editor.org/rfc/rfc1952#section-2.2
    //# A gzip file consists of a series of "members"
    if *finished && !input.is_empty() {
        *state = Decompress::new_gzip(15);
        *finished = false;
    }
    if *finished {
        return Ok((0, 0));
    }
    let (read, written) = (state.total_in(), state.total_out());
    match state.decompress(input, room, FlushDecompress::None) {
        Err(_) => return Err(Malformed),
        Ok(Status::StreamEnd) => *finished = true,
        // No progress for want of input is none to speak of.
        Ok(Status::Ok | Status::BufError) => {}
    }
    let moved = |now: u64, before: u64| usize::try_from(now - before).map_err(|_| Malformed);
    Ok((
        moved(state.total_in(), read)?,
        moved(state.total_out(), written)?,
    ))
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Decoder");
        debug
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
