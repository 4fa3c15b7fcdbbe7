//! The server's answers: acceptances with what may be added, refusals with what must be said.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use ws_handshake::{
    BodyLength, Carrier, Forbidden, HandshakeError, HeaderError, HostPolicy, InvalidOrigin, Limits,
    OriginPolicy, Reject, Request, RequestHead, Scheme,
};

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Extensions: x; n=1, y\r\nSec-WebSocket-Version: 13\r\n\r\n";

const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn request() -> Request<'static> {
    Request::parse(REQUEST, &mut 0, &Limits::default())
        .unwrap()
        .unwrap()
        .value
}

fn text(encode: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    encode(&mut out);
    String::from_utf8(out).unwrap()
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# When a client establishes a WebSocket connection to a server, the server MUST complete the
//# following steps to accept the connection and send the server's opening handshake.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# If the server chooses to accept the incoming connection, it MUST reply with a valid HTTP
//# response indicating the following.
#[test]
fn the_example_of_the_rfc_is_answered_as_there() {
    //= https://www.rfc-editor.org/rfc/rfc6455#section-1.2
    //= type=test
    //# Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
    let accept = request().accept().protocol("chat").unwrap();
    assert_eq!(accept.status(), 101);
    assert_eq!(
        text(|out| accept.encode(out)),
        format!("{ACCEPT}Sec-WebSocket-Protocol: chat\r\n\r\n")
    );
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# if the server does not wish to agree to one of the suggested subprotocols, it MUST NOT send back
//# a |Sec-WebSocket-Protocol| header field in its response
#[test]
fn an_acceptance_is_appended_and_takes_extensions_and_fields() {
    let accept = request()
        .accept()
        .protocol("chat")
        .and_then(|a| a.protocol("superchat"))
        .and_then(|a| a.extension("x; n=1"))
        .and_then(|a| a.header("Set-Cookie", b"a=b"))
        .and_then(|a| a.extension("y"))
        .unwrap();
    let written = text(|out| {
        out.extend(b"before ");
        accept.encode(out);
    });
    assert_eq!(
        written,
        format!(
            "before {ACCEPT}Sec-WebSocket-Protocol: superchat\r\nSec-WebSocket-Extensions: x; n=1\r\n\
            Sec-WebSocket-Extensions: y\r\nSet-Cookie: a=b\r\n\r\n"
        )
    );
    let fields: Vec<_> = accept.fields().collect();
    assert_eq!(fields[0], ("upgrade", &b"websocket"[..]));
    assert_eq!(
        fields[2],
        ("sec-websocket-accept", &b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..])
    );
    assert_eq!(fields[3], ("sec-websocket-protocol", &b"superchat"[..]));
    assert_eq!(fields.len(), 7);
    assert_eq!(accept.request().carrier(), Carrier::Upgrade);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# The value chosen MUST be derived from the client's handshake, specifically by selecting one of
//# the values from the |Sec-WebSocket-Protocol| field that the server is willing to use for this
//# connection (if any).
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# If the server supports multiple extensions, then the value MUST be derived from the client's
//# handshake, specifically by selecting one or more of the values from the
//# |Sec-WebSocket-Extensions| field.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# Extensions not listed by the client MUST NOT be listed.
#[test]
fn only_what_was_offered_is_chosen() {
    let accept = || request().accept();
    for protocol in [
        "",
        "other",
        "CHAT",
        "chat, superchat",
        " chat",
        "chat\r\nX: y",
    ] {
        assert_eq!(
            accept().protocol(protocol).unwrap_err(),
            HeaderError::NotOffered
        );
    }
    for extension in ["z", "X", "x, z", "permessage-deflate"] {
        assert_eq!(
            accept().extension(extension).unwrap_err(),
            HeaderError::NotOffered
        );
    }
    for extension in ["x, x", "x, y, x; n=2"] {
        assert_eq!(
            accept().extension(extension).unwrap_err(),
            HeaderError::Repeated
        );
    }
    let twice = accept().extension("x").unwrap().extension("y").unwrap();
    assert_eq!(
        twice.clone().extension("x").unwrap_err(),
        HeaderError::Repeated
    );
    assert_eq!(twice.extension("y; a").unwrap_err(), HeaderError::Repeated);
    for extension in ["", "x;", "x\r\nX: y", "x\n", "x, y; a b"] {
        assert_eq!(
            accept().extension(extension).unwrap_err(),
            HeaderError::Value
        );
    }
}

#[test]
fn fields_that_would_break_the_response_are_not_taken() {
    let accept = |name, value: &'static [u8]| request().accept().header(name, value).map(|_| ());
    let reject = |name, value: &'static [u8]| Reject::new(400).header(name, value).map(|_| ());
    for add in [
        &accept as &dyn Fn(&'static str, &'static [u8]) -> Result<(), HeaderError>,
        &reject,
    ] {
        for name in ["", "a b", "a:", "a\r\nb", "a\0", "caf\u{e9}"] {
            assert_eq!(add(name, b"v"), Err(HeaderError::Name), "{name:?}");
        }
        for value in [
            &b"a\r\nb"[..],
            b"a\r",
            b"\n",
            b"a\0b",
            b"\x7f",
            b" a",
            b"a\t",
            b" ",
        ] {
            assert_eq!(add("a", value), Err(HeaderError::Value), "{value:?}");
        }
        for name in ["Connection", "CONTENT-LENGTH", "transfer-encoding"] {
            assert_eq!(add(name, b"v"), Err(HeaderError::Reserved), "{name:?}");
        }
        assert_eq!(add("a", b"caf\xc3\xa9 \t b"), Ok(()));
        assert_eq!(add("a", b""), Ok(()));
    }
    for name in [
        "Upgrade",
        "Sec-WebSocket-Accept",
        "sec-websocket-protocol",
        "SEC-WEBSOCKET-X",
    ] {
        assert_eq!(accept(name, b"v"), Err(HeaderError::Reserved), "{name:?}");
    }
    assert_eq!(reject("Sec-WebSocket-Version", b"13"), Ok(()));
}

#[test]
fn a_refusal_ends_the_connection() {
    let written = text(|out| request().reject(403, b"no", out));
    assert_eq!(
        written,
        "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nno"
    );
    let reject = Reject::new(401)
        .header("WWW-Authenticate", b"Bearer")
        .and_then(|r| r.header("content-type", b"application/json"))
        .unwrap()
        .body(b"{}");
    assert_eq!(
        text(|out| reject.encode(out)),
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\ncontent-type: application/json\r\n\
        Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    );
    assert_eq!(
        (reject.status(), reject.fields().count(), reject.content()),
        (401, 2, &b"{}"[..])
    );
}

#[test]
fn a_refusal_has_a_status_that_refuses() {
    for (status, line) in [
        (200, "HTTP/1.1 500 Internal Server Error\r\n"),
        (101, "HTTP/1.1 500 Internal Server Error\r\n"),
        (299, "HTTP/1.1 500 Internal Server Error\r\n"),
        (600, "HTTP/1.1 500 Internal Server Error\r\n"),
        (300, "HTTP/1.1 300 \r\n"),
        (599, "HTTP/1.1 599 \r\n"),
        (429, "HTTP/1.1 429 Too Many Requests\r\n"),
    ] {
        assert!(
            text(|out| Reject::new(status).encode(out)).starts_with(line),
            "{status}"
        );
    }
}

#[test]
fn every_registered_status_that_refuses_has_its_phrase() {
    for (status, phrase) in [
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (406, "Not Acceptable"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (410, "Gone"),
        (411, "Length Required"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (415, "Unsupported Media Type"),
        (421, "Misdirected Request"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
    ] {
        let written = text(|out| Reject::new(status).encode(out));
        assert!(
            written.starts_with(&format!("HTTP/1.1 {status} {phrase}\r\n")),
            "{written}"
        );
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# If this version does not match a version understood by the server, the server MUST abort the
//# WebSocket handshake described in this section and instead send an appropriate HTTP error code
//# (such as 426 Upgrade Required) and a |Sec-WebSocket-Version| header field indicating the
//# version(s) the server is capable of understanding.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.4
//= type=test
//# If the server doesn't support the requested version, it MUST respond with a
//# |Sec-WebSocket-Version| header field (or multiple |Sec-WebSocket-Version| header fields) containing all
//# versions it is willing to use.
#[test]
fn a_wrong_version_is_told_the_right_one_and_what_follows_is_not_read() {
    //= https://www.rfc-editor.org/rfc/rfc6455#section-4.4
    //= type=test
    //# If the server doesn't support the requested version, it MUST respond with a
    //# |Sec-WebSocket-Version| header field (or multiple |Sec-WebSocket-Version| header fields)
    //# containing all versions it is willing to use.
    let buf = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 1337\r\n\r\n\
        GET /internal HTTP/1.1\r\nHost: internal\r\n\r\n";
    let error = Request::parse(buf, &mut 0, &Limits::default()).unwrap_err();
    assert_eq!(error, HandshakeError::Version);
    assert_eq!(
        text(|out| error.reject().encode(out)),
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Connection: close, Upgrade\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 31\r\n\r\nSec-WebSocket-Version is not 13"
    );
}

#[test]
fn a_wrong_method_is_told_the_right_one() {
    let written = text(|out| HandshakeError::Method.reject().encode(out));
    assert!(
        written.starts_with("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n"),
        "{written}"
    );
}

#[test]
fn bytes_after_the_head_are_not_touched() {
    let mut buf = REQUEST.to_vec();
    buf.extend(b"\x81\x85\0\0\0\0hello");
    let head = Request::parse(&buf, &mut 0, &Limits::default())
        .unwrap()
        .unwrap();
    assert_eq!(head.len, REQUEST.len());
    assert_eq!(&buf[head.len..], b"\x81\x85\0\0\0\0hello");
}

#[test]
fn any_head_can_be_read_and_asked() {
    let buf = b"POST /a?b=c?d HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\nConnection: TE, Close\r\n\
        Transfer-Encoding: chunked\r\nOrigin: http://a\r\n\r\n";
    let head = RequestHead::parse(buf, &mut 0, &Limits::default())
        .unwrap()
        .unwrap()
        .value;
    assert_eq!((head.method(), head.target()), ("POST", "/a?b=c?d"));
    assert_eq!((head.path(), head.query()), ("/a", Some("b=c?d")));
    assert_eq!(
        (head.minor_version(), head.body()),
        (1, BodyLength::Chunked)
    );
    assert!(head.headers().get_all("X").eq([b"1", b"2"]));
    assert!(head.headers().has_token("connection", "close"));
    assert!(!head.headers().has_token("connection", "clos"));
    assert!(head.closes() && !head.wants_upgrade());
    assert_eq!((&head).into_iter().count(), 6);
    assert_eq!(
        head.headers().into_iter().last(),
        Some(("Origin", &b"http://a"[..]))
    );
    assert_eq!(head.header("none"), None);
}

#[test]
fn connections_close_by_version_and_option() {
    let closes = |version: &str, connection: &str| {
        let text = format!("GET / HTTP/{version}\r\nHost: a\r\n{connection}\r\n");
        let head = RequestHead::parse(text.as_bytes(), &mut 0, &Limits::default());
        head.unwrap().unwrap().value.closes()
    };
    assert!(!closes("1.1", ""));
    assert!(!closes("1.1", "Connection: keep-alive\r\n"));
    assert!(closes("1.1", "Connection: a, close\r\n"));
    assert!(closes("1.0", ""));
    assert!(closes("1.0", "Connection: close\r\n"));
    assert!(!closes("1.0", "Connection: Keep-Alive\r\n"));
}

#[test]
fn absolute_targets_have_paths_too() {
    let path = |target: &'static str| {
        let head = RequestHead::from_parts("GET", target, [("host", &b"a"[..])]).unwrap();
        (head.path(), head.query(), head.host().unwrap())
    };
    assert_eq!(path("http://b/c?d"), ("/c", Some("d"), "b"));
    assert_eq!(path("HTTPS://b?d"), ("/", Some("d"), "b"));
    assert_eq!(path("http://b"), ("/", None, "b"));
    assert_eq!(path("/c?u=http://b/"), ("/c", Some("u=http://b/"), "a"));
    assert_eq!(path("*"), ("*", None, "a"));
}

#[test]
fn parts_are_checked_as_bytes_are() {
    let parts = |method, target, fields: &[(&'static str, &'static [u8])]| {
        RequestHead::from_parts(method, target, fields.to_vec())
            .map(|_| ())
            .unwrap_err()
    };
    let host = ("host", &b"a"[..]);
    assert_eq!(parts("G T", "/", &[host]), HandshakeError::RequestLine);
    assert_eq!(parts("", "/", &[host]), HandshakeError::RequestLine);
    assert_eq!(parts("GET", "", &[host]), HandshakeError::Target);
    assert_eq!(parts("GET", "/ a", &[host]), HandshakeError::Target);
    assert_eq!(parts("GET", "/\r\nX: y", &[host]), HandshakeError::Target);
    assert_eq!(parts("GET", "/", &[]), HandshakeError::Host);
    assert_eq!(parts("GET", "/", &[host, host]), HandshakeError::Host);
    assert_eq!(
        parts("GET", "/", &[host, ("a b", b"")]),
        HandshakeError::HeaderName
    );
    assert_eq!(
        parts("GET", "/", &[host, ("a", b"b\r\nc: d")]),
        HandshakeError::HeaderValue
    );
    let length = ("content-length", &b"1"[..]);
    assert_eq!(
        parts("GET", "/", &[host, length, length]),
        HandshakeError::ContentLength
    );
}

#[test]
fn parts_of_a_http_library_make_a_request() {
    let fields = [
        ("host", &b"a"[..]),
        ("upgrade", b"websocket"),
        ("connection", b"upgrade"),
        ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", b"13"),
        ("sec-websocket-protocol", b" chat "),
        ("sec-websocket-protocol", b"superchat"),
    ];
    let request = Request::from_parts("GET", "/chat", fields).unwrap();
    assert!(request.protocols().eq(["chat", "superchat"]));
    assert_eq!(request.header("Sec-WebSocket-Protocol"), Some(&b"chat"[..]));
    assert!(text(|out| request.accept().encode(out)).starts_with(ACCEPT));
}

#[test]
fn repeated_fields_of_origin_are_not_trusted() {
    let check = |fields: &str| {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let head = RequestHead::parse(text.as_bytes(), &mut 0, &Limits::default());
        let initiator = head.unwrap().unwrap().value.initiator(Scheme::Http);
        OriginPolicy::same_origin().check(&initiator)
    };
    assert_eq!(check("Origin: http://a\r\n"), Ok(()));
    let twice = check("Origin: http://a\r\nOrigin: http://a\r\n");
    assert_eq!(twice, Err(Forbidden::Origin));
    assert_eq!(check("Sec-Fetch-Site: same-origin\r\n"), Ok(()));
    let twice = check("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(twice, Err(Forbidden::CrossSite));
}

#[test]
fn lists_of_who_may_ask_are_checked_when_they_are_made() {
    for origin in [
        "",
        "*",
        "a.example",
        "https://",
        "https://a/",
        "https://*.a",
        "http://\u{e9}",
    ] {
        let policy = OriginPolicy::listed().allow(origin);
        assert_eq!(policy, Err(InvalidOrigin), "{origin:?}");
    }
    for host in ["", "a/b", "a b", "a:x", "http://a", "a@b", "*", "*.a"] {
        assert_eq!(
            HostPolicy::listed().allow(host),
            Err(InvalidOrigin),
            "{host:?}"
        );
    }
}

#[test]
fn secrets_do_not_show() {
    let buf =
        b"GET /a?token=s3cr3t HTTP/1.1\r\nHost: a\r\nCookie: s3cr3t\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    let request = Request::parse(buf, &mut 0, &Limits::default())
        .unwrap()
        .unwrap()
        .value;
    let shown = format!("{request:?} {:?}", request.head().iter());
    assert!(
        shown.contains("\"Cookie\"") && shown.contains("\"/a\""),
        "{shown}"
    );
    for secret in ["s3cr3t", "dGhl", "115, 51"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn every_error_says_something_of_its_own() {
    use HandshakeError as E;
    let errors = [
        (E::Body, 400),
        (E::Connection, 426),
        (E::ConnectFields, 400),
        (E::ConnectProtocol, 501),
        (E::ContentLength, 400),
        (E::Extensions, 400),
        (E::HeaderName, 400),
        (E::HeaderValue, 400),
        (E::HeadTooLarge, 431),
        (E::Host, 400),
        (E::HttpVersion, 505),
        (E::Key, 400),
        (E::LineEnd, 400),
        (E::Method, 405),
        (E::RequestLine, 400),
        (E::RequestLineTooLong, 414),
        (E::Subprotocols, 400),
        (E::Target, 400),
        (E::TooManyHeaders, 431),
        (E::TransferEncoding, 400),
        (E::Upgrade, 426),
        (E::Version, 426),
    ];
    let texts: std::collections::BTreeSet<_> = errors.map(|(e, _)| e.to_string()).into();
    assert_eq!(texts.len(), errors.len());
    for (error, status) in errors {
        assert_eq!(error.status(), status, "{error}");
        assert_eq!(error.reject().content(), error.to_string().as_bytes());
    }
}
