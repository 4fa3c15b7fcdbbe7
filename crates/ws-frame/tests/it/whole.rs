//! Whole messages, one after the other.

use ws_frame::OpCode::{Binary, Continuation, Ping, Text};
use ws_frame::{CloseCode, Config, Connection, ConnectionError, DataKind, Limits};

use crate::support::{client, masked, plain, server};

#[test]
fn every_length_comes_unmasked() {
    let payload: Vec<u8> = (0..=255).cycle().take(20_000).collect();
    for len in (0..300).chain([1023, 1024, 16_384]) {
        let mut bytes = [
            masked(Binary, true, &payload[..len]),
            masked(Text, true, b"behind"),
        ]
        .concat();
        let mut input = &mut bytes[..];
        let mut server = server();
        let data = server.next_whole(&mut input).unwrap();
        assert_eq!((data.kind, data.bytes), (DataKind::Binary, &payload[..len]));
        let data = server.next_whole(&mut input).unwrap();
        assert_eq!(data.as_str(), Some("behind"));
        assert!(server.next_whole(&mut input).is_none());
    }
}

#[test]
fn what_is_not_a_whole_message_is_left_as_it_is() {
    let limits = Limits::default().with_max_message(3);
    let short = || Connection::server(Config::default().with_limits(limits));
    for (mut server, bytes) in [
        (server(), masked(Text, false, b"start")),
        (server(), masked(Continuation, true, b"end")),
        (server(), masked(Ping, true, b"ping")),
        (server(), masked(Binary, true, b"cut")[..8].to_vec()),
        (server(), masked(Binary, true, &[0; 16_385])),
        (server(), plain(Text, true, b"plain")),
        (server(), vec![0xc1, 0x80, 0, 0, 0, 0]),
        (server(), vec![0x82, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5]),
        (server(), vec![0x82]),
        (server(), vec![]),
        (short(), masked(Binary, true, b"1234")),
    ] {
        let mut given = bytes.clone();
        let mut input = &mut given[..];
        assert!(server.next_whole(&mut input).is_none());
        assert_eq!(input, bytes);
    }
    let mut bytes = masked(Text, true, b"masked");
    let mut input = &mut bytes[..];
    assert!(client().next_whole(&mut input).is_none());
}

#[test]
fn a_message_amid_another_is_left_to_the_rules() {
    let mut bytes = [
        masked(Text, false, b"start"),
        masked(Text, true, b"another"),
    ]
    .concat();
    let (mut server, mut out) = (server(), Vec::new());
    let mut input = &mut bytes[..];
    assert!(server.next_whole(&mut input).is_none());
    server.next_event(&mut input, &mut out).unwrap().unwrap();
    assert!(server.next_whole(&mut input).is_none());
    assert_eq!(
        server.next_event(&mut input, &mut out).unwrap_err(),
        ConnectionError::ExpectedContinuation
    );
}

#[test]
fn whole_messages_are_found_again_behind_what_is_none() {
    let whole = |payload| masked(Text, true, payload);
    for other in [
        masked(Ping, true, b"ping"),
        masked(Binary, true, &[0; 20_000]),
        [masked(Text, false, b"a"), masked(Continuation, true, b"b")].concat(),
    ] {
        let mut bytes = [whole(b"before"), other, whole(b"behind")].concat();
        let (mut server, mut out) = (server(), Vec::new());
        let mut input = &mut bytes[..];
        let data = server.next_whole(&mut input).unwrap();
        assert_eq!(data.as_str(), Some("before"));
        let data = loop {
            if let Some(data) = server.next_whole(&mut input) {
                break data;
            }
            assert!(server.next_event(&mut input, &mut out).unwrap().is_some());
            assert!(!input.is_empty(), "next_event took what was whole");
        };
        assert_eq!(data.as_str(), Some("behind"));
    }
}

#[test]
fn a_bad_text_is_not_lent_and_its_error_comes_next() {
    for text in [
        &b"bad \xff"[..],
        b"\xff",
        b"a long one that is open at its end \xe2\x82",
    ] {
        let bytes = [masked(Text, true, text), masked(Text, true, b"behind")].concat();
        let (mut server, mut out, mut bytes) = (server(), Vec::new(), bytes);
        let mut input = &mut bytes[..];
        assert!(server.next_whole(&mut input).is_none());
        assert!(server.next_whole(&mut input).is_none());
        assert_eq!(
            server.next_event(&mut input, &mut out).unwrap_err(),
            ConnectionError::InvalidUtf8
        );
        assert_eq!(out[2..], CloseCode::INVALID_PAYLOAD.get().to_be_bytes());
        assert!(server.next_whole(&mut input).is_none());
    }
}
