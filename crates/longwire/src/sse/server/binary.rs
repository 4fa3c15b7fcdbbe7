//! Bytes in a format for text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Writes bytes as the base64 (RFC 4648 §4) of one line of data.
///
/// The format has no way to carry bytes: four characters stand for three of them, and on top of
/// that comes what every event has, 8 bytes for `data: ` and the line ends. 3,000 bytes take 4,008
/// on the wire. Where most of the traffic is binary, a WebSocket carries it as it is.
///
/// ```
/// use longwire::sse::{Fields, from_base64, to_base64};
///
/// let data = to_base64(&[0, 10, 13, 255]);
/// let event = Fields::new(&data).with_name("frame");
/// // In a page: Uint8Array.fromBase64(event.data)
/// assert_eq!(from_base64(&data).as_deref(), Some(&[0, 10, 13, 255][..]));
/// ```
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads what [`to_base64`] wrote; `None` if the data is anything else.
#[must_use]
pub fn from_base64(data: &str) -> Option<Vec<u8>> {
    STANDARD.decode(data).ok()
}
