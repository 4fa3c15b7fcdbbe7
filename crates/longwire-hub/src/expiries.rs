//! Whose token ends when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::fanout::Bell;

/// Subscribers to be woken when their token ends.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    due: Mutex<Due>,
}

#[derive(Debug, Default)]
struct Due {
    /// By the second in which the token ends.
    bells: BTreeMap<u64, Vec<Weak<Bell>>>,
    len: usize,
    /// With so many it is time to forget those who have left.
    sweep: usize,
}

impl Expiries {
    /// Rings `bell` at this time, unless its subscriber has left by then.
    pub(crate) fn add(&self, time: u64, bell: &Arc<Bell>) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len > due.sweep.max(1_024) {
            for bells in due.bells.values_mut() {
                bells.retain(|bell| bell.strong_count() > 0);
            }
            due.bells.retain(|_, bells| !bells.is_empty());
            due.len = due.bells.values().map(Vec::len).sum();
            due.sweep = 2 * due.len;
        }
        due.bells
            .entry(time)
            .or_default()
            .push(Arc::downgrade(bell));
        due.len += 1;
    }

    /// Rings those whose time has come.
    pub(crate) fn ring(&self, now: u64) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(entry) = due.bells.first_entry().filter(|entry| *entry.key() <= now) {
            let bells = entry.remove();
            due.len -= bells.len();
            bells
                .iter()
                .filter_map(Weak::upgrade)
                .for_each(|bell| bell.ring());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_left_leaves_nothing_behind() {
        let expiries = Expiries::default();
        let stays = Arc::default();
        for time in 0..100_000 {
            expiries.add(time, &Arc::default());
        }
        expiries.add(7, &stays);
        assert!(expiries.due.lock().unwrap().len < 3_000);
        expiries.ring(u64::MAX);
        let due = expiries.due.lock().unwrap();
        assert_eq!((due.len, due.bells.len()), (0, 0));
    }
}
