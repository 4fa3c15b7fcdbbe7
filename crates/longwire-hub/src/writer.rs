//! Who writes a store that must be waited for: one at a time.
//!
//! Whatever was published while one commit went on is one commit together: the more publish at
//! once, the more share the wait for the disk. A thread makes these. Those whose events one commit
//! has written publish again right after it, most of them: on a slow disk the next one waits for them
//! a moment, as long as they keep coming. One that publishes alone waits for others only until all who are ready
//! had their say, and not even that if the commit before was of the same client; nor for the thread: it
//! may write its event where it is, as long as the disk is quick. What shares a thread or a task with it waits meanwhile, which a slow disk would let
//! it feel; and beside the wait for one, two threads that wake each other are nothing.

use core::net::SocketAddr;
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
/// A disk that takes longer for a commit is slow.
const QUICK: Duration = Duration::from_millis(1);
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

/// What is known of who publishes alone before everybody had their say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alone {
    /// The commit before was of one event, too.
    Perhaps,
    /// It was theirs.
    Again,
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
    /// So many are about to publish.
    asking: usize,
    /// Who wrote has panicked.
    failed: bool,
    last: Last,
    /// So long after it, the first event came.
    back: Option<Duration>,
}

/// The commit before.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    events: usize,
    /// Who wrote their event where it was.
    by: Option<SocketAddr>,
    took: Duration,
    /// `None` before the first one.
    ended: Option<Instant>,
    /// So long after the one before, the first event came for the next: as long as it takes somebody
    /// who was answered to come back.
    back: Duration,
}

impl Last {
    /// How much longer those that it has answered are waited for. Not at all where the disk is quick:
    /// it takes them no less time to come back, and the next commit may go on meanwhile.
    fn patience(&self) -> Duration {
        if self.took < QUICK {
            return Duration::ZERO;
        }
        let passed = self.ended.map_or(Duration::MAX, |ended| ended.elapsed());
        (self.took / 2).saturating_sub(passed)
    }

    /// After so long without another event no more are waited for, or without the first. A first one
    /// that came after all patience says nothing.
    fn gap(&self, first: bool) -> Duration {
        let gap = self.took / 8;
        if first && self.back < self.took / 2 {
            gap.max(self.back * 5 / 4)
        } else {
            gap
        }
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
        let ended = waiting.last.ended;
        waiting.back = waiting.back.or_else(|| Some(ended?.elapsed()));
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

    /// Whether writing has panicked: what the log holds is not known then.
    pub(crate) fn has_failed(&self) -> bool {
        self.waiting().failed
    }

    /// Takes no more events; the thread ends once it has written those that wait.
    pub(crate) fn close(&self) {
        self.waiting().close = true;
        self.bell.notify_one();
    }

    /// Notes that somebody is about to publish, until they [ask no more](Self::ask_no_more). `None`
    /// if they do not publish alone as far as is known already: nothing is noted then. `from` is the
    /// address of a client that has one event under way at a time.
    pub(crate) fn ask(&self, from: Option<SocketAddr>) -> Option<Alone> {
        let mut waiting = self.waiting();
        if waiting.has_others() {
            return None;
        }
        waiting.asking += 1;
        let again = from.is_some() && waiting.last.by == from;
        Some(if again { Alone::Again } else { Alone::Perhaps })
    }

    /// Undoes [`ask`](Self::ask).
    pub(crate) fn ask_no_more(&self) {
        self.waiting().asking -= 1;
    }

    /// Lets somebody who asks write at once, if nobody else asks or writes.
    pub(crate) fn alone(&self, from: Option<SocketAddr>) -> Option<Writing<'_>> {
        let mut waiting = self.waiting();
        if waiting.asking > 1 || waiting.has_others() {
            return None;
        }
        waiting.writing = true;
        Some(Writing::new(self, 1, from))
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
        let mut first = true;
        while !waiting.events.is_empty() && fewer(&mut waiting) {
            let left = last.patience();
            let there = waiting.events.len();
            waiting.wake_at = all;
            waiting = self.wait(waiting, last.gap(first).min(left), fewer);
            if waiting.events.len() == there {
                break;
            }
            first = false;
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
        (work, Writing::new(self, events, None))
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
    /// Whether somebody writes or waits, or may come back: the commit before was not of one event;
    /// or the thread is to write anyhow.
    fn has_others(&self) -> bool {
        self.writing
            || self.wanted
            || !self.events.is_empty()
            || self.expire
            || self.close
            || self.last.events > 1
            || self.last.took > QUICK
    }

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
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(crate) struct Writing<'q> {
    queue: &'q Queue,
    events: usize,
    by: Option<SocketAddr>,
    begun: Instant,
    ended: Option<Instant>,
}

impl<'q> Writing<'q> {
    fn new(queue: &'q Queue, events: usize, by: Option<SocketAddr>) -> Self {
        Self {
            queue,
            events,
            by,
            begun: Instant::now(),
            ended: None,
        }
    }

    /// Who waited for this has been answered: what else is done says nothing about the next.
    pub(crate) fn answered(&mut self) {
        self.ended = Some(Instant::now());
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        waiting.writing = false;
        if self.events > 0 {
            let ended = self.ended.unwrap_or_else(Instant::now);
            waiting.last = Last {
                events: self.events,
                by: self.by,
                took: ended - self.begun,
                ended: Some(ended),
                back: waiting.back.take().unwrap_or_default(),
            };
        }
        if std::thread::panicking() {
            // Nothing is written any more: those who wait hear it.
            (waiting.failed, waiting.close) = (true, true);
            waiting.events.clear();
        }
        let wanted = waiting.wanted;
        drop(waiting);
        if wanted {
            self.queue.bell.notify_one();
        }
    }
}

fn size(form: &PublishForm) -> usize {
    form.data.len() + form.topics.iter().map(String::len).sum::<usize>() + OVERHEAD
}

#[cfg(test)]
mod tests;
