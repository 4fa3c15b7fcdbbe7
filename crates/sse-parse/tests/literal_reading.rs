//! On any bytes in any chunks the parser finds what a literal reading of the Standard finds.

mod literal;
mod support;

use literal::Told;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use support::{parse, patient, whole};

/// Bytes that make streams: fields, line ends, marks, broken UTF-8.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            &b"data"[..], b"data:", b"data: ", b"event:", b"event: ", b"id", b"id:", b"id: ", b":",
            b": ", b"retry:", b"retry: ", b" ", b"\0", b"\xef\xbb\xbf", b"\xef", b"\xbb",
            b"\xf0\x9f\x98\x80", b"\xf0\x9f", b"\xe2\x82\xac", b"\xe2\x82", b"\x80", b"\xed\xa0\x80",
            b"\xc0\xaf", b"\xff", b"dat", b"datas", b"ID:", b"1", b"99999999999999999999999", b"-",
        ]).prop_map(<[u8]>::to_vec),
        8 => prop::sample::select(vec![&b"\n"[..], b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n"])
            .prop_map(<[u8]>::to_vec),
        2 => prop::collection::vec(any::<u8>(), 0..12),
        1 => "[a-zé€😀]{0,300}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/literal_reading.proptest-regressions",
        ))),
        ..ProptestConfig::default()
    })]

    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    //= type=test
    //# Lines must be processed, in the order they are received, as follows:
    #[test]
    fn whole_streams(stream in stream()) {
        prop_assert_eq!(whole(&stream), literal::read(&stream));
    }

    #[test]
    fn any_chunks(stream in stream(), cuts in prop::collection::vec(1_usize..40, 1..8)) {
        let mut chunks = Vec::new();
        let mut rest = &stream[..];
        for &cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        prop_assert_eq!(parse(&mut patient(), &chunks), literal::read(&stream));
    }

    #[test]
    fn byte_by_byte(stream in stream()) {
        let chunks: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(parse(&mut patient(), &chunks), literal::read(&stream));
    }

    #[test]
    fn events_alone(stream in stream()) {
        let mut expected = literal::read(&stream);
        expected.retain(|told| matches!(told, Told::Event { .. }));
        prop_assert_eq!(support::events_only(&stream, 7), expected.clone());
        prop_assert_eq!(support::events_only(&stream, usize::MAX), expected.clone());
        let owned: Vec<Told> =
            sse_parse::events(&stream).map(|e| Told::of_event(e.as_event())).collect();
        prop_assert_eq!(owned, expected);
    }
}
