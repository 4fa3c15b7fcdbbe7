//! How attempts fail and connections end, and what follows.

use core::time::Duration;

use longwire::hub::{Carrier, Data, End, Event, Finished, Reconnecting};
use tokio::time::Instant;
use ws_frame::OpCode;

use crate::scripted::{Hub, Link};
use crate::{CARRIERS, ended, message, next, opened, quick};

async fn interrupted(client: &mut Reconnecting) -> End {
    next(client, "the end of a connection", |event| match event {
        Event::Interrupted(end) => Some(end),
        _ => None,
    })
    .await
}

/// A proxy, or another service, may know upgrades and not the hub's protocol.
#[tokio::test]
async fn an_upgrade_to_something_else_is_a_refusal() {
    for line in ["", "Sec-WebSocket-Protocol: chat\r\n"] {
        let hub = Hub::start().await;
        let client = quick(hub.url("")).topic("a").only(Carrier::WebSocket);
        let mut client = client.open().unwrap();
        let script =
            tokio::spawn(async move { hub.asked().await.upgraded(line).await.gone().await });
        ended(&mut client).await;
        let (why, end) = client.finished().unwrap();
        assert_eq!(why, Finished::Stopped);
        assert!(
            matches!(end, Some(End::Refused { status: 101, .. })),
            "{end:?}"
        );
        script.await.unwrap();
    }
}

#[tokio::test]
async fn an_upgrade_with_the_wrong_proof_falls_back_to_an_event_stream() {
    let hub = Hub::start().await;
    let mut client = quick(hub.url("")).topic("a").open().unwrap();
    let script = tokio::spawn(async move {
        let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                     Connection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\
                     Sec-WebSocket-Protocol: longwire.v1\r\n\r\n";
        hub.asked().await.answer(wrong).await;
        hub.opens(0).await
    });
    assert_eq!(opened(&mut client).await, Carrier::EventStream);
    drop(script.await.unwrap());
}

/// An event stream is one by its type: a page with status 200 is none.
#[tokio::test]
async fn another_content_type_is_a_refusal() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let asked = hub.asked().await;
        asked.status(200, "Content-Type: text/html\r\n").await;
    });
    ended(&mut client).await;
    let (why, end) = client.finished().unwrap();
    assert_eq!(why, Finished::Stopped);
    assert!(
        matches!(end, Some(End::Refused { status: 200, .. })),
        "{end:?}"
    );
    script.await.unwrap();
}

#[tokio::test]
async fn a_hub_that_asks_for_time_gets_it() {
    for carrier in CARRIERS {
        let hub = Hub::start().await;
        let mut client = quick(hub.url("")).topic("a").only(carrier).open().unwrap();
        let script = tokio::spawn(async move {
            let asked = hub.asked().await;
            let refused = Instant::now();
            asked.status(503, "Retry-After: 1\r\n").await;
            let link = hub.opens(0).await;
            (refused.elapsed(), link)
        });
        opened(&mut client).await;
        let wait = Some(Duration::from_secs(1));
        let end = client.last_end();
        assert_eq!(
            end,
            Some(End::Refused {
                status: 503,
                retry_after: wait
            })
        );
        let (waited, _link) = script.await.unwrap();
        assert!(waited >= Duration::from_secs(1), "{waited:?}");
    }
}

#[tokio::test]
async fn no_answer_in_time_is_silence_and_none_at_all_unreachable() {
    for carrier in CARRIERS {
        for silent in [true, false] {
            let hub = Hub::start().await;
            let mut client = quick(hub.url("")).topic("a").only(carrier);
            if silent {
                client = client.attempt_within(Duration::from_secs(1));
            }
            let mut client = client.open().unwrap();
            let script = tokio::spawn(async move {
                let held = hub.asked().await;
                let _held = silent.then_some(held);
                let mut links = Vec::new();
                // A client that did not take an answer in time asks again.
                loop {
                    links.push(hub.opens(0).await);
                }
            });
            opened(&mut client).await;
            let end = if silent {
                End::Silent
            } else {
                End::Unreachable
            };
            assert_eq!(client.last_end(), Some(end), "{carrier:?}");
            script.abort();
        }
    }
}

/// What a hub of this protocol never sends.
#[tokio::test]
async fn a_web_socket_that_breaks_the_protocol_ends_the_client() {
    const BINARY_WITHOUT_HEADER: &[u8] = &[0xff, 0xff, b'x'];
    for (opcode, payload) in [
        (OpCode::Text, &b"no json"[..]),
        (OpCode::Text, b"\xff"),
        (OpCode::Binary, BINARY_WITHOUT_HEADER),
        (OpCode::Continuation, b"of nothing"),
    ] {
        let hub = Hub::start().await;
        let client = quick(hub.url("")).topic("a").only(Carrier::WebSocket);
        let mut client = client.open().unwrap();
        let script = tokio::spawn(async move {
            let mut link = hub.opens(0).await;
            link.frame(opcode, payload).await;
            link.closed().await;
        });
        opened(&mut client).await;
        assert_eq!(interrupted(&mut client).await, End::Protocol);
        ended(&mut client).await;
        let finished = client.finished().unwrap();
        assert_eq!(finished, (Finished::Stopped, Some(End::Protocol)));
        drop(client);
        script.await.unwrap();
    }
}

/// An event that is larger than any event of a hub is not gathered for ever.
#[tokio::test]
async fn an_event_stream_with_an_endless_line_ends_the_client() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        link.chunk("data: ").await;
        endless(&mut link).await
    });
    opened(&mut client).await;
    assert_eq!(interrupted(&mut client).await, End::Protocol);
    ended(&mut client).await;
    let finished = client.finished().unwrap();
    assert_eq!(finished, (Finished::Stopped, Some(End::Protocol)));
    drop(client);
    let sent = script.await.unwrap();
    // The limit, and what lay in the buffers of two sockets.
    assert!(
        (4 << 20..64 << 20).contains(&sent),
        "{sent} bytes were taken"
    );
}

/// Sends one line until nobody takes it; how many bytes it was.
async fn endless(link: &mut Link) -> usize {
    let piece = "x".repeat(1 << 16);
    let mut sent = 0;
    while link.try_chunk(&piece).await {
        sent += piece.len();
    }
    sent
}

/// A body that breaks off is no end of the stream's choosing.
#[tokio::test]
async fn an_event_stream_that_breaks_off_amid_a_chunk_is_taken_up_again() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        link.event(1, "one").await;
        link.bytes(b"ffff\r\ndata: tw").await;
        drop(link);
        let mut link = hub.opens(1).await;
        link.event(2, "two").await;
        link
    });
    assert_eq!(message(&mut client).await.data, Data::Text("one".into()));
    assert_eq!(interrupted(&mut client).await, End::Closed(1006));
    assert_eq!(message(&mut client).await.data, Data::Text("two".into()));
    drop(script.await.unwrap());
}

/// The field `retry` is the least that a client waits.
#[tokio::test]
async fn the_reconnection_time_of_an_event_stream_is_kept_to() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        link.chunk("retry: 1000\n\n").await;
        link.event(1, "one").await;
        let sent = Instant::now();
        drop(link);
        let link = hub.opens(1).await;
        (sent.elapsed(), link)
    });
    message(&mut client).await;
    opened(&mut client).await;
    let (waited, _link) = script.await.unwrap();
    assert!(waited >= Duration::from_millis(900), "{waited:?}");
}

/// A comment is a sign of life; without one the stream is given up.
#[tokio::test]
async fn an_event_stream_lives_as_long_as_it_is_heard() {
    const SILENCE: Duration = Duration::from_secs(2);
    loop {
        let hub = Hub::start().await;
        let client = quick(hub.url("")).topic("a").only(Carrier::EventStream);
        let mut client = client.silence(SILENCE).open().unwrap();
        let script = tokio::spawn(async move {
            let mut link = hub.opens(0).await;
            let begun = Instant::now();
            let (mut last, mut longest) = (begun, Duration::ZERO);
            let mut taken = true;
            while taken && begun.elapsed() < 2 * SILENCE {
                taken = link.try_chunk(":\n").await;
                longest = longest.max(last.elapsed());
                last = Instant::now();
                tokio::time::sleep(SILENCE / 20).await;
            }
            let next = hub.opens(0).await;
            (taken, longest, last.elapsed(), link, next)
        });
        opened(&mut client).await;
        assert_eq!(interrupted(&mut client).await, End::Silent);
        opened(&mut client).await;
        let (taken, longest, silent, ..) = script.await.unwrap();
        if longest < SILENCE * 3 / 4 {
            assert!(taken, "it was given up though something was heard");
            assert!(silent >= SILENCE, "{silent:?}");
            return;
        }
        // This machine was silent itself for as long: that proves nothing.
    }
}
