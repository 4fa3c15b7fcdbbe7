//! Sending: what may follow what, what is appended, and that refusals append nothing.

use proptest::prelude::*;
use ws_frame::{
    Client, Config, Connection, ControlPayload, DataKind, FrameHeader, MaskKey, MaskSource, OpCode,
    OutboundData, SendError,
};

use crate::support::{KEY, Seen, client, feed, server};

const HELLO: OutboundData<'static> = OutboundData::text("Hello");

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
//= type=test
//# The fragments of one message MUST NOT be interleaved between the fragments of another message
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.1
//= type=test
//# A server MUST NOT mask any frames that it sends to the client.
//= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
//= type=test
//# The opcode (frame-opcode) of the first frame containing the data MUST be set to the appropriate
//# value from Section 5.2 for data that is to be interpreted by the recipient as text or binary
//# data.
//= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
//= type=test
//# The FIN bit (frame-fin) of the last frame containing the data MUST be set to 1 as defined in
//# Section 5.2.
#[test]
fn fragments_in_sequence() {
    let mut server = server();
    let mut out = Vec::new();
    let more = OutboundData::continuation(b"x").more();
    assert_eq!(server.send(more, &mut out), Err(SendError::NoMessage));
    assert_eq!(
        server.send(OutboundData::continuation(b"x"), &mut out),
        Err(SendError::NoMessage)
    );
    server
        .send(OutboundData::binary(b"a").more(), &mut out)
        .unwrap();
    assert_eq!(
        server.send(HELLO, &mut out),
        Err(SendError::MessageInProgress)
    );
    assert_eq!(
        server.send(HELLO.more(), &mut out),
        Err(SendError::MessageInProgress)
    );
    assert_eq!(server.check_send(&HELLO), Err(SendError::MessageInProgress));
    server.send_ping(b"p", &mut out).unwrap();
    server.send(more, &mut out).unwrap();
    server
        .send(OutboundData::continuation(b""), &mut out)
        .unwrap();
    server.send(HELLO, &mut out).unwrap();
    assert_eq!(out, b"\x02\x01a\x89\x01p\x00\x01x\x80\x00\x81\x05Hello");
}

//= https://www.rfc-editor.org/rfc/rfc7692#section-6
//= type=test
//# An endpoint MUST NOT set the "Per-Message Compressed" bit of control frames and non-first
//# fragments of a data message.
#[test]
fn compression_must_be_negotiated() {
    let mut out = Vec::new();
    let compressed = OutboundData::new(DataKind::Text, b"\xf2\x48\x05\x00").compressed();
    assert_eq!(
        server().send(compressed, &mut out),
        Err(SendError::NotNegotiated)
    );
    assert!(out.is_empty());
    let mut server = Connection::server(Config::default().with_compression(true));
    server.send(compressed, &mut out).unwrap();
    assert_eq!(out, b"\xc1\x04\xf2\x48\x05\x00");
    server.send(compressed.more(), &mut out).unwrap();
    let marked = OutboundData::continuation(b"").compressed();
    assert_eq!(server.send(marked, &mut out), Err(SendError::NotNegotiated));
    server
        .send(OutboundData::continuation(b""), &mut out)
        .unwrap();
}

#[test]
fn control_payloads_up_to_125_bytes() {
    let mut out = Vec::new();
    let mut server = server();
    assert_eq!(
        server.send_ping(&[0; 126], &mut out),
        Err(SendError::ControlTooLong)
    );
    assert_eq!(
        server.send_pong(&[0; 126], &mut out),
        Err(SendError::ControlTooLong)
    );
    assert!(out.is_empty());
    server.send_ping(&[7; 125], &mut out).unwrap();
    server.send_pong(b"", &mut out).unwrap();
    assert_eq!(out.len(), 127 + 2);
    assert_eq!(out[..2], [0x89, 125]);
    assert_eq!(out[127..], [0x8a, 0]);

    assert_eq!(
        ControlPayload::new(&[0; 126]),
        Err(SendError::ControlTooLong)
    );
    let payload = ControlPayload::new(&[1; 125]).unwrap();
    assert_eq!(
        (payload.as_bytes(), payload.as_ref()),
        (&[1; 125][..], &payload[..])
    );
    assert_ne!(payload, ControlPayload::new(b"").unwrap());
}

#[test]
fn refusals_say_why() {
    for (error, words) in [
        (SendError::Closed, "connection is closing or closed"),
        (
            SendError::MessageInProgress,
            "another message is being sent",
        ),
        (SendError::NoMessage, "continuation without a message"),
        (SendError::NotNegotiated, "compression was not negotiated"),
        (
            SendError::ControlTooLong,
            "control payload of more than 125 bytes",
        ),
        (
            SendError::UnsendableCode,
            "close code that must not be sent",
        ),
    ] {
        assert_eq!(error.to_string(), words);
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.3
//= type=test
//# When preparing a masked frame, the client MUST pick a fresh masking key from the set of allowed
//# 32-bit values.
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.3
//= type=test
//# A masked frame MUST have the field frame-masked set to 1, as defined in Section 5.2.
//= https://www.rfc-editor.org/rfc/rfc6455#section-10.3
//= type=test
//# Clients MUST choose a new masking key for each frame, using an algorithm that cannot be
//# predicted by end applications that provide data.
//= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
//= type=test
//# If the data is being sent by the client, the frame(s) MUST be masked as defined in Section 5.3.
#[test]
fn every_frame_of_a_client_takes_a_key() {
    /// Counts up: what a real source must never do.
    struct Counting(u32);

    impl MaskSource for Counting {
        fn next_mask(&mut self) -> MaskKey {
            self.0 += 1;
            MaskKey::new(self.0.to_be_bytes())
        }
    }

    let mut client: Connection<Client<Counting>> =
        Connection::client(Config::default(), Counting(0));
    let mut out = Vec::new();
    let mut next = 0_u32;
    let mut expect_key = |frame: &[u8]| {
        next += 1;
        assert_ne!(frame[1] & 0x80, 0);
        assert_eq!(frame[2..6], next.to_be_bytes());
    };
    client
        .send(OutboundData::text("a").more(), &mut out)
        .unwrap();
    expect_key(&out);
    // Refusals take none.
    assert!(client.send(HELLO, &mut out).is_err());
    assert!(client.send_ping(&[0; 126], &mut out).is_err());
    out.clear();
    client.send_ping(b"", &mut out).unwrap();
    expect_key(&out);
    let header = client
        .send_header(OutboundData::continuation(b"b"))
        .unwrap()
        .encode();
    expect_key(&header);
    out.clear();
    let mut ping = *b"\x89\x00";
    let mut input = &mut ping[..];
    client.next_event(&mut input, &mut out).unwrap();
    expect_key(&out);
    out.clear();
    client
        .close(ws_frame::CloseCode::NORMAL, "", &mut out)
        .unwrap();
    expect_key(&out);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
//= type=test
//# An endpoint MUST encapsulate the /data/ in a WebSocket frame as defined in Section 5.2.
#[test]
fn a_header_and_its_payload_are_the_frame() {
    for len in [0, 125, 126, 65_535, 65_536] {
        let payload = vec![9; len];
        let data = OutboundData::binary(&payload);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        client().send(data, &mut whole).unwrap();
        let header = client().send_header(data).unwrap();
        assert_eq!(header.mask, Some(KEY));
        parts.extend_from_slice(&header.encode());
        let start = parts.len();
        parts.extend_from_slice(&payload);
        ws_frame::mask(KEY, 0, &mut parts[start..]);
        assert!(whole == parts);
        assert_eq!(feed(&mut server(), &[&whole]).seen.len(), 1);
    }
}

#[test]
fn encoded_once_for_many() {
    let data = OutboundData::text("to all");
    let mut shared = Vec::new();
    data.encode_unmasked(&mut shared);
    for connection in [server(), server()] {
        assert_eq!(connection.check_send(&data), Ok(()));
        let record = feed(&mut client(), &[&shared]);
        let expected = Seen::Message(DataKind::Text, b"to all".into(), false, true);
        assert_eq!(record.seen, [expected]);
    }
    let mut sent = Vec::new();
    server().send(data, &mut sent).unwrap();
    assert_eq!(sent, shared);
}

proptest! {
    //= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
    //= type=test
    //# To _Send a WebSocket Message_ comprising of /data/ over a WebSocket connection, an endpoint
    //# MUST perform the following steps.
    /// Any messages, cut into any fragments, with pings between them, read in any pieces, arrive.
    #[test]
    fn what_is_sent_arrives(
        messages in prop::collection::vec(
            (any::<bool>(), ".{0,300}", prop::collection::vec(0..100_usize, 0..4)),
            1..8,
        ),
        reads in prop::collection::vec(1..200_usize, 1..10),
    ) {
        let mut client = client();
        let mut sent = Vec::new();
        let mut expected = Vec::new();
        for (is_text, text, cuts) in &messages {
            let kind = if *is_text { DataKind::Text } else { DataKind::Binary };
            let mut rest = text.as_bytes();
            let mut first = true;
            for cut in cuts {
                let (fragment, left) = rest.split_at((*cut).min(rest.len()));
                rest = left;
                let data = if first {
                    OutboundData::new(kind, fragment)
                } else {
                    OutboundData::continuation(fragment)
                };
                client.send(data.more(), &mut sent).unwrap();
                first = false;
            }
            let data = if first {
                OutboundData::new(kind, rest)
            } else {
                OutboundData::continuation(rest)
            };
            client.send(data, &mut sent).unwrap();
            client.send_ping(b"p", &mut sent).unwrap();
            expected.push(Seen::Message(kind, text.clone().into_bytes(), false, true));
            expected.push(Seen::Ping(b"p".into()));
        }
        let mut rest = &sent[..];
        let mut chunks = Vec::new();
        for read in reads.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, left) = rest.split_at((*read).min(rest.len()));
            chunks.push(chunk);
            rest = left;
        }
        let record = feed(&mut server(), &chunks);
        prop_assert_eq!(record.seen, expected);
        prop_assert_eq!(record.out, b"\x8a\x01p".repeat(messages.len()));
    }
}

#[test]
fn a_driver_learns_its_role_and_whether_a_message_is_half_sent() {
    let (mut client, server) = (client(), server());
    assert_eq!((client.is_client(), server.is_client()), (true, false));
    assert!(!client.is_sending_message());
    let mut out = Vec::new();
    client.send(HELLO.more(), &mut out).unwrap();
    assert!(client.is_sending_message());
    client.send_ping(b"", &mut out).unwrap();
    assert!(client.is_sending_message());
    client
        .send(OutboundData::continuation(b"."), &mut out)
        .unwrap();
    assert!(!client.is_sending_message());
}

/// Short payloads are copied in overlapping pieces of fixed length.
#[test]
fn every_short_length_behind_what_is_there() {
    for len in 0..=200_u8 {
        let payload: Vec<u8> = (1..=len).collect();
        let mut out = b"before".to_vec();
        let data = OutboundData::binary(&payload);
        server().send(data, &mut out).unwrap();
        let header = FrameHeader::new(OpCode::Binary, len.into()).encode();
        assert_eq!(out, [b"before", &*header, &payload].concat(), "{len}");
    }
}

#[test]
fn what_is_reserved_is_what_is_written() {
    let payload = vec![7; 70_000];
    for len in [6, 16, 32, 64, 100, 125, 126, 65_535, 65_536, 70_000] {
        let data = OutboundData::binary(&payload[..len]);
        let (mut there, mut back, mut shared) = (Vec::new(), Vec::new(), Vec::new());
        client().send(data, &mut there).unwrap();
        server().send(data, &mut back).unwrap();
        data.encode_unmasked(&mut shared);
        for out in [there, back, shared] {
            assert_eq!(out.capacity(), out.len(), "{len}");
        }
    }
}
