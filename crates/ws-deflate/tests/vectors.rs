//! Every row of `fuzz/vectors/ws-deflate.json`; payloads whole, cut in two at every byte, and byte
//! by byte.
#![allow(clippy::unwrap_used, reason = "a failing helper fails the test")]

use serde_json::Value;
use ws_deflate::{Context, InflateError, Inflater, Offer, WindowBits};

fn rows(section: &str) -> Vec<Value> {
    let text = include_str!("../../../fuzz/vectors/ws-deflate.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let rows = vectors[section].as_array().unwrap().clone();
    assert!(!rows.is_empty(), "{section}");
    rows
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap().as_bytes();
    let digit = |b: u8| char::from(b).to_digit(16).unwrap();
    hex.chunks(2)
        .map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap())
        .collect()
}

/// Inflates all messages of a row, each payload cut by `cut`.
fn check(row: &Value, context: Context, cut: impl Fn(&[u8]) -> Vec<&[u8]>) {
    let limit = usize::try_from(row["limit"].as_u64().unwrap()).unwrap();
    let mut inflater = Inflater::new(context, limit);
    for message in row["messages"].as_array().unwrap() {
        let payload = bytes(&message["payload"]);
        let mut out = Vec::new();
        let mut result = Ok(());
        for piece in cut(&payload) {
            result = result.and_then(|()| inflater.inflate(piece, false, &mut out));
        }
        let result = result.and_then(|()| inflater.inflate(&[], true, &mut out));
        let error = match result {
            Ok(()) => None,
            Err(InflateError::TooLarge { .. }) => Some("TooLarge"),
            Err(_) => Some("InvalidData"),
        };
        assert_eq!(error, message["error"].as_str(), "{row}");
        assert_eq!(out, bytes(&message["plain"]), "{row}");
    }
}

#[test]
fn messages_inflate_as_written_however_they_are_cut() {
    for row in rows("messages") {
        let kept = row["takeover"].as_bool();
        for takeover in [true, false]
            .into_iter()
            .filter(|t| kept.is_none_or(|kept| kept == *t))
        {
            let context = if takeover {
                Context::with_takeover(WindowBits::MAX)
            } else {
                Context::without_takeover(WindowBits::MAX)
            };
            check(&row, context, |payload| vec![payload]);
            check(&row, context, |payload| payload.chunks(1).collect());
            let longest = row["messages"].as_array().unwrap().iter();
            let longest = longest.map(|m| bytes(&m["payload"]).len()).max().unwrap();
            for at in 0..=longest {
                check(&row, context, |payload| {
                    let (first, rest) = payload.split_at(at.min(payload.len()));
                    vec![first, rest]
                });
            }
        }
    }
}

fn pairs(list: &Value) -> Vec<(&str, Option<&str>)> {
    let list = list.as_array().unwrap().iter();
    list.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str()))
        .collect()
}

//= https://www.rfc-editor.org/rfc/rfc7692#section-7
//= type=test
//# A server MUST decline an extension negotiation offer for this extension if any of the following
//# conditions are met:
#[test]
fn offers_are_read_or_declined() {
    for row in rows("offers") {
        let error = Offer::parse(pairs(&row["parameters"]))
            .err()
            .map(|e| format!("{e:?}"));
        assert_eq!(error.as_deref(), row["error"].as_str(), "{row}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1.2
//= type=test
//# It is RECOMMENDED that a client supports the "client_no_context_takeover" extension parameter in
//# an extension negotiation response.
#[test]
fn responses_are_agreed_to_or_refused() {
    let says = |context: Context| {
        let takeover = if context.is_taken_over() {
            "takeover"
        } else {
            "no takeover"
        };
        serde_json::json!([context.window_bits().get(), takeover])
    };
    for row in rows("responses") {
        let offer = Offer::parse(pairs(&row["offer"])).unwrap();
        match offer.verify(pairs(&row["response"])) {
            Ok(agreed) => {
                assert_eq!(says(agreed.server()), row["server"], "{row}");
                assert_eq!(says(agreed.client()), row["client"], "{row}");
            }
            Err(error) => assert_eq!(format!("{error:?}"), row["error"], "{row}"),
        }
    }
}
