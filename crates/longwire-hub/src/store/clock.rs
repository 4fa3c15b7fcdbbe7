//! The time that events are kept by.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 that never go back, whatever happens to the clock meanwhile.
#[derive(Debug)]
pub(super) struct Clock {
    began: u64,
    started: Instant,
}

impl Clock {
    pub(super) fn after(newest: u64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let began = u64::try_from(now.as_millis())
            .unwrap_or(u64::MAX)
            .max(newest);
        Self {
            began,
            started: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.began.saturating_add(elapsed)
    }

    /// Lets so much time pass.
    #[cfg(test)]
    pub(super) fn forward(&mut self, time: core::time::Duration) {
        self.began += u64::try_from(time.as_millis()).unwrap();
    }
}
