//! Events that are in no log, and the end of a token, as our own client sees them.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::hub::Hub;
use crate::{
    CARRIERS, Data, ENDPOINT, Event, Outcome, PublishForm, Start, Target, next, opened, quick, text,
};

#[tokio::test]
async fn an_ephemeral_event_is_delivered_and_moves_nothing() {
    for carrier in CARRIERS {
        let hub = Hub::start("127.0.0.1:0", &[]).await;
        let url = format!("http://{}{ENDPOINT}", hub.address);
        let mut client = quick(url).topic("chat").only(carrier).open().unwrap();
        opened(&mut client).await;
        let first = hub.publish("chat", "kept").await;
        assert_eq!(text(&mut client).await, "kept");
        let mut typing = PublishForm::text(["chat"], "ada");
        typing.ephemeral = true;
        // Twice the same: that is no repetition.
        for _ in 0..2 {
            let number = client.publish(typing.clone()).unwrap();
            let (mut message, mut outcome) = (None, None);
            while message.is_none() || outcome.is_none() {
                next(&mut client, "an event and its result", |event| {
                    match event {
                        Event::Message(got) => message = Some(got),
                        Event::Published {
                            number: at,
                            outcome: got,
                        } if at == number => {
                            outcome = Some(got);
                        }
                        _ => return None,
                    }
                    Some(())
                })
                .await;
            }
            let message = message.unwrap();
            assert_eq!(message.data, Data::Text("ada".into()));
            assert_eq!((message.position, message.id), (None, None));
            assert_eq!(message.receipt.start(), None);
            let nowhere = Outcome::Acknowledged {
                id: None,
                position: None,
            };
            assert_eq!(outcome, Some(nowhere));
        }
        assert_eq!(client.resume_from(), &Start::parse(first.as_bytes()));
        hub.publish("chat", "kept, too").await;
        assert_eq!(text(&mut client).await, "kept, too");
    }
}

/// Nothing is missed while one token is replaced by another.
#[tokio::test]
async fn a_client_comes_back_with_another_token() {
    const SECRET: &str = "a secret that has thirty-two bytes";
    let now = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.unwrap().as_secs()
    };
    let sign = move |seconds: u64| {
        let rights = json!({ "publish": ["*"], "subscribe": ["*"] });
        let claims = json!({ "exp": now() + seconds, "mercure": rights });
        encode(
            &Header::default(),
            &claims,
            &EncodingKey::from_secret(SECRET.as_bytes()),
        )
        .unwrap()
    };
    let file = std::env::temp_dir().join(format!("longwire-{:016x}", getrandom::u64().unwrap()));
    std::fs::write(&file, SECRET).unwrap();
    let key = format!("HS256:{}", file.display());
    let hub = Hub::start("127.0.0.1:0", &["--key", &key]).await;
    let url = format!("http://{}{ENDPOINT}", hub.address);
    let mut publisher = quick(url.clone()).token(sign(600)).open().unwrap();
    opened(&mut publisher).await;
    for carrier in CARRIERS {
        let mut attempts = 0;
        let target = url.clone();
        let mut client = quick(url.clone())
            .topic("numbers")
            .only(carrier)
            .before_attempt(move |_| {
                attempts += 1;
                let token = sign(if attempts == 1 { 6 } else { 600 });
                core::future::ready(Ok(Target::new(target.clone()).token(token)))
            })
            .open()
            .unwrap();
        opened(&mut client).await;
        let interrupted = next(&mut client, "the end of the token", |event| match event {
            Event::Interrupted(end) => Some(end),
            _ => None,
        });
        assert_eq!(interrupted.await, crate::End::Closed(4001), "{carrier:?}");
        let number = publisher
            .publish(PublishForm::text(["numbers"], "1"))
            .unwrap();
        next(&mut publisher, "a result", |event| match event {
            Event::Published { number: at, .. } => (at == number).then_some(()),
            _ => None,
        })
        .await;
        assert_eq!(text(&mut client).await, "1");
    }
    std::fs::remove_file(file).unwrap();
}
