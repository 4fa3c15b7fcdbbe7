//! `next` cancelled at every await point: nothing is lost, nothing comes twice.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use futures_core::Stream;
use longwire::sse::{EventSource, Update};
use tokio::join;

use crate::client::{eager, get};
use crate::site::Site;
use crate::support::within;

/// Polls each `next` once and drops it; also counts how often that cancelled one.
async fn next(source: &mut EventSource, cancelled: &mut u32) -> String {
    let found = poll_fn(|cx| {
        let next = pin!(source.next());
        let polled = next
            .poll(cx)
            .map(|event| event.unwrap().unwrap().data.to_owned());
        *cancelled += u32::from(polled.is_pending());
        polled
    });
    within("an event", found).await
}

async fn serve(site: &Site) {
    for round in 0..3 {
        let redirect = format!("HTTP/1.1 302 x\r\nLocation: /{round}\r\nContent-Length: 0\r\n\r\n");
        site.answer(redirect).await;
        let mut exchange = site.request().await.open().await;
        for event in 0..10 {
            for byte in format!("id: {round}-{event}\ndata: {round}-{event}\n\n").bytes() {
                exchange.send([byte]).await;
                tokio::task::yield_now().await;
            }
        }
    }
}

fn expected() -> Vec<String> {
    let events = |round| (0..10).map(move |event| format!("{round}-{event}"));
    (0..3).flat_map(events).collect()
}

#[tokio::test]
async fn next_is_cancel_safe() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let mut cancelled = 0;
    let client = async {
        let mut seen = Vec::new();
        while seen.len() < 30 {
            seen.push(next(&mut source, &mut cancelled).await);
        }
        seen
    };
    let ((), seen) = join!(serve(&site), client);
    assert_eq!(seen, expected());
    assert!(cancelled > 100, "{cancelled}");
}

#[tokio::test]
async fn next_update_is_cancel_safe() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let client = async {
        let (mut seen, mut opened, mut lost) = (Vec::new(), 0, 0);
        while seen.len() < 30 {
            let polled = poll_fn(|cx| {
                let next = pin!(source.next_update());
                let Poll::Ready(update) = next.poll(cx) else {
                    return Poll::Pending;
                };
                match update.unwrap().unwrap() {
                    Update::Opened(_) => opened += 1,
                    Update::Lost { .. } => lost += 1,
                    Update::Event(event) => seen.push(event.data.to_owned()),
                    other => panic!("{other:?}"),
                }
                Poll::Ready(())
            });
            within("an update", polled).await;
        }
        (seen, opened, lost)
    };
    let ((), (seen, opened, lost)) = join!(serve(&site), client);
    assert_eq!((seen, opened, lost), (expected(), 3, 2));
}

#[tokio::test]
async fn as_a_stream_it_gives_the_same() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let client = async {
        let mut seen = Vec::new();
        while seen.len() < 30 {
            let event = poll_fn(|cx| Pin::new(&mut source).poll_next(cx));
            let event = within("an event", event).await.unwrap().unwrap();
            assert_eq!(event.id, event.data);
            seen.push(event.data);
        }
        seen
    };
    let ((), seen) = join!(serve(&site), client);
    assert_eq!(seen, expected());
    // Afterwards it is over like the other.
    let (_, end) = join!(
        site.answer("HTTP/1.1 204 x\r\n\r\n"),
        poll_fn(|cx| Pin::new(&mut source).poll_next(cx))
    );
    assert!(end.is_none());
}

fn is_send<T: Send>(_: &T) {}

#[test]
fn an_event_source_may_move_between_threads() {
    let mut source = EventSource::new("http://127.0.0.1/").unwrap();
    is_send(&source);
    is_send(&source.next());
}
