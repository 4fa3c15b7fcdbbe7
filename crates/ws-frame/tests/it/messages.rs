//! Messages: roles, reserved bits, fragments, and control frames between them.

use ws_frame::OpCode::{Binary, Continuation, Ping, Pong, Text};
use ws_frame::{Config, Connection, ConnectionError, DataKind, Event, FrameHeader, OpCode, Rsv};

use crate::support::{KEY, Record, Seen, client, feed, feed_more, frame, masked, plain, server};

fn text(bytes: &[u8]) -> Seen {
    Seen::Message(DataKind::Text, bytes.to_vec(), false, true)
}

const ALL: [OpCode; 6] = [Continuation, Text, Binary, OpCode::Close, Ping, Pong];

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.1
//= type=test
//# The server MUST close the connection upon receiving a frame that is not masked.
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.1
//= type=test
//# A client MUST close a connection if it detects a masked frame.
#[test]
fn masking_goes_one_way() {
    for (opcode, payload) in ALL
        .into_iter()
        .flat_map(|code| [(code, &b""[..]), (code, b"abc")])
    {
        // Twice, so that there would be enough bytes for a key.
        let frame = plain(opcode, true, payload).repeat(2);
        let record = feed(&mut server(), &[&frame]);
        assert_eq!(record.seen, [Seen::Error(ConnectionError::Unmasked)]);
        assert_eq!(record.out, b"\x88\x02\x03\xea");
        let frame = masked(opcode, true, payload);
        let record = feed(&mut client(), &[&frame]);
        assert_eq!(record.seen, [Seen::Error(ConnectionError::Masked)]);
        // Masked with the key of these tests.
        assert_eq!(record.out, b"\x88\x82\x37\xfa\x21\x3d\x34\x10");
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
//= type=test
//# If a nonzero value is received and none of the negotiated extensions defines the meaning of such
//# a nonzero value, the receiving endpoint MUST _Fail the WebSocket Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
//= type=test
//# MUST be 0 unless an extension is negotiated that defines meanings for non-zero values.
#[test]
fn reserved_bits() {
    for compression in [false, true] {
        for opcode in ALL {
            for rsv in [
                Rsv::RSV1,
                Rsv::RSV2,
                Rsv::RSV3,
                Rsv::RSV1 | Rsv::RSV2,
                Rsv::RSV1 | Rsv::RSV3,
            ] {
                let mut server =
                    Connection::server(Config::default().with_compression(compression));
                let header = FrameHeader {
                    rsv,
                    mask: Some(KEY),
                    ..FrameHeader::new(opcode, 0)
                };
                let record = feed(&mut server, &[&frame(header, b"\xff")]);
                if compression && rsv == Rsv::RSV1 && matches!(opcode, Text | Binary) {
                    let kind = if opcode == Text {
                        DataKind::Text
                    } else {
                        DataKind::Binary
                    };
                    assert_eq!(record.seen, [Seen::Message(kind, vec![0xff], true, true)]);
                } else {
                    assert_eq!(record.seen, [Seen::Error(ConnectionError::ReservedBits)]);
                }
            }
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc7692#section-6
//= type=test
//# An endpoint receiving such a frame MUST _Fail the WebSocket Connection_.
#[test]
fn a_compressed_message_is_marked_on_its_first_frame_alone() {
    let config = Config::default().with_compression(true);
    let header = FrameHeader {
        fin: false,
        rsv: Rsv::RSV1,
        ..FrameHeader::new(Text, 0)
    };
    let first = frame(
        FrameHeader {
            mask: Some(KEY),
            ..header
        },
        b"\xc1",
    );
    let rest = masked(Continuation, true, b"\xff");
    let plain = masked(Text, true, b"plain");
    let record = feed(&mut Connection::server(config), &[&first, &rest, &plain]);
    let compressed = Seen::Message(DataKind::Text, b"\xc1\xff".into(), true, true);
    assert_eq!(record.seen, [compressed, text(b"plain")]);

    let header = FrameHeader {
        rsv: Rsv::RSV1,
        mask: Some(KEY),
        ..FrameHeader::new(Continuation, 0)
    };
    let record = feed(
        &mut Connection::server(config),
        &[&first, &frame(header, b"")],
    );
    assert_eq!(record.error(), Some(ConnectionError::ReservedBits));
    // Text that is not compressed is checked as ever.
    let record = feed(
        &mut Connection::server(config),
        &[&masked(Text, true, b"\xff")],
    );
    assert_eq!(record.error(), Some(ConnectionError::InvalidUtf8));
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
//= type=test
//# An endpoint MUST be capable of handling control frames in the middle of a fragmented message.
//= https://www.rfc-editor.org/rfc/rfc6455#section-6.2
//= type=test
//# If a control frame (Section 5.5) is received, the frame MUST be handled as defined by Section
//# 5.5.
#[test]
fn control_frames_between_fragments() {
    let frames = [
        masked(Text, false, b"a\xc3"),
        masked(Ping, true, b"p"),
        masked(Continuation, false, b"\xa4"),
        masked(Pong, true, b""),
        masked(Continuation, true, b"b"),
    ]
    .concat();
    let record = feed(&mut server(), &[&frames]);
    let expected = [
        text("aäb".as_bytes()),
        Seen::Ping(b"p".into()),
        Seen::Pong(vec![]),
    ];
    assert_eq!(record.seen, expected);
    assert_eq!(record.out, b"\x8a\x01p");
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
//= type=test
//# The fragments of one message MUST NOT be interleaved between the fragments of another message
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
//= type=test
//# Message fragments MUST be delivered to the recipient in the order sent by the sender.
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
//= type=test
//# Since control frames cannot be fragmented, the type for all fragments in a message MUST be
//# either text, binary, or one of the reserved opcodes.
//= https://www.rfc-editor.org/rfc/rfc6455#section-6.2
//= type=test
//# Upon receiving a data frame (Section 5.6), the endpoint MUST note the /type/ of the data as
//# defined by the opcode (frame-opcode) from Section 5.2.
#[test]
fn fragments_come_in_sequence() {
    for first in [Text, Binary] {
        for second in [Text, Binary] {
            for fin in [true, false] {
                let record = feed(
                    &mut server(),
                    &[&masked(first, false, b"a"), &masked(second, fin, b"b")],
                );
                assert_eq!(record.error(), Some(ConnectionError::ExpectedContinuation));
            }
        }
    }
    for fin in [true, false] {
        let record = feed(&mut server(), &[&masked(Continuation, fin, b"a")]);
        assert_eq!(
            record.error(),
            Some(ConnectionError::UnexpectedContinuation)
        );
        let frames = [masked(Text, true, b"a"), masked(Continuation, fin, b"b")].concat();
        let record = feed(&mut server(), &[&frames]);
        assert_eq!(record.seen[0], text(b"a"));
        assert_eq!(
            record.error(),
            Some(ConnectionError::UnexpectedContinuation)
        );
    }
}

#[test]
fn empty_messages_and_fragments() {
    let frames = [
        masked(Text, true, b""),
        masked(Text, false, b""),
        masked(Continuation, false, b""),
        masked(Continuation, true, b""),
        masked(Binary, false, b""),
        masked(Continuation, true, b"x"),
    ]
    .concat();
    let binary = Seen::Message(DataKind::Binary, b"x".into(), false, true);
    assert_eq!(
        feed(&mut server(), &[&frames]).seen,
        [text(b""), text(b""), binary]
    );
}

#[test]
fn what_is_lent_is_what_was_consumed_last() {
    let mut bytes = [
        masked(Binary, true, &[1; 20]),
        masked(Binary, true, &[2; 300]),
        masked(Binary, true, &[3; 70_000]),
        masked(Text, false, "ä".repeat(100).as_bytes()),
    ]
    .concat();
    let end = bytes.as_ptr_range().end;
    let mut input = &mut bytes[..];
    let mut out = Vec::new();
    let mut server = server();
    let mut lengths = Vec::new();
    while let Some(event) = server.next_event(&mut input, &mut out).unwrap() {
        let Event::Data(data) = event else {
            panic!("{event:?}")
        };
        let rest = if input.is_empty() {
            end
        } else {
            input.as_ptr()
        };
        assert_eq!(data.bytes.as_ptr_range().end, rest);
        lengths.push(data.bytes.len());
    }
    assert_eq!(lengths, [20, 300, 70_000, 200]);
}

#[test]
fn text_of_a_whole_message() {
    for len in [0, 5, 16, 63, 64, 200, 16_383, 16_385, 70_000] {
        for text in ["x".repeat(len), format!("{}ä", "x".repeat(len))] {
            let mut bytes = masked(Text, true, text.as_bytes());
            let mut input = &mut bytes[..];
            let event = server().next_event(&mut input, &mut Vec::new()).unwrap();
            let Some(Event::Data(data)) = event else {
                panic!("{event:?}")
            };
            assert!(data.as_str() == Some(&text));
            // A copy stands on its own.
            assert!({ data }.as_str() == Some(&text));
        }
    }
    for mut bytes in [masked(Binary, true, b"x"), masked(Text, false, b"x")] {
        let mut input = &mut bytes[..];
        let event = server().next_event(&mut input, &mut Vec::new()).unwrap();
        let Some(Event::Data(data)) = event else {
            panic!("{event:?}")
        };
        assert_eq!(data.as_str(), None);
    }
}

#[test]
fn a_large_frame_can_be_read_where_it_is_wanted() {
    let payload: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
    let bytes = masked(Binary, true, &payload);
    let mut server = server();
    let mut out = Vec::new();
    // The header and a first piece, as they come.
    let mut first = bytes[..4000].to_vec();
    let mut input = &mut first[..];
    let mut message = Vec::new();
    while let Some(event) = server.next_event(&mut input, &mut out).unwrap() {
        let Event::Data(data) = event else {
            panic!("{event:?}")
        };
        message.extend_from_slice(data.bytes);
    }
    // The rest straight into the message.
    let remaining = usize::try_from(server.payload_remaining()).unwrap();
    assert_eq!(remaining, bytes.len() - 4000);
    let before = message.len();
    message.extend_from_slice(&bytes[4000..]);
    let mut input = &mut message[before..];
    let event = server.next_event(&mut input, &mut out).unwrap();
    let Some(Event::Data(data)) = event else {
        panic!("{event:?}")
    };
    assert!(data.end && data.bytes.len() == remaining);
    assert!(message == payload);
    assert_eq!(server.payload_remaining(), 0);
}

#[test]
fn a_driver_learns_whether_a_message_is_on_its_way() {
    let mut server = server();
    let mut record = Record::default();
    for (frame, receiving) in [
        (masked(Text, true, b"a"), false),
        (masked(Text, false, b"a"), true),
        (masked(Ping, true, b""), true),
        (masked(Continuation, true, b""), false),
    ] {
        feed_more(&mut record, &mut server, &[&frame]);
        assert_eq!(server.is_receiving_message(), receiving);
    }
}

#[test]
fn nothing_of_a_client_is_shown_in_logs() {
    let shown = format!("{:?}", client());
    assert!(shown.contains("Client { .. }"), "{shown}");
    let payload = ws_frame::ControlPayload::new(b"abc").unwrap();
    assert_eq!(format!("{payload:?}"), "[97, 98, 99]");
}
