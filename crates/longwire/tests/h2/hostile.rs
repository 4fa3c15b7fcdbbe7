//! Peers of HTTP/2 that mean harm, with the limits that `http::serve` sets.
//!
//! The attacks are those of CVE-2023-44487 (rapid reset), CVE-2025-8671 (resets that we are made
//! to send), CVE-2024-27316 (endless CONTINUATION), CVE-2026-49975 (a small header list that grows
//! large) and RUSTSEC-2026-0258 (empty DATA frames).

use longwire::http::Config;
use longwire::ws;

use crate::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS,
    PROTOCOL_ERROR, RST_STREAM, Raw, WINDOW_UPDATE, fields, frame, get,
};
use crate::server::Server;
use crate::support::within;

const CANCEL: [u8; 4] = [0, 0, 0, 8];

async fn start() -> Server {
    Server::start(Config::default(), ws::Config::default()).await
}

fn extended_connect() -> Vec<u8> {
    fields(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/"),
        ("sec-websocket-version", "13"),
    ])
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_at_once_end_the_connection() {
    let server = start().await;
    let mut raw = Raw::connect(server.address, b"").await;
    // In one write: they are all there before the first is served.
    let mut flood = Vec::new();
    for stream in (1..).step_by(2).take(1000) {
        flood.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &get()));
        flood.extend(frame(RST_STREAM, 0, stream, &CANCEL));
    }
    raw.send(&flood).await;
    let why = within("GOAWAY", raw.until_go_away()).await;
    assert_eq!(why, ENHANCE_YOUR_CALM);
}

#[tokio::test]
async fn a_peer_that_makes_us_reset_streams_ends_the_connection() {
    let server = start().await;
    let mut raw = Raw::connect(server.address, b"").await;
    let mut resets = 0;
    let why = within("GOAWAY", async {
        for stream in (1..).step_by(2) {
            // A window that grows above what a window may be.
            raw.send(&frame(HEADERS, END_HEADERS, stream, &extended_connect()))
                .await;
            raw.send(&frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]))
                .await;
            loop {
                match raw.next().await {
                    Some((RST_STREAM, of, _)) if of == stream => break,
                    Some((GOAWAY, _, payload)) => return payload[7],
                    Some(_) => {}
                    None => panic!("the connection ended without GOAWAY"),
                }
            }
            resets += 1;
        }
        unreachable!("there is always another stream");
    })
    .await;
    assert_eq!(u32::from(why), ENHANCE_YOUR_CALM);
    assert_eq!(resets, 128);
}

#[tokio::test]
async fn headers_that_never_end_end_the_connection() {
    let server = start().await;
    let mut raw = Raw::connect(server.address, b"").await;
    raw.send(&frame(HEADERS, END_STREAM, 1, &get())).await;
    // 200 KB: the connection does not live to read the half of it.
    let block = fields(&[("x", "y"); 1000]);
    for _ in 0..50 {
        raw.send(&frame(CONTINUATION, 0, 1, &block)).await;
    }
    within("the end", async { while raw.next().await.is_some() {} }).await;
}

#[tokio::test]
async fn a_header_list_above_16_kib_is_refused_however_small_it_comes() {
    let server = start().await;
    let mut raw = Raw::connect(server.address, b"").await;
    // A cookie that goes to the dynamic table, then two bytes for every further crumb of it.
    let mut block = get();
    block.extend([0x60, 0x7d]);
    block.extend([b'c'; 125]);
    block.extend([0xbe; 8000]);
    raw.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block))
        .await;
    // 431, or the connection is given up; in no case the page.
    let refused = within("an answer", async {
        loop {
            match raw.next().await {
                Some((HEADERS, 1, payload)) => return !payload.starts_with(&[0x88]),
                Some((RST_STREAM, 1, _) | (GOAWAY, ..)) | None => return true,
                Some(_) => {}
            }
        }
    })
    .await;
    assert!(refused, "the page was served");
}

#[tokio::test]
async fn empty_data_frames_end_the_connection() {
    let server = start().await;
    let mut raw = Raw::connect(server.address, b"").await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &extended_connect()))
        .await;
    raw.until(HEADERS, 1).await;
    raw.send(&frame(DATA, 0, 1, b"").repeat(10_000)).await;
    let why = within("GOAWAY", raw.until_go_away()).await;
    assert_eq!(why, ENHANCE_YOUR_CALM);
}

/// No attack: what fifty people behind one proxy may say in a moment.
#[tokio::test]
async fn a_burst_of_small_messages_on_many_streams_is_read_in_time() {
    const STREAMS: u32 = 50;
    // On each stream, again and again: together they are fewer than may wait to be read, since
    // nobody knows when a busy machine begins with that.
    const MESSAGES: usize = 200;
    let server = start().await;
    let mut raw = Raw::connect(server.address, b"").await;
    // A window for all the echoes.
    raw.send(&frame(WINDOW_UPDATE, 0, 0, &[0, 0x10, 0, 0]))
        .await;
    let streams: Vec<u32> = (0..STREAMS).map(|number| 2 * number + 1).collect();
    for stream in &streams {
        let connect = frame(HEADERS, END_HEADERS, *stream, &extended_connect());
        raw.send(&connect).await;
        raw.until(HEADERS, *stream).await;
    }
    let round: Vec<u8> = streams
        .iter()
        .flat_map(|stream| frame(DATA, 0, *stream, b"\x82\x80\0\0\0\0"))
        .collect();
    let mut echoed = 0;
    for burst in 1..=5 {
        raw.send(&round.repeat(MESSAGES)).await;
        while echoed < 2 * MESSAGES * streams.len() * burst {
            match within("echoes", raw.next()).await {
                Some((DATA, _, payload)) => echoed += payload.len(),
                Some((GOAWAY, _, payload)) => panic!("GOAWAY {payload:?} after {echoed}"),
                Some(_) => {}
                None => panic!("the connection ended after {echoed}"),
            }
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc8441#section-4
//= type=test
//# On requests that contain the :protocol pseudo-header field, the :scheme and :path pseudo-header
//# fields of the target URI (see Section 5) MUST also be included.
#[tokio::test]
async fn an_extended_connect_without_scheme_or_path_is_malformed() {
    let server = start().await;
    let mut raw = Raw::connect(server.address, b"").await;
    for (stream, missing) in [(1, ":scheme"), (3, ":path")] {
        let all = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":authority", "a.example"),
            (":path", "/"),
            ("sec-websocket-version", "13"),
        ];
        let some: Vec<_> = all
            .into_iter()
            .filter(|(name, _)| *name != missing)
            .collect();
        raw.send(&frame(HEADERS, END_HEADERS, stream, &fields(&some)))
            .await;
        let reset = within("a reset", raw.until(RST_STREAM, stream)).await;
        assert_eq!(reset, PROTOCOL_ERROR.to_be_bytes(), "{missing}");
    }
    assert!(server.methods.lock().unwrap().is_empty());
}

//= https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2
//= type=test
//# This advisory setting informs a peer of the maximum field section size that the sender is prepared
//# to accept, in units of octets.
#[tokio::test]
async fn a_peer_that_wants_no_fields_is_answered_all_the_same() {
    const MAX_HEADER_LIST_SIZE: [u8; 6] = [0, 6, 0, 0, 0, 1];
    let server = start().await;
    let mut raw = Raw::connect(server.address, &MAX_HEADER_LIST_SIZE).await;
    for stream in [1, 3] {
        let flags = END_STREAM | END_HEADERS;
        raw.send(&frame(HEADERS, flags, stream, &get())).await;
        assert!(!raw.until(HEADERS, stream).await.is_empty());
    }
}
