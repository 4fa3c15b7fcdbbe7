//! What the encoder writes, and that a parser gives back what was put in.
#![allow(clippy::unwrap_used, reason = "a failing helper fails the test")]

mod literal;
mod support;

use core::time::Duration;

use literal::Told;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use sse_parse::{EncodeError, Event, Fields, encode, encode_comment};
use support::{comment, event, id, message, retry, whole};

fn encoded(fields: &Fields<'_>) -> Vec<u8> {
    let mut out = b"before".to_vec();
    encode(fields, &mut out).unwrap();
    out.split_off(6)
}

#[test]
fn every_field_has_its_line() {
    let fields = Fields::new("data")
        .with_name("name")
        .with_id("id")
        .with_retry(Duration::from_millis(1500));
    assert_eq!(
        encoded(&fields),
        b"event: name\nid: id\nretry: 1500\ndata: data\n\n"
    );
    assert_eq!(encoded(&Fields::new("")), b"data: \n\n");
    assert_eq!(encoded(&Fields::empty().with_id("7")), b"id: 7\n\n");
    assert_eq!(encoded(&Fields::empty().with_id("")), b"id: \n\n");
    assert_eq!(encoded(&Fields::empty()), b"\n");
}

#[test]
fn retry_is_whole_milliseconds() {
    for (delay, digits) in [
        (Duration::ZERO, "0"),
        (Duration::from_micros(1999), "1"),
        (Duration::from_secs(10), "10000"),
        (Duration::from_millis(u64::MAX), "18446744073709551615"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        let block = encoded(&Fields::empty().with_retry(delay));
        assert_eq!(block, format!("retry: {digits}\n\n").as_bytes());
    }
}

#[test]
fn data_is_split_at_every_kind_of_line_end() {
    for (data, lines) in [
        ("a\nb", "data: a\ndata: b\n\n"),
        ("a\rb", "data: a\ndata: b\n\n"),
        ("a\r\nb", "data: a\ndata: b\n\n"),
        ("a\n\rb", "data: a\ndata: \ndata: b\n\n"),
        ("\n", "data: \ndata: \n\n"),
        ("a\r\n", "data: a\ndata: \n\n"),
        ("a\r", "data: a\ndata: \n\n"),
        ("\u{2028}\u{85}\u{b}", "data: \u{2028}\u{85}\u{b}\n\n"),
    ] {
        assert_eq!(encoded(&Fields::new(data)), lines.as_bytes(), "{data:?}");
    }
}

#[test]
fn long_data_is_split_wherever_the_line_end_is() {
    // Around the steps in which data is looked at.
    for len in [8190, 8191, 8192, 8193, 16383, 16384, 20000] {
        for end in ["\n", "\r", "\r\n"] {
            let x = "x".repeat(len);
            let block = encoded(&Fields::new(&format!("{x}{end}y")));
            assert_eq!(block, format!("data: {x}\ndata: y\n\n").as_bytes());
        }
    }
}

#[test]
fn comments_are_split_too() {
    let mut out = Vec::new();
    encode_comment("", &mut out);
    encode_comment("a\r\nb\rdata: no\n", &mut out);
    assert_eq!(out, b": \n\n: a\n: b\n: data: no\n: \n\n");
    assert_eq!(whole(&out), ["", "a", "b", "data: no", ""].map(comment));
}

/// A block whose data is one line is as large as its buffer, so that it grows once and by no more.
#[test]
fn what_is_reserved_is_what_is_written() {
    let value = "x".repeat(100);
    for fields in 1_u8..16 {
        let field = |bit| (fields & bit != 0).then_some(&*value);
        let mut given = Fields::empty();
        given.name = field(1);
        given.id = field(2);
        given.data = field(4);
        given.retry = (fields & 8 != 0).then_some(Duration::MAX);
        let mut out = Vec::new();
        encode(&given, &mut out).unwrap();
        assert_eq!(out.capacity(), out.len(), "{given:?}");
    }
}

/// The payload of field injections that were found in other encoders, in each field.
#[test]
fn nothing_breaks_out_of_its_field() {
    let payload = "x\revent: admin\rdata: 1\r\r";
    let mut out = Vec::new();
    let refused = |fields: &Fields<'_>, error| {
        let mut out = vec![1, 2, 3];
        assert_eq!(encode(fields, &mut out), Err(error));
        assert_eq!(out, [1, 2, 3], "nothing is written");
    };
    for bad in [payload, "\n", "\r", "a\nb", "a\r\nb", "\r\n"] {
        refused(&Fields::new("d").with_name(bad), EncodeError::Name);
        refused(&Fields::new("d").with_id(bad), EncodeError::Id);
        refused(&Fields::empty().with_id(bad), EncodeError::Id);
    }
    refused(&Fields::new("d").with_id("a\0b"), EncodeError::Id);
    encode(&Fields::new(payload), &mut out).unwrap();
    assert_eq!(whole(&out), [message("x\nevent: admin\ndata: 1\n\n", "")]);
    out.clear();
    encode_comment(payload, &mut out);
    assert_eq!(
        whole(&out),
        ["x", "event: admin", "data: 1", "", ""].map(comment)
    );
    assert_eq!(
        EncodeError::Id.to_string(),
        "event id with a line break or NUL"
    );
    assert_eq!(
        EncodeError::Name.to_string(),
        "event name with a line break"
    );
}

#[test]
fn an_event_can_be_sent_on() {
    let event = Event::new("a").with_name("tick").with_id("1");
    let fields = Fields::from(event);
    assert_eq!(fields, Fields::new("a").with_name("tick").with_id("1"));
    assert_eq!(Fields::from(Event::new("a")), Fields::new("a"));
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n".to_owned()),
        Just("\0".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\u{2028}".to_owned()),
        Just(": ".to_owned()),
        Just(" ".to_owned()),
        any::<String>(),
        "[a-z]{0,9}",
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/encode.proptest-regressions",
        ))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_encoded_comes_back(
        name in prop::option::of(text()),
        event_id in prop::option::of(text()),
        delay in prop::option::of(any::<u64>()),
        data in prop::option::of(text()),
        cut in 1_usize..64,
    ) {
        let mut fields = Fields::empty();
        fields.name = name.as_deref();
        fields.id = event_id.as_deref();
        fields.retry = delay.map(Duration::from_millis);
        fields.data = data.as_deref();
        let breaks = |text: &Option<String>| {
            text.as_ref().is_some_and(|text| text.contains(['\r', '\n']))
        };
        let nul = event_id.as_ref().is_some_and(|text| text.contains('\0'));
        let expected = if breaks(&name) {
            Err(EncodeError::Name)
        } else if breaks(&event_id) || nul {
            Err(EncodeError::Id)
        } else {
            Ok(())
        };
        let mut out = Vec::new();
        prop_assert_eq!(encode(&fields, &mut out), expected);
        if expected.is_err() {
            return Ok(());
        }
        let now = event_id.clone().unwrap_or_default();
        let mut told: Vec<Told> = delay.map(retry).into_iter().collect();
        if let Some(data) = &data {
            let data = data.replace("\r\n", "\n").replace('\r', "\n");
            let name = name.filter(|name| !name.is_empty());
            told.push(event(name.as_deref().unwrap_or("message"), &data, &now));
        } else if event_id.is_some() {
            told.push(id(&now));
        }
        let chunks: Vec<&[u8]> = out.chunks(cut).collect();
        prop_assert_eq!(support::parse(&mut support::patient(), &chunks), told);
    }
}
