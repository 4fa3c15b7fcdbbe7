//! Heads of real clients and servers, as they came over a loopback socket in November 2026:
//! Chromium 156, Firefox ESR 153, ws 8.23.0, undici 7.30.2, Python websockets 17.4, curl 7.88.1.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use ws_handshake::{
    Answer, BodyLength, ClientHandshake, ClientRequest, Head, Initiator, Limits, Nonce,
    OriginPolicy, Request, RequestHead, Scheme,
};

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("recorded/", $name, ".http")).as_slice()
    };
}

#[track_caller]
fn head(buf: &[u8]) -> Head<RequestHead<'_>> {
    RequestHead::parse(buf, &mut 0, &Limits::default())
        .unwrap()
        .unwrap()
}

/// Accepts a handshake of the recording, which offered `chat` and `superchat`.
#[track_caller]
fn handshake<'b>(buf: &'b [u8], extensions: &[&str]) -> Request<'b> {
    let Head { value: head, len } = head(buf);
    assert_eq!(len, buf.len());
    assert!(head.wants_upgrade());
    assert_eq!(head.host(), Some("127.0.0.1:9131"));
    assert_eq!(head.query(), Some("room=1"));
    let request = Request::from_head(head).unwrap();
    assert!(request.protocols().eq(["chat", "superchat"]));
    assert!(
        request
            .extensions()
            .map(|e| e.to_string())
            .eq(extensions.iter().copied())
    );
    request
}

fn is_same_origin(initiator: &Initiator<'_>) -> bool {
    OriginPolicy::same_origin().check(initiator).is_ok()
}

const DEFLATE: &str = "permessage-deflate; client_max_window_bits";

#[test]
fn chromium_opens_a_websocket() {
    let request = handshake(recorded!("request-chromium-websocket"), &[DEFLATE]);
    let initiator = request.head().initiator(Scheme::Http).with_cookie(true);
    assert!(is_same_origin(&initiator));
    assert!(!is_same_origin(&request.head().initiator(Scheme::Https)));
    assert_eq!(
        request.header("cookie"),
        Some(&b"session=8f14e45fceea167a; theme=dark"[..])
    );
    let mut out = Vec::new();
    request.accept().encode(&mut out);
    assert!(
        out.ends_with(b"Sec-WebSocket-Accept: Ku86/hUskqxNMWzLpPKFKAS98K4=\r\n\r\n"),
        "{out:?}"
    );
}

#[test]
fn firefox_opens_a_websocket() {
    let request = handshake(
        recorded!("request-firefox-websocket"),
        &["permessage-deflate"],
    );
    assert!(is_same_origin(
        &request.head().initiator(Scheme::Http).with_cookie(true)
    ));
    assert!(!request.head().closes());
}

#[test]
fn libraries_open_websockets() {
    for (buf, agent) in [
        (recorded!("request-node-ws"), None),
        (recorded!("request-undici"), Some("undici")),
        (
            recorded!("request-python-websockets"),
            Some("Python/3.11 websockets/17.4"),
        ),
    ] {
        let request = handshake(buf, &[DEFLATE]);
        assert_eq!(request.header("User-Agent"), agent.map(str::as_bytes));
        // No browser, no origin.
        assert!(is_same_origin(&request.head().initiator(Scheme::Http)));
        assert!(!is_same_origin(
            &request.head().initiator(Scheme::Http).with_cookie(true)
        ));
    }
}

#[test]
fn curl_asks_for_an_upgrade() {
    let buf = recorded!("request-curl-upgrade");
    let request = Request::parse(buf, &mut 0, &Limits::default())
        .unwrap()
        .unwrap()
        .value;
    assert_eq!(
        request.protocols().count() + request.extensions().count(),
        0
    );
    let mut out = Vec::new();
    request.accept().encode(&mut out);
    // What curl then printed, with the same digest.
    assert!(out.ends_with(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"));
}

#[test]
fn browsers_open_event_streams_and_post() {
    for (stream, post) in [
        (
            recorded!("request-chromium-eventsource"),
            recorded!("request-chromium-fetch"),
        ),
        (
            recorded!("request-firefox-eventsource"),
            recorded!("request-firefox-fetch"),
        ),
    ] {
        let stream = head(stream).value;
        assert!(!stream.wants_upgrade() && !stream.closes());
        assert_eq!(stream.header("accept"), Some(&b"text/event-stream"[..]));
        assert_eq!(stream.header("origin"), None);
        assert_eq!(stream.header("sec-fetch-site"), Some(&b"same-origin"[..]));
        assert!(is_same_origin(&stream.initiator(Scheme::Http)));

        let Head { value: head, len } = head(post);
        assert_eq!((head.method(), head.body()), ("POST", BodyLength::Bytes(3)));
        assert_eq!(&post[len..], b"a=b");
        assert!(is_same_origin(
            &head.initiator(Scheme::Http).with_cookie(true)
        ));
    }
}

#[test]
fn a_page_is_asked_for() {
    let head = head(recorded!("request-chromium-page")).value;
    assert_eq!((head.method(), head.path()), ("GET", "/chromium-page"));
    assert_eq!(head.header("sec-fetch-site"), Some(&b"none"[..]));
    assert!(is_same_origin(&head.initiator(Scheme::Http)));
}

/// The request that the recorded servers answered.
fn client() -> ClientHandshake {
    let request = ClientRequest::new("ws://127.0.0.1/").unwrap();
    let request = request
        .protocol("chat")
        .unwrap()
        .protocol("superchat")
        .unwrap();
    let request = request.extension(DEFLATE).unwrap();
    ClientHandshake::start(&request, Nonce::new(*b"the sample nonce"), &mut Vec::new())
}

#[test]
fn servers_accept() {
    for (buf, extension) in [
        (recorded!("response-node-ws"), "permessage-deflate"),
        (
            recorded!("response-python-websockets"),
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        ),
    ] {
        let Head { value, len } = client().finish(buf).unwrap().unwrap();
        let Answer::Accepted(accepted) = value else {
            panic!("{value:?}")
        };
        assert_eq!(accepted.protocol(), Some("chat"));
        assert!(accepted.extensions().map(|e| e.to_string()).eq([extension]));
        assert_eq!(len, buf.len());
    }
}

#[test]
fn servers_refuse() {
    let buf = recorded!("response-node-ws-version");
    let Head { value, .. } = client().finish(buf).unwrap().unwrap();
    let Answer::Refused(refused) = value else {
        panic!("{value:?}")
    };
    assert_eq!(refused.status(), 400);
    assert_eq!(
        refused.headers().get("Sec-WebSocket-Version"),
        Some(&b"13, 8"[..])
    );
    assert_eq!(
        refused.body(),
        b"Missing or invalid Sec-WebSocket-Version header"
    );
    assert_eq!(refused.content_length(), Some(refused.body().len() as u64));

    let buf = recorded!("response-python-websockets-503");
    let Head { value, len } = client().finish(buf).unwrap().unwrap();
    let Answer::Refused(refused) = value else {
        panic!("{value:?}")
    };
    assert_eq!((refused.status(), refused.body()), (503, &b"busy\n"[..]));
    assert_eq!(&buf[len..], b"busy\n");
}
