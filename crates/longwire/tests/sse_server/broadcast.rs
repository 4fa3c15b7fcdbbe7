//! One publisher, many streams: shared bytes, bounded memory, and losses that are said.

use core::time::Duration;

use longwire::sse::{Body, Broadcast, Fields, GAP, Merged, Source, Subscription, Timing};

use super::reading::{event, frame, parse, rest};

fn body<S: Source>(source: S) -> Body<S> {
    Body::new(source, Timing::default())
}

fn publish(to: &Broadcast, numbers: core::ops::Range<u32>) {
    for number in numbers {
        let (id, data) = (number.to_string(), format!("event {number}"));
        to.publish(&Fields::new(&data).with_id(&id)).unwrap();
    }
}

async fn numbers(body: &mut Body<Subscription>) -> Vec<u32> {
    let (events, _) = parse(&frame(body).await.unwrap().unwrap());
    events
        .iter()
        .map(|event| event.id.parse().unwrap())
        .collect()
}

#[tokio::test]
async fn every_stream_has_every_event_from_its_beginning_on() {
    let ticks = Broadcast::new();
    publish(&ticks, 0..2);
    let mut first = body(ticks.subscribe());
    publish(&ticks, 2..4);
    let mut second = body(ticks.subscribe());
    publish(&ticks, 4..6);
    assert_eq!(ticks.subscribers(), 2);
    assert_eq!(numbers(&mut first).await, [2, 3, 4, 5]);
    assert_eq!(numbers(&mut second).await, [4, 5]);
    drop(first);
    assert_eq!(ticks.subscribers(), 1);
    publish(&ticks, 6..7);
    assert_eq!(numbers(&mut second).await, [6]);
}

#[tokio::test]
async fn a_stream_that_waits_is_woken() {
    let ticks = Broadcast::new();
    let reading: Vec<_> = (0..50)
        .map(|_| {
            let mut body = body(ticks.subscribe());
            tokio::spawn(async move { numbers(&mut body).await })
        })
        .collect();
    tokio::task::yield_now().await;
    publish(&ticks, 0..3);
    for reading in reading {
        assert_eq!(reading.await.unwrap(), [0, 1, 2]);
    }
    assert_eq!(ticks.subscribers(), 0);
}

#[tokio::test]
async fn one_that_lags_is_told_how_many_events_it_missed() {
    for ticks in [
        Broadcast::keeping(10, usize::MAX),
        // Ten events of as many bytes: `id: 10\ndata: event 10\n\n`.
        Broadcast::keeping(usize::MAX, 10 * 23),
    ] {
        let mut lagging = body(ticks.subscribe());
        let mut idle = body(ticks.subscribe());
        publish(&ticks, 10..12);
        assert_eq!(numbers(&mut lagging).await, [10, 11]);
        publish(&ticks, 12..40);
        let (events, _) = parse(&frame(&mut lagging).await.unwrap().unwrap());
        assert_eq!(events[0], event(GAP, "", "{\"missed\":18}"));
        assert_eq!(events[1], event("message", "30", "event 30"));
        assert_eq!(events.len(), 11);
        let (events, _) = parse(&frame(&mut idle).await.unwrap().unwrap());
        assert_eq!(events[0], event(GAP, "", "{\"missed\":20}"));
    }
}

#[tokio::test]
async fn an_event_larger_than_what_is_kept_still_arrives() {
    let ticks = Broadcast::keeping(10, 100);
    let mut stream = body(ticks.subscribe());
    let large = "x".repeat(1000);
    ticks.publish(&Fields::new(&large)).unwrap();
    let (events, _) = parse(&frame(&mut stream).await.unwrap().unwrap());
    assert_eq!(events[0].data, large);
}

#[tokio::test]
async fn what_cannot_be_encoded_is_not_sent() {
    let ticks = Broadcast::new();
    let mut stream = body(ticks.subscribe());
    for bad in ["\r", "\n", "\0"] {
        ticks.publish(&Fields::new("").with_id(bad)).unwrap_err();
    }
    publish(&ticks, 1..2);
    assert_eq!(numbers(&mut stream).await, [1]);
}

#[tokio::test]
async fn the_end_comes_after_the_events_and_sends_clients_back_at_their_own_times() {
    let ticks = Broadcast::new();
    let streams: Vec<_> = (0..20).map(|_| ticks.subscribe()).collect();
    publish(&ticks, 0..1);
    let second = Duration::from_secs(1);
    ticks.end(Some(second..10 * second), 7);
    let mut retries = Vec::new();
    for stream in streams {
        let (events, retry) = parse(&rest(&mut body(stream)).await.unwrap());
        assert_eq!(events.len(), 1);
        assert!((second..10 * second).contains(&retry.unwrap()));
        retries.push(retry.unwrap());
    }
    retries.sort();
    retries.dedup();
    assert!(retries.len() > 15, "{retries:?}");
    let (events, _) = parse(&rest(&mut body(ticks.subscribe())).await.unwrap());
    assert_eq!(events, [], "who comes too late ends at once");
}

#[tokio::test]
async fn several_sources_share_one_stream() {
    let (cpu, log) = (Broadcast::new(), Broadcast::new());
    let mut stream = body(Merged::new([cpu.subscribe(), log.subscribe()]));
    for _ in 0..2 {
        cpu.publish(&Fields::new("1 %").with_name("cpu")).unwrap();
        log.publish(&Fields::new("line").with_name("log")).unwrap();
    }
    let (events, _) = parse(&frame(&mut stream).await.unwrap().unwrap());
    let named = |name| events.iter().filter(move |event| event.name == name);
    assert_eq!((named("cpu").count(), named("log").count()), (2, 2));

    log.end(None, 0);
    cpu.publish(&Fields::new("2 %").with_name("cpu")).unwrap();
    let (events, _) = parse(&frame(&mut stream).await.unwrap().unwrap());
    assert_eq!(events, [event("cpu", "", "2 %")], "the other goes on");
    cpu.end(None, 0);
    assert_eq!(frame(&mut stream).await, None);
}
