//! Codecs at rest, shared by connections that keep no context.

use std::vec::Vec;

use flate2::{Compress, Compression, Decompress};

use crate::{Level, WindowBits};

/// Codecs that no message needs at the moment.
///
/// An [`Inflater`](crate::Inflater) or [`Deflater`](crate::Deflater) without context takeover
/// takes one at the first bytes of a message and gives it back at the last. Keep one store per
/// thread or worker: a codec serves any connection in turn, so that as many are needed as
/// messages are half done at the same time.
#[derive(Debug, Default)]
pub struct Spare {
    capacity: usize,
    inflate: Vec<Decompress>,
    deflate: Vec<(Shape, Compress)>,
}

/// What is fixed when a compressor is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) level: Level,
    pub(crate) window: WindowBits,
}

impl Spare {
    /// Keeps up to `capacity` codecs of each kind (none by [`default`](Self::default)): about 45 KiB for one that inflates, 240 to
    /// 400 KiB for one that deflates. Allocates nothing before one is given back.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self {
            capacity,
            inflate: Vec::new(),
            deflate: Vec::new(),
        }
    }

    pub(crate) fn take_inflate(&mut self) -> Decompress {
        // Always the full window: the allocation is the same, and which distances are valid then
        // depends on the stream alone, not on how its bytes were cut.
        self.inflate
            .pop()
            .unwrap_or_else(|| Decompress::new_with_window_bits(false, WindowBits::MAX.get()))
    }

    pub(crate) fn give_inflate(&mut self, mut codec: Decompress) {
        if self.inflate.len() < self.capacity {
            codec.reset(false);
            self.inflate.push(codec);
        }
    }

    pub(crate) fn take_deflate(&mut self, shape: Shape) -> Compress {
        if let Some(i) = self.deflate.iter().rposition(|(s, _)| *s == shape) {
            return self.deflate.swap_remove(i).1;
        }
        // The smallest window of the codec is 9 bits. It never refers back further than its
        // window less 262 bytes, the longest match and its lookahead: 250 bytes at 9 bits, which
        // a decoder with a window of 8 bits, 256 bytes, can follow.
        let bits = shape.window.get().max(9);
        Compress::new_with_window_bits(Compression::new(shape.level.get().into()), false, bits)
    }

    /// Takes a codec back that has forgotten its message.
    pub(crate) fn give_deflate(&mut self, shape: Shape, codec: Compress) {
        if self.deflate.len() < self.capacity {
            self.deflate.push((shape, codec));
        }
    }
}
