//! Driving the parser, and everything it tells as owned values.
#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a part of tests"
)]

use crate::literal::Told;
use sse_parse::{Event, Item, LimitError, Limits, Parser};

impl Told {
    pub fn of_event(event: Event<'_>) -> Self {
        Self::Event {
            name: event.name.into(),
            data: event.data.into(),
            id: event.id.into(),
        }
    }

    pub fn of(item: Item<'_>) -> Self {
        match item {
            Item::Event(event) => Self::of_event(event),
            Item::Comment(text) => Self::Comment(text.into()),
            Item::Retry(delay) => Self::Retry(delay),
            Item::Id(id) => Self::Id(id.into()),
            other => panic!("an item the tests do not know: {other:?}"),
        }
    }
}

/// An event, as the Standard would dispatch it.
pub fn event(name: &str, data: &str, id: &str) -> Told {
    Told::Event {
        name: name.into(),
        data: data.into(),
        id: id.into(),
    }
}

/// Every item and error, in order.
pub fn parse_all(parser: &mut Parser, chunks: &[&[u8]]) -> Vec<Result<Told, LimitError>> {
    let mut told = Vec::new();
    for chunk in chunks {
        let mut input = *chunk;
        loop {
            match parser.next_item(&mut input) {
                Ok(Some(item)) => {
                    let item = Told::of(item);
                    if let Told::Event { id, .. } | Told::Id(id) = &item {
                        assert_eq!(parser.last_event_id(), id);
                    }
                    told.push(Ok(item));
                }
                Ok(None) => break,
                Err(error) => told.push(Err(error)),
            }
        }
        assert!(input.is_empty(), "left over: {input:?}");
    }
    told
}

/// As [`parse_all`], for streams that keep to the limits.
pub fn parse(parser: &mut Parser, chunks: &[&[u8]]) -> Vec<Told> {
    parse_all(parser, chunks)
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

/// A parser whose limits no test stream reaches by chance.
pub fn patient() -> Parser {
    Parser::with_limits(Limits::default().with_max_id(Limits::DEFAULT_MAX_EVENT))
}

pub fn whole(stream: &[u8]) -> Vec<Told> {
    parse(&mut patient(), &[stream])
}

/// What `next_event` gives for chunks of `size` bytes.
pub fn events_only(stream: &[u8], size: usize) -> Vec<Told> {
    let mut parser = patient();
    let mut told = Vec::new();
    for chunk in stream.chunks(size) {
        let mut input = chunk;
        while let Some(event) = parser.next_event(&mut input).unwrap() {
            told.push(Told::of_event(event));
        }
        assert!(input.is_empty());
    }
    told
}

/// The same items whole, byte by byte, at every two-way split, and by the literal reading; the same
/// events where only events are asked for.
#[track_caller]
pub fn everywhere(stream: &[u8], expected: &[Told]) {
    assert_eq!(whole(stream), expected, "whole");
    assert_eq!(crate::literal::read(stream), expected, "literal reading");
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(parse(&mut patient(), &bytes), expected, "byte by byte");
    let mut events = expected.to_vec();
    events.retain(|told| matches!(told, Told::Event { .. }));
    for size in [usize::MAX, 7, 3, 1] {
        assert_eq!(events_only(stream, size), events, "events in {size} bytes");
    }
    let owned: Vec<Told> = sse_parse::events(stream)
        .map(|event| Told::of_event(event.as_event()))
        .collect();
    assert_eq!(owned, events, "events of a whole stream");
    for at in 0..=stream.len() {
        let (first, second) = stream.split_at(at);
        assert_eq!(
            parse(&mut patient(), &[first, second]),
            expected,
            "split at {at}"
        );
    }
    if stream.len() <= 64 {
        for at in 0..=stream.len() {
            let (first, rest) = stream.split_at(at);
            for then in 0..=rest.len() {
                let (second, third) = rest.split_at(then);
                let found = parse(&mut patient(), &[first, second, third]);
                assert_eq!(found, expected, "split at {at} and {then} more");
            }
        }
    }
}

/// An event called `message`.
pub fn message(data: &str, id: &str) -> Told {
    event("message", data, id)
}

pub fn comment(text: &str) -> Told {
    Told::Comment(text.into())
}

pub fn retry(millis: u64) -> Told {
    Told::Retry(core::time::Duration::from_millis(millis))
}

pub fn id(id: &str) -> Told {
    Told::Id(id.into())
}
