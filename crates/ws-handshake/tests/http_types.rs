//! The feature `http`: the same rules from the types that hyper and axum hand out.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use http::{HeaderMap, HeaderValue, Method, Version};
use ws_handshake::{
    Answer, BodyLength, ClientHandshake, ClientRequest, HandshakeError, HeaderError, Limits, Nonce,
    Reject, Request, RequestHead,
};

const NONCE: Nonce = Nonce::new(*b"the sample nonce");

fn client() -> ClientRequest<'static> {
    let request = ClientRequest::new("ws://example.com:8080?a=b").unwrap();
    let request = request.protocol("chat").unwrap().extension("x, y").unwrap();
    request.header("X-A", b"caf\xe9").unwrap()
}

#[test]
fn a_handshake_from_request_to_response() {
    let request = client();
    let sent = request.to_http(NONCE).unwrap();
    assert_eq!(
        (sent.method(), sent.uri().to_string().as_str()),
        (&Method::GET, "/?a=b")
    );
    let server = Request::from_http(&sent, None).unwrap();
    assert_eq!(server.head().host(), Some("example.com:8080"));
    assert_eq!(
        (server.head().path(), server.head().query()),
        ("/", Some("a=b"))
    );
    assert_eq!(server.header("x-a"), Some(&b"caf\xe9"[..]));
    assert_eq!(server.head().iter().count(), 8);
    let accept = server
        .accept()
        .protocol("chat")
        .and_then(|a| a.extension("x"))
        .unwrap();
    let accept = accept
        .extension("y; a")
        .unwrap()
        .header("Set-Cookie", b"a")
        .unwrap();
    let response = accept
        .header("set-cookie", b"b")
        .unwrap()
        .to_http()
        .unwrap();
    assert_eq!(response.status(), 101);
    let values = |name| response.headers().get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(values("upgrade"), ["websocket"]);
    assert_eq!(values("connection"), ["Upgrade"]);
    assert_eq!(
        values("sec-websocket-accept"),
        ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
    );
    assert_eq!(values("sec-websocket-protocol"), ["chat"]);
    assert_eq!(values("sec-websocket-extensions"), ["x", "y; a"]);
    assert_eq!(values("set-cookie"), ["a", "b"]);
    assert_eq!(response.headers().len(), 8);
}

#[test]
fn a_handshake_over_http_2() {
    let request = client();
    let sent = request.to_http_connect().unwrap();
    assert_eq!(
        (sent.method(), sent.version()),
        (&Method::CONNECT, Version::HTTP_2)
    );
    assert_eq!(sent.uri(), "http://example.com:8080/?a=b");
    let server = Request::from_http(&sent, Some("websocket")).unwrap();
    assert_eq!(server.head().host(), Some("example.com:8080"));
    let response = server.accept().protocol("chat").unwrap().to_http().unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers().len()),
        (200, 1)
    );
    let fields = response
        .headers()
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes()));
    let answer = ClientHandshake::start_connect(&request)
        .finish_connect(200, fields)
        .unwrap();
    let Answer::Accepted(accepted) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(accepted.protocol(), Some("chat"));
    let secure = ClientRequest::new("wss://example.com/")
        .unwrap()
        .to_http_connect()
        .unwrap();
    assert_eq!(secure.uri(), "https://example.com/");
}

#[test]
fn requests_are_refused_by_the_same_rules() {
    let build = |method: Method, uri: &str, headers: &[(&str, &str)]| {
        let request = http::Request::builder().method(method).uri(uri);
        headers
            .iter()
            .fold(request, |r, (n, v)| r.header(*n, *v))
            .body(())
            .unwrap()
    };
    let error = |request: &http::Request<()>, protocol| {
        Request::from_http(request, protocol)
            .map(|_| ())
            .unwrap_err()
    };
    let get = build(Method::GET, "/", &[("host", "a")]);
    assert_eq!(error(&get, None), HandshakeError::Upgrade);
    let spaced = build(Method::GET, "/", &[("host", " a ")]);
    assert_eq!(error(&spaced, None), HandshakeError::Upgrade);
    assert_eq!(error(&get, Some("websocket")), HandshakeError::Method);
    let connect = build(Method::CONNECT, "https://a/", &[]);
    assert_eq!(
        error(&connect, Some("other")),
        HandshakeError::ConnectProtocol
    );
    assert_eq!(error(&connect, Some("websocket")), HandshakeError::Version);
    let authority = build(Method::CONNECT, "a:443", &[("sec-websocket-version", "13")]);
    assert_eq!(
        error(&authority, Some("websocket")),
        HandshakeError::ConnectFields
    );
    let both = [
        ("host", "a"),
        ("content-length", "1"),
        ("transfer-encoding", "chunked"),
    ];
    assert_eq!(
        error(&build(Method::POST, "/", &both), None),
        HandshakeError::ContentLength
    );
    assert_eq!(
        error(&build(Method::GET, "/", &[]), None),
        HandshakeError::Host
    );
}

#[test]
fn any_head_of_a_http_library_can_be_asked() {
    let mut request = http::Request::post("https://b/c?d")
        .header("host", "a")
        .header("content-length", " 3 ")
        .header("origin", "https://b")
        .header("upgrade", " websocket ")
        .body(())
        .unwrap();
    let head = RequestHead::from_http(&request).unwrap();
    assert_eq!(
        (head.host(), head.target(), head.path()),
        (Some("b"), "/c?d", "/c")
    );
    assert_eq!(
        (head.minor_version(), head.body()),
        (1, BodyLength::Bytes(3))
    );
    assert!(head.wants_upgrade());
    assert_eq!(head.header("upgrade"), Some(&b"websocket"[..]));
    assert!(format!("{head:?}").contains("content-length"));
    *request.version_mut() = Version::HTTP_10;
    let head = RequestHead::from_http(&request).unwrap();
    assert_eq!(head.minor_version(), 0);
    let none = http::Request::builder()
        .method("CONNECT")
        .uri("b:1")
        .body(())
        .unwrap();
    assert_eq!(RequestHead::from_http(&none).unwrap().target(), "/");
}

#[test]
fn a_refusal_becomes_a_response() {
    let response = HandshakeError::Version.reject().to_http().unwrap();
    assert_eq!(response.status(), 426);
    let value = |name| response.headers().get(name).unwrap().to_str().unwrap();
    assert_eq!(value("sec-websocket-version"), "13");
    assert_eq!(value("connection"), "close, Upgrade");
    assert_eq!(value("content-type"), "text/plain; charset=utf-8");
    assert_eq!(value("content-length"), response.body().len().to_string());
    let response = Reject::new(404).to_http().unwrap();
    assert_eq!(response.headers().len(), 2);
}

#[test]
fn what_only_the_http_crate_refuses_is_an_error() {
    let name = "a".repeat(70_000);
    let reject = Reject::new(400).header(&name, b"").unwrap();
    assert!(reject.to_http().is_err());
    let request = client();
    let sent = request.to_http(NONCE).unwrap();
    let accept = Request::from_http(&sent, None).unwrap().accept();
    assert!(accept.header(&name, b"").unwrap().to_http().is_err());
    let request = client().header(&name, b"").unwrap();
    assert!(request.to_http(NONCE).is_err() && request.to_http_connect().is_err());
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{name}:\r\n\r\n");
    let limits = Limits::default().head(usize::MAX);
    let head = RequestHead::parse(text.as_bytes(), &mut 0, &limits)
        .unwrap()
        .unwrap()
        .value;
    assert!(head.headers().to_http().is_err());
}

#[test]
fn fields_go_into_a_map_and_come_from_one() {
    let buf = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: caf\xe9\r\n\r\n";
    let head = RequestHead::parse(buf, &mut 0, &Limits::default())
        .unwrap()
        .unwrap()
        .value;
    let map = head.headers().to_http().unwrap();
    let values: Vec<_> = map.get_all("x").iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(values, [&b"1"[..], b"caf\xe9"]);

    let mut map = HeaderMap::new();
    for (name, value) in [
        ("origin", "https://a"),
        ("sec-websocket-protocol", "chat, superchat"),
        ("sec-websocket-extensions", "x, y; z"),
        ("cookie", "a=b"),
    ] {
        map.insert(name, value.parse().unwrap());
    }
    let request = ClientRequest::new("ws://a/")
        .unwrap()
        .headers(&map)
        .unwrap();
    let sent = request.to_http(NONCE).unwrap();
    for (name, value) in &map {
        assert_eq!(sent.headers().get(name), Some(value));
    }
    for (name, value, error) in [
        ("host", "a", HeaderError::Reserved),
        ("sec-websocket-key", "a", HeaderError::Reserved),
        ("origin", "a b", HeaderError::Value),
        ("origin", "\u{e9}", HeaderError::Value),
        ("sec-websocket-protocol", "a, a", HeaderError::Repeated),
        ("sec-websocket-extensions", ";", HeaderError::Value),
    ] {
        let mut map = HeaderMap::new();
        map.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        let taken = ClientRequest::new("ws://a/")
            .unwrap()
            .headers(&map)
            .map(|_| ());
        assert_eq!(taken, Err(error), "{name}: {value}");
    }
}
