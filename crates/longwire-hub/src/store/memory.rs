//! A store in memory: it ends with the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use resume::{Bounds, Epoch, Limits, ReplayWindow};

use super::{Gone, Retention, Store, StoreError, Usage};
use crate::event::Event;

#[derive(Debug)]
pub(crate) struct Memory {
    window: Mutex<ReplayWindow<Arc<Event>>>,
    started: Instant,
}

impl Memory {
    /// An empty store; `epoch` comes from a cryptographic generator.
    pub(crate) fn new(epoch: Epoch, kept: Retention) -> Self {
        let limits = Limits::new()
            .count(kept.count)
            .bytes(kept.bytes)
            .age(kept.age);
        Self {
            window: Mutex::new(ReplayWindow::new(epoch, limits)),
            started: Instant::now(),
        }
    }

    fn window(&self) -> MutexGuard<'_, ReplayWindow<Arc<Event>>> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn bounds(&self) -> Bounds {
        self.window().bounds()
    }

    fn usage(&self) -> Usage {
        let window = self.window();
        let oldest = window.get(window.bounds().earliest().offset);
        Usage {
            bytes: window.bytes() as u64,
            oldest: oldest.map(|event| self.started.elapsed().saturating_sub(event.taken)),
        }
    }

    fn append(&self, events: &[Arc<Event>]) -> Result<Gone, StoreError> {
        let mut window = self.window();
        let mut gone = Gone::new();
        for event in events {
            let pushed = window.push(event.clone(), event.weight(), self.started.elapsed());
            debug_assert_eq!(pushed.position, event.position);
            gone.extend(pushed.evicted.map(|(_, event)| event));
        }
        Ok(gone)
    }

    fn expire(&self) -> Result<Gone, StoreError> {
        let mut window = self.window();
        let gone = window.expire(self.started.elapsed());
        Ok(gone.map(|(_, event)| event).collect())
    }

    fn read(&self, offsets: &[u64], budget: usize) -> Result<Vec<Arc<Event>>, StoreError> {
        let window = self.window();
        let mut bytes = 0;
        let kept = offsets.iter().map_while(|offset| window.get(*offset));
        let fitting = kept.take_while(|event| {
            let fits = bytes == 0 || bytes < budget;
            bytes += event.weight();
            fits
        });
        Ok(fitting.cloned().collect())
    }
}
