//! What the Web Platform Tests for EventSource expect of the format and of responses.

mod literal;
mod support;

use sse_parse::Verdict;
use support::{comment, event, everywhere, id, message, retry};

#[test]
fn bom() {
    everywhere(
        b"\xef\xbb\xbfdata:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n",
        &[message("1", ""), message("3", "")],
    );
    everywhere(
        b"\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\ndata:3\n\n",
        &[message("2", ""), message("3", "")],
    );
}

#[test]
fn comments() {
    let long = "x".repeat(2048);
    let stream =
        format!("data:1\r:\0\n:\r\ndata:2\n:{long}\rdata:3\n:data:fail\r:{long}\ndata:4\n\n");
    let expected = [
        comment("\0"),
        comment(""),
        comment(&long),
        comment("data:fail"),
        comment(&long),
        message("1\n2\n3\n4", ""),
    ];
    assert_eq!(support::whole(stream.as_bytes()), expected);
    assert_eq!(literal::read(stream.as_bytes()), expected);
}

#[test]
fn data_before_the_final_empty_line() {
    everywhere(
        b"retry:1000\ndata:test1\n\nid:test\ndata:test2",
        &[retry(1000), message("test1", "")],
    );
}

#[test]
fn field_data() {
    everywhere(
        b"data:\n\ndata\ndata\n\ndata:test\n\n",
        &["", "\n", "test"].map(|d| message(d, "")),
    );
}

#[test]
fn field_event() {
    everywhere(
        b"event:test\ndata:x\n\ndata:x\n\n",
        &[event("test", "x", ""), message("x", "")],
    );
    everywhere(b"event: \ndata:data\n\n", &[message("data", "")]);
}

#[test]
fn field_id() {
    everywhere("id: …\ndata:hello\n\n".as_bytes(), &[message("hello", "…")]);
    everywhere(
        b"id:1\ndata:a\n\ndata:b\n\n",
        &[message("a", "1"), message("b", "1")],
    );
    everywhere(
        b"id:1\ndata:a\n\nid:2\ndata:b\n\ndata:c\n\n",
        &[message("a", "1"), message("b", "2"), message("c", "2")],
    );
    everywhere(
        b"id:1\ndata:a\n\nid:\ndata:b\n\ndata:c\n\n",
        &[message("a", "1"), message("b", ""), message("c", "")],
    );
    everywhere(b"id:\0\0\ndata:hello\n\n", &[message("hello", "")]);
    everywhere(b"id:x\n\n", &[id("x")]);
}

#[test]
fn field_parsing() {
    everywhere(
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
        &[message("\0\n 2\n1\n3\n\n4", "")],
    );
}

#[test]
fn field_retry() {
    everywhere(b"retry:03000\ndata:x\n\n", &[retry(3000), message("x", "")]);
    everywhere(
        b"retry:1000\nretry:2000x\ndata:x\n\n",
        &[retry(1000), message("x", "")],
    );
    everywhere(
        b"retry:1000\nretry\ndata:test\n\n",
        &[retry(1000), message("test", "")],
    );
}

#[test]
fn field_unknown() {
    everywhere(
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        &[comment("thisisacommentyay"), message("test\n\ntest", "")],
    );
}

#[test]
fn leading_space() {
    everywhere(
        b"data:\ttest\rdata: \ndata:test\n\n",
        &[message("\ttest\n\ntest", "")],
    );
}

#[test]
fn newlines() {
    everywhere(
        b"data:test\r\ndata\ndata:test\r\n\r",
        &[message("test\n\ntest", "")],
    );
}

#[test]
fn null_character() {
    everywhere(b"data:\0\n\n\n\n", &[message("\0", "")]);
}

#[test]
fn utf_8_whatever_the_charset() {
    everywhere("data:ok…\n\n".as_bytes(), &[message("ok…", "")]);
    let charset = b"text/event-stream;charset=windows-1252";
    assert_eq!(Verdict::of(200, Some(charset)), Verdict::Open);
}

#[test]
fn mime_types() {
    for (value, verdict) in [
        ("text/event-stream;", Verdict::Open),
        ("text/event-stream;x bogus", Verdict::Open),
        ("text/event-stream; charset=utf-8", Verdict::Open),
        ("x bogus", Verdict::WrongType),
        ("text/x-bogus", Verdict::WrongType),
    ] {
        assert_eq!(Verdict::of(200, Some(value.as_bytes())), verdict, "{value}");
    }
}

#[test]
fn status_errors_and_redirects() {
    for status in [204, 205, 210, 299, 404, 410, 503] {
        let verdict = Verdict::of(status, Some(b"text/event-stream"));
        let expected = if status == 204 {
            Verdict::Stop
        } else {
            Verdict::WrongStatus
        };
        assert_eq!(verdict, expected, "{status}");
    }
    for status in [301, 302, 303, 307] {
        assert_eq!(Verdict::of(status, None), Verdict::Redirect, "{status}");
    }
}
