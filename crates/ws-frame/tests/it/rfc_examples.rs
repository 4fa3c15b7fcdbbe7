//! The examples of RFC 6455 §5.7, all of them, both ways.

use crate::support::{KEY, Seen, client, feed, server};
use ws_frame::{DataKind, OutboundData};

fn text(bytes: &[u8]) -> Seen {
    Seen::Message(DataKind::Text, bytes.to_vec(), false, true)
}

fn binary(bytes: &[u8]) -> Seen {
    Seen::Message(DataKind::Binary, bytes.to_vec(), false, true)
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.7
//= type=test
//# A single-frame unmasked text message
#[test]
fn unmasked_text() {
    let bytes = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(feed(&mut client(), &[&bytes]).seen, [text(b"Hello")]);
    let mut out = Vec::new();
    server()
        .send(OutboundData::text("Hello"), &mut out)
        .unwrap();
    assert_eq!(out, bytes);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.7
//= type=test
//# A single-frame masked text message
//= https://www.rfc-editor.org/rfc/rfc6455#section-6.2
//= type=test
//# A server MUST remove masking for data frames received from a client as described in Section 5.3.
#[test]
fn masked_text() {
    let bytes = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(feed(&mut server(), &[&bytes]).seen, [text(b"Hello")]);
    let mut out = Vec::new();
    client()
        .send(OutboundData::text("Hello"), &mut out)
        .unwrap();
    assert_eq!(out, bytes);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.7
//= type=test
//# A fragmented unmasked text message
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
//= type=test
//# Clients and servers MUST support receiving both fragmented and unfragmented messages.
#[test]
fn fragmented_text() {
    let bytes = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(feed(&mut client(), &[&bytes]).seen, [text(b"Hello")]);
    let mut out = Vec::new();
    let mut server = server();
    server
        .send(OutboundData::text("Hel").more(), &mut out)
        .unwrap();
    server
        .send(OutboundData::continuation(b"lo"), &mut out)
        .unwrap();
    assert_eq!(out, bytes);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.7
//= type=test
//# Unmasked Ping request and masked Ping response
#[test]
fn ping_and_pong() {
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let pong = [
        0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    let record = feed(&mut client(), &[&ping]);
    assert_eq!(record.seen, [Seen::Ping(b"Hello".into())]);
    assert_eq!(record.out, pong);

    let mut server = server();
    let mut out = Vec::new();
    server.send_ping(b"Hello", &mut out).unwrap();
    assert_eq!(out, ping);
    assert_eq!(
        feed(&mut server, &[&pong]).seen,
        [Seen::Pong(b"Hello".into())]
    );
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.7
//= type=test
//# 256 bytes binary message in a single unmasked frame
#[test]
fn medium_binary() {
    let payload: Vec<u8> = (0..=255).collect();
    let mut bytes = vec![0x82, 0x7e, 0x01, 0x00];
    bytes.extend_from_slice(&payload);
    assert_eq!(feed(&mut client(), &[&bytes]).seen, [binary(&payload)]);
    let mut out = Vec::new();
    server()
        .send(OutboundData::binary(&payload), &mut out)
        .unwrap();
    assert_eq!(out, bytes);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.7
//= type=test
//# 64KiB binary message in a single unmasked frame
#[test]
fn large_binary() {
    let payload: Vec<u8> = (0..65_536_u32).map(|i| (i * 7 % 251) as u8).collect();
    let mut bytes = vec![0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0];
    bytes.extend_from_slice(&payload);
    assert_eq!(feed(&mut client(), &[&bytes]).seen, [binary(&payload)]);
    let mut out = Vec::new();
    server()
        .send(OutboundData::binary(&payload), &mut out)
        .unwrap();
    assert_eq!(out, bytes);

    // The same from a client: the key stands between length and payload.
    out.clear();
    client()
        .send(OutboundData::binary(&payload), &mut out)
        .unwrap();
    assert_eq!(out[..2], [0x82, 0xff]);
    assert_eq!(out[10..14], KEY.to_bytes());
    assert_eq!(feed(&mut server(), &[&out]).seen, [binary(&payload)]);
}
