//! Masking of RFC 6455 §5.3: exclusive or with a four-byte key.

#[cfg(feature = "std")]
use fearless_simd::{Bytes, Simd, SimdBase, SimdInt, u8x16, u8x32, u32x4};

/// The key of one masked frame.
///
/// A client picks a fresh key for every frame, from a source that the pages it serves cannot
/// predict: whoever can predict the key chooses the bytes on the wire, and can make them look like
/// an HTTP response to a cache in between (RFC 6455 §10.3). A key derived from the previous one,
/// or from a generator that is not cryptographic, is as good as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaskKey([u8; 4]);

impl MaskKey {
    /// A key of four unpredictable bytes, in the order in which they stand in the frame.
    #[must_use]
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes in the order in which they stand in the frame.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0
    }

    /// The key as it applies to the byte `phase` bytes into the payload.
    #[inline]
    pub(crate) const fn rotated(self, phase: usize) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "below four")]
        let bits = 8 * (phase % 4) as u32;
        Self(u32::from_le_bytes(self.0).rotate_right(bits).to_le_bytes())
    }
}

/// Masks `data` in place, or unmasks it: the operation is its own inverse.
///
/// `phase` is how many bytes of the same payload came before `data`; only its remainder by four
/// matters.
///
/// ```
/// use ws_frame::{MaskKey, mask};
///
/// // The masked "Hello" of RFC 6455 §5.7, in two pieces.
/// let key = MaskKey::new([0x37, 0xfa, 0x21, 0x3d]);
/// let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// let (start, end) = payload.split_at_mut(3);
/// mask(key, 0, start);
/// mask(key, 3, end);
/// assert_eq!(&payload, b"Hello");
/// ```
#[inline]
pub fn mask(key: MaskKey, phase: usize, data: &mut [u8]) {
    mask_ascii(key.rotated(phase), data);
}

/// Masks `data` in place and returns whether the result is ASCII.
#[inline]
pub(crate) fn mask_ascii(key: MaskKey, data: &mut [u8]) -> bool {
    #[cfg(feature = "std")]
    if data.len() >= WIDE {
        return mask_wide(key, data);
    }
    #[cfg(feature = "std")]
    if data.len() >= 16 {
        let level = fearless_simd::Level::baseline();
        return fearless_simd::dispatch!(level, simd => mask_by::<_, u8x16<_>>(simd, key, data));
    }
    is_ascii(mask_words(key, data))
}

/// [`mask_ascii`] where most payloads are short: in two pieces of fixed length that overlap, without
/// a loop or a call. Whoever copies such a payload reads it in the same pieces, which is as fast as
/// the processor can hand over what was just written.
#[inline(always)]
pub(crate) fn mask_ascii_short(key: MaskKey, data: &mut [u8]) -> bool {
    #[cfg(feature = "std")]
    if let 16..=32 = data.len() {
        let level = fearless_simd::Level::baseline();
        // What every such processor has needs no function of its own.
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if let Some(simd) = level.as_sse2() {
            return mask_ends(simd, key, data);
        }
        return fearless_simd::dispatch!(level, simd => mask_ends(simd, key, data));
    }
    mask_some(key, data)
}

/// [`mask_ascii`], called.
#[inline(never)]
fn mask_some(key: MaskKey, data: &mut [u8]) -> bool {
    mask_ascii(key, data)
}

#[cfg(feature = "std")]
#[inline(always)]
fn mask_ends<S: Simd>(simd: S, key: MaskKey, data: &mut [u8]) -> bool {
    let before = data.len() - 16;
    let keys = |key: MaskKey| u32x4::splat(simd, u32::from_ne_bytes(key.0)).to_bytes();
    let first = u8x16::from_slice(simd, &data[..16]) ^ keys(key);
    let last = u8x16::from_slice(simd, &data[before..]) ^ keys(key.rotated(before));
    first.store_slice(&mut data[..16]);
    last.store_slice(&mut data[before..]);
    (first | last).as_slice().is_ascii()
}

/// Masks word by word and returns the bits that the result has, gathered in one word.
#[inline(always)]
fn mask_words(key: MaskKey, data: &mut [u8]) -> u64 {
    let [a, b, c, d] = key.0;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut bits = 0;
    let (words, rest) = data.as_chunks_mut();
    for word in words {
        let plain = u64::from_ne_bytes(*word) ^ wide;
        bits |= plain;
        *word = plain.to_ne_bytes();
    }
    let (half, rest) = rest.as_chunks_mut();
    for half in half {
        let plain = u32::from_ne_bytes(*half) ^ u32::from_ne_bytes(key.0);
        bits |= u64::from(plain);
        *half = plain.to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c]) {
        *byte ^= key;
        bits |= u64::from(*byte);
    }
    bits
}

#[inline(always)]
const fn is_ascii(bits: u64) -> bool {
    bits & 0x8080_8080_8080_8080 == 0
}

/// From here on, choosing the processor's widest vectors is worth the choice.
#[cfg(feature = "std")]
const WIDE: usize = 128;

/// [`mask_ascii`] with the widest vectors that the processor has.
#[cfg(feature = "std")]
#[inline(never)]
fn mask_wide(key: MaskKey, data: &mut [u8]) -> bool {
    let level = fearless_simd::Level::new();
    fearless_simd::dispatch!(level, simd => mask_vectors(simd, key, data))
}

#[cfg(feature = "std")]
#[inline(always)]
fn mask_vectors<S: Simd>(simd: S, key: MaskKey, data: &mut [u8]) -> bool {
    if data.len() < LONG {
        return mask_by::<S, u8x32<S>>(simd, key, data);
    }
    // A vector that lies across two cache lines costs twice.
    let before = data.as_ptr().align_offset(LINE).min(data.len());
    let (start, rest) = data.split_at_mut(before);
    let bits = mask_words(key, start);
    mask_by::<S, S::u8s>(simd, key.rotated(before), rest) && is_ascii(bits)
}

#[cfg(feature = "std")]
#[inline(always)]
fn mask_by<S: Simd, V: SimdInt<S, Element = u8, Block = u8x16<S>>>(
    simd: S,
    key: MaskKey,
    data: &mut [u8],
) -> bool {
    let keys = V::block_splat(u32x4::splat(simd, u32::from_ne_bytes(key.0)).to_bytes());
    let mut high = V::splat(simd, 0);
    let mut chunks = data.chunks_exact_mut(V::LEN);
    for chunk in &mut chunks {
        let plain = V::from_slice(simd, chunk) ^ keys;
        high |= plain;
        plain.store_slice(chunk);
    }
    let bits = mask_words(key, chunks.into_remainder());
    is_ascii(bits) && high.as_slice().is_ascii()
}

/// Bytes of a cache line, and of the widest vectors.
#[cfg(feature = "std")]
const LINE: usize = 64;

/// From here on, data is worth aligning.
#[cfg(feature = "std")]
const LONG: usize = 4096;
