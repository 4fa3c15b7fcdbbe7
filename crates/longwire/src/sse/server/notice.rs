//! What a stream says about itself: positions, losses, when to come back.

use core::ops::Range;
use core::time::Duration;

use sse_parse::{Fields, encode};

/// The name of the event that says that others were lost. Its data is a JSON object; of a channel
/// or a [`Broadcast`](super::Broadcast) it has `missed`, the number of them.
pub const GAP: &str = "longwire-gap";

/// The name of the event that has only an id and an empty line of data: where to resume from.
///
/// It is a whole event because some browsers do not take up the id of a block without data.
pub const POSITION: &str = "longwire-position";

/// Appends the notice that `count` events are missing here.
pub(super) fn encode_missed(count: u64, out: &mut Vec<u8>) {
    let data = format!("{{\"missed\":{count}}}");
    let encoded = encode(&Fields::new(&data).with_name(GAP), out);
    debug_assert_eq!(encoded, Ok(()));
}

/// Appends a position event. The id was checked before.
pub(super) fn encode_position(id: &str, out: &mut Vec<u8>) {
    let encoded = encode(&Fields::new("").with_name(POSITION).with_id(id), out);
    debug_assert_eq!(encoded, Ok(()));
}

/// Picks a reconnection time within `between`, for the `retry` of streams that all end at once:
/// their clients should not come back at once too.
///
/// `random` is a number of which all bits are random, one for each stream. An empty range is its
/// start.
///
/// ```
/// use core::time::Duration;
/// use longwire::sse::spread;
///
/// let second = Duration::from_secs(1);
/// assert_eq!(spread(second..9 * second, 0), second);
/// assert_eq!(spread(second..9 * second, u64::MAX / 2), 5 * second - Duration::from_millis(1));
/// assert_eq!(spread(second..second, 77), second);
/// ```
#[must_use]
pub fn spread(between: Range<Duration>, random: u64) -> Duration {
    let width = between.end.saturating_sub(between.start).as_millis();
    let width = u64::try_from(width).unwrap_or(u64::MAX);
    // The high half of the product: all of the range, and every part of it alike.
    let part = (u128::from(width) * u128::from(random)) >> 64;
    between.start + Duration::from_millis(u64::try_from(part).unwrap_or(width))
}

/// Appends a reconnection time.
pub(super) fn encode_retry(after: Duration, out: &mut Vec<u8>) {
    let encoded = encode(&Fields::empty().with_retry(after), out);
    debug_assert_eq!(encoded, Ok(()));
}

/// The random number of one stream of many, from a seed for all (`SplitMix64`).
pub(super) fn mix(seed: u64, stream: usize) -> u64 {
    let mut bits = seed.wrapping_add((stream as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
