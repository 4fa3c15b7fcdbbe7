//! So many per second, and some at once: token buckets, to which the time is told.

use core::hash::Hash;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// In which one token comes.
    every: Duration,
    /// In which an empty bucket fills.
    capacity: Duration,
}

impl Rate {
    /// So many tokens a second, at most a billion, and so many at once, at least one.
    pub(super) fn new(per_second: usize, at_once: usize) -> Self {
        let every = Duration::from_secs(1).div_f64((per_second as f64).clamp(1.0, 1e9));
        let at_once = u32::try_from(at_once.max(1)).unwrap_or(u32::MAX);
        let capacity = every.saturating_mul(at_once);
        Self { every, capacity }
    }
}

/// A bucket, as the time at which it is full: a token taken is time added.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    full: Duration,
}

impl Bucket {
    /// Takes a token.
    ///
    /// # Errors
    ///
    /// There is none; in how much time there is one.
    fn take(&mut self, rate: &Rate, now: Duration) -> Result<(), Duration> {
        let full = self.full.max(now) + rate.every;
        match (full - now).checked_sub(rate.capacity) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.full = full;
                Ok(())
            }
        }
    }
}

/// A bucket for each of many; who has not been seen has a full one.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    rate: Rate,
    used: Mutex<Used<K>>,
}

#[derive(Debug)]
struct Used<K> {
    // Whoever asks chooses the key: the hash is one with a secret.
    buckets: HashMap<K, Bucket>,
    /// With so many it is time to forget the full ones.
    sweep: usize,
}

/// Buckets that are kept although they may be full.
const FEW: usize = 1_024;

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        let buckets = HashMap::new();
        let used = Mutex::new(Used {
            buckets,
            sweep: FEW,
        });
        Self { rate, used }
    }

    /// Takes a token from the bucket of `key`.
    ///
    /// # Errors
    ///
    /// There is none; in how much time there is one.
    pub(super) fn take(&self, key: K, now: Duration) -> Result<(), Duration> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.buckets.len() >= used.sweep {
            used.buckets.retain(|_, bucket| bucket.full > now);
            used.sweep = FEW.max(2 * used.buckets.len());
        }
        used.buckets.entry(key).or_default().take(&self.rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn some_at_once_then_so_many_a_second() {
        let buckets = Buckets::new(Rate::new(100, 5));
        let take = |now| buckets.take("a", now);
        for _ in 0..5 {
            assert_eq!(take(MS), Ok(()));
        }
        assert_eq!(take(MS), Err(10 * MS));
        assert_eq!(take(4 * MS), Err(7 * MS));
        assert_eq!(take(11 * MS), Ok(()));
        assert_eq!(take(11 * MS), Err(10 * MS));
        // Another has its own, and a refusal costs nothing.
        assert_eq!(buckets.take("b", MS), Ok(()));
        assert_eq!(take(21 * MS), Ok(()));
        // It never holds more than it may.
        let later = Duration::from_secs(3_600);
        let taken = (0..99).take_while(|_| take(later).is_ok()).count();
        assert_eq!(taken, 5);
    }

    #[test]
    fn a_rate_is_kept_over_a_long_time() {
        let buckets = Buckets::new(Rate::new(250, 500));
        let taken = (0..60_000u32)
            .filter(|n| buckets.take((), *n * MS).is_ok())
            .count();
        assert!(
            (500 + 250 * 59..=500 + 250 * 60).contains(&taken),
            "{taken}"
        );
    }

    #[test]
    fn buckets_that_are_full_again_are_forgotten() {
        let buckets = Buckets::new(Rate::new(10, 10));
        for n in 0..100_000u32 {
            assert_eq!(buckets.take(n, n * MS), Ok(()));
        }
        assert!(buckets.used.lock().unwrap().buckets.len() <= 2 * FEW);
    }
}
