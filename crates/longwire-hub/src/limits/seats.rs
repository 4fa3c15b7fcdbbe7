//! So many at once for each of them.

use core::hash::Hash;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what each has taken and not given back.
#[derive(Debug)]
pub(super) struct Seats<K> {
    most: usize,
    // Whoever asks chooses the key: the hash is one with a secret.
    taken: Mutex<HashMap<K, usize>>,
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Seat<K: Eq + Hash> {
    seats: Arc<Seats<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> Seats<K> {
    pub(super) fn new(most: usize) -> Arc<Self> {
        let taken = Mutex::default();
        Arc::new(Self { most, taken })
    }

    /// One more for `key`, unless it has all it may have.
    pub(super) fn take(self: &Arc<Self>, key: K) -> Option<Seat<K>> {
        let mut taken = self.taken();
        let count = taken.entry(key.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(taken);
        let seats = self.clone();
        Some(Seat { seats, key })
    }
}

impl<K> Seats<K> {
    fn taken(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_left_leaves_nothing_behind() {
        let seats = Seats::new(3);
        let taken: Vec<_> = (0..1_000).map(|n| seats.take(n / 3).unwrap()).collect();
        assert!(seats.take(0).is_none());
        drop(taken);
        assert!(seats.taken().is_empty());
        assert!(seats.take(0).is_some());
    }
}
