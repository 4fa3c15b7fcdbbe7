//! Every row of `fuzz/vectors/sse.json`: in its chunks, whole, byte by byte, cut in two anywhere.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing helper fails the test"
)]

mod literal;
mod support;

use literal::Told;
use serde_json::Value;
use sse_parse::{LimitError, Limits, Parser};
use support::{comment, event, id, parse_all, retry};

fn limits(row: &Value) -> Limits {
    let limit = |name: &str, default: usize| {
        row["limits"][name]
            .as_u64()
            .map_or(default, |limit| usize::try_from(limit).unwrap())
    };
    Limits::default()
        .with_max_line(limit("line", Limits::DEFAULT_MAX_LINE))
        .with_max_event(limit("event", Limits::DEFAULT_MAX_EVENT))
        .with_max_lines(limit("lines", Limits::DEFAULT_MAX_LINES))
        .with_max_id(limit("id", Limits::DEFAULT_MAX_ID))
}

fn expected(item: &Value, limits: &Limits) -> Result<Told, LimitError> {
    let (kind, value) = item.as_object().unwrap().iter().next().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Ok(match kind.as_str() {
        "event" => event(
            &text(&value["name"]),
            &text(&value["data"]),
            &text(&value["id"]),
        ),
        "comment" => comment(&text(value)),
        "retry" => retry(value.as_u64().unwrap()),
        "id" => id(&text(value)),
        "error" => {
            return Err(match text(value).as_str() {
                "line" => LimitError::Line {
                    limit: limits.max_line(),
                },
                "event" => LimitError::Event {
                    limit: limits.max_event(),
                },
                "lines" => LimitError::Lines {
                    limit: limits.max_lines(),
                },
                "id" => LimitError::Id {
                    limit: limits.max_id(),
                },
                other => panic!("no such limit: {other}"),
            });
        }
        other => panic!("no such item: {other}"),
    })
}

#[test]
fn the_vectors_hold_in_any_chunks() {
    let vectors = include_str!("../../../fuzz/vectors/sse.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let rows = vectors["streams"].as_array().unwrap();
    assert!(rows.len() > 90);
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let input = row["input"].as_str().unwrap();
        let stream: Vec<u8> = input
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        let limits = limits(row);
        let expected: Vec<_> = row["expect"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| expected(item, &limits))
            .collect();
        let find = |chunks: &[&[u8]]| parse_all(&mut Parser::with_limits(limits), chunks);

        if row["limits"].is_null() {
            let read = literal::read(&stream).into_iter().map(Ok);
            assert_eq!(read.collect::<Vec<_>>(), expected, "{name}, literally");
        }
        let mut rest = &stream[..];
        let mut chunks = Vec::new();
        for size in row["chunks"].as_array().into_iter().flatten() {
            let size = usize::try_from(size.as_u64().unwrap()).unwrap();
            let (chunk, after) = rest.split_at(size);
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        assert_eq!(find(&chunks), expected, "{name}");
        assert_eq!(find(&[&stream]), expected, "{name}, whole");
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(find(&bytes), expected, "{name}, byte by byte");
        for at in 0..stream.len() {
            let (first, second) = stream.split_at(at);
            assert_eq!(find(&[first, second]), expected, "{name}, cut at {at}");
        }
    }
}
