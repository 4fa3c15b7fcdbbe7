//! Each limit: met and passed by one, at every split, and what is left of the stream after it.

mod literal;
mod support;

use literal::Told;
use sse_parse::{LimitError, Limits, Parser};
use support::{comment, event, id, message, parse_all, retry};

const LINE: LimitError = LimitError::Line { limit: 12 };
const EVENT: LimitError = LimitError::Event { limit: 12 };
const LINES: LimitError = LimitError::Lines { limit: 3 };
const ID: LimitError = LimitError::Id { limit: 3 };

type Found = Vec<Result<Told, LimitError>>;

/// The same for every two-way split, byte by byte, and for a stream that goes on.
#[track_caller]
fn check(limits: Limits, stream: &[u8], expected: &[Result<Told, LimitError>]) {
    let find = |chunks: &[&[u8]]| -> Found { parse_all(&mut Parser::with_limits(limits), chunks) };
    assert_eq!(find(&[stream]), expected, "whole");
    assert_eq!(
        find(&stream.chunks(1).collect::<Vec<_>>()),
        expected,
        "byte by byte"
    );
    for at in 0..stream.len() {
        let (first, second) = stream.split_at(at);
        assert_eq!(find(&[first, second]), expected, "split at {at}");
    }
}

fn small() -> Limits {
    Limits::default()
        .with_max_line(12)
        .with_max_lines(3)
        .with_max_id(3)
}

#[test]
fn a_line_may_be_as_long_as_the_limit() {
    let x = || Ok(message("x", ""));
    check(
        small(),
        b"data: 123456\n\ndata: x\n\n",
        &[Ok(message("123456", "")), x()],
    );
    check(small(), b"data: 1234567\n\ndata: x\n\n", &[Err(LINE), x()]);
    check(small(), b"data:12345678\r\rdata: x\n\n", &[Err(LINE), x()]);
    check(
        small(),
        b"data: a\ndata: 1234567\r\n\r\ndata: x\n\n",
        &[Err(LINE), x()],
    );
    check(
        small(),
        b"event: 12345\ndata: x\n\n",
        &[Ok(event("12345", "x", ""))],
    );
    check(
        small(),
        b"event: 123456\ndata: y\n\ndata: x\n\n",
        &[Err(LINE), x()],
    );
    check(
        small(),
        b": 0123456789\n\ndata: x\n\n",
        &[Ok(comment("0123456789")), x()],
    );
    check(small(), b": 01234567890\n\ndata: x\n\n", &[Err(LINE), x()]);
    check(small(), b"whatever: 12\ndata: x\n\n", &[x()]);
    check(
        small(),
        b"whatever: 123\ndata: y\n\ndata: x\n\n",
        &[Err(LINE), x()],
    );
    check(small(), b"retry: 00005\n", &[Ok(retry(5))]);
    check(small(), b"retry: 000005\n\ndata: x\n\n", &[Err(LINE), x()]);
    check(small(), b"\xef\xbb3456789012\ndata: x\n\n", &[x()]);
    check(
        small(),
        b"\xef\xbb34567890123\ndata: y\n\ndata: x\n\n",
        &[Err(LINE), x()],
    );
    check(small(), b"datadatadatad\n\ndata: x\n\n", &[Err(LINE), x()]);
}

#[test]
fn the_smallest_line_limits() {
    let limits = |line| Limits::default().with_max_line(line);
    check(limits(0), b"\n\r\n", &[]);
    check(
        limits(0),
        b"d\n\n:\n\n",
        &[0, 0].map(|limit| Err(LimitError::Line { limit })),
    );
    check(limits(1), b":\n\n", &[Ok(comment(""))]);
    check(limits(1), b": \n\n", &[Err(LimitError::Line { limit: 1 })]);
    check(limits(4), b"data\n\n", &[Ok(message("", ""))]);
    check(
        limits(4),
        b"data:\n\n",
        &[Err(LimitError::Line { limit: 4 })],
    );
    check(limits(5), b"data:\n\n", &[Ok(message("", ""))]);
    check(
        limits(5),
        b"data: \n\n",
        &[Err(LimitError::Line { limit: 5 })],
    );
    check(
        limits(6),
        b"data: \n\ndata:a\n\n",
        &[Ok(message("", "")), Ok(message("a", ""))],
    );
    check(
        limits(1),
        b"\xef\xbb\n\n",
        &[Err(LimitError::Line { limit: 1 })],
    );
}

#[test]
fn the_text_of_an_event_may_be_as_long_as_the_limit() {
    let limits = Limits::default().with_max_event(12);
    let x = || Ok(message("x", ""));
    check(
        limits,
        b"data: 012345678901\n\n",
        &[Ok(message("012345678901", ""))],
    );
    check(
        limits,
        b"data: 0123456789012\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    // A line feed counts for each further data line.
    check(
        limits,
        b"data: 01234\ndata: 012345\n\n",
        &[Ok(message("01234\n012345", ""))],
    );
    check(
        limits,
        b"data: 012345\ndata: 012345\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    check(
        limits,
        b"data: 012345678901\ndata\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    // So do name and id.
    check(
        limits,
        b"event: 0123\nid: 01\ndata: 012345\n\n",
        &[Ok(event("0123", "012345", "01"))],
    );
    check(
        limits,
        b"event: 0123\nid: 01\ndata: 0123456\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    check(
        limits,
        b"data: 0123456\nid: 01\nevent: 0123\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    check(
        limits,
        b"event: 0123456789012\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    // A name that another one replaces does not.
    check(
        limits,
        b"event: 0123456789\nevent: a\ndata: 01234567890\n\n",
        &[Ok(event("a", "01234567890", ""))],
    );
    // A comment does while it is read.
    check(
        limits,
        b"data: 01234567\n: 0123\n\n",
        &[Ok(comment("0123")), Ok(message("01234567", ""))],
    );
    check(
        limits,
        b"data: 01234567\n: 01234\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    // What nobody keeps does not.
    check(
        limits,
        b"unknown: 0123456789012\nretry: 00000000000005\ndata: x\n\n",
        &[Ok(retry(5)), x()],
    );
}

#[test]
fn bytes_that_are_not_utf_8_count_with_their_replacement() {
    let limits = Limits::default().with_max_event(12);
    let x = || Ok(message("x", ""));
    let three = "\u{fffd}".repeat(3);
    check(
        limits,
        b"data: \xff\xff\xff\n\n",
        &[Ok(message(&three, ""))],
    );
    check(
        limits,
        b"data: \xff\xff\xff\xff\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    check(limits, b": \xff\xff\xff\n", &[Ok(comment(&three))]);
    check(
        limits,
        b": \xff\xff\xff\xff\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    check(limits, b"id: \xff\xff\xff\n\n", &[Ok(id(&three))]);
    check(
        limits,
        b"id: \xff\xff\xff\xff\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    check(
        limits,
        b"event: \xff\xff\xff\ndata\n\n",
        &[Ok(event(&three, "", ""))],
    );
    check(
        limits,
        b"event: \xff\xff\xff\xff\ndata\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    check(
        limits,
        b"event: ab\nid: cd\ndata: \xff\xff\n\n",
        &[Ok(event("ab", "\u{fffd}\u{fffd}", "cd"))],
    );
    check(
        limits,
        b"event: ab\nid: cdx\ndata: \xff\xff\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    // Name and id each count on their own.
    check(
        limits,
        b"event: a\ndata: \xff\xff\xff\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
    check(
        limits,
        b"id: c\ndata: \xff\xff\xff\n\ndata: x\n\n",
        &[Err(EVENT), x()],
    );
}

#[test]
fn an_event_may_have_as_many_lines_as_the_limit() {
    let x = || Ok(message("x", ""));
    check(
        small(),
        b"data\ndata\ndata\n\ndata: x\n\n",
        &[Ok(message("\n\n", "")), x()],
    );
    check(
        small(),
        b"data\ndata\ndata\ndata\n\ndata: x\n\n",
        &[Err(LINES), x()],
    );
    check(
        small(),
        b"id:1\nevent:a\na\ndata\n\ndata: x\n\n",
        &[Err(LINES), x()],
    );
    check(small(), b"a\nb\nc\nd\n\ndata: x\n\n", &[Err(LINES), x()]);
    check(
        small(),
        b"data\nid\nevent\n:\n:\n:\n:\n\n",
        &[
            Ok(comment("")),
            Ok(comment("")),
            Ok(comment("")),
            Ok(comment("")),
            Ok(message("", "")),
        ],
    );
    let none = Limits::default().with_max_lines(0);
    let error = Err(LimitError::Lines { limit: 0 });
    check(
        none,
        b": c\n\ndata\n\nid: 1\n\n",
        &[Ok(comment("c")), error.clone(), error.clone()],
    );
    check(none, b"\xef\xbb\n\n", &[error]);
}

#[test]
fn an_id_may_be_as_long_as_the_limit() {
    let x = || Ok(message("x", "123"));
    check(small(), b"id: 123\ndata: x\n\n", &[x()]);
    check(
        small(),
        b"id: 123\n\nid: 1234\ndata: y\n\ndata: x\n\n",
        &[Ok(id("123")), Err(ID), x()],
    );
    check(
        small(),
        b"data: x\nid: 123\n\nid:1234\n\ndata: x\n\n",
        &[x(), Err(ID), x()],
    );
    // Also where another one replaces it.
    check(
        Limits::default().with_max_id(3),
        b"id: 1234\nid: 1\ndata: y\n\nid: 123\ndata: x\n\n",
        &[Err(ID), x()],
    );
    // Whichever limit comes first in the line is told.
    check(small(), b"id: 123456789\n\n", &[Err(ID)]);
    check(
        small().with_max_event(2),
        b"id: 1234\n\n",
        &[Err(LimitError::Event { limit: 2 })],
    );
    check(small().with_max_event(3), b"id: 1234\n\n", &[Err(ID)]);
    check(
        small().with_max_line(5),
        b"id: 1234\n\n",
        &[Err(LimitError::Line { limit: 5 })],
    );
}

#[test]
fn the_rest_of_the_event_is_skipped_and_its_id_not_kept() {
    check(
        small(),
        b"id: 1\ndata: a\n\nid: 2\nretry: 1\ndata: 1234567\n: c\nretry: 2\ndata: b\n\ndata: x\n\n",
        &[
            Ok(message("a", "1")),
            Ok(retry(1)),
            Err(LINE),
            Ok(message("x", "1")),
        ],
    );
    // The end of what is skipped is a blank line with any line end.
    for end in ["\n\n", "\r\r", "\r\n\r\n", "\n\r", "\r\n\n", "\n\r\n"] {
        let stream = format!("data: 1234567\nfoo{end}data: x\n\n");
        check(
            small(),
            stream.as_bytes(),
            &[Err(LINE), Ok(message("x", ""))],
        );
    }
    // A line end that belongs to the long line is not the blank one.
    check(small(), b"data: 1234567\r\ndata: y\r\n\r\n", &[Err(LINE)]);
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let limits = Limits::default();
    assert_eq!(limits.max_line(), 4 * 1024 * 1024);
    assert_eq!(limits.max_event(), 4 * 1024 * 1024);
    assert_eq!(limits.max_lines(), 8192);
    assert_eq!(limits.max_id(), 1024);
    let all = [
        Limits::DEFAULT_MAX_LINE,
        Limits::DEFAULT_MAX_EVENT,
        Limits::DEFAULT_MAX_LINES,
        Limits::DEFAULT_MAX_ID,
    ];
    assert_eq!(
        all,
        [
            limits.max_line(),
            limits.max_event(),
            limits.max_lines(),
            limits.max_id()
        ]
    );
}

#[test]
fn errors_say_what_was_passed() {
    let text = |error: LimitError| error.to_string();
    assert_eq!(text(LINE), "line longer than 12 bytes");
    assert_eq!(text(EVENT), "event longer than 12 bytes");
    assert_eq!(text(LINES), "event of more than 3 lines");
    assert_eq!(text(ID), "event id longer than 3 bytes");
}

#[test]
fn reset_keeps_the_limits() {
    let mut parser = Parser::with_limits(small());
    parser.reset();
    assert_eq!(parse_all(&mut parser, &[b"data: 1234567\n\n"]), [Err(LINE)]);
    // And ends a skip.
    parse_all(&mut parser, &[b"data: 1234567"]);
    parser.reset();
    assert_eq!(
        parse_all(&mut parser, &[b"data: x\n\n"]),
        [Ok(message("x", ""))]
    );
}

#[test]
fn where_two_limits_end_at_the_same_byte_the_line_is_told() {
    check(
        small().with_max_event(6),
        b"data: 1234567\n\n",
        &[Err(LINE)],
    );
    let event = LimitError::Event { limit: 5 };
    check(
        small().with_max_event(5),
        b"data: 1234567\n\n",
        &[Err(event)],
    );
}
