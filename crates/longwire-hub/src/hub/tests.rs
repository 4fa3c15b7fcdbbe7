//! What becomes of events while the hub stops, and where writing fails.

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

/// A store in which something is wrong that nobody thought of.
#[derive(Debug)]
struct Broken(Memory);

impl Store for Broken {
    fn bounds(&self) -> Bounds {
        self.0.bounds()
    }

    fn usage(&self) -> Usage {
        self.0.usage()
    }

    fn append(&self, _: &[Arc<Event>]) -> Result<Gone, StoreError> {
        panic!("as asked")
    }

    fn expire(&self) -> Result<Gone, StoreError> {
        self.0.expire()
    }

    fn read(&self, offsets: &[u64], budget: usize) -> Result<Vec<Arc<Event>>, StoreError> {
        self.0.read(offsets, budget)
    }
}

/// By the thread, and by who publishes alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn after_a_panic_while_writing_the_hub_says_that_it_cannot_write() {
    for alone in [false, true] {
        let store = Broken(memory());
        let log = Log::new(store.bounds().head(), usize::MAX);
        let hub = Hub::on_disk(log, store).unwrap();
        assert!(hub.is_writable());
        if alone {
            let hub = hub.clone();
            let publishing = tokio::spawn(async move { hub.publish_here(form()).outcome().await });
            assert!(publishing.await.unwrap_err().is_panic());
        } else {
            let refused = hub.publish(form()).outcome().await.unwrap_err();
            assert_eq!(refused, Refusal::Unwritten);
        }
        // Who was answered may be before the thread in noticing.
        while hub.is_writable() {
            tokio::task::yield_now().await;
        }
        for publishing in [hub.publish(form()), hub.publish_here(form())] {
            assert_eq!(publishing.outcome().await.unwrap_err(), Refusal::Unwritten);
        }
        hub.close();
    }
}
