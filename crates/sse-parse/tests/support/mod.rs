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
