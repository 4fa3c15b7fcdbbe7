//! Connections that share a task.
//!
//! As soon as two tasks are ready, a runtime of several threads wakes another one for the second.
//! That pays for work that lasts. A brief request takes some microseconds, of which most are the
//! system's, and waking takes a good part of that: a hub took 12 µs of CPU for a publish with two
//! threads, and 10 with one. So a few such connections are one task, which goes from thread to
//! thread as a whole; more of them are more tasks.

use core::future::Future;
use core::mem;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::sync::atomic::{AtomicU16, Ordering};
use core::task::{Context, Poll, Waker};
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Wake;

/// Most connections of one task.
const MEMBERS: usize = 8;
/// The bit of somebody who joins, above those of the members.
const JOINED: u16 = 1 << MEMBERS;

type Member = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The groups of one server.
#[derive(Default)]
pub(super) struct Groups(Mutex<Vec<Entry>>);

struct Entry {
    group: Arc<Group>,
    /// Those who have joined and not ended; the group ends with the last.
    members: usize,
}

/// What a group's task and those who wake it share.
#[derive(Default)]
struct Group {
    /// Whom to poll.
    ready: AtomicU16,
    /// Of the task, which is one and the same from the first poll on.
    task: OnceLock<Waker>,
    joining: Mutex<Vec<Member>>,
}

impl Group {
    /// The task is woken by the first bit after it has taken them all.
    fn wake(&self, bit: u16) {
        if self.ready.fetch_or(bit, Ordering::AcqRel) == 0
            && let Some(task) = self.task.get()
        {
            task.wake_by_ref();
        }
    }
}

/// Wakes one member.
struct Place {
    group: Arc<Group>,
    bit: u16,
}

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.group.wake(self.bit);
    }
}

impl Groups {
    /// Lets `member` go on in a group that has room, or in a new one.
    pub(super) fn join(self: &Arc<Self>, member: impl Future<Output = ()> + Send + 'static) {
        let mut entries = self.entries();
        let with_room = entries.iter().position(|entry| entry.members < MEMBERS);
        let index = with_room.unwrap_or_else(|| {
            entries.push(Entry {
                group: Arc::default(),
                members: 0,
            });
            entries.len() - 1
        });
        let Entry { group, members } = &mut entries[index];
        *members += 1;
        lock(&group.joining).push(Box::pin(member));
        group.wake(JOINED);
        if with_room.is_none() {
            let running = Running::new(self.clone(), group.clone());
            // A runtime that ends drops it at once, which looks for its entry.
            drop(entries);
            tokio::spawn(running);
        }
    }

    /// Takes notice that a member has ended. `false` if it was the last one and nobody joins any
    /// more.
    fn leave(&self, group: &Arc<Group>) -> bool {
        let mut entries = self.entries();
        let index = entries
            .iter()
            .position(|entry| Arc::ptr_eq(&entry.group, group));
        let Some(index) = index else { return false };
        entries[index].members -= 1;
        if entries[index].members > 0 {
            return true;
        }
        entries.swap_remove(index);
        false
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        lock(&self.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task of a group.
struct Running {
    groups: Arc<Groups>,
    group: Arc<Group>,
    wakers: [Waker; MEMBERS],
    members: [Option<Member>; MEMBERS],
    /// Who is polled first. What a task may do before it yields is for all of them together: one
    /// who always has something to do would leave nothing of it to those behind.
    first: usize,
}

impl Running {
    fn new(groups: Arc<Groups>, group: Arc<Group>) -> Self {
        let waker = |index| {
            Waker::from(Arc::new(Place {
                group: group.clone(),
                bit: 1_u16 << index,
            }))
        };
        Self {
            wakers: core::array::from_fn(waker),
            members: Default::default(),
            first: 0,
            groups,
            group,
        }
    }
}

impl Future for Running {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.group.task.get_or_init(|| cx.waker().clone());
        let mut ready = this.group.ready.swap(0, Ordering::AcqRel);
        if ready & JOINED != 0 {
            for member in mem::take(&mut *lock(&this.group.joining)) {
                // Only so many join as there are places.
                if let Some(place) = this.members.iter().position(Option::is_none) {
                    this.members[place] = Some(member);
                    ready |= 1 << place;
                }
            }
        }
        this.first = (this.first + 1) % MEMBERS;
        for index in (this.first..MEMBERS).chain(0..this.first) {
            let place = &mut this.members[index];
            let Some(member) = place.as_mut().filter(|_| ready & 1 << index != 0) else {
                continue;
            };
            let mut cx = Context::from_waker(&this.wakers[index]);
            // Like a task, a member that panics ends nobody but itself. The hook has said it.
            let polled = catch_unwind(AssertUnwindSafe(|| member.as_mut().poll(&mut cx)));
            if matches!(polled, Ok(Poll::Pending)) {
                continue;
            }
            let member = place.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(member)));
            if !this.groups.leave(&this.group) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

impl Drop for Running {
    /// Where the runtime ends before its members have: nobody takes up those who join.
    fn drop(&mut self) {
        let mut entries = self.groups.entries();
        entries.retain(|entry| !Arc::ptr_eq(&entry.group, &self.group));
        drop(entries);
        let joining = mem::take(&mut *lock(&self.group.joining));
        drop(joining);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use tokio::sync::{mpsc, watch};
    use tokio::task::yield_now;

    impl Groups {
        fn sizes(&self) -> Vec<usize> {
            self.entries().iter().map(|entry| entry.members).collect()
        }
    }

    async fn until(done: impl Fn() -> bool) {
        while !done() {
            yield_now().await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn so_many_share_a_task_and_who_ends_makes_room() {
        let groups = Arc::new(Groups::default());
        let (end, ends) = watch::channel(0);
        let (tell, mut told) = mpsc::unbounded_channel();
        let join = |number: usize| {
            let (mut ends, tell) = (ends.clone(), tell.clone());
            groups.join(async move {
                tell.send((number, tokio::task::id())).unwrap();
                ends.wait_for(|ended| *ended > number).await.unwrap();
            });
        };
        (0..20).for_each(&join);
        let mut tasks = HashSet::new();
        for _ in 0..20 {
            tasks.insert(told.recv().await.unwrap().1);
        }
        assert_eq!((tasks.len(), groups.sizes()), (3, vec![8, 8, 4]));
        end.send_replace(5);
        until(|| groups.sizes() == [3, 8, 4]).await;
        // Into the places that are free, and not into new tasks.
        (20..25).for_each(&join);
        for _ in 20..25 {
            assert!(tasks.contains(&told.recv().await.unwrap().1));
        }
        assert_eq!(groups.sizes(), [8, 8, 4]);
        end.send_replace(25);
        until(|| groups.sizes().is_empty()).await;
        // The members are gone, and with them what they held.
        drop(tell);
        until(|| told.is_closed()).await;
        assert!(told.recv().await.is_none());
    }

    #[tokio::test]
    async fn each_is_polled_when_it_was_woken_and_never_otherwise() {
        let groups = Arc::new(Groups::default());
        let (tell, mut told) = mpsc::unbounded_channel();
        let wakes: Vec<_> = (0..MEMBERS)
            .map(|number| {
                let (wake, mut woken) = mpsc::unbounded_channel::<()>();
                let tell = tell.clone();
                groups.join(async move {
                    let mut polls = 0;
                    core::future::poll_fn(|cx| {
                        tell.send((number, polls)).unwrap();
                        polls += 1;
                        while woken.poll_recv(cx).is_ready() {}
                        Poll::<()>::Pending
                    })
                    .await;
                });
                wake
            })
            .collect();
        let mut begun = HashSet::new();
        for _ in 0..MEMBERS {
            begun.insert(told.recv().await.unwrap());
        }
        assert_eq!(begun, (0..MEMBERS).map(|number| (number, 0)).collect());
        for polls in 1..100 {
            let number = polls * 5 % MEMBERS;
            let wake = wakes[number].clone();
            std::thread::spawn(move || wake.send(()).unwrap());
            let (polled, _) = told.recv().await.unwrap();
            assert_eq!(polled, number);
        }
        assert!(told.try_recv().is_err());
    }

    #[tokio::test]
    async fn one_who_always_has_something_to_do_leaves_time_to_the_others() {
        let groups = Arc::new(Groups::default());
        groups.join(async {
            loop {
                tokio::task::coop::consume_budget().await;
            }
        });
        let (done, mut is_done) = mpsc::unbounded_channel();
        let (tell, mut told) = mpsc::unbounded_channel();
        tell.send(()).unwrap();
        groups.join(async move { done.send(told.recv().await).unwrap() });
        for _ in 0..100 {
            if is_done.try_recv().is_ok() {
                return;
            }
            yield_now().await;
        }
        panic!("the second was never polled with anything left");
    }

    #[test]
    fn a_runtime_that_ends_drops_those_who_have_not_begun_too() {
        let groups = Arc::new(Groups::default());
        let held = Arc::new(());
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        let join = || {
            let (held, groups) = (held.clone(), groups.clone());
            groups.clone().join(async move {
                let _held = (held, groups);
                core::future::pending::<()>().await;
            });
        };
        runtime.block_on(async {
            join();
            until(|| lock(&groups.entries()[0].group.joining).is_empty()).await;
            join();
        });
        assert_eq!(Arc::strong_count(&held), 3);
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!((Arc::strong_count(&held), groups.sizes().len()), (1, 0));
        // And those who come when nothing runs any more.
        let _entered = handle.enter();
        join();
        assert_eq!((Arc::strong_count(&held), groups.sizes().len()), (1, 0));
    }

    #[tokio::test]
    async fn who_panics_ends_alone() {
        /// Panics when it is polled, and when it is dropped.
        struct Bad;

        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("as asked");
            }
        }

        let groups = Arc::new(Groups::default());
        let (end, mut ends) = mpsc::unbounded_channel();
        groups.join(async move { ends.recv().await.unwrap() });
        groups.join(async {
            let _bad = Bad;
            yield_now().await;
        });
        groups.join(async { panic!("as asked") });
        until(|| groups.sizes() == [1]).await;
        end.send(()).unwrap();
        until(|| groups.sizes().is_empty()).await;
    }
}
