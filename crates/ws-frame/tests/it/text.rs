//! UTF-8 against `std`, cut everywhere, failing at the first bad byte.

use proptest::prelude::*;
use ws_frame::OpCode::{Continuation, Text};
use ws_frame::{ConnectionError, DataKind, Utf8Validator};

use crate::support::{Seen, client, feed, masked, plain, server};

/// The first byte after which no continuation makes `bytes` valid.
fn naive(bytes: &[u8]) -> Option<usize> {
    let start = match str::from_utf8(bytes) {
        Err(error) if error.error_len().is_some() => error.valid_up_to(),
        _ => return None,
    };
    (start..bytes.len())
        .find(|end| str::from_utf8(&bytes[start..=*end]).is_err_and(|e| e.error_len().is_some()))
}

/// Pushes the pieces and returns the index of the first bad byte, and whether the text is whole.
fn pushed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Option<usize>, bool) {
    let mut utf8 = Utf8Validator::new();
    let mut at = 0;
    for piece in pieces {
        if let Err(error) = utf8.push(piece) {
            assert!(utf8.has_failed() && !utf8.is_complete());
            assert_eq!(error.to_string(), format!("not UTF-8 at byte {}", error.at));
            return (Some(at + error.at), false);
        }
        at += piece.len();
    }
    (None, utf8.is_complete())
}

#[track_caller]
fn check(bytes: &[u8]) {
    let expected = (naive(bytes), str::from_utf8(bytes).is_ok());
    assert_eq!(pushed([bytes]), expected, "{bytes:x?}");
    for at in 0..=bytes.len() {
        let (a, b) = bytes.split_at(at);
        assert_eq!(pushed([a, b]), expected, "{bytes:x?} cut at {at}");
    }
    assert_eq!(pushed(bytes.chunks(1)), expected, "{bytes:x?} byte by byte");
}

/// What Autobahn's section 6 sends, and what Kuhn's decoder test adds.
fn strings() -> Vec<Vec<u8>> {
    let mut strings: Vec<Vec<u8>> = [
        "Hello-µ@ßöäüàá-UTF-8!!".as_bytes(),
        "κόσμε".as_bytes(),
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited",
        b"\x00",
        b"\xc2\x80",
        b"\xe0\xa0\x80",
        b"\xf0\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\x7f",
        b"\xdf\xbf",
        b"\xef\xbf\xbf",
        b"\xf7\xbf\xbf\xbf",
        b"\xfb\xbf\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf\xbf",
        b"\xed\x9f\xbf",
        b"\xee\x80\x80",
        b"\xef\xbf\xbd",
        b"\xf4\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"\xbf",
        b"\x80\xbf\x80\xbf\x80\xbf",
        b"\xc0 \xc1 ",
        b"\xe0 \xe1 ",
        b"\xf0 \xf1 ",
        b"\xfe\xfe\xff\xff",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xed\xa0\x80\xed\xb0\x80",
    ]
    .iter()
    .map(|bytes| bytes.to_vec())
    .collect();
    // Each again behind and before enough text for the wide check.
    for bytes in strings.clone() {
        strings.push([&b"x".repeat(70), &bytes[..], "ä".repeat(40).as_bytes()].concat());
    }
    strings
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.6
//= type=test
//# Note that a particular text frame might include a partial UTF-8 sequence; however, the whole
//# message MUST contain valid UTF-8.
#[test]
fn known_strings_at_every_cut() {
    for bytes in strings() {
        check(&bytes);
    }
}

#[test]
fn every_sequence_of_two_bytes_and_every_second_byte_of_longer_ones() {
    for a in 0..=255 {
        for b in 0..=255 {
            check(&[a, b]);
            check(&[a, b, 0x80]);
            check(&[a, b, 0x80, 0xbf]);
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-8.1
//= type=test
//# When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not,
//# in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_.
#[test]
fn a_connection_lends_up_to_the_bad_byte() {
    for bytes in strings() {
        let valid = str::from_utf8(&bytes).is_ok();
        // The bad byte, or the last one of a text that stops inside a character.
        let good = naive(&bytes).unwrap_or(if valid { bytes.len() } else { bytes.len() - 1 });
        let mut expected = Vec::new();
        if good > 0 || valid {
            expected.push(Seen::Message(
                DataKind::Text,
                bytes[..good].to_vec(),
                false,
                valid,
            ));
        }
        if !valid {
            expected.push(Seen::Error(ConnectionError::InvalidUtf8));
        }
        let whole = masked(Text, true, &bytes);
        let record = feed(&mut server(), &[&whole]);
        assert_eq!(record.seen, expected, "{bytes:x?}");
        assert_eq!(
            record.out,
            if valid { &b""[..] } else { b"\x88\x02\x03\xef" }
        );

        for at in 0..bytes.len() {
            let (a, b) = bytes.split_at(at);
            let frames = [masked(Text, false, a), masked(Continuation, true, b)].concat();
            assert_eq!(
                feed(&mut server(), &[&frames]).seen,
                expected,
                "{bytes:x?} cut at {at}"
            );
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-8.1
//= type=test
//# When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not,
//# in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_.
/// No check of many bytes at once overlooks one.
#[test]
fn a_bad_byte_is_found_at_every_place_of_every_length() {
    let check = |bytes: &[u8], at: usize| {
        let lent = Seen::Message(DataKind::Text, bytes[..at].to_vec(), false, false);
        let error = Seen::Error(ConnectionError::InvalidUtf8);
        let expected = if at > 0 {
            vec![lent, error]
        } else {
            vec![error]
        };
        let len = bytes.len();
        for fin in [true, false] {
            let record = feed(&mut server(), &[&masked(Text, fin, bytes)]);
            assert!(record.seen == expected, "masked, {at} of {len}");
            let record = feed(&mut client(), &[&plain(Text, fin, bytes)]);
            assert!(record.seen == expected, "plain, {at} of {len}");
        }
    };
    for len in 1..=140 {
        for at in 0..len {
            let mut bytes = vec![b'a'; len];
            bytes[at] = 0xff;
            check(&bytes, at);
        }
        // Alike, so that they would cancel each other out.
        check(&vec![0x80; len], 0);
        check(&vec![0xff; len], 0);
    }
    for at in [0, 4_095, 16_383, 16_384, 16_385, 20_000, 32_768, 39_999] {
        let mut bytes = vec![b'a'; 40_000];
        bytes[at] = 0xff;
        check(&bytes, at);
        bytes.truncate(at + 1);
        check(&bytes, at);
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.6
//= type=test
//# Note that a particular text frame might include a partial UTF-8 sequence; however, the whole
//# message MUST contain valid UTF-8.
#[test]
fn other_text_does_not_stand_inside_a_character() {
    for len in [1, 3, 20, 200, 20_000] {
        let frames = [
            masked(Text, false, b"a\xc3"),
            masked(Continuation, false, &vec![b'b'; len]),
            masked(Continuation, true, b"\xa4"),
        ]
        .concat();
        let lent = Seen::Message(DataKind::Text, b"a\xc3".into(), false, false);
        assert_eq!(
            feed(&mut server(), &[&frames]).seen,
            [lent, Seen::Error(ConnectionError::InvalidUtf8)]
        );
    }
}

#[test]
fn a_reset_forgets_the_text() {
    let mut utf8 = Utf8Validator::default();
    assert!(utf8.push(b"\xff").is_err());
    assert_eq!(utf8.push(b"a").unwrap_err().at, 0);
    assert_eq!(utf8.push(b""), Err(utf8.push(b"").unwrap_err()));
    utf8.reset();
    assert!(utf8.is_complete() && !utf8.has_failed());
    assert_eq!(utf8.push("ä".as_bytes()), Ok(()));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            ".{0,200}".prop_map(String::into_bytes),
            (".{0,100}", 0..400_usize, any::<u8>()).prop_map(|(text, at, byte)| {
                let mut bytes = text.repeat(2).into_bytes();
                bytes.insert(at.min(bytes.len()), byte);
                bytes
            }),
        ],
        cuts in prop::collection::vec(1..150_usize, 1..20),
    ) {
        let mut rest = &bytes[..];
        let pieces = cuts.iter().cycle().map_while(|cut| {
            let piece = rest.split_off(..(*cut).min(rest.len()))?;
            (!piece.is_empty()).then_some(piece)
        });
        let expected = (naive(&bytes), str::from_utf8(&bytes).is_ok());
        prop_assert_eq!(pushed(pieces), expected);
    }
}

#[test]
fn whole_texts() {
    for text in [&b""[..], b"a", "gr\u{fc}\u{df}e".as_bytes(), &[b'x'; 100]] {
        assert_eq!(ws_frame::as_text(text).map(str::as_bytes), Some(text));
    }
    for bytes in [&b"\xff"[..], b"\xed\xa0\x80", b"\xe2\x82", &[0xc3; 100]] {
        assert_eq!(ws_frame::as_text(bytes), None);
    }
}
