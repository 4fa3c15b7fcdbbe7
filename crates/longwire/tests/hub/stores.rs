//! Stores that are slow, or fail.

use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex};

use longwire::hub::{Carrier, Event, FileStore, MemoryStore, PositionStore, Start, StoreFuture};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::scripted::{Hub, position};
use crate::support::Folder;
use crate::{message, next, opened, quick, until};

/// A store that saves when it is allowed to, and fails when it was told to.
#[derive(Clone, Debug)]
struct Slow {
    saved: Arc<Mutex<Vec<Start>>>,
    allowed: Arc<Semaphore>,
    failures: Arc<Mutex<u32>>,
}

impl Slow {
    fn new(allowed: usize, failures: u32) -> Self {
        Self {
            saved: Arc::default(),
            allowed: Arc::new(Semaphore::new(allowed)),
            failures: Arc::new(Mutex::new(failures)),
        }
    }
}

impl PositionStore for Slow {
    fn load(&mut self) -> StoreFuture<Start> {
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(Start::Live)
        })
    }

    fn save(&mut self, start: &Start) -> StoreFuture<()> {
        let (this, start) = (self.clone(), start.clone());
        Box::pin(async move {
            this.allowed.acquire().await.unwrap().forget();
            let mut failures = this.failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return Err(io::Error::other("not now"));
            }
            this.saved.lock().unwrap().push(start);
            Ok(())
        })
    }
}

fn after(offset: u64) -> Start {
    Start::parse(position(offset).as_bytes())
}

#[tokio::test]
async fn a_slow_store_holds_up_no_event_and_is_waited_for_at_close() {
    let hub = Hub::start().await;
    let store = Slow::new(0, 0);
    let mut client = quick(hub.url(""))
        .topic("a")
        .only(Carrier::EventStream)
        .store(store.clone())
        .store_every(Duration::ZERO)
        .open()
        .unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        for offset in 1..=3 {
            link.event(offset, "an event").await;
        }
        link.gone().await;
    });
    for _ in 1..=3 {
        message(&mut client).await;
    }
    let closing = tokio::spawn(client.close());
    script.await.unwrap();
    assert!(!closing.is_finished(), "the position is not saved");
    store.allowed.add_permits(10);
    closing.await.unwrap().unwrap();
    // The one that was under way when the others came, and the last.
    let saved = store.saved.lock().unwrap();
    assert_eq!(saved.len(), 2, "{saved:?}");
    assert_eq!(saved[1], after(3));
}

#[tokio::test]
async fn a_store_that_fails_is_offered_the_position_again() {
    let hub = Hub::start().await;
    let store = Slow::new(100, 2);
    let mut client = quick(hub.url(""))
        .topic("a")
        .only(Carrier::EventStream)
        .store(store.clone())
        .store_every(Duration::from_millis(20))
        .open()
        .unwrap();
    let script = tokio::spawn(async move { hub.opens(8).await });
    opened(&mut client).await;
    until(&mut client, "the store fails", |client| {
        client.store_error().is_some()
    })
    .await;
    until(&mut client, "the store works", |client| {
        client.store_error().is_none()
    })
    .await;
    assert_eq!(*store.saved.lock().unwrap(), [after(8)]);
    assert_eq!(client.resume_from(), &after(8));
    drop(script.await.unwrap());
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_when_something_is_to_be_kept() {
    let hub = Hub::start().await;
    let folder = Folder::new();
    let store = FileStore::new(folder.path().join("missing/position"));
    let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
    let mut client = client.store(store).open().unwrap();
    let script = tokio::spawn(async move { hub.opens(1).await });
    opened(&mut client).await;
    until(&mut client, "the store fails", |client| {
        client.store_error().is_some()
    })
    .await;
    let error = client.close().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    drop(script.await.unwrap());
}

/// What cannot be read may have been any place: nothing may be passed over in silence.
#[tokio::test]
async fn a_file_that_cannot_be_read_is_a_gap() {
    let hub = Hub::start().await;
    let folder = Folder::new();
    let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
    let client = client.store(FileStore::new(folder.path()));
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let asked = hub.asked().await;
        assert_eq!(asked.field("last-event-id"), Some("#unreadable"));
        let mut link = asked.opens(5).await;
        let gap = json!({
            "requested": "#unreadable", "resumed": position(5), "reason": "malformed",
            "earliest": position(1), "head": position(6),
        });
        link.chunk(&format!(
            "event: longwire-gap\nid: {}\ndata: {gap}\n\n",
            position(5)
        ))
        .await;
        link.event(6, "six").await;
        link
    });
    let reason = next(&mut client, "a gap", |event| match event {
        Event::Missed(missed) => Some(missed.reason),
        Event::Message(message) => panic!("{message:?} came before the gap was said"),
        _ => None,
    })
    .await;
    assert_eq!(reason, Some(longwire::hub::GapReason::Malformed));
    assert!(client.store_error().is_some());
    message(&mut client).await;
    drop(script.await.unwrap());
}

/// What the application did not say it was done with comes again.
#[tokio::test]
async fn what_is_handled_by_hand_is_kept_when_the_application_says_so() {
    let hub = Hub::start().await;
    let store = MemoryStore::new();
    let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
    let client = client.store(store.clone()).handled_by_hand();
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        for offset in 1..=3 {
            link.event(offset, "an event").await;
        }
        link.gone().await;
    });
    let first = message(&mut client).await.receipt;
    message(&mut client).await;
    message(&mut client).await;
    assert_eq!(client.resume_from(), &after(0));
    client.handled(&first);
    assert_eq!(client.resume_from(), &after(1));
    client.close().await.unwrap();
    assert_eq!(store.get(), after(1));
    script.await.unwrap();
}
