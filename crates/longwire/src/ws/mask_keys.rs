//! Where a client's masking keys come from.

use core::cell::RefCell;
use core::hash::BuildHasher;
use std::hash::RandomState;

use ws_frame::{MaskKey, MaskSource};

/// Bytes asked of the system at once: 128 keys.
const BATCH: usize = 512;

thread_local! {
    static UNUSED: RefCell<Unused> = const {
        RefCell::new(Unused {
            bytes: [0; BATCH],
            next: BATCH,
        })
    };
}

/// Fresh masking keys from the system's generator, asked for in batches that a thread's
/// connections share.
///
/// Every key is four bytes of the system's own output, used once and then wiped, so that no key
/// says anything about another. One call of the system serves 128 frames.
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.3
//# The masking key needs to be unpredictable; thus, the masking key MUST be derived from a strong
//# source of entropy, and the masking key for a given frame MUST NOT make it simple for a
//# server/proxy to predict the masking key for a subsequent frame.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct MaskKeys;

impl MaskSource for MaskKeys {
    fn next_mask(&mut self) -> MaskKey {
        // A thread that is ending has no batch any more.
        let key = UNUSED.try_with(|unused| {
            let fill = |bytes: &mut [u8]| getrandom::fill(bytes).is_ok();
            unused.borrow_mut().next(fill)
        });
        MaskKey::new(key.ok().flatten().unwrap_or_else(keyed))
    }
}

struct Unused {
    bytes: [u8; BATCH],
    next: usize,
}

impl Unused {
    /// The next key; `None` if the system gave no more.
    fn next(&mut self, fill: impl FnOnce(&mut [u8]) -> bool) -> Option<[u8; 4]> {
        if self.next == BATCH {
            if !fill(&mut self.bytes) {
                return None;
            }
            self.next = 0;
        }
        let at = self.next;
        self.next += 4;
        let key = self.bytes[at..self.next].first_chunk().copied();
        self.bytes[at..self.next].fill(0);
        key
    }
}

/// A key where the system, which answered before, answers no more: the standard library's keyed
/// hash of nothing, under a key that is new for each call and derived from the system's.
fn keyed() -> [u8; 4] {
    let [a, b, c, d, ..] = RandomState::new().hash_one(()).to_ne_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    //= https://www.rfc-editor.org/rfc/rfc6455#section-5.3
    //= type=test
    //# The masking key needs to be unpredictable
    fn keys_are_the_systems_bytes_each_used_once() {
        let mut unused = Unused {
            bytes: [0; BATCH],
            next: BATCH,
        };
        let mut asked = 0_u8;
        let mut fill = |bytes: &mut [u8]| {
            for (i, byte) in bytes.iter_mut().enumerate() {
                *byte = asked.wrapping_add(u8::try_from(i / 4).unwrap());
            }
            asked = asked.wrapping_add(128);
            true
        };
        let keys: HashSet<_> = (0..256).map(|_| unused.next(&mut fill).unwrap()).collect();
        assert_eq!(keys.len(), 256);
        assert_eq!(unused.bytes, [0; BATCH], "used keys are wiped");
        assert_eq!(unused.next(|_| false), None);
    }

    #[test]
    fn no_two_keys_of_two_batches_and_the_fallback_agree_more_than_chance_has_it() {
        let mut keys: Vec<_> = (0..BATCH / 2)
            .map(|_| MaskKeys.next_mask().to_bytes())
            .collect();
        keys.extend((0..256).map(|_| keyed()));
        let count = keys.len();
        let distinct: HashSet<_> = keys.into_iter().collect();
        // 512 of 2^32: one pair in 32,000 runs, two pairs never.
        assert!(distinct.len() + 1 >= count);
    }
}
