//! A process resumes where the one before it had handled.

use longwire::hub::{FileStore, MemoryStore, PositionStore};

use crate::{CARRIERS, Event, Start, hub_and_proxy, next, opened, quick, text};

#[tokio::test]
async fn the_next_process_goes_on_after_what_was_handled() {
    let folder = std::env::temp_dir().join(format!("longwire-stores-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for carrier in CARRIERS {
        let (hub, proxy) = hub_and_proxy().await;
        let path = folder.join(format!("{carrier:?}"));
        let client = || quick(proxy.url()).topic("a").only(carrier);
        let mut first = client().store(FileStore::new(&path)).open().unwrap();
        opened(&mut first).await;
        for number in 1..=3 {
            hub.publish("a", &number.to_string()).await;
        }
        for number in 1..=3 {
            assert_eq!(text(&mut first).await, number.to_string());
        }
        // The last one given counts as handled at close.
        first.close().await.unwrap();
        hub.publish("a", "4").await;
        let mut second = client().store(FileStore::new(&path)).open().unwrap();
        assert_eq!(text(&mut second).await, "4");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn what_was_not_handled_comes_again_in_the_next_process() {
    for carrier in CARRIERS {
        let (hub, proxy) = hub_and_proxy().await;
        let store = MemoryStore::new();
        let client = || {
            let client = quick(proxy.url())
                .topic("a")
                .only(carrier)
                .store(store.clone());
            client
                .store_every(core::time::Duration::ZERO)
                .handled_by_hand()
        };
        let mut first = client().open().unwrap();
        opened(&mut first).await;
        let mut receipts = Vec::new();
        for number in 1..=3 {
            hub.publish("a", &number.to_string()).await;
            receipts.push(
                next(&mut first, "a message", |event| match event {
                    Event::Message(message) => Some(message.receipt),
                    _ => None,
                })
                .await,
            );
        }
        first.handled(&receipts[0]);
        hub.publish("a", "4").await;
        assert_eq!(text(&mut first).await, "4");
        assert_eq!(Some(&store.get()), receipts[0].start());
        drop(first); // a crash
        let mut second = client().open().unwrap();
        for number in 2..=4 {
            assert_eq!(text(&mut second).await, number.to_string());
        }
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_a_gap() {
    #[derive(Debug)]
    struct Broken;

    impl PositionStore for Broken {
        fn load(&mut self) -> longwire::hub::StoreFuture<Start> {
            Box::pin(async { Err(std::io::Error::other("broken")) })
        }

        fn save(&mut self, _: &Start) -> longwire::hub::StoreFuture<()> {
            Box::pin(async { Err(std::io::Error::other("broken")) })
        }
    }

    let (_hub, proxy) = hub_and_proxy().await;
    let mut client = quick(proxy.url()).topic("a").store(Broken).open().unwrap();
    next(&mut client, "a gap", |event| {
        matches!(event, Event::Missed(_)).then_some(())
    })
    .await;
    assert!(client.store_error().is_some());
    assert!(client.close().await.is_err());
}
