//! What is published gets a result, and is in the log once.

use crate::{
    CARRIERS, Event, Mode, Outcome, PublishForm, hub_and_proxy, next, opened, quick, text,
};

async fn outcome(client: &mut crate::Reconnecting, number: u64) -> Outcome {
    next(client, "a result", |event| match event {
        Event::Published {
            number: at,
            outcome,
        } => (at == number).then_some(outcome),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn what_waits_is_sent_in_order_once_there_is_a_connection() {
    for carrier in CARRIERS {
        let (hub, mut proxy) = hub_and_proxy().await;
        let mut reader = quick(format!("http://{}{}", hub.address, crate::ENDPOINT))
            .topic("numbers")
            .only(carrier)
            .open()
            .unwrap();
        opened(&mut reader).await;
        proxy.set(Mode::Refuse).await;
        let mut client = quick(proxy.url()).only(carrier).open().unwrap();
        let publish = |number: u64| PublishForm::text(["numbers"], number.to_string());
        let numbers: Vec<u64> = (0..40)
            .map(|n| client.publish(publish(n)).unwrap())
            .collect();
        assert_eq!(client.queued(), 40);
        proxy.set(Mode::Pass).await;
        for number in numbers {
            let outcome = outcome(&mut client, number).await;
            assert!(
                matches!(outcome, Outcome::Acknowledged { .. }),
                "{outcome:?}"
            );
        }
        for number in 0..40 {
            assert_eq!(text(&mut reader).await, number.to_string());
        }
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_taken_without_an_answer_is_not_published_twice() {
    for carrier in CARRIERS {
        let (hub, mut proxy) = hub_and_proxy().await;
        let direct = format!("http://{}{}", hub.address, crate::ENDPOINT);
        let mut reader = quick(direct).topic("a").only(carrier).open().unwrap();
        opened(&mut reader).await;
        proxy.set(Mode::LoseAnswers).await;
        let mut client = quick(proxy.url()).topic("b").only(carrier).open().unwrap();
        opened(&mut client).await;
        let number = client.publish(PublishForm::text(["a"], "1")).unwrap();
        // It reaches the log while the client knows nothing of it.
        tokio::select! {
            data = text(&mut reader) => assert_eq!(data, "1"),
            outcome = outcome(&mut client, number) => panic!("{outcome:?} before an answer"),
        }
        proxy.set(Mode::Pass).await;
        let outcome = outcome(&mut client, number).await;
        assert!(
            matches!(outcome, Outcome::Acknowledged { .. }),
            "{outcome:?}"
        );
        hub.publish("a", "2").await;
        assert_eq!(text(&mut reader).await, "2", "{carrier:?}");
    }
}

#[tokio::test]
async fn a_client_that_closes_says_what_was_not_sent() {
    let (_hub, mut proxy) = hub_and_proxy().await;
    proxy.set(Mode::Refuse).await;
    let mut client = quick(proxy.url()).open().unwrap();
    let number = client.publish(PublishForm::text(["a"], "1")).unwrap();
    let left = client.close().await.unwrap();
    let unsent = Event::Published {
        number,
        outcome: Outcome::Unsent,
    };
    assert_eq!(left, [unsent]);
}
