//! What an inflater does with any bytes: limits, errors, splits.

use proptest::prelude::*;
use ws_deflate::{Context, Deflater, InflateError, Inflater, Level, Spare, WindowBits};

use naive::End;

#[path = "naive/inflate.rs"]
mod naive;

const KEPT: Context = Context::with_takeover(WindowBits::MAX);
const FRESH: Context = Context::without_takeover(WindowBits::MAX);
const LIMIT: usize = 1 << 20;

fn compressed(context: Context, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Deflater::new(context).deflate(message, true, &mut out);
    out
}

/// Inflates one message given in pieces: what was appended, and how it ended.
fn inflate<'a>(
    inflater: &mut Inflater,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), InflateError>) {
    let mut out = Vec::new();
    for piece in pieces {
        if let Err(error) = inflater.inflate(piece, false, &mut out) {
            return (out, Err(error));
        }
    }
    let result = inflater.inflate(&[], true, &mut out);
    (out, result)
}

#[test]
fn the_limit_counts_inflated_bytes_of_one_message() {
    let message = vec![b'x'; 4096];
    let payload = compressed(FRESH, &message);
    assert!(payload.len() < 64, "{}", payload.len());
    for context in [KEPT, FRESH] {
        let mut inflater = Inflater::new(context, 4096);
        for _ in 0..3 {
            assert_eq!(
                inflate(&mut inflater, [&payload[..]]),
                (message.clone(), Ok(()))
            );
        }
        for limit in [0, 1, 127, 128, 4095] {
            let error = InflateError::TooLarge { limit };
            let mut inflater = Inflater::new(context, limit);
            let (out, result) = inflate(&mut inflater, payload.chunks(1));
            assert_eq!((out.len(), result), (limit, Err(error)));
            assert_eq!(error.close_code(), 1009);
        }
    }
    let mut nothing = Inflater::new(KEPT, 0);
    assert_eq!(inflate(&mut nothing, [&[0x00][..]]), (vec![], Ok(())));
    assert_eq!(nothing.limit(), 0);
}

#[test]
fn the_limit_counts_over_all_fragments() {
    // 1,024 fragments, each of which inflates to 4 KiB.
    let mut deflater = Deflater::new(KEPT);
    let mut inflater = Inflater::new(KEPT, LIMIT);
    let mut out = Vec::new();
    for i in 0..1024 {
        let mut fragment = Vec::new();
        deflater.deflate(&[b'x'; 4096], true, &mut fragment);
        // Each with the octets that end it, so that the next one goes on in the same message.
        fragment.extend([0x00, 0x00, 0xff, 0xff]);
        let result = inflater.inflate(&fragment, false, &mut out);
        if i < 256 {
            assert_eq!(result, Ok(()), "{i}");
        } else {
            assert_eq!(result, Err(InflateError::TooLarge { limit: LIMIT }));
            assert_eq!(out.len(), LIMIT);
        }
    }
}

#[test]
fn an_error_is_final() {
    for context in [KEPT, FRESH] {
        let mut inflater = Inflater::new(context, LIMIT);
        let mut out = vec![1, 2, 3];
        // A block of type 3 after "Hello".
        let bad = [
            0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff, 0x06,
        ];
        assert_eq!(
            inflater.inflate(&bad, false, &mut out),
            Err(InflateError::InvalidData)
        );
        assert_eq!(out, b"\x01\x02\x03Hello");
        assert!(!inflater.has_codec());
        let again = inflater.inflate(&compressed(FRESH, b"Hello"), true, &mut out);
        assert_eq!(again, Err(InflateError::InvalidData));
        assert_eq!(out, b"\x01\x02\x03Hello");
        assert_eq!(InflateError::InvalidData.close_code(), 1007);
    }
}

#[test]
fn errors_say_what_is_wrong() {
    assert_eq!(
        InflateError::InvalidData.to_string(),
        "invalid compressed data"
    );
    let error = InflateError::TooLarge { limit: 9 };
    assert_eq!(error.to_string(), "a message inflates to more than 9 bytes");
}

#[test]
fn a_distance_beyond_the_first_byte_is_invalid() {
    // A match of length 3 at distance 1 and nothing before it, then "a" and one at distance 2.
    for bad in [&[0x02, 0x02, 0x00][..], &[0x4a, 0x04, 0x11, 0x00]] {
        for context in [KEPT, FRESH] {
            let mut inflater = Inflater::new(context, LIMIT);
            assert_eq!(
                inflate(&mut inflater, [bad]).1,
                Err(InflateError::InvalidData)
            );
        }
    }
    // "Hello" again by reference: valid after "Hello", invalid without its context.
    let again: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
    let hello = compressed(FRESH, b"Hello");
    let mut inflater = Inflater::new(KEPT, LIMIT);
    assert_eq!(inflate(&mut inflater, [&hello[..]]).1, Ok(()));
    assert_eq!(inflate(&mut inflater, [again]), (b"Hello".to_vec(), Ok(())));
    let mut inflater = Inflater::new(FRESH, LIMIT);
    assert_eq!(inflate(&mut inflater, [&hello[..]]).1, Ok(()));
    assert_eq!(
        inflate(&mut inflater, [again]).1,
        Err(InflateError::InvalidData)
    );
    // A block with BFINAL set empties the window.
    let last: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let mut inflater = Inflater::new(KEPT, LIMIT);
    assert_eq!(inflate(&mut inflater, [last]).1, Ok(()));
    assert_eq!(
        inflate(&mut inflater, [again]).1,
        Err(InflateError::InvalidData)
    );
}

#[test]
fn a_message_cut_short_is_invalid_without_takeover() {
    for level in 1..=9 {
        let message: Vec<u8> = (0..2000_u32)
            .flat_map(|i| (i * i % 251).to_le_bytes())
            .collect();
        let mut payload = Vec::new();
        Deflater::new(FRESH)
            .with_level(Level::new(level).unwrap())
            .deflate(&message, true, &mut payload);
        for len in 1..payload.len() {
            let mut inflater = Inflater::new(FRESH, LIMIT);
            let (out, result) = inflate(&mut inflater, [&payload[..len]]);
            assert_eq!(
                result,
                Err(InflateError::InvalidData),
                "{len} of {}",
                payload.len()
            );
            assert!(message.starts_with(&out));
        }
    }
}

#[test]
fn output_that_needs_the_tail_is_invalid() {
    // A stored block of six bytes of which two are missing: the tail would stand for them.
    let short = [0x00, 0x06, 0x00, 0xf9, 0xff, b'a', b'b', b'c', b'd'];
    for context in [KEPT, FRESH] {
        let mut inflater = Inflater::new(context, LIMIT);
        let (out, result) = inflate(&mut inflater, [&short[..]]);
        assert_eq!(
            (&out[..], result),
            (&b"abcd"[..], Err(InflateError::InvalidData))
        );
    }
}

#[test]
fn many_ends_of_streams_cost_no_more_than_their_bytes() {
    // 2 bytes each: an empty last block, 50,000 times, then a message.
    let mut payload = [0x03, 0x00].repeat(50_000);
    payload.extend(compressed(FRESH, b"Hello"));
    let mut inflater = Inflater::new(FRESH, LIMIT);
    assert_eq!(
        inflate(&mut inflater, [&payload[..]]),
        (b"Hello".to_vec(), Ok(()))
    );
}

#[test]
fn codecs_are_shared_and_given_back() {
    let mut spare = Spare::new(1);
    let hello = compressed(FRESH, b"Hello");
    let (first, rest) = hello.split_at(3);
    let mut one = Inflater::new(FRESH, LIMIT);
    let mut two = Inflater::new(FRESH, LIMIT);
    for _ in 0..3 {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        one.inflate_with(&mut spare, &[], false, &mut a).unwrap();
        assert!(!one.has_codec());
        one.inflate_with(&mut spare, first, false, &mut a).unwrap();
        two.inflate_with(&mut spare, first, false, &mut b).unwrap();
        assert!(one.has_codec() && two.has_codec());
        one.inflate_with(&mut spare, rest, true, &mut a).unwrap();
        two.inflate_with(&mut spare, rest, true, &mut b).unwrap();
        assert!(!one.has_codec() && !two.has_codec());
        assert_eq!((&a[..], &b[..]), (&b"Hello"[..], &b"Hello"[..]));
    }
    // One given back after an error is as good as new.
    let mut bad = Inflater::new(FRESH, LIMIT);
    let result = bad.inflate_with(&mut spare, &[0x06], false, &mut Vec::new());
    assert_eq!(result, Err(InflateError::InvalidData));
    let mut out = Vec::new();
    one.inflate_with(&mut spare, &hello, true, &mut out)
        .unwrap();
    assert_eq!(out, b"Hello");

    let mut kept = Inflater::new(KEPT, LIMIT);
    kept.inflate_with(&mut spare, &hello, true, &mut Vec::new())
        .unwrap();
    assert!(kept.has_codec());
}

/// Bytes that are likely to be close to DEFLATE data.
fn payloads() -> impl Strategy<Value = Vec<u8>> {
    let message = prop::collection::vec(prop::sample::select(b"abcab \0\xff".to_vec()), 0..400);
    let broken = (
        message,
        (1_u8..=9).prop_filter_map("a level", Level::new),
        any::<prop::sample::Index>(),
        any::<u8>(),
        0..4_u8,
    )
        .prop_map(|(message, level, at, byte, kind)| {
            let mut payload = Vec::new();
            Deflater::new(FRESH)
                .with_level(level)
                .deflate(&message, true, &mut payload);
            match kind {
                0 => payload.truncate(at.index(payload.len())),
                1 => {
                    let at = at.index(payload.len());
                    payload[at] = byte;
                }
                2 => payload.insert(at.index(payload.len()), byte),
                _ => {}
            }
            payload
        });
    prop_oneof![broken, prop::collection::vec(any::<u8>(), 0..64)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// The same bytes, the same error and the same good prefix as the naive decoder's.
    #[test]
    fn any_bytes_inflate_as_the_naive_decoder_says(payload in payloads(), limit in 0_usize..500) {
        let expected = naive::message(&payload, &[], false, limit);
        let mut inflater = Inflater::new(FRESH, limit);
        let (out, result) = inflate(&mut inflater, [&payload[..]]);
        let end = match result {
            Ok(()) => End::Whole,
            Err(InflateError::TooLarge { .. }) => End::TooLarge,
            Err(_) => End::Invalid,
        };
        prop_assert_eq!((out, end), (expected.bytes, expected.end));
    }

    #[test]
    fn any_split_gives_the_same(
        payload in payloads(),
        limit in 0_usize..500,
        kept in any::<bool>(),
        size in 1_usize..20,
    ) {
        let context = if kept { KEPT } else { FRESH };
        let whole = inflate(&mut Inflater::new(context, limit), [&payload[..]]);
        let split = inflate(&mut Inflater::new(context, limit), payload.chunks(size));
        prop_assert_eq!(&whole, &split);
        // In one call with the end, behind bytes that are there already.
        let mut out = vec![7; 5];
        let result = Inflater::new(context, limit).inflate(&payload, true, &mut out);
        prop_assert_eq!((&out[5..], result), (&whole.0[..], whole.1));
    }
}
