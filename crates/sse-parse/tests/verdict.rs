//! What status and content type mean: every status, and the forms a type can take.

use sse_parse::Verdict;

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//= type=test
//# Otherwise, if res's status is not 200, or if res's `Content-Type` is not
//# `text/event-stream`, then fail the connection.
#[test]
fn every_status() {
    for status in 0..=u16::MAX {
        let expected = match status {
            200 => Verdict::Open,
            204 => Verdict::Stop,
            301 | 302 | 303 | 307 | 308 => Verdict::Redirect,
            _ => Verdict::WrongStatus,
        };
        assert_eq!(
            Verdict::of(status, Some(b"text/event-stream")),
            expected,
            "{status}"
        );
        let without = if status == 200 {
            Verdict::WrongType
        } else {
            expected
        };
        assert_eq!(Verdict::of(status, None), without, "{status}");
    }
}

#[test]
fn types_that_open() {
    for value in [
        "text/event-stream",
        "TEXT/Event-Stream",
        " \ttext/event-stream\t ",
        "text/event-stream ; charset=\"a,b\"",
        "text/event-stream;charset=\"\\\",text/html\"",
        "text/html, text/event-stream",
        "text/event-stream, ",
        "text/event-stream, */*",
        "text/event-stream, nonsense",
        "text/event-stream, text/",
        "text/event-stream, /html",
        "text/event-stream, te xt/html",
        "text/event-stream;x=\"a,text/html;b\"",
    ] {
        assert_eq!(
            Verdict::of(200, Some(value.as_bytes())),
            Verdict::Open,
            "{value}"
        );
    }
}

#[test]
fn types_that_do_not() {
    for value in [
        "",
        "text",
        "text/",
        "/event-stream",
        "text/event-streams",
        "text/event-stream/x",
        "text/event stream",
        "text /event-stream",
        "text/event-stream\u{c}",
        "application/json",
        "text/event-stream, text/html",
        "text/event-stream, text/*",
        "text/event-stream, */html",
        "text/event-stream;charset=\"ab\", text/html",
        "*/*",
        "\"text/event-stream\"",
        "text/html;x=\"",
        "text/html;x=\", text/event-stream",
    ] {
        assert_eq!(
            Verdict::of(200, Some(value.as_bytes())),
            Verdict::WrongType,
            "{value}"
        );
    }
    assert_eq!(
        Verdict::of(200, Some(b"text/event-stream\xff")),
        Verdict::WrongType
    );
}
