//! The key of a handshake and the digest that answers it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use core::fmt;
use sha1_smol::Sha1;

//= https://www.rfc-editor.org/rfc/rfc6455#section-1.3
//# "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The last character of a key carries four bits that mean nothing; the RFC's own example,
/// `AQIDBAUGBwgJCgsMDQ4PEC==`, has some of them set.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The 16 random bytes of a client's handshake. Take them from the system's generator, fresh for
/// each attempt: this crate has no randomness of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// Wraps 16 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The value of `Sec-WebSocket-Key`: 24 characters.
    #[must_use]
    pub fn key(self) -> [u8; 24] {
        let mut key = [0; 24];
        // 16 bytes are 24 characters: it fits.
        let _ = BASE64.encode_slice(self.0, &mut key);
        key
    }
}

impl From<[u8; 16]> for Nonce {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(..)")
    }
}

/// The value of `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`: 28 characters.
///
/// ```
/// assert_eq!(
///     ws_handshake::accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
///     *b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
/// );
/// ```
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//# The value of this header field is constructed by concatenating /key/, defined above in step 4 in
//# Section 4.2.2, with the string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", taking the SHA-1 hash of
//# this concatenated value to obtain a 20-byte value and base64-encoding (see Section 4 of
//# [RFC4648]) this 20-byte hash.
#[must_use]
pub fn accept_key(key: &[u8]) -> [u8; 28] {
    let mut sha1 = Sha1::new();
    sha1.update(key);
    sha1.update(GUID);
    let mut accept = [0; 28];
    // 20 bytes are 28 characters: it fits.
    let _ = BASE64.encode_slice(sha1.digest().bytes(), &mut accept);
    accept
}

/// Whether `key` is the base64 form of 16 bytes.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
//# A |Sec-WebSocket-Key| header field with a base64-encoded (see Section 4 of [RFC4648]) value that,
//# when decoded, is 16 bytes in length.
pub(crate) fn is_key(key: &[u8]) -> bool {
    let mut nonce = [0; 18];
    BASE64.decode_slice(key, &mut nonce) == Ok(16)
}

/// Whether both are equal, in a time that does not depend on where they differ.
pub(crate) fn same(a: &[u8; 28], b: &[u8]) -> bool {
    a.len() == b.len()
        && core::hint::black_box(a.iter().zip(b).fold(0, |diff, (a, b)| diff | (a ^ b))) == 0
}
