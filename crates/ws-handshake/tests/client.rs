//! The client's request and what it takes for an answer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use std::collections::BTreeSet;
use ws_handshake::{
    Answer, ClientHandshake, ClientRequest, Head, HeaderError, Nonce, ResponseError, UrlError,
};

const NONCE: Nonce = Nonce::new(*b"the sample nonce");

fn sent(request: &ClientRequest<'_>) -> String {
    let mut out = Vec::new();
    let _handshake = ClientHandshake::start(request, NONCE, &mut out);
    String::from_utf8(out).unwrap()
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The method of the request MUST be GET, and the HTTP version MUST be at least 1.1.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The "Request-URI" part of the request MUST match the /resource name/ defined in Section 3 (a
//# relative URI) or be an absolute http/https URI that, when parsed, has a /resource name/, /host/,
//# and /port/ that match the corresponding ws/wss URI.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The request MUST contain a |Host| header field whose value contains /host/ plus optionally ":"
//# followed by /port/ (when not using the default port).
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The request MUST contain an |Upgrade| header field whose value MUST include the "websocket"
//# keyword.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The request MUST contain a |Connection| header field whose value MUST include the "Upgrade"
//# token.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The request MUST include a header field with the name |Sec-WebSocket-Key|.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The request MUST include a header field with the name |Sec-WebSocket-Version|.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The value of this header field MUST be 13.
#[test]
fn a_request_is_written_in_the_order_of_the_rfc() {
    let request = ClientRequest::new("ws://server.example.com/chat")
        .unwrap()
        .protocol("chat")
        .and_then(|r| r.protocol("superchat"))
        .and_then(|r| r.origin("http://example.com"))
        .and_then(|r| r.extension("x; n=1"))
        .and_then(|r| r.extension("y"))
        .and_then(|r| r.header("User-Agent", b"test"))
        .and_then(|r| r.header("Cookie", b"a=b"))
        .unwrap();
    assert_eq!(
        sent(&request),
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nOrigin: http://example.com\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: x; n=1, y\r\n\
        User-Agent: test\r\nCookie: a=b\r\n\r\n"
    );
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The value of this header field MUST be a nonce consisting of a randomly selected 16-byte value
//# that has been base64-encoded (see Section 4 of [RFC4648]).
#[test]
fn the_nonce_of_the_rfc_has_the_key_of_the_rfc() {
    //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
    //= type=test
    //# NOTE: As an example, if the randomly selected value was the sequence of bytes 0x01 0x02 0x03
    //# 0x04 0x05 0x06 0x07 0x08 0x09 0x0a 0x0b 0x0c 0x0d 0x0e 0x0f 0x10, the value of the header
    //# field would be "AQIDBAUGBwgJCgsMDQ4PEC=="
    let nonce = Nonce::from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    // The RFC's value has bits set that stand for nothing (erratum); encoders leave them 0.
    assert_eq!(nonce.key(), *b"AQIDBAUGBwgJCgsMDQ4PEA==");
    assert_eq!(format!("{nonce:?}"), "Nonce(..)");
}

#[test]
fn user_information_gives_way_to_an_authorization_field() {
    let request = ClientRequest::new("ws://a:b@example.com/").unwrap();
    assert!(sent(&request).contains("\r\nAuthorization: Basic YTpi\r\n"));
    let request = request.header("authorization", b"Bearer t").unwrap();
    assert!(sent(&request).contains("\r\nauthorization: Bearer t\r\n"));
    assert!(!sent(&request).contains("Basic"));
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The elements that comprise this value MUST be non-empty strings with characters in the range
//# U+0021 to U+007E not including separator characters as defined in [RFC2616] and MUST all be
//# unique strings.
#[test]
fn texts_that_would_break_the_request_are_not_taken() {
    let request = || {
        ClientRequest::new("ws://a/")
            .unwrap()
            .protocol("chat")
            .unwrap()
    };
    for protocol in ["", "a b", "a,b", "a\r\nX: y", "caf\u{e9}", "a;b", "\"a\""] {
        assert_eq!(
            request().protocol(protocol).unwrap_err(),
            HeaderError::Value,
            "{protocol:?}"
        );
    }
    assert_eq!(
        request().protocol("chat").unwrap_err(),
        HeaderError::Repeated
    );
    for extension in ["", "a;", "a\r\nX: y", " a", "a ", "a; b=\"c d\""] {
        let error = request().extension(extension).unwrap_err();
        assert_eq!(error, HeaderError::Value, "{extension:?}");
    }
    for origin in [
        "",
        "http://a b",
        "http://a\r\nX: y",
        "http://caf\u{e9}",
        "\0",
    ] {
        assert_eq!(
            request().origin(origin).unwrap_err(),
            HeaderError::Value,
            "{origin:?}"
        );
    }
    for name in ["", "a b", "a\r\nb", "a:"] {
        assert_eq!(
            request().header(name, b"v").unwrap_err(),
            HeaderError::Name,
            "{name:?}"
        );
    }
    for value in [&b"a\r\nb: c"[..], b"\n", b"\0", b" a"] {
        assert_eq!(
            request().header("a", value).unwrap_err(),
            HeaderError::Value,
            "{value:?}"
        );
    }
    for name in [
        "Host",
        "ORIGIN",
        "upgrade",
        "Connection",
        "Content-Length",
        "Transfer-Encoding",
        "Sec-WebSocket-Key",
        "sec-websocket-version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
    ] {
        assert_eq!(
            request().header(name, b"v").unwrap_err(),
            HeaderError::Reserved,
            "{name}"
        );
    }
}

#[test]
fn bytes_after_the_head_are_the_first_frames() {
    let request = ClientRequest::new("ws://a/").unwrap();
    let mut handshake = ClientHandshake::start(&request, NONCE, &mut Vec::new());
    let head = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSet-Cookie: a=b\r\n\r\n";
    // Byte by byte, then with the first frame behind it.
    for end in 0..head.len() {
        assert!(handshake.finish(&head[..end]).unwrap().is_none());
    }
    let buf = [head, &b"\x81\x02hi"[..]].concat();
    let Head { value, len } = handshake.finish(&buf).unwrap().unwrap();
    let Answer::Accepted(accepted) = value else {
        panic!("{value:?}")
    };
    assert_eq!(accepted.headers().get("set-cookie"), Some(&b"a=b"[..]));
    assert_eq!(&buf[len..], b"\x81\x02hi");
}

#[test]
fn a_refusal_hands_over_what_there_is() {
    let request = ClientRequest::new("ws://a/").unwrap();
    let refused = |text: &'static str, check: &dyn Fn(ws_handshake::Refused<'_>)| {
        let mut handshake = ClientHandshake::start(&request, NONCE, &mut Vec::new());
        match handshake.finish(text.as_bytes()).unwrap().unwrap().value {
            Answer::Refused(refused) => check(refused),
            other => panic!("{other:?}"),
        }
    };
    refused(
        "HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 9\r\n\r\nlater",
        &|refused| {
            assert_eq!(refused.status(), 503);
            assert_eq!(refused.headers().get("retry-after"), Some(&b"30"[..]));
            assert_eq!(
                (refused.content_length(), refused.body()),
                (Some(9), &b"later"[..])
            );
        },
    );
    for (text, length) in [
        ("HTTP/1.1 401 No\r\n\r\n", None),
        (
            "HTTP/1.1 401 No\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            None,
        ),
        ("HTTP/1.1 401 No\r\nContent-Length: x\r\n\r\n", None),
        ("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Some(0)),
    ] {
        refused(text, &|refused| {
            assert_eq!(refused.content_length(), length);
        });
    }
}

#[test]
fn secrets_do_not_show() {
    let request = ClientRequest::new("wss://u:s3cr3t@example.com/?t=s3cr3t").unwrap();
    let request = request
        .header("Cookie", b"s3cr3t")
        .unwrap()
        .protocol("chat")
        .unwrap();
    let handshake = ClientHandshake::start(&request, NONCE, &mut Vec::new());
    let shown = format!("{request:?} {handshake:?}");
    assert!(
        shown.contains("example.com") && shown.contains("chat"),
        "{shown}"
    );
    assert!(
        !shown.contains("s3cr3t") && !shown.contains("dGhl"),
        "{shown}"
    );
}

#[test]
fn every_error_says_something_of_its_own() {
    use ResponseError as R;
    let texts: BTreeSet<String> = [
        R::Accept,
        R::Connection,
        R::Extensions,
        R::ExtensionNotOffered,
        R::Header,
        R::HeadTooLarge,
        R::HttpVersion,
        R::Interim,
        R::StatusLine,
        R::SubprotocolNotOffered,
        R::TooManyHeaders,
        R::Upgrade,
    ]
    .map(|error| error.to_string())
    .into();
    assert_eq!(texts.len(), 12);
    use HeaderError as H;
    let texts: BTreeSet<String> = [H::Name, H::NotOffered, H::Repeated, H::Reserved, H::Value]
        .map(|error| error.to_string())
        .into();
    assert_eq!(texts.len(), 5);
    use UrlError as U;
    let texts: BTreeSet<String> = [U::Character, U::Fragment, U::Host, U::Scheme, U::UserInfo]
        .map(|e| e.to_string())
        .into();
    assert_eq!(texts.len(), 5);
    use ws_handshake::Forbidden as F;
    let texts: BTreeSet<String> = [F::CrossSite, F::Host, F::MissingOrigin, F::Origin]
        .map(|e| e.to_string())
        .into();
    assert_eq!(texts.len(), 4);
    assert!(
        ws_handshake::InvalidOrigin
            .to_string()
            .contains("scheme://host")
    );
    assert!(
        ws_handshake::InvalidExtensions
            .to_string()
            .contains("extensions")
    );
}
