//! A small frame that stands for a gigabyte. One test, because the counts are the process's.

use std::env;

use ws_deflate::{Context, Deflater, InflateError, Inflater, Level, WindowBits};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const MIB: usize = 1024 * 1024;
/// No size that a growing vector comes to by itself.
const LIMIT: usize = 3 * MIB + 1;

/// The payload of a message of zeros: 1 GiB in 1 MiB at full size.
fn bomb() -> Vec<u8> {
    let full = env::var("LONGWIRE_HOSTILE").is_ok_and(|size| size == "full");
    let blocks = if full { 1024 } else { 10 };
    let context = Context::without_takeover(WindowBits::MAX);
    let mut deflater = Deflater::new(context).with_level(Level::BEST);
    let mut payload = Vec::new();
    let block = vec![0; MIB];
    for _ in 0..blocks {
        deflater.deflate(&block, false, &mut payload);
    }
    deflater.deflate(&[], true, &mut payload);
    payload
}

#[test]
fn hostile_bomb_costs_the_limit_and_a_codec() {
    let bomb = bomb();
    let _profiler = dhat::Profiler::builder().testing().build();
    for context in [Context::with_takeover, Context::without_takeover] {
        for size in [1000, 64 * 1024, bomb.len()] {
            let mut inflater = Inflater::new(context(WindowBits::MAX), LIMIT);
            let mut out = Vec::new();
            let result = bomb
                .chunks(size)
                .try_for_each(|chunk| inflater.inflate(chunk, false, &mut out));
            assert_eq!(result, Err(InflateError::TooLarge { limit: LIMIT }));
            assert_eq!(result.map_err(InflateError::close_code), Err(1009));
            assert_eq!(out.len(), LIMIT);
            // The codec is gone, and nothing beside the message is left.
            let stats = dhat::HeapStats::get();
            assert_eq!(stats.curr_bytes, out.capacity());
            assert!(stats.max_bytes <= LIMIT + 64 * 1024, "{}", stats.max_bytes);
        }
    }
}
