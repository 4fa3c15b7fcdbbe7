//! Connections that drop: each event comes once, in order, and what is missing is said.

use crate::{ALL_FAULTS, CARRIERS, Event, Mode, hub_and_proxy, next, opened, quick, text, within};

#[tokio::test]
async fn each_event_comes_once_across_resets() {
    for carrier in CARRIERS {
        let (hub, proxy) = hub_and_proxy().await;
        let mut client = quick(proxy.url())
            .topic("numbers")
            .only(carrier)
            .open()
            .unwrap();
        opened(&mut client).await;
        let mut expected = 0;
        for round in 0..20 {
            for _ in 0..10 {
                hub.publish("numbers", &expected.to_string()).await;
                hub.publish("others", "not for this client").await;
                expected += 1;
            }
            // Some are read before the cut, the rest after it.
            for number in expected - 10..expected {
                if number % 10 == round % 10 {
                    proxy.cut();
                }
                assert_eq!(text(&mut client).await, number.to_string());
            }
        }
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_published_in_an_outage_comes_after_it() {
    for carrier in CARRIERS {
        for fault in ALL_FAULTS {
            let (hub, mut proxy) = hub_and_proxy().await;
            let client = quick(proxy.url()).topic("numbers").only(carrier);
            let mut client = client.open().unwrap();
            opened(&mut client).await;
            hub.publish("numbers", "before").await;
            assert_eq!(text(&mut client).await, "before");
            proxy.set(fault).await;
            proxy.cut();
            next(&mut client, "the end of the connection", |event| {
                matches!(event, Event::Interrupted(_)).then_some(())
            })
            .await;
            hub.publish("numbers", "during").await;
            // Attempts fail meanwhile.
            let quiet = core::time::Duration::from_millis(1_000);
            assert!(tokio::time::timeout(quiet, client.next()).await.is_err());
            proxy.set(Mode::Pass).await;
            assert_eq!(text(&mut client).await, "during");
        }
    }
}

#[tokio::test]
async fn a_hub_without_its_log_is_a_gap_that_is_said_once() {
    for carrier in CARRIERS {
        let (mut hub, proxy) = hub_and_proxy().await;
        let client = quick(proxy.url()).topic("numbers").only(carrier);
        let mut client = client.open().unwrap();
        opened(&mut client).await;
        hub.publish("numbers", "1").await;
        assert_eq!(text(&mut client).await, "1");
        hub.restart().await;
        hub.publish("numbers", "2").await;
        let reason = next(&mut client, "a gap", |event| match event {
            Event::Missed(missed) => Some(missed.reason),
            Event::Message(message) => panic!("{message:?} came before the gap was said"),
            _ => None,
        })
        .await;
        assert_eq!(reason, Some(longwire::hub::GapReason::Epoch));
        assert_eq!(text(&mut client).await, "2");
        proxy.cut();
        hub.publish("numbers", "3").await;
        assert_eq!(text(&mut client).await, "3");
    }
}

#[tokio::test]
async fn a_quiet_client_that_saw_no_event_resumes_too() {
    for carrier in CARRIERS {
        let (hub, proxy) = hub_and_proxy().await;
        let client = quick(proxy.url()).topic("numbers").only(carrier);
        let mut client = client.open().unwrap();
        opened(&mut client).await;
        proxy.cut();
        hub.publish("numbers", "1").await;
        assert_eq!(text(&mut client).await, "1");
    }
}

#[tokio::test]
async fn topics_change_without_loss() {
    for carrier in CARRIERS {
        let (hub, proxy) = hub_and_proxy().await;
        let mut client = quick(proxy.url()).topic("a").only(carrier).open().unwrap();
        opened(&mut client).await;
        client.subscribe("b", crate::Start::Live).unwrap();
        client.subscribe("b", crate::Start::Live).unwrap();
        // The topic is asked for by a frame, or on a new connection: then it is there.
        let mut number = 0;
        within("an event of the new topic", async {
            loop {
                number += 1;
                hub.publish("b", &number.to_string()).await;
                let wait = core::time::Duration::from_millis(200);
                if let Ok(Some(Event::Message(_))) = tokio::time::timeout(wait, client.next()).await
                {
                    break;
                }
            }
        })
        .await;
        for _ in 0..5 {
            proxy.cut();
            hub.publish("a", "of a").await;
            next(
                &mut client,
                "an event of the old topic",
                |event| match event {
                    Event::Message(message) => {
                        (message.data == longwire::hub::Data::Text("of a".into())).then_some(())
                    }
                    _ => None,
                },
            )
            .await;
        }
    }
}

#[tokio::test]
async fn nothing_is_left_after_close() {
    for carrier in CARRIERS {
        let (_hub, proxy) = hub_and_proxy().await;
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let before = tasks();
        let mut client = quick(proxy.url()).topic("a").only(carrier).open().unwrap();
        opened(&mut client).await;
        client.close().await.unwrap();
        // The proxy's task for the connection ends with it; the client has none.
        within("the connection ends", async {
            while tasks() > before {
                tokio::time::sleep(core::time::Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}
