//! Several logical channels over one stream, and bytes as text.

use core::time::Duration;

use longwire::sse::{
    Body, Broadcast, Cut, Fields, Merged, Source, Timing, TopicError, channel, from_base64,
    to_base64,
};

use super::reading::{event, frame, parse};

#[tokio::test]
async fn topics_are_event_types_of_one_stream() {
    let (sender, events) = channel();
    let cpu = sender.topic("cpu").unwrap();
    let log = sender.topic("log").unwrap();
    cpu.send_latest("1").unwrap();
    log.send("began").await.unwrap();
    cpu.send_latest("2").unwrap();
    log.try_send("goes on").unwrap();
    let mut body = Body::new(events, Timing::default());
    let (events, _) = parse(&frame(&mut body).await.unwrap().unwrap());
    let expected = [
        event("log", "", "began"),
        event("cpu", "", "2"),
        event("log", "", "goes on"),
    ];
    assert_eq!(events, expected);
    assert_eq!((cpu.name(), sender.dropped()), ("cpu", 1));
}

#[test]
fn names_with_another_meaning_are_no_topics() {
    let (sender, _events) = channel();
    for (name, error) in [
        ("", TopicError::Empty),
        ("a\rb", TopicError::LineBreak),
        ("a\n", TopicError::LineBreak),
        ("error", TopicError::Reserved),
        ("open", TopicError::Reserved),
        ("longwire-gap", TopicError::Reserved),
    ] {
        assert_eq!(sender.topic(name).err(), Some(error), "{name:?}");
    }
    for name in ["message", "errors", "ünïcode", "data: x"] {
        assert!(sender.topic(name).is_ok(), "{name:?}");
    }
}

/// Sources of several types in one stream: each in its order, alive as one, cut as one.
#[tokio::test(start_paused = true)]
async fn sources_are_merged_until_one_is_cut() {
    let (one, first) = channel();
    let (other, second) = channel();
    let broadcast = Broadcast::default();
    let sources: [Box<dyn Source>; 3] = [
        Box::new(first),
        Box::new(broadcast.subscribe()),
        Box::new(second),
    ];
    let timing = Timing::default().heartbeat(Duration::from_secs(5));
    let mut body = Body::new(Merged::new(sources), timing);
    one.try_send(&Fields::new("1")).unwrap();
    broadcast.publish(&Fields::new("2")).unwrap();
    let (mut seen, mut bytes) = (Vec::new(), Vec::new());
    while seen.len() < 2 {
        bytes.extend(frame(&mut body).await.unwrap().unwrap());
        seen = parse(&bytes)
            .0
            .into_iter()
            .map(|event| event.data)
            .collect();
    }
    seen.sort();
    assert_eq!(seen, ["1", "2"]);
    // Quiet: the stream is kept alive, and no event is made of it.
    let begun = tokio::time::Instant::now();
    let beat = frame(&mut body).await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert!(!beat.is_empty());
    assert_eq!(parse(&beat).0, []);
    // One that ends is no end of the others.
    drop(one);
    other.try_send(&Fields::new("3")).unwrap();
    let mut bytes = Vec::new();
    while bytes.is_empty() {
        bytes.extend(frame(&mut body).await.unwrap().unwrap());
    }
    assert_eq!(parse(&bytes).0, [event("message", "", "3")]);
    other.cut();
    assert_eq!(frame(&mut body).await, Some(Err(Cut)));
}

#[test]
fn bytes_cost_four_thirds_and_a_line() {
    for len in [0_usize, 1, 2, 3, 57, 58, 3000, 65_536] {
        let bytes: Vec<u8> = (0..=255).step_by(7).cycle().take(len).collect();
        let data = to_base64(&bytes);
        let mut out = Vec::new();
        sse_parse::encode(&Fields::new(&data), &mut out).unwrap();
        assert_eq!(out.len(), len.div_ceil(3) * 4 + "data: \n\n".len());
        assert_eq!(from_base64(&data), Some(bytes));
    }
    assert_eq!(from_base64("not base64"), None);
}
