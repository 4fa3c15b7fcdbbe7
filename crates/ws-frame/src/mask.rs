//! Masking of RFC 6455 §5.3: exclusive or with a four-byte key.

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
        let [a, b, c, d] = self.0;
        match phase % 4 {
            0 => self,
            1 => Self([b, c, d, a]),
            2 => Self([c, d, a, b]),
            _ => Self([d, a, b, c]),
        }
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
    let [a, b, c, d] = key.rotated(phase).0;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = data.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}
