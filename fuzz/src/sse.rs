//! Server-Sent Events: the parser against a literal reading of the Standard, the limits, and the
//! encoder against the parser.

use std::time::Duration;

use sse_parse::{EncodeError, Fields, Item, LimitError, Limits, Parser, encode, encode_comment};

#[path = "../../crates/sse-parse/tests/literal/mod.rs"]
mod literal;
use literal::Told;

/// Any bytes in any chunks give what a literal reading gives.
///
/// The first byte says how many chunk sizes follow it, 0 to 3; they are used in turn, and the rest
/// is the stream.
pub fn parse(input: &[u8]) {
    let Some((sizes, stream)) = sizes(input) else {
        return;
    };
    let patient = Limits::default().with_max_id(Limits::DEFAULT_MAX_EVENT);
    let expected = literal::read(stream);
    let found: Result<Vec<Told>, LimitError> =
        items(Parser::with_limits(patient), chunks(stream, sizes))
            .into_iter()
            .collect();
    assert_eq!(found.as_ref(), Ok(&expected));

    let events: Vec<Told> = expected
        .into_iter()
        .filter(|told| matches!(told, Told::Event { .. }))
        .collect();
    let mut parser = Parser::with_limits(patient);
    let mut found = Vec::new();
    for mut chunk in chunks(stream, sizes) {
        while let Some(event) = parser.next_event(&mut chunk).expect("keeps to the limits") {
            found.push(told(Item::Event(event)));
        }
    }
    assert_eq!(found, events);
    assert!(
        sse_parse::events(stream)
            .map(|event| told(Item::Event(event.as_event())))
            .eq(events)
    );
}

/// Small limits: the same items and errors for any chunks; what is delivered keeps to them, and an
/// event that is not delivered is told as an error.
///
/// Four bytes are the limits of line, event, lines and id; then as for [`parse`].
pub fn limits(input: &[u8]) {
    let [line, event, lines, id, input @ ..] = input else {
        return;
    };
    let Some((sizes, stream)) = sizes(input) else {
        return;
    };
    let [line, event, lines, id] = [line, event, lines, id].map(|&limit| usize::from(limit));
    let limits = Limits::default()
        .with_max_line(line)
        .with_max_event(event)
        .with_max_lines(lines)
        .with_max_id(id);
    let found = items(Parser::with_limits(limits), chunks(stream, sizes));
    assert_eq!(
        found,
        items(Parser::with_limits(limits), chunks(stream, &[]))
    );
    assert_eq!(
        found,
        items(Parser::with_limits(limits), chunks(stream, &[1]))
    );

    let all = literal::read(stream);
    let mut wanted = all.iter().filter_map(name_and_data);
    let mut delivered = 0;
    for told in found.iter().flatten() {
        if let Some((name, data)) = name_and_data(told) {
            let name_len = if name == "message" { 0 } else { name.len() };
            assert!(data.len() + name_len <= event);
            assert!(data.split('\n').count() <= lines);
            assert!(
                data.split('\n')
                    .all(|value| "data".len() + value.len() <= line * 3)
            );
            assert!(
                wanted.any(|event| event == (name, data)),
                "nobody sent {told:?}"
            );
            delivered += 1;
        }
        if let Told::Event { id: told, .. } | Told::Id(told) = told {
            assert!(told.len() <= id * 3);
        }
    }
    let errors = found.iter().filter(|told| told.is_err()).count();
    let sent = all.iter().filter_map(name_and_data).count();
    assert!(
        delivered + errors >= sent,
        "{sent} sent, {delivered} delivered, {errors} errors"
    );
    // Bytes that are not UTF-8 count as they are and as three bytes of replacement.
    if stream.len() * 4 <= line.min(event).min(lines).min(id) {
        assert_eq!(errors, 0);
    }
}

/// What the encoder writes, the parser gives back; what it refuses would break out of its line.
///
/// As for [`parse`], but the rest is pieces between bytes FF, five to a block: name, id, data,
/// comment, retry. An empty piece is an absent field, else its first byte is dropped.
pub fn round_trip(input: &[u8]) {
    let Some((sizes, rest)) = sizes(input) else {
        return;
    };
    let pieces: Vec<Option<String>> = rest
        .split(|&byte| byte == 0xff)
        .map(|piece| {
            piece
                .get(1..)
                .map(|text| String::from_utf8_lossy(text).into_owned())
        })
        .collect();
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    let mut last_id = String::new();
    for block in pieces.chunks(5) {
        let piece = |at: usize| block.get(at).and_then(|piece| piece.as_deref());
        let (name, id, data) = (piece(0), piece(1), piece(2));
        if let Some(text) = piece(3) {
            encode_comment(text, &mut stream);
            expected.extend(
                lines_of(text)
                    .split('\n')
                    .map(|line| Told::Comment(line.into())),
            );
        }
        let mut fields = Fields::empty();
        (fields.name, fields.id, fields.data) = (name, id, data);
        fields.retry = piece(4)
            .and_then(|text| text.parse().ok())
            .map(Duration::from_millis);

        let before = stream.len();
        let breaks = |text: Option<&str>| text.is_some_and(|text| text.contains(['\r', '\n']));
        match encode(&fields, &mut stream) {
            Ok(()) => {
                assert!(!breaks(name) && !breaks(id) && !id.is_some_and(|id| id.contains('\0')));
            }
            Err(error) => {
                assert_eq!(stream.len(), before);
                match error {
                    EncodeError::Name => assert!(breaks(name)),
                    EncodeError::Id => {
                        assert!(breaks(id) || id.is_some_and(|id| id.contains('\0')));
                    }
                    other => panic!("{other}"),
                }
                continue;
            }
        }
        expected.extend(fields.retry.map(Told::Retry));
        if let Some(id) = id {
            last_id = id.into();
        }
        if let Some(data) = data {
            expected.push(Told::Event {
                name: name
                    .filter(|name| !name.is_empty())
                    .unwrap_or("message")
                    .into(),
                data: lines_of(data),
                id: last_id.clone(),
            });
        } else if id.is_some() {
            expected.push(Told::Id(last_id.clone()));
        }
    }
    let patient = Limits::default().with_max_id(Limits::DEFAULT_MAX_EVENT);
    let found = items(Parser::with_limits(patient), chunks(&stream, sizes));
    assert_eq!(found, expected.into_iter().map(Ok).collect::<Vec<_>>());
}

/// Chunk sizes less one, and what follows them.
fn sizes(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&count, rest) = input.split_first()?;
    rest.split_at_checked(usize::from(count % 4))
}

/// Splits after `sizes`, in turn, each one byte more; without sizes there is one chunk.
fn chunks<'s>(stream: &'s [u8], sizes: &[u8]) -> Vec<&'s [u8]> {
    let mut chunks = Vec::new();
    let mut rest = stream;
    for &size in sizes.iter().cycle() {
        let (chunk, after) = rest.split_at(rest.len().min(usize::from(size) + 1));
        chunks.push(chunk);
        rest = after;
        if rest.is_empty() {
            return chunks;
        }
    }
    vec![stream]
}

fn items(mut parser: Parser, chunks: Vec<&[u8]>) -> Vec<Result<Told, LimitError>> {
    let mut found = Vec::new();
    for mut chunk in chunks {
        loop {
            match parser.next_item(&mut chunk) {
                Ok(Some(item)) => found.push(Ok(told(item))),
                Ok(None) => break,
                Err(error) => found.push(Err(error)),
            }
        }
        assert!(chunk.is_empty());
    }
    found
}

fn told(item: Item<'_>) -> Told {
    match item {
        Item::Event(event) => Told::Event {
            name: event.name.into(),
            data: event.data.into(),
            id: event.id.into(),
        },
        Item::Comment(text) => Told::Comment(text.into()),
        Item::Retry(delay) => Told::Retry(delay),
        Item::Id(id) => Told::Id(id.into()),
        other => panic!("{other:?}"),
    }
}

fn name_and_data(told: &Told) -> Option<(&str, &str)> {
    match told {
        Told::Event { name, data, .. } => Some((name, data)),
        _ => None,
    }
}

/// The text with every line end as LF.
fn lines_of(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
