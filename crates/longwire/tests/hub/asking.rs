//! What a client asks, with what credentials, and what cannot be asked.

use longwire::hub::{Carrier, End, Finished, NoTarget, PublishForm, Start, Target};

use crate::scripted::{Hub, position};
use crate::{CARRIERS, ended, next, opened, quick};

#[tokio::test]
async fn each_request_carries_what_was_given() {
    for carrier in CARRIERS {
        let hub = Hub::start().await;
        let mut client = quick(hub.url("?tenant=7#not-sent"))
            .topic("x/y")
            .token("secret")
            .header("X-Flavour", "sweet")
            .start(Start::Earliest)
            .only(carrier)
            .open()
            .unwrap();
        let script = tokio::spawn(async move {
            let asked = hub.asked().await;
            assert!(
                asked
                    .head
                    .starts_with("GET /hub?tenant=7&topic=x%2Fy HTTP/1.1\r\n"),
                "{}",
                asked.head
            );
            assert_eq!(asked.field("authorization"), Some("Bearer secret"));
            assert_eq!(asked.field("x-flavour"), Some("sweet"));
            assert_eq!(asked.field("last-event-id"), Some("earliest"));
            if carrier == Carrier::WebSocket {
                assert_eq!(asked.field("sec-websocket-protocol"), Some("longwire.v1"));
                return asked.opens(3).await;
            }
            assert_eq!(asked.field("accept"), Some("text/event-stream"));
            assert_eq!(asked.field("cache-control"), Some("no-store"));
            let link = asked.opens(3).await;
            let mut post = hub.asked().await;
            assert!(post.head.starts_with("POST /hub?tenant=7 HTTP/1.1\r\n"));
            assert_eq!(post.field("authorization"), Some("Bearer secret"));
            assert_eq!(post.field("x-flavour"), Some("sweet"));
            assert_eq!(
                post.field("content-type"),
                Some("application/x-www-form-urlencoded")
            );
            assert!(post.body().await.contains("topic=x%2Fy&"));
            post.status(200, "").await;
            link
        });
        assert_eq!(opened(&mut client).await, carrier);
        if carrier == Carrier::EventStream {
            client.publish(PublishForm::text(["x/y"], "1")).unwrap();
            next(&mut client, "a result", |event| {
                matches!(event, longwire::hub::Event::Published { .. }).then_some(())
            })
            .await;
        }
        drop(script.await.unwrap());
    }
}

/// The schemes of a WebSocket name the same hub.
#[tokio::test]
async fn an_event_stream_can_be_had_from_a_url_of_a_web_socket() {
    let hub = Hub::start().await;
    let url = hub.url("").replace("http:", "ws:");
    let mut client = quick(url)
        .topic("a")
        .only(Carrier::EventStream)
        .open()
        .unwrap();
    let script = tokio::spawn(async move { hub.opens(0).await });
    assert_eq!(opened(&mut client).await, Carrier::EventStream);
    drop(script.await.unwrap());
}

/// What worked last time is tried first.
#[tokio::test]
async fn a_carrier_that_is_remembered_needs_no_attempt_with_the_other() {
    let hub = Hub::start().await;
    let url = hub.url("").replace("127.0.0.1", "hub.test");
    let address = hub.address();
    let connector = longwire::net::Connector::new()
        .proxies(longwire::net::Proxies::none())
        .addresses("hub.test", [address]);
    let client = quick(url).topic("a").connector(connector);
    let client = client.remembered(Some(Carrier::EventStream));
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let asked = hub.asked().await;
        assert_eq!(asked.field("upgrade"), None);
        let host = format!("hub.test:{}", address.port());
        assert_eq!(asked.field("host"), Some(&*host));
        asked.opens(0).await
    });
    assert_eq!(opened(&mut client).await, Carrier::EventStream);
    assert_eq!(client.remembered(), Some(Carrier::EventStream));
    drop(script.await.unwrap());
}

/// Without the other carrier, a refusal of upgrades is the end.
#[tokio::test]
async fn a_client_over_web_socket_alone_does_not_fall_back() {
    let hub = Hub::start().await;
    let mut client = longwire::ws::reconnecting(hub.url(""))
        .topic("a")
        .open()
        .unwrap();
    let script = tokio::spawn(async move {
        let asked = hub.asked().await;
        assert_eq!(asked.field("upgrade"), Some("websocket"));
        asked.status(403, "").await;
    });
    ended(&mut client).await;
    let (why, end) = client.finished().unwrap();
    assert_eq!(why, Finished::Stopped);
    assert!(
        matches!(end, Some(End::Refused { status: 403, .. })),
        "{end:?}"
    );
    script.await.unwrap();
}

/// A header says where the next connection begins: what came last.
#[tokio::test]
async fn the_next_connection_goes_on_after_what_came() {
    for carrier in CARRIERS {
        let hub = Hub::start().await;
        let client = quick(hub.url("")).topic("a").only(carrier);
        let mut client = client.open().unwrap();
        let script = tokio::spawn(async move {
            let asked = hub.asked().await;
            assert_eq!(asked.field("last-event-id"), None);
            let mut link = asked.opens(4).await;
            link.event(5, "five").await;
            drop(link);
            let asked = hub.asked().await;
            assert_eq!(asked.field("last-event-id"), Some(&*position(5)));
            let mut link = asked.opens(5).await;
            link.event(6, "six").await;
            link
        });
        for data in ["five", "six"] {
            let message = crate::message(&mut client).await;
            assert_eq!(message.data, longwire::hub::Data::Text(data.into()));
        }
        drop(script.await.unwrap());
    }
}

#[tokio::test]
async fn what_cannot_be_asked_ends_the_client_without_an_attempt() {
    let hub = Hub::start().await;
    for carrier in CARRIERS {
        for client in [
            quick("http://".into()),
            quick(hub.url("")).header("no name", "x"),
            quick(hub.url("")).token("two\r\nlines"),
        ] {
            let mut client = client.topic("a").only(carrier).open().unwrap();
            ended(&mut client).await;
            let finished = client.finished().unwrap();
            assert_eq!(finished, (Finished::Stopped, Some(End::NoCredentials)));
        }
    }
    let idle = tokio::time::timeout(core::time::Duration::from_millis(50), hub.asked()).await;
    assert!(idle.is_err(), "something was asked");
}

#[tokio::test]
async fn an_application_without_a_target_for_now_is_asked_again() {
    for carrier in CARRIERS {
        let hub = Hub::start().await;
        let url = hub.url("");
        let mut client = quick(String::new())
            .topic("a")
            .only(carrier)
            .before_attempt(move |ask| {
                let target = match ask.attempt {
                    1 | 2 => Err(NoTarget::Later),
                    _ => Ok(Target::new(&*url)),
                };
                core::future::ready(target)
            })
            .open()
            .unwrap();
        let script = tokio::spawn(async move { hub.opens(0).await });
        assert_eq!(opened(&mut client).await, carrier);
        assert_eq!(client.last_end(), Some(End::Unreachable));
        drop(script.await.unwrap());
    }
}

/// What is shown may end up in a log.
#[test]
fn nothing_that_is_shown_has_a_secret() {
    let connect = longwire::connect("https://hub.example/hush?hush=1")
        .token("hush")
        .header("Cookie", "hush");
    assert!(!format!("{connect:?}").contains("hush"));
    let hooked = connect.before_attempt(|_| {
        let target = Target::new("https://hush.example/").token("hush");
        core::future::ready(Ok(target))
    });
    assert!(!format!("{hooked:?}").contains("hush"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.unwrap();
    let _guard = runtime.enter();
    let client = hooked.topic("a").open().unwrap();
    let shown = format!("{client:?}");
    assert!(shown.contains("Idle") && !shown.contains("hush"), "{shown}");
}
