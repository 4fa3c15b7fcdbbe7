//! Who writes a store that must be waited for: one at a time.
//!
//! Whatever was published while one commit went on is one commit together: the more publish at
//! once, the more share the wait for the disk. A thread makes these. Those whose events one commit
//! has written publish again right after it, most of them: the next one waits for them a moment,
//! as long as they keep coming. One that publishes alone never waits for others, and not for the
//! thread either: it may write its event where it is.

use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

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
    /// The thread waits until so many events wait.
    wake_at: usize,
    /// Somebody writes, the thread or who publishes alone.
    writing: bool,
    /// The thread waits until nobody does.
    wanted: bool,
    /// Who wrote has panicked.
    failed: bool,
    last: Last,
}

/// The commit before.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    events: usize,
    took: Duration,
    /// `None` before the first one.
    ended: Option<Instant>,
}

impl Last {
    /// One of so many events, that has just ended.
    fn new(events: usize, begun: Instant) -> Self {
        let ended = Instant::now();
        Self {
            events,
            took: ended - begun,
            ended: Some(ended),
        }
    }

    /// How much longer those that it has answered are waited for.
    fn patience(&self) -> Duration {
        let passed = self.ended.map_or(Duration::MAX, |ended| ended.elapsed());
        (self.took / 2).saturating_sub(passed)
    }

    /// After so long without another event no more are waited for.
    fn gap(&self) -> Duration {
        self.took / 8
    }
}

impl Queue {
    /// Hands an event over; the receiver hears what became of it.
    pub(crate) fn push(&self, form: PublishForm) -> Result<oneshot::Receiver<Outcome>, Refusal> {
        self.add(self.waiting(), form)
    }

    fn add(
        &self,
        mut waiting: MutexGuard<'_, Waiting>,
        form: PublishForm,
    ) -> Result<oneshot::Receiver<Outcome>, Refusal> {
        if waiting.failed {
            return Err(Refusal::Unwritten);
        }
        if waiting.close {
            return Err(Refusal::Draining);
        }
        if waiting.bytes > MOST_WAITING {
            return Err(Refusal::Busy);
        }
        let (done, outcome) = oneshot::channel();
        waiting.bytes += size(&form);
        waiting.events.push_back(Pending { form, done });
        let wakes = waiting.events.len() == waiting.wake_at;
        drop(waiting);
        if wakes {
            self.bell.notify_one();
        }
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

    /// Lets the caller write at once, if it publishes alone as far as can be known: nobody writes,
    /// nothing waits, and the commit before was of one event.
    pub(crate) fn alone(&self) -> Option<Writing<'_>> {
        let mut waiting = self.waiting();
        let others = waiting.writing
            || waiting.wanted
            || !waiting.events.is_empty()
            || waiting.expire
            || waiting.close
            || waiting.last.events > 1;
        if others {
            return None;
        }
        waiting.writing = true;
        Some(Writing::new(self, 1))
    }

    /// Waits for work, which nobody else does until what comes with it is dropped.
    pub(crate) fn take(&self) -> (Work, Writing<'_>) {
        let mut waiting = self.waiting();
        let last = waiting.last;
        // Who was answered may come back, and who waits already will not.
        let all = (last.events + waiting.events.len()).min(MOST_EVENTS);
        let idle =
            |waiting: &mut Waiting| waiting.events.is_empty() && !waiting.expire && !waiting.close;
        waiting.wake_at = 1;
        let mut waiting = self.wait(waiting, TICK, idle);
        let fewer = |waiting: &mut Waiting| {
            waiting.events.len() < all && waiting.bytes < MOST_BYTES && !waiting.close
        };
        while !waiting.events.is_empty() && fewer(&mut waiting) {
            let left = last.patience();
            let there = waiting.events.len();
            waiting.wake_at = all;
            waiting = self.wait(waiting, last.gap().min(left), fewer);
            if waiting.events.len() == there {
                break;
            }
        }
        waiting.wake_at = 0;
        while waiting.writing {
            waiting.wanted = true;
            let waited = self.bell.wait(waiting);
            waiting = waited.unwrap_or_else(PoisonError::into_inner);
        }
        (waiting.wanted, waiting.writing) = (false, true);
        let work = waiting.take();
        let events = match &work {
            Work::Append(events) => events.len(),
            _ => 0,
        };
        (work, Writing::new(self, events))
    }

    /// Ends this queue with its thread, however that ends: those who wait hear it.
    pub(crate) fn closing(&self) -> Closing<'_> {
        Closing(self)
    }

    fn wait<'q>(
        &self,
        waiting: MutexGuard<'q, Waiting>,
        most: Duration,
        condition: impl FnMut(&mut Waiting) -> bool,
    ) -> MutexGuard<'q, Waiting> {
        let waited = self.bell.wait_timeout_while(waiting, most, condition);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// What is to be done now.
    fn take(&mut self) -> Work {
        if !self.events.is_empty() {
            let mut bytes = 0;
            let fitting = self.events.iter().take(MOST_EVENTS).take_while(|pending| {
                let fits = bytes < MOST_BYTES;
                bytes += if fits { size(&pending.form) } else { 0 };
                fits
            });
            let count = fitting.count();
            self.bytes -= bytes;
            return Work::Append(self.events.drain(..count).collect());
        }
        if core::mem::take(&mut self.expire) {
            Work::Expire
        } else if self.close {
            Work::Close
        } else {
            Work::Tick
        }
    }

    /// Nothing is written any more: those who wait hear it.
    fn end(&mut self) {
        self.failed |= std::thread::panicking();
        self.close = true;
        self.events.clear();
    }
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(crate) struct Writing<'q> {
    queue: &'q Queue,
    events: usize,
    begun: Instant,
}

impl<'q> Writing<'q> {
    fn new(queue: &'q Queue, events: usize) -> Self {
        Self {
            queue,
            events,
            begun: Instant::now(),
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        waiting.writing = false;
        if self.events > 0 {
            waiting.last = Last::new(self.events, self.begun);
        }
        if std::thread::panicking() {
            waiting.end();
        }
        let wanted = waiting.wanted;
        drop(waiting);
        if wanted {
            self.queue.bell.notify_one();
        }
    }
}

/// Closes a queue when dropped.
#[derive(Debug)]
pub(crate) struct Closing<'q>(&'q Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.waiting().end();
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
            assert_eq!(taken(&queue, Last::default()), count);
        }
        assert_eq!(queue.waiting().bytes, 0);
        assert!(matches!(queue.take().0, Work::Close));
    }

    /// How many are taken after such a commit.
    fn taken(queue: &Queue, last: Last) -> usize {
        queue.waiting().last = last;
        loop {
            match queue.take().0 {
                Work::Append(batch) => return batch.len(),
                // Whoever pushes has not come to it yet.
                Work::Tick => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Pushes one event once the thread that takes waits for `count` of them: it is not taken for
    /// one that was there before.
    fn push_to_one_that_waits_for(queue: &Queue, count: usize) {
        loop {
            let waiting = queue.waiting();
            if waiting.wake_at == count {
                drop(queue.add(waiting, form(1)));
                return;
            }
            drop(waiting);
            std::thread::yield_now();
        }
    }

    /// A commit of so many events that took so long that nothing else of a test does.
    fn endless(events: usize) -> Last {
        Last {
            events,
            took: Duration::from_secs(3_600),
            ended: Some(Instant::now()),
        }
    }

    #[test]
    fn who_was_answered_is_waited_for() {
        let queue = Queue::default();
        std::thread::scope(|scope| {
            let queue = &queue;
            scope.spawn(|| {
                push_to_one_that_waits_for(queue, 1);
                for _ in 1..40 {
                    std::thread::yield_now();
                    let _ = queue.push(form(1));
                }
            });
            assert_eq!(taken(queue, endless(40)), 40);
        });
        // Two that came meanwhile, and the forty.
        let _two = [queue.push(form(1)), queue.push(form(1))];
        std::thread::scope(|scope| {
            let queue = &queue;
            scope.spawn(|| {
                push_to_one_that_waits_for(queue, 42);
                (1..40).for_each(|_| drop(queue.push(form(1))));
            });
            assert_eq!(taken(queue, endless(40)), 42);
        });
    }

    #[test]
    fn who_publishes_alone_does_not_wait() {
        let queue = Queue::default();
        let _one = queue.push(form(1));
        assert_eq!(taken(&queue, Last::default()), 1);
        std::thread::scope(|scope| {
            let queue = &queue;
            scope.spawn(|| {
                push_to_one_that_waits_for(queue, 1);
            });
            assert_eq!(taken(queue, endless(1)), 1);
        });
    }

    #[test]
    fn nobody_waits_for_those_who_do_not_come_back() {
        let queue = Queue::default();
        let _one = queue.push(form(1));
        let over = Last {
            events: 64,
            took: Duration::from_micros(10),
            ended: Some(Instant::now()),
        };
        assert_eq!(taken(&queue, over), 1);
    }

    #[test]
    fn who_is_alone_may_write_and_everybody_else_waits_for_that() {
        let queue = Queue::default();
        let writing = queue.alone().unwrap();
        assert!(queue.alone().is_none(), "two would write");
        let _other = queue.push(form(1));
        std::thread::scope(|scope| {
            let taking = scope.spawn(|| taken(&queue, Last::default()));
            while !queue.waiting().wanted {
                std::thread::yield_now();
            }
            assert!(!taking.is_finished());
            drop(writing);
            assert_eq!(taking.join().unwrap(), 1);
        });
        // The commit was of one: who publishes now is alone, too.
        drop(queue.alone().unwrap());
        let _others = [queue.push(form(1)), queue.push(form(1))];
        assert!(queue.alone().is_none(), "they are first");
        assert_eq!(taken(&queue, Last::default()), 2);
        assert!(queue.alone().is_none(), "those two may come back");
        queue.close();
        assert!(matches!(queue.take().0, Work::Close));
        queue.waiting().last = Last::default();
        assert!(queue.alone().is_none(), "it is closed");
    }

    #[test]
    fn where_writing_panics_those_who_wait_hear_it() {
        let queue = Queue::default();
        let outcome = std::thread::scope(|scope| {
            let (begun, begins) = std::sync::mpsc::channel();
            let queue = &queue;
            let writer = scope.spawn(move || {
                let _writing = queue.alone().unwrap();
                begins.recv().unwrap();
                panic!("as asked");
            });
            while !queue.waiting().writing {
                std::thread::yield_now();
            }
            let outcome = queue.push(form(1)).unwrap();
            begun.send(()).unwrap();
            assert!(writer.join().is_err());
            outcome
        });
        assert!(outcome.blocking_recv().is_err());
        assert!(matches!(queue.push(form(1)), Err(Refusal::Unwritten)));
    }

    #[test]
    fn what_waits_is_bounded() {
        let queue = Queue::default();
        let refused = (0..100).find_map(|n| queue.push(form(1 << 20)).err().map(|why| (n, why)));
        assert_eq!(refused, Some((64, Refusal::Busy)));
    }
}
