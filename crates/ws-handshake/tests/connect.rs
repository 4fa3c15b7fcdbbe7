//! WebSocket over HTTP/2, RFC 8441: both sides from the parts that a HTTP/2 library gives.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use ws_handshake::{
    Answer, Carrier, ClientHandshake, ClientRequest, ConnectParts, Forbidden, HandshakeError,
    OriginPolicy, Request, ResponseError, Scheme,
};

type Fields<'a> = Vec<(&'a str, &'a [u8])>;

const PARTS: ConnectParts<'static> = ConnectParts {
    protocol: "websocket",
    scheme: Some("https"),
    authority: Some("server.example.com"),
    path: Some("/chat?a=b"),
};

/// The fields of the example in section 5.1.
fn fields() -> Fields<'static> {
    vec![
        ("sec-websocket-protocol", b"chat, superchat"),
        ("sec-websocket-extensions", b"permessage-deflate"),
        ("sec-websocket-version", b"13"),
        ("origin", b"http://www.example.com"),
    ]
}

fn with(name: &'static str, value: &'static [u8]) -> Fields<'static> {
    let mut fields = fields();
    fields.push((name, value));
    fields
}

#[track_caller]
fn refused(parts: ConnectParts<'static>, fields: Fields<'static>, error: HandshakeError) {
    assert_eq!(Request::from_connect(parts, fields).unwrap_err(), error);
}

#[test]
fn the_example_of_the_rfc_is_accepted_as_there() {
    //= https://www.rfc-editor.org/rfc/rfc8441#section-5.1
    //= type=test
    //# :status = 200
    //# sec-websocket-protocol = chat
    let request = Request::from_connect(PARTS, fields()).unwrap();
    assert_eq!(request.carrier(), Carrier::ExtendedConnect);
    assert_eq!(request.head().method(), "CONNECT");
    assert_eq!(request.head().host(), Some("server.example.com"));
    assert_eq!(
        (request.head().path(), request.head().query()),
        ("/chat", Some("a=b"))
    );
    assert!(
        request
            .extensions()
            .map(|e| e.to_string())
            .eq(["permessage-deflate"])
    );
    let accept = request.accept().protocol("chat").unwrap();
    assert_eq!(accept.status(), 200);
    assert!(
        accept
            .fields()
            .eq([("sec-websocket-protocol", &b"chat"[..])])
    );
    let mut out = Vec::new();
    accept.encode(&mut out);
    assert!(out.is_empty(), "HTTP/2 has no text form");
}

//= https://www.rfc-editor.org/rfc/rfc8441#section-5
//= type=test
//# The :protocol pseudo-header field MUST be included in the CONNECT request, and it MUST have a
//# value of "websocket" to initiate a WebSocket connection on an HTTP/2 stream.
//= https://www.rfc-editor.org/rfc/rfc8441#section-5
//= type=test
//# The scheme of the target URI (Section 5.1 of [RFC7230]) MUST be "https" for "wss"-schemed
//# WebSockets and "http" for "ws"-schemed WebSockets.
#[test]
fn only_websocket_over_http_is_taken() {
    let protocol = |protocol| ConnectParts { protocol, ..PARTS };
    refused(protocol("foo"), fields(), HandshakeError::ConnectProtocol);
    refused(protocol(""), fields(), HandshakeError::ConnectProtocol);
    assert_eq!(HandshakeError::ConnectProtocol.status(), 501);
    assert!(Request::from_connect(protocol("WebSocket"), fields()).is_ok());

    let missing = HandshakeError::ConnectFields;
    for scheme in [None, Some("ftp"), Some("ws"), Some("HTTPS"), Some("")] {
        refused(ConnectParts { scheme, ..PARTS }, fields(), missing);
    }
    assert!(
        Request::from_connect(
            ConnectParts {
                scheme: Some("http"),
                ..PARTS
            },
            fields()
        )
        .is_ok()
    );
    for authority in [None, Some(""), Some("a@b"), Some("a/b"), Some("a:x")] {
        refused(ConnectParts { authority, ..PARTS }, fields(), missing);
    }
    for path in [None, Some(""), Some("*"), Some("chat")] {
        refused(ConnectParts { path, ..PARTS }, fields(), missing);
    }
    refused(
        ConnectParts {
            path: Some("/a#b"),
            ..PARTS
        },
        fields(),
        HandshakeError::Target,
    );
    refused(
        ConnectParts::default(),
        fields(),
        HandshakeError::ConnectProtocol,
    );
}

#[test]
fn fields_of_http_1_do_not_belong() {
    //= https://www.rfc-editor.org/rfc/rfc8441#section-5
    //= type=test
    //# [RFC6455] requires the use of Connection and Upgrade header fields that are not part of
    //# HTTP/2. They MUST NOT be included in the CONNECT request defined here.
    for (name, value) in [
        ("connection", &b"Upgrade"[..]),
        ("connection", b""),
        ("upgrade", b"websocket"),
        ("transfer-encoding", b"chunked"),
    ] {
        refused(PARTS, with(name, value), HandshakeError::ConnectFields);
    }
    // The key is not looked at.
    assert!(Request::from_connect(PARTS, with("sec-websocket-key", b"nonsense")).is_ok());
}

#[test]
fn the_other_rules_hold_as_over_http_1() {
    let without = |name| {
        fields()
            .into_iter()
            .filter(|(n, _)| *n != name)
            .collect::<Fields<'_>>()
    };
    refused(
        PARTS,
        without("sec-websocket-version"),
        HandshakeError::Version,
    );
    refused(
        PARTS,
        with("sec-websocket-version", b"13"),
        HandshakeError::Version,
    );
    refused(PARTS, with("content-length", b"1"), HandshakeError::Body);
    refused(
        PARTS,
        with("content-length", b"x"),
        HandshakeError::ContentLength,
    );
    refused(
        PARTS,
        with("sec-websocket-protocol", b"a b"),
        HandshakeError::Subprotocols,
    );
    refused(
        PARTS,
        with("sec-websocket-extensions", b";"),
        HandshakeError::Extensions,
    );
    refused(PARTS, with("a b", b""), HandshakeError::HeaderName);
    refused(PARTS, with("a", b"\r\n"), HandshakeError::HeaderValue);
    refused(PARTS, with("host", b"other.example"), HandshakeError::Host);
    assert!(Request::from_connect(PARTS, with("host", b"SERVER.example.com")).is_ok());
    let twice = [
        with("host", b"server.example.com"),
        with("host", b"server.example.com"),
    ]
    .concat();
    let twice: Fields<'_> = twice
        .into_iter()
        .filter(|(n, _)| *n == "host" || n.len() == 21)
        .take(3)
        .collect();
    assert!(Request::from_connect(PARTS, twice).is_err());
}

#[test]
fn origins_are_judged_by_the_same_rules() {
    let check = |origin: &'static [u8], cookie| {
        let fields: Fields<'_> = vec![("sec-websocket-version", b"13"), ("origin", origin)];
        let request = Request::from_connect(PARTS, fields).unwrap();
        let initiator = request.head().initiator(Scheme::Https).with_cookie(cookie);
        OriginPolicy::same_origin().check(&initiator)
    };
    for cookie in [false, true] {
        assert_eq!(check(b"https://server.example.com", cookie), Ok(()));
        assert_eq!(check(b"https://server.example.com:443", cookie), Ok(()));
        for origin in [
            &b"null"[..],
            b"http://server.example.com",
            b"https://server.example.com:444",
            b"https://server.example.com.evil.com",
            b"https://evil.com/server.example.com",
            b"https://server.example.com@evil",
        ] {
            assert_eq!(check(origin, cookie), Err(Forbidden::Origin), "{origin:?}");
        }
    }
    let fields: Fields<'_> = vec![("sec-websocket-version", b"13")];
    let request = Request::from_connect(PARTS, fields.clone()).unwrap();
    let initiator = request.head().initiator(Scheme::Https);
    assert_eq!(OriginPolicy::default().check(&initiator), Ok(()));
    let error = OriginPolicy::default().check(&initiator.with_cookie(true));
    assert_eq!(error, Err(Forbidden::MissingOrigin));
    let site: Fields<'_> = [fields, vec![("sec-fetch-site", b"cross-site")]].concat();
    let request = Request::from_connect(PARTS, site).unwrap();
    let error = OriginPolicy::default().check(&request.head().initiator(Scheme::Https));
    assert_eq!(error, Err(Forbidden::CrossSite));
}

fn client() -> ClientRequest<'static> {
    ClientRequest::new("wss://u:p@server.example.com:8443?a=b")
        .unwrap()
        .protocol("chat")
        .and_then(|r| r.extension("permessage-deflate"))
        .and_then(|r| r.origin("https://example.com"))
        .and_then(|r| r.header("x-a", b"b"))
        .unwrap()
}

#[test]
fn a_client_gives_the_fields_and_reads_the_answer() {
    let request = client();
    assert_eq!(request.authority(), "server.example.com:8443");
    assert_eq!(request.target(), "/?a=b");
    let fields = request.connect_fields();
    let fields: Fields<'_> = fields
        .iter()
        .map(|(n, v)| (n.as_ref(), v.as_ref()))
        .collect();
    assert_eq!(
        fields,
        [
            ("sec-websocket-version", &b"13"[..]),
            ("origin", b"https://example.com"),
            ("sec-websocket-protocol", b"chat"),
            ("sec-websocket-extensions", b"permessage-deflate"),
            ("authorization", b"Basic dTpw"),
            ("x-a", b"b"),
        ]
    );

    // The server takes them, and the client its answer.
    let authority = request.authority();
    let parts = ConnectParts {
        authority: Some(&authority),
        path: Some("/?a=b"),
        ..PARTS
    };
    let accept = Request::from_connect(parts, fields).unwrap().accept();
    let accept = accept
        .protocol("chat")
        .unwrap()
        .extension("permessage-deflate")
        .unwrap();
    let handshake = ClientHandshake::start_connect(&request);
    let answer = handshake
        .finish_connect(accept.status(), accept.fields())
        .unwrap();
    let Answer::Accepted(accepted) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(accepted.protocol(), Some("chat"));
    assert!(
        accepted
            .extensions()
            .map(|e| e.to_string())
            .eq(["permessage-deflate"])
    );
}

#[test]
fn a_client_takes_only_what_it_offered() {
    let finish = |status, name, value: &'static [u8]| {
        ClientHandshake::start_connect(&client()).finish_connect(status, [(name, value)])
    };
    let error = |name, value| finish(200, name, value).unwrap_err();
    let protocol = "sec-websocket-protocol";
    assert_eq!(
        error(protocol, b"other"),
        ResponseError::SubprotocolNotOffered
    );
    assert_eq!(
        error("sec-websocket-extensions", b"x"),
        ResponseError::ExtensionNotOffered
    );
    assert_eq!(
        error("sec-websocket-extensions", b";"),
        ResponseError::Extensions
    );
    assert_eq!(error("a", b"\n"), ResponseError::Header);
    for status in [200, 204, 299] {
        assert!(
            matches!(finish(status, protocol, b"chat"), Ok(Answer::Accepted(_))),
            "{status}"
        );
    }
    for status in [199, 300, 404, 501] {
        match finish(status, "location", b"/") {
            Ok(Answer::Refused(refused)) => {
                assert_eq!((refused.status(), refused.body()), (status, &b""[..]));
                assert_eq!(refused.headers().get("Location"), Some(&b"/"[..]));
            }
            other => panic!("{other:?}"),
        }
    }
}
