//! What a peer may make us read, to the byte, and that no byte is looked at twice.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use ws_handshake::{
    ClientHandshake, ClientRequest, DEFAULT_MAX_HEAD, DEFAULT_MAX_HEADERS, DEFAULT_MAX_LINE,
    HandshakeError, Limits, Nonce, RequestHead, ResponseError, ResponseHead,
};

/// Reads `total` bytes that go on as `byte(i)`, `step` bytes at a time; how many bytes had come
/// when the head was refused, and why.
fn refused_after(
    step: usize,
    total: usize,
    byte: impl Fn(usize) -> u8,
    limits: &Limits,
) -> (usize, HandshakeError) {
    let (mut buf, mut searched) = (Vec::new(), 0);
    while buf.len() < total {
        buf.extend((buf.len()..buf.len() + step).map(&byte));
        match RequestHead::parse(&buf, &mut searched, limits) {
            // All of it was searched, and the next call begins behind it.
            Ok(None) => assert_eq!(searched, buf.len()),
            Ok(Some(head)) => panic!("{head:?}"),
            Err(error) => return (buf.len(), error),
        }
    }
    panic!("nothing refused within {total} bytes");
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let limits = Limits::new();
    assert_eq!(limits.max_head(), 16 * 1024);
    assert_eq!(limits.max_line(), 8 * 1024);
    assert_eq!(limits.max_headers(), 100);
    assert_eq!(DEFAULT_MAX_HEAD, 16 * 1024);
    assert_eq!(DEFAULT_MAX_LINE, 8 * 1024);
    assert_eq!(DEFAULT_MAX_HEADERS, 100);
}

#[test]
fn a_field_without_end_is_refused_at_sixteen_kib() {
    let start = b"GET / HTTP/1.1\r\nHost: a\r\nX: ";
    let byte = |i: usize| start.get(i).copied().unwrap_or(b'a');
    for step in [1, 1024] {
        let (read, error) = refused_after(step, 200_000, byte, &Limits::default());
        assert_eq!(
            (read, error),
            (16 * 1024, HandshakeError::HeadTooLarge),
            "step {step}"
        );
        assert_eq!(error.status(), 431);
    }
}

#[test]
fn a_request_line_without_end_is_refused_at_eight_kib() {
    for step in [1, 1024] {
        let (read, error) = refused_after(step, 200_000, |_| b'a', &Limits::default());
        assert_eq!(error, HandshakeError::RequestLineTooLong, "step {step}");
        assert_eq!(error.status(), 414);
        assert_eq!(
            read,
            (8 * 1024 + 2usize).next_multiple_of(step),
            "step {step}"
        );
    }
}

#[test]
fn empty_lines_are_no_head() {
    let (read, error) = refused_after(1, 100, |i| b"\r\n"[i % 2], &Limits::default());
    assert_eq!((read, error), (6, HandshakeError::RequestLine));
}

#[test]
fn the_longest_line_and_the_largest_head_still_pass() {
    let parse = |text: &str, limits: &Limits| {
        RequestHead::parse(text.as_bytes(), &mut 0, limits).map(|head| head.is_some())
    };
    let line = "GET / HTTP/1.1";
    let text = format!("{line}\r\nHost: a\r\n\r\n");
    let limits = Limits::new();
    assert_eq!(parse(&text, &limits.line(line.len())), Ok(true));
    let long = Err(HandshakeError::RequestLineTooLong);
    assert_eq!(parse(&text, &limits.line(line.len() - 1)), long);
    assert_eq!(
        parse(&format!("\r\n{text}"), &limits.line(line.len())),
        Ok(true)
    );
    assert_eq!(
        parse(&format!("\r\n{text}"), &limits.line(line.len() - 1)),
        long
    );
    assert_eq!(parse(&text, &limits.head(text.len())), Ok(true));
    let large = Err(HandshakeError::HeadTooLarge);
    assert_eq!(parse(&text, &limits.head(text.len() - 1)), large);
    assert_eq!(parse("", &limits.head(0)), large);
    // What follows a head does not count.
    assert_eq!(
        parse(&format!("{text}{text}"), &limits.head(text.len())),
        Ok(true)
    );
    assert_eq!(
        parse(&text, &Limits::default().line(usize::MAX).head(usize::MAX)),
        Ok(true)
    );
}

#[test]
fn fields_are_counted() {
    let text = |n: usize| {
        let fields: String = (1..n).map(|i| format!("X{i}:\r\n")).collect();
        format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    };
    let parse = |n, limits: &Limits| {
        let text = text(n);
        let head = RequestHead::parse(text.as_bytes(), &mut 0, limits)?;
        Ok(head.unwrap().value.iter().count())
    };
    let limits = Limits::new();
    assert_eq!(parse(100, &limits), Ok(100));
    let many = Err(HandshakeError::TooManyHeaders);
    assert_eq!(parse(101, &limits), many);
    assert_eq!(parse(2_000, &limits), many);
    assert_eq!(parse(100_000, &limits), Err(HandshakeError::HeadTooLarge));
    assert_eq!(HandshakeError::TooManyHeaders.status(), 431);
    assert_eq!(parse(1, &limits.headers(1)), Ok(1));
    assert_eq!(parse(2, &limits.headers(1)), many);
    assert_eq!(parse(1, &limits.headers(0)), many);
    // Beyond the array on the stack.
    assert_eq!(parse(101, &limits.headers(101)), Ok(101));
    assert_eq!(parse(102, &limits.headers(101)), many);
    let wide = limits.headers(usize::MAX).head(usize::MAX);
    assert_eq!(parse(100_000, &wide), Ok(100_000));
}

#[test]
fn answers_have_the_same_bounds() {
    let finish = |limits: Limits, text: &str| {
        let request = ClientRequest::new("ws://a/").unwrap().limits(limits);
        let mut handshake = ClientHandshake::start(&request, Nonce::new([0; 16]), &mut Vec::new());
        handshake
            .finish(text.as_bytes())
            .map(|head| head.map(|head| head.len))
    };
    let limits = Limits::new();
    let text = "HTTP/1.1 404 Not Found\r\nA: b\r\nC: d\r\n\r\n";
    assert_eq!(finish(limits, text), Ok(Some(text.len())));
    assert_eq!(
        finish(limits.headers(1), text),
        Err(ResponseError::TooManyHeaders)
    );
    assert_eq!(
        finish(limits.head(text.len() - 1), text),
        Err(ResponseError::HeadTooLarge)
    );
    assert_eq!(
        finish(limits.line(21), text),
        Err(ResponseError::StatusLine)
    );
    assert_eq!(finish(limits.line(22), text), Ok(Some(text.len())));
    // Interim responses have the bound each, and a bound on their number.
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    assert_eq!(finish(limits.head(60), &interim.repeat(8)), Ok(None));
    assert_eq!(
        finish(limits.head(60), &interim.repeat(9)),
        Err(ResponseError::Interim)
    );
}

#[test]
fn the_next_head_is_looked_for_from_its_beginning() {
    let text = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let (mut searched, mut targets, mut rest) = (0, Vec::new(), &text[..]);
    while !rest.is_empty() {
        let part = &rest[..20];
        let partial = RequestHead::parse(part, &mut searched, &Limits::new());
        assert!(partial.unwrap().is_none() && searched == 20);
        let head = RequestHead::parse(rest, &mut searched, &Limits::new());
        let head = head.unwrap().unwrap();
        assert_eq!(searched, 0);
        targets.push(head.value.target());
        rest = &rest[head.len..];
    }
    assert_eq!(targets, ["/1", "/2"]);
}

/// A client of HTTP reads the head of any response with the same rules.
#[test]
fn a_response_head_by_itself() {
    let text = b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\nrest";
    let mut searched = 0;
    let limits = Limits::default();
    assert!(
        ResponseHead::parse(&text[..30], &mut searched, &limits)
            .unwrap()
            .is_none()
    );
    assert_eq!(searched, 30);
    let head = ResponseHead::parse(text, &mut searched, &limits)
        .unwrap()
        .unwrap();
    assert_eq!((head.value.status(), head.len), (204, text.len() - 4));
    assert_eq!(head.value.headers().get("x"), Some(&b"1"[..]));
}
