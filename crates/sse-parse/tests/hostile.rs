//! Streams made to exhaust a client: memory keeps below the event limit and 64 KiB.
//!
//! `LONGWIRE_HOSTILE=full` is the full size, a hundredth of it the default. One test, because the
//! counts are the process's.

use std::env;

use sse_parse::{Item, LimitError, Limits, Parser};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const CHUNK: usize = 16 * 1024;

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    events: u64,
    others: u64,
    errors: Vec<LimitError>,
}

/// Reads the prefix, the piece as often as told, and the suffix, in chunks of about 16 KiB.
fn read(prefix: &[u8], piece: &[u8], times: usize, suffix: &[u8]) -> Counts {
    let chunk = piece.repeat((CHUNK / piece.len()).max(1));
    let per_chunk = chunk.len() / piece.len();
    let rest = piece.repeat(times % per_chunk);
    let mut counts = Counts::default();
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut parser = Parser::new();
    let chunks = core::iter::repeat_n(&chunk[..], times / per_chunk);
    for mut input in [prefix]
        .into_iter()
        .chain(chunks)
        .chain([&rest[..], suffix])
    {
        loop {
            match parser.next_item(&mut input) {
                Ok(Some(Item::Event(_))) => counts.events += 1,
                Ok(Some(_)) => counts.others += 1,
                Ok(None) => break,
                Err(error) => {
                    counts.errors.push(error);
                    counts.errors.shrink_to_fit();
                }
            }
        }
        assert!(input.is_empty());
    }
    let stats = dhat::HeapStats::get();
    let bound = Limits::DEFAULT_MAX_EVENT + 64 * 1024;
    let most = stats.max_bytes;
    assert!(
        most <= bound,
        "{most} bytes at {times} of {} bytes",
        piece.len()
    );
    counts
}

#[test]
fn hostile_streams_keep_to_the_limits() {
    let full = env::var("LONGWIRE_HOSTILE").is_ok_and(|size| size == "full");
    let size = |full_size: usize| if full { full_size } else { full_size / 100 };
    let count = size(10_000_000);
    let kib = size(1 << 20);
    let kib_block = [b'x'; 1024];
    let line = LimitError::Line {
        limit: Limits::DEFAULT_MAX_LINE,
    };
    let lines = LimitError::Lines {
        limit: Limits::DEFAULT_MAX_LINES,
    };
    let event = LimitError::Event {
        limit: Limits::DEFAULT_MAX_EVENT,
    };
    let id = LimitError::Id {
        limit: Limits::DEFAULT_MAX_ID,
    };
    let one = |error: LimitError| Counts {
        events: 1,
        others: 0,
        errors: vec![error],
    };
    let end = b"\n\ndata: after\n\n";

    // A gigabyte without a line feed, in each field.
    for prefix in [
        "",
        "data: ",
        "data:",
        "event: ",
        ": ",
        "retry: ",
        "unknown: ",
        "\u{feff}",
    ] {
        assert_eq!(
            read(prefix.as_bytes(), &kib_block, kib, end),
            one(line),
            "{prefix:?}"
        );
    }
    assert_eq!(read(b"id: ", &kib_block, kib, end), one(id));
    // The same of bytes that are not UTF-8: a limit of a quarter of the event.
    for prefix in ["data: ", "event: ", ": "] {
        let found = read(prefix.as_bytes(), &[0xff; 1024], kib, end);
        assert_eq!(found, one(line), "{prefix:?}");
        let found = read(prefix.as_bytes(), &[0xff; 1024], 1025, end);
        assert_eq!(found, one(event), "{prefix:?}");
        let found = read(prefix.as_bytes(), &[0xff; 1024], 1023, b"\ndata: a\n\n");
        assert_eq!(found.events, 1, "{prefix:?}");
    }

    // Ten million empty fields, comments, and whole small events.
    for piece in [
        "data:\n",
        "data\n",
        "event:\n",
        "id\n",
        "x\n",
        "data:\r\n",
        "data:\r",
    ] {
        assert_eq!(
            read(b"", piece.as_bytes(), count, end),
            one(lines),
            "{piece:?}"
        );
    }
    let beats = Counts {
        events: 1,
        others: count as u64,
        errors: vec![],
    };
    assert_eq!(read(b"", b":\n", count, end), beats);
    assert_eq!(read(b"", b": \r\n\r\n", count, end), beats);
    assert_eq!(read(b"", b"retry:1\n\n", count, end), beats);
    let events = Counts {
        events: 1 + count as u64,
        others: 0,
        errors: vec![],
    };
    assert_eq!(read(b"", b"data:\n\n", count, end), events);
    assert_eq!(read(b"", b"data:\ndata:\n\n", count, end), events);

    // Large fields one after the other in one event, and in turn in many.
    let half = format!("data: {}\n", "x".repeat(3 << 20));
    let name = format!("event: {}\n", "x".repeat(3 << 20));
    let comment = format!(": {}\n", "x".repeat(3 << 20));
    for pieces in [
        [&half, &name],
        [&name, &half],
        [&half, &comment],
        [&half, &half],
    ] {
        let stream = pieces.map(String::as_str).concat();
        assert_eq!(read(stream.as_bytes(), b"a\n", 1, end), one(event));
    }
    // A small name in a buffer that a comment made large; names that grow in one chunk.
    let prefix = format!("{comment}x\nevent: x\ndata: ");
    let after = |events| Counts {
        events,
        others: 0,
        errors: vec![],
    };
    let found = read(prefix.as_bytes(), &kib_block, 4000, end);
    assert_eq!((found.events, found.others, found.errors.len()), (2, 1, 0));
    let (two, more) = ("x".repeat(2 << 20), "x".repeat(5 << 19));
    let prefix = format!("event: {two}\ndata\ndata\n\nevent: {more}\nx\ndata: ");
    assert_eq!(read(prefix.as_bytes(), &kib_block, 1400, end), after(3));

    let stream = format!("{half}\n{name}data\n\n{comment}{half}\n{comment}{name}data\n\n");
    let chunks: Vec<&[u8]> = stream.as_bytes().chunks(CHUNK).collect();
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut parser = Parser::new();
    let mut found = 0;
    for mut chunk in chunks {
        while parser.next_item(&mut chunk).unwrap().is_some() {
            found += 1;
        }
    }
    assert_eq!(found, 6);
    let most = dhat::HeapStats::get().max_bytes;
    assert!(most <= Limits::DEFAULT_MAX_EVENT + 64 * 1024, "{most}");
}
