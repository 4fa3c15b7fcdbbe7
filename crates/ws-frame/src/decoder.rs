//! Framing alone: headers and payloads from input cut anywhere.

use core::mem;

use crate::{FrameError, FrameHeader, MaskKey, mask};

/// Splits a byte stream into frames and unmasks their payloads in place.
///
/// This is the framing of RFC 6455 §5.2 without roles, messages, or limits: what those demand is
/// for the caller to check, on each [`Part::Header`], before going on. Most want
/// [`Connection`](crate::Connection), which does.
///
/// ```
/// use ws_frame::{Decoder, Part};
///
/// // The masked "Hello" of RFC 6455 §5.7, cut inside its key.
/// let mut first = [0x81, 0x85, 0x37, 0xfa];
/// let mut second = [0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// let mut decoder = Decoder::new();
/// let mut text = Vec::new();
/// for chunk in [&mut first[..], &mut second[..]] {
///     let mut input = chunk;
///     while let Some(part) = decoder.next_part(&mut input)? {
///         if let Part::Payload { data, end } = part {
///             text.extend_from_slice(data);
///             assert!(end);
///         }
///     }
/// }
/// assert_eq!(text, b"Hello");
/// # Ok::<(), ws_frame::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    /// Payload bytes of the frame that are still to come.
    remaining: u64,
    /// The key, as it applies to the next payload byte. Zero for unmasked frames.
    key: MaskKey,
    /// The start of a header that the input cut.
    head: [u8; FrameHeader::MAX_LEN],
    head_len: u8,
    in_payload: bool,
}

/// A step of [`Decoder::next_part`].
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part<'b> {
    /// The start of a frame.
    Header(FrameHeader),
    /// Payload of the frame begun last.
    Payload {
        /// The unmasked bytes, in the input's memory; empty if the frame has none.
        data: &'b mut [u8],
        /// Whether the frame ends here: true once for every frame.
        end: bool,
    },
}

impl Decoder {
    /// A decoder at the start of a frame.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            remaining: 0,
            key: MaskKey::new([0; 4]),
            head: [0; FrameHeader::MAX_LEN],
            head_len: 0,
            in_payload: false,
        }
    }

    /// Takes the next header, or the next piece of payload, off the front of `input`.
    ///
    /// `None` means that `input` is empty: all of it has been consumed, up to 13 bytes of an
    /// incomplete header being kept inside. After a header, its payload follows in one or more
    /// pieces, of which exactly the last has `end`. The bytes lent are the last bytes consumed.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if the header breaks the grammar. There is no frame to go on with: the same
    /// call then gives the same error, and leaves `input` where it was.
    pub fn next_part<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Part<'b>>, FrameError> {
        if !self.in_payload {
            return Ok(self.next_header(input)?.map(Part::Header));
        }
        if input.is_empty() && self.remaining > 0 {
            return Ok(None);
        }
        let (data, key, end) = self.take_payload(input);
        mask(key, 0, data);
        Ok(Some(Part::Payload { data, end }))
    }

    /// Payload bytes of the current frame that are still to come; 0 between frames.
    ///
    /// A driver with a large frame ahead can read up to this many bytes straight to where it wants
    /// them, and hand over that memory as the next input.
    #[must_use]
    #[inline]
    pub const fn payload_remaining(&self) -> u64 {
        self.remaining
    }

    /// Whether the next byte begins a frame.
    #[inline]
    pub(crate) const fn is_between_frames(&self) -> bool {
        self.head_len == 0 && !self.in_payload
    }

    #[inline]
    pub(crate) const fn is_in_payload(&self) -> bool {
        self.in_payload
    }

    /// Takes a header off the front of `input`, or all of `input` if it ends before the header
    /// does.
    #[inline]
    pub(crate) fn next_header(
        &mut self,
        input: &mut &mut [u8],
    ) -> Result<Option<FrameHeader>, FrameError> {
        let (header, used) = if self.head_len == 0 {
            match FrameHeader::decode(input)? {
                Some(found) => found,
                None => {
                    self.keep(input);
                    return Ok(None);
                }
            }
        } else {
            let before = usize::from(self.head_len);
            let mut head = self.head;
            let free = &mut head[before..];
            let copied = free.len().min(input.len());
            free[..copied].copy_from_slice(&input[..copied]);
            match FrameHeader::decode(&head[..before + copied])? {
                // The bytes before did not make a header, so that this is at least one byte.
                Some((header, used)) => (header, used - before),
                None => {
                    self.keep(input);
                    return Ok(None);
                }
            }
        };
        advance(input, used);
        self.head_len = 0;
        self.in_payload = true;
        self.remaining = header.len;
        self.key = header.mask.unwrap_or(MaskKey::new([0; 4]));
        Ok(Some(header))
    }

    /// Keeps all of `input`, known to be the start of a header.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a header has at most 14 bytes"
    )]
    fn keep(&mut self, input: &mut &mut [u8]) {
        let before = usize::from(self.head_len);
        self.head[before..before + input.len()].copy_from_slice(input);
        self.head_len += input.len() as u8;
        *input = &mut [];
    }

    /// Takes what `input` has of the payload, still masked: the bytes, the key from their first
    /// one on, and whether the frame ends with them.
    #[inline]
    pub(crate) fn take_payload<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> (&'b mut [u8], MaskKey, bool) {
        let len = usize::try_from(self.remaining)
            .unwrap_or(usize::MAX)
            .min(input.len());
        let data = advance(input, len);
        let key = self.key;
        self.remaining -= len as u64;
        self.key = key.rotated(len);
        self.in_payload = self.remaining > 0;
        (data, key, !self.in_payload)
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes `len` bytes off the front of `input`.
#[inline]
pub(crate) fn advance<'b>(input: &mut &'b mut [u8], len: usize) -> &'b mut [u8] {
    let (taken, rest) = mem::take(input).split_at_mut(len);
    *input = rest;
    taken
}
