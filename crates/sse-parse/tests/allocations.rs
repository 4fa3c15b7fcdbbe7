//! What allocates: nothing for events that lie whole in a chunk, a buffer once for those that do
//! not. A program of its own, because the counts are the process's: a test harness allocates too.
#![allow(clippy::unwrap_used, reason = "a failing helper fails the test")]

use core::hint::black_box;

use sse_parse::{Fields, Limits, Parser, encode};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn blocks(run: impl FnOnce()) -> u64 {
    let before = dhat::HeapStats::get().total_blocks;
    run();
    dhat::HeapStats::get().total_blocks - before
}

/// Events found in chunks of `size` bytes.
fn parse(parser: &mut Parser, stream: &[u8], size: usize) -> u64 {
    let mut items = 0;
    for mut chunk in stream.chunks(size) {
        while let Some(item) = parser.next_item(&mut chunk).unwrap() {
            black_box(item);
            items += 1;
        }
    }
    items
}

/// What test runners ask a test program for: its tests, or to run them.
fn main() {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    match (has("--list"), has("--ignored")) {
        (false, _) => the_fast_path_allocates_nothing(),
        (true, false) => println!("the_fast_path_allocates_nothing: test"),
        (true, true) => {}
    }
}

fn the_fast_path_allocates_nothing() {
    let tokens = b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n".repeat(1000);
    let pairs = b"event: ping\r\ndata: {\"type\": \"ping\"}\r\n\r\n".repeat(1000);
    let beats = b": keepalive\n\n".repeat(1000);
    let ticks = b"id: 123456\nevent: tick\ndata: 0123456789\n\n".repeat(1000);
    let lines = b"event: x\nid: 1\ndata: one\ndata: two\ndata: \xff\n: comment\n\n".repeat(1000);
    let _profiler = dhat::Profiler::builder().testing().build();

    for stream in [&tokens, &pairs, &beats] {
        let mut parser = Parser::new();
        assert_eq!(
            blocks(|| assert_eq!(parse(&mut parser, stream, stream.len()), 1000)),
            0
        );
    }
    // The last event ID is kept: one buffer for a whole stream.
    let mut parser = Parser::new();
    assert_eq!(
        blocks(|| assert_eq!(parse(&mut parser, &ticks, ticks.len()), 1000)),
        1
    );
    assert_eq!(
        blocks(|| assert_eq!(parse(&mut parser, &ticks, ticks.len()), 1000)),
        0
    );

    // Nor does an event that meets a limit and passes none.
    let whole = b"data: 12345\n\n";
    for limits in [
        Limits::default().with_max_event(12),
        Limits::default().with_max_line(12),
        Limits::default().with_max_lines(1),
    ] {
        let mut parser = Parser::with_limits(limits);
        let read = || assert_eq!(parse(&mut parser, whole, 100), 1);
        assert_eq!(blocks(read), 0, "{limits:?}");
    }
    let mut parser = Parser::with_limits(Limits::default().with_max_id(3));
    let read = || assert_eq!(parse(&mut parser, b"id: 123\ndata: x\n\n", 100), 1);
    assert_eq!(blocks(read), 1, "the last event ID");

    // Whatever spans chunks or lines goes into buffers that are used again.
    for stream in [&tokens, &pairs, &beats, &ticks, &lines] {
        for size in [1, 7, 64, 1000] {
            let mut parser = Parser::new();
            let first = blocks(|| {
                parse(&mut parser, stream, size);
            });
            assert!(first <= 16, "{first} blocks at {size}");
            let second = blocks(|| {
                parse(&mut parser, stream, size);
            });
            assert_eq!(second, 0, "at {size}");
        }
    }

    // A buffer grows when it is full, and not before.
    for field in ["data: ", ":"] {
        let mut parser = Parser::new();
        let start = [field.as_bytes(), &[b'x'; 128]].concat();
        let full = blocks(|| {
            parse(&mut parser, &start, 1000);
            parse(&mut parser, &[b'x'; 128], 1000);
        });
        assert_eq!(full, 1, "{field}");
        let more = blocks(|| {
            parse(&mut parser, b"x", 1);
        });
        assert_eq!(more, 1, "{field}");
    }

    let fields = Fields::new("a\nb").with_name("tick").with_id("1");
    let mut out = Vec::with_capacity(64);
    assert_eq!(blocks(|| encode(&fields, &mut out).unwrap()), 0);
    let text = "x".repeat(5000);
    let mut out = Vec::new();
    assert_eq!(
        blocks(|| encode(&Fields::new(&text), &mut out).unwrap()),
        1,
        "reserved at once"
    );
}
