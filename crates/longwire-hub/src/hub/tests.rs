//! What becomes of events while the hub stops, and where writing fails.

use core::sync::atomic::AtomicUsize;
use core::time::Duration;

use resume::Epoch;

use super::*;
use crate::store::{Memory, Retention, StoreError};

const KEPT: Retention = Retention {
    count: 9,
    bytes: 999_999,
    age: Duration::MAX,
};

fn memory() -> Memory {
    Memory::new(Epoch::from_bytes([7; Epoch::LEN]), KEPT)
}

/// A hub over a store that must be waited for, without the thread that writes: it has the right to
/// write ten times a second, too, for as long as the machine lets it.
fn without_thread(store: Slow) -> Arc<Hub> {
    let log = Log::new(store.bounds().head(), usize::MAX);
    let mut hub = Hub::new(log, Arc::new(store));
    hub.disk = Some(DiskThreads {
        queue: Queue::default(),
        readers: Readers::start(&hub.store).unwrap(),
        writer: Mutex::new(None),
    });
    Arc::new(hub)
}

fn form() -> PublishForm {
    PublishForm::parse(b"topic=a&data=1").unwrap()
}

#[tokio::test]
async fn a_hub_that_stops_acknowledges_nothing_more() {
    let hub = Hub::in_memory(memory());
    let ephemeral = || PublishForm::parse(b"topic=a&data=1&ephemeral").unwrap();
    assert!(hub.publish(form()).outcome().await.is_ok());
    assert!(hub.publish(ephemeral()).outcome().await.is_ok());
    hub.drain();
    for form in [form(), ephemeral()] {
        let refused = hub.publish(form).outcome().await.unwrap_err();
        assert_eq!(refused, Refusal::Draining);
    }
    assert_eq!(hub.head().offset, 1);
}

/// A store in memory that is written like one that must be waited for.
#[derive(Debug)]
struct Slow {
    kept: Memory,
    /// Something is wrong that nobody thought of.
    broken: bool,
    /// How many events the writing thread appended.
    by_thread: Arc<AtomicUsize>,
}

impl Slow {
    fn new(broken: bool) -> Self {
        Self {
            kept: memory(),
            broken,
            by_thread: Arc::default(),
        }
    }
}

impl Store for Slow {
    fn bounds(&self) -> Bounds {
        self.kept.bounds()
    }

    fn usage(&self) -> Usage {
        self.kept.usage()
    }

    fn append(&self, events: &[Arc<Event>]) -> Result<Gone, StoreError> {
        assert!(!self.broken, "as asked");
        if thread::current().name() == Some("longwire-write") {
            self.by_thread.fetch_add(events.len(), Ordering::Relaxed);
        }
        self.kept.append(events)
    }

    fn expire(&self) -> Result<Gone, StoreError> {
        self.kept.expire()
    }

    fn read(&self, offsets: &[u64], budget: usize) -> Result<Vec<Arc<Event>>, StoreError> {
        self.kept.read(offsets, budget)
    }
}

/// By the thread, and by who publishes alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn after_a_panic_while_writing_the_hub_says_that_it_cannot_write() {
    for alone in [false, true] {
        let store = Slow::new(true);
        let log = Log::new(store.bounds().head(), usize::MAX);
        let hub = if alone {
            without_thread(store)
        } else {
            Hub::on_disk(log, store).unwrap()
        };
        assert!(hub.is_writable());
        if alone {
            let hub = hub.clone();
            let publishing =
                tokio::spawn(async move { hub.publish_here(form(), None).outcome().await });
            assert!(publishing.await.unwrap_err().is_panic());
        } else {
            let refused = hub.publish(form()).outcome().await.unwrap_err();
            assert_eq!(refused, Refusal::Unwritten);
        }
        // Who was answered may be before the thread in noticing.
        while hub.is_writable() {
            tokio::task::yield_now().await;
        }
        let outcomes = [
            hub.publish(form()).outcome().await,
            hub.publish_here(form(), None).outcome().await,
        ];
        for outcome in outcomes {
            assert_eq!(outcome.unwrap_err(), Refusal::Unwritten);
        }
        hub.close();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn those_who_publish_at_once_leave_it_to_the_thread_though_one_thread_serves_them() {
    let store = Slow::new(false);
    let by_thread = store.by_thread.clone();
    let log = Log::new(store.bounds().head(), usize::MAX);
    let hub = Hub::on_disk(log, store).unwrap();
    let publishing = tokio::spawn({
        let hub = hub.clone();
        async move {
            // All are ready before the thread that serves them comes to the first.
            let publishing = [(); 8].map(|()| {
                let hub = hub.clone();
                tokio::spawn(async move { hub.publish_here(form(), None).outcome().await })
            });
            for outcome in publishing {
                assert!(outcome.await.unwrap().is_ok());
            }
        }
    });
    publishing.await.unwrap();
    assert_eq!(hub.head().offset, 8);
    // The last is alone once the events of the others are written.
    assert!(by_thread.load(Ordering::Relaxed) >= 7, "{by_thread:?}");
    hub.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_asks_and_goes_away_is_not_counted() {
    let hub = without_thread(Slow::new(false));
    let asking = tokio::spawn({
        let hub = hub.clone();
        async move { matches!(hub.publish_here(form(), None), Posting::Asks(_)) }
    });
    assert!(asking.await.unwrap());
    let queue = &hub.disk.as_ref().unwrap().queue;
    assert!(queue.ask(None).is_some() && queue.alone(None).is_some());
    assert_eq!(hub.head().offset, 0);
    queue.ask_no_more();
    hub.close();
}
