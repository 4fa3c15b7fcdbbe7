//! Who is to be woken.

use core::task::Waker;

/// The tasks that wait for something, each in a slot of its own.
#[derive(Debug, Default)]
pub(super) struct Bells {
    slots: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// Kept for its capacity.
    spare: Vec<Waker>,
}

impl Bells {
    /// Takes a slot.
    pub(super) fn add(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        })
    }

    /// Gives a slot back.
    pub(super) fn remove(&mut self, slot: usize) {
        self.slots[slot] = None;
        self.free.push(slot);
    }

    /// Slots in use.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The task that waits in this slot, until it is rung.
    pub(super) fn listen(&mut self, slot: usize, waker: &Waker) {
        let known = &mut self.slots[slot];
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    /// Takes everybody who waits, to be woken when no lock is held.
    pub(super) fn take(&mut self) -> Vec<Waker> {
        let mut waiting = core::mem::take(&mut self.spare);
        waiting.extend(self.slots.iter_mut().filter_map(Option::take));
        waiting
    }

    /// Takes the vector back, for the next time.
    pub(super) fn keep(&mut self, spare: Vec<Waker>) {
        debug_assert!(spare.is_empty(), "somebody was not woken");
        if spare.capacity() > self.spare.capacity() {
            self.spare = spare;
        }
    }
}
