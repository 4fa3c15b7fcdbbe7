//! A handshake on the server allocates nothing but what the output needs.

#![allow(clippy::unwrap_used, reason = "a failing helper fails the test")]

use ws_handshake::{HostPolicy, Limits, OriginPolicy, Request, Scheme};

#[global_allocator]
static ALLOC: dhat::Alloc = dhat::Alloc;

#[test]
fn a_handshake_of_chromium_needs_the_output_buffer_alone() {
    let buf = include_bytes!("recorded/request-chromium-websocket.http");
    let (origins, hosts) = (OriginPolicy::same_origin(), HostPolicy::loopback());
    let _profiler = dhat::Profiler::builder().testing().build();
    let blocks = || dhat::HeapStats::get().total_blocks;

    let handshake = |out: &mut Vec<u8>| {
        let mut searched = 0;
        assert!(
            Request::parse(&buf[..300], &mut searched, &Limits::default())
                .unwrap()
                .is_none()
        );
        let head = Request::parse(buf, &mut searched, &Limits::default())
            .unwrap()
            .unwrap();
        let request = head.value;
        hosts.check(request.head().host()).unwrap();
        origins
            .check(&request.head().initiator(Scheme::Http).with_cookie(true))
            .unwrap();
        assert!(request.header("cookie").is_some());
        assert_eq!(request.extensions().flat_map(|e| e.params()).count(), 1);
        let accept = request.accept().protocol("superchat").unwrap();
        accept.extension("permessage-deflate").unwrap().encode(out);
    };
    let mut out = Vec::with_capacity(512);
    let before = blocks();
    handshake(&mut out);
    assert_eq!(blocks() - before, 0, "into a buffer that is there");
    let before = blocks();
    handshake(&mut Vec::new());
    assert_eq!(blocks() - before, 1, "into a new buffer, reserved once");

    // Nor does a refusal, until its answer is written.
    let before = blocks();
    assert!(Request::parse(b"GET / HTTP/1.1\r\nA\r\n\r\n", &mut 0, &Limits::default()).is_err());
    assert_eq!(blocks() - before, 0);
}
