//! Bytes on the heap, counted. A program of its own, because the counts are the process's: a test
//! harness allocates too.
#![allow(clippy::unwrap_used, reason = "a failing helper fails the test")]

use ws_deflate::{Context, Deflater, Inflater, Spare, WindowBits};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const KIB: usize = 1024;
const LIMIT: usize = 1024 * KIB;

fn now() -> usize {
    dhat::HeapStats::get().curr_bytes
}

/// What test runners ask a test program for: its tests, or to run them.
fn main() {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    match (has("--list"), has("--ignored")) {
        (false, _) => memory_is_held_only_where_it_is_needed(),
        (true, false) => println!("memory_is_held_only_where_it_is_needed: test"),
        (true, true) => {}
    }
}

fn memory_is_held_only_where_it_is_needed() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let fresh = Context::without_takeover;

    // At rest: nothing, before the first message and after it.
    for window in (8..=15).filter_map(WindowBits::new) {
        let mut inflater = Inflater::new(fresh(window), LIMIT);
        let mut deflater = Deflater::new(fresh(window));
        assert_eq!(now(), 0);
        let mut payload = Vec::new();
        deflater.deflate(b"Hello", false, &mut payload);
        let held = now() - payload.capacity();
        assert!(
            (240 * KIB..=400 * KIB).contains(&held),
            "{window:?}: {held}"
        );
        deflater.deflate(b"", true, &mut payload);
        assert_eq!(now(), payload.capacity());
        let mut plain = Vec::new();
        inflater.inflate(&payload[..3], false, &mut plain).unwrap();
        let held = now() - payload.capacity() - plain.capacity();
        assert!((40 * KIB..=48 * KIB).contains(&held), "{window:?}: {held}");
        inflater.inflate(&payload[3..], true, &mut plain).unwrap();
        assert_eq!(now(), payload.capacity() + plain.capacity());
    }
    assert_eq!(now(), 0);

    // Codecs at rest, and no more of them than asked for.
    let mut spare = Spare::new(1);
    let mut two = [(); 2].map(|()| Inflater::new(fresh(WindowBits::MAX), LIMIT));
    let mut out = Vec::with_capacity(64 * KIB);
    let before = now();
    for inflater in &mut two {
        inflater
            .inflate_with(&mut spare, b"\xf2", false, &mut out)
            .unwrap();
    }
    for inflater in &mut two {
        let rest = b"\x48\xcd\xc9\xc9\x07\x00";
        inflater
            .inflate_with(&mut spare, rest, true, &mut out)
            .unwrap();
    }
    assert!(
        (40 * KIB..=48 * KIB).contains(&(now() - before)),
        "{}",
        now() - before
    );
    // From here on messages allocate nothing.
    let blocks = dhat::HeapStats::get().total_blocks;
    for i in 0..100 {
        let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        two[i % 2]
            .inflate_with(&mut spare, hello, true, &mut out)
            .unwrap();
    }
    assert_eq!(dhat::HeapStats::get().total_blocks, blocks);
}
