//! The one thread that writes a store that must be waited for.
//!
//! Whatever was published while one commit went on is one commit together: the more publish at
//! once, the more share the wait for the disk.

use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use hub_protocol::PublishForm;
use tokio::sync::oneshot;

use crate::publishing::{Outcome, Refusal};

/// Most events of one commit, and most bytes of data, but for a single event.
const MOST_EVENTS: usize = 1_024;
const MOST_BYTES: usize = 8 << 20;
/// Most bytes of events that wait to be written: beyond them the hub is busy.
const MOST_WAITING: usize = 64 << 20;
/// What an event counts beside its data.
const OVERHEAD: usize = 1_024;
/// How often the store is asked whether something is due.
const TICK: Duration = Duration::from_millis(100);

/// An event that waits to be written, and who waits for it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) form: PublishForm,
    pub(crate) done: oneshot::Sender<Outcome>,
}

/// What the thread is to do next.
#[derive(Debug)]
pub(crate) enum Work {
    Append(Vec<Pending>),
    Expire,
    /// See whether something is due.
    Tick,
    /// Everything was done: end.
    Close,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    events: std::collections::VecDeque<Pending>,
    bytes: usize,
    expire: bool,
    close: bool,
}

impl Queue {
    /// Hands an event over; the receiver hears what became of it.
    pub(crate) fn push(&self, form: PublishForm) -> Result<oneshot::Receiver<Outcome>, Refusal> {
        let mut waiting = self.waiting();
        if waiting.close {
            return Err(Refusal::Draining);
        }
        if waiting.bytes > MOST_WAITING {
            return Err(Refusal::Busy);
        }
        let (done, outcome) = oneshot::channel();
        waiting.bytes += size(&form);
        waiting.events.push_back(Pending { form, done });
        drop(waiting);
        self.bell.notify_one();
        Ok(outcome)
    }

    /// Asks for events that have passed their age to be removed.
    pub(crate) fn expire(&self) {
        self.waiting().expire = true;
        self.bell.notify_one();
    }

    /// Takes no more events; the thread ends once it has written those that wait.
    pub(crate) fn close(&self) {
        self.waiting().close = true;
        self.bell.notify_one();
    }

    /// Waits for work.
    pub(crate) fn take(&self) -> Work {
        let idle =
            |waiting: &mut Waiting| waiting.events.is_empty() && !waiting.expire && !waiting.close;
        let (mut waiting, _) = self
            .bell
            .wait_timeout_while(self.waiting(), TICK, idle)
            .unwrap_or_else(PoisonError::into_inner);
        if !waiting.events.is_empty() {
            let mut bytes = 0;
            let fitting = waiting
                .events
                .iter()
                .take(MOST_EVENTS)
                .take_while(|pending| {
                    let fits = bytes < MOST_BYTES;
                    bytes += if fits { size(&pending.form) } else { 0 };
                    fits
                });
            let count = fitting.count();
            waiting.bytes -= bytes;
            return Work::Append(waiting.events.drain(..count).collect());
        }
        if core::mem::take(&mut waiting.expire) {
            Work::Expire
        } else if waiting.close {
            Work::Close
        } else {
            Work::Tick
        }
    }

    /// Ends this queue with its thread, however that ends: those who wait hear it.
    pub(crate) fn closing(&self) -> Closing<'_> {
        Closing(self)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a queue when dropped.
#[derive(Debug)]
pub(crate) struct Closing<'q>(&'q Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.close = true;
        waiting.events.clear();
    }
}

fn size(form: &PublishForm) -> usize {
    form.data.len() + form.topics.iter().map(String::len).sum::<usize>() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_protocol::Data;

    fn form(len: usize) -> PublishForm {
        PublishForm::new(vec!["a".into()], Data::Text("x".repeat(len)))
    }

    #[test]
    fn what_waits_is_taken_together_and_in_order_up_to_a_size() {
        let queue = Queue::default();
        let _outcomes: Vec<_> = (0..12).map(|n| queue.push(form((1 << 20) - n))).collect();
        queue.close();
        assert!(matches!(queue.push(form(1)), Err(Refusal::Draining)));
        for count in [8, 4] {
            let Work::Append(batch) = queue.take() else {
                panic!("no batch")
            };
            assert_eq!(batch.len(), count);
        }
        assert_eq!(queue.waiting().bytes, 0);
        assert!(matches!(queue.take(), Work::Close));
    }

    #[test]
    fn what_waits_is_bounded() {
        let queue = Queue::default();
        let refused = (0..100).find_map(|n| queue.push(form(1 << 20)).err().map(|why| (n, why)));
        assert_eq!(refused, Some((64, Refusal::Busy)));
    }
}
