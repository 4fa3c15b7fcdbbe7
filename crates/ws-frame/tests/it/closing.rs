//! Closing: every code, every cell of the state table, and what is reported at the end.

use ws_frame::OpCode::{Close, Ping, Text};
use ws_frame::{
    CloseCode, CloseReason, Config, Connection, ConnectionError, OutboundData, SendError, State,
};

use crate::support::{Seen, client, feed, masked, plain, server};

/// RFC 6455 §7.4 with the codes that IANA has registered since.
fn allowed(code: u16) -> bool {
    [1000..=1003, 1007..=1014, 3000..=4999]
        .iter()
        .any(|range| range.contains(&code))
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
//= type=test
//# 1005 is a reserved value and MUST NOT be set as a status code in a Close control frame by an
//# endpoint.
#[test]
fn every_code() {
    for code in 0..=u16::MAX {
        let record = feed(&mut server(), &[&masked(Close, true, &code.to_be_bytes())]);
        if allowed(code) {
            let known = CloseCode::new(code).unwrap();
            assert_eq!((known.get(), u16::from(known)), (code, code));
            assert!(known.is_sendable());
            assert_eq!(record.seen, [Seen::Close(code, String::new())]);
            assert_eq!(record.out, [&[0x88, 2], &code.to_be_bytes()[..]].concat());

            let mut out = Vec::new();
            server().close(known, "", &mut out).unwrap();
            assert_eq!(out, record.out);
        } else {
            assert_eq!(CloseCode::new(code), None);
            assert_eq!(
                record.seen,
                [Seen::Error(ConnectionError::InvalidCloseCode(code))]
            );
            assert_eq!(record.out, b"\x88\x02\x03\xea");
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
//= type=test
//# 1006 is a reserved value and MUST NOT be set as a status code in a Close control frame by an
//# endpoint.
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
//= type=test
//# 1015 is a reserved value and MUST NOT be set as a status code in a Close control frame by an
//# endpoint.
#[test]
fn codes_that_are_only_reported() {
    for code in [CloseCode::ABNORMAL, CloseCode::TLS] {
        assert!(!code.is_sendable());
        let mut out = Vec::new();
        let mut server = server();
        assert_eq!(
            server.close(code, "", &mut out),
            Err(SendError::UnsendableCode)
        );
        assert_eq!((out.len(), server.state()), (0, State::Open));
    }
    // No status stands for a frame without a body, both ways.
    assert!(!CloseCode::NO_STATUS.is_sendable());
    let mut out = Vec::new();
    server()
        .close(CloseCode::NO_STATUS, "is not sent", &mut out)
        .unwrap();
    assert_eq!(out, [0x88, 0]);
    let record = feed(&mut server(), &[&masked(Close, true, b"")]);
    assert_eq!(record.seen, [Seen::Close(1005, String::new())]);
    assert_eq!(record.out, [0x88, 0]);
}

#[test]
fn named_codes_have_their_numbers() {
    for (code, number) in [
        (CloseCode::NORMAL, 1000),
        (CloseCode::GOING_AWAY, 1001),
        (CloseCode::PROTOCOL_ERROR, 1002),
        (CloseCode::UNSUPPORTED, 1003),
        (CloseCode::NO_STATUS, 1005),
        (CloseCode::ABNORMAL, 1006),
        (CloseCode::INVALID_PAYLOAD, 1007),
        (CloseCode::POLICY_VIOLATION, 1008),
        (CloseCode::TOO_LARGE, 1009),
        (CloseCode::EXTENSION_REQUIRED, 1010),
        (CloseCode::INTERNAL_ERROR, 1011),
        (CloseCode::SERVICE_RESTART, 1012),
        (CloseCode::TRY_AGAIN_LATER, 1013),
        (CloseCode::BAD_GATEWAY, 1014),
        (CloseCode::TLS, 1015),
    ] {
        assert_eq!(code.get(), number);
        assert_eq!(code.to_string(), number.to_string());
        assert_eq!(format!("{code:?}"), format!("CloseCode({number})"));
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
//= type=test
//# If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer (in
//# network byte order) representing a status code with value /code/ defined in Section 7.4.
#[test]
fn a_body_of_one_byte_and_a_bad_reason() {
    let record = feed(&mut server(), &[&masked(Close, true, b"\x03")]);
    assert_eq!(record.seen, [Seen::Error(ConnectionError::CloseTooShort)]);
    assert_eq!(record.out, b"\x88\x02\x03\xea");
    let record = feed(&mut server(), &[&masked(Close, true, b"\x03\xe8caf\xe9")]);
    assert_eq!(record.seen, [Seen::Error(ConnectionError::InvalidUtf8)]);
    assert_eq!(record.out, b"\x88\x02\x03\xef");
}

#[test]
fn reasons_are_carried_and_cut_at_a_character() {
    for (reason, kept) in [
        ("", ""),
        ("done", "done"),
        (&"x".repeat(123), &*"x".repeat(123)),
        (&"x".repeat(124), &"x".repeat(123)),
        (&"ä".repeat(62), &"ä".repeat(61)),
        (&format!("{}🌍", "x".repeat(120)), &"x".repeat(120)),
    ] {
        let mut out = Vec::new();
        server()
            .close(CloseCode::GOING_AWAY, reason, &mut out)
            .unwrap();
        assert!(out.len() <= 127);
        let mut client = client();
        let record = feed(&mut client, &[&out]);
        assert_eq!(record.seen, [Seen::Close(1001, kept.to_owned())]);
        let end = client.receive_eof();
        assert_eq!((end.code(), end.reason()), (CloseCode::GOING_AWAY, kept));
        assert_eq!(end, client.receive_eof(), "the same again");
    }
    assert_eq!(CloseReason::MAX_REASON_LEN, 123);
}

#[test]
fn a_reason_is_shown_without_control_characters() {
    let mut client = client();
    feed(&mut client, &[&plain(Close, true, b"\x03\xe8a\x1b[2J\nb")]);
    assert_eq!(client.receive_eof().to_string(), "1000: a\\u{1b}[2J\\nb");
    assert_eq!(
        format!("{:?}", client.receive_eof()),
        "CloseReason { code: 1000, reason: \"a\\u{1b}[2J\\nb\" }"
    );
    assert_eq!(server().receive_eof().to_string(), "1006");
}

/// A server in each state, and what it has sent so far.
fn in_state(state: State) -> Connection<ws_frame::Server> {
    let mut server = server();
    let mut out = Vec::new();
    match state {
        State::Open => {}
        State::CloseSent => server.close(CloseCode::NORMAL, "", &mut out).unwrap(),
        State::Closed => drop(feed(&mut server, &[&masked(Close, true, b"\x03\xe8")])),
    }
    assert_eq!(server.state(), state);
    assert_eq!(server.close_expected(), state != State::Open);
    server
}

const STATES: [State; 3] = [State::Open, State::CloseSent, State::Closed];

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
//= type=test
//# The application MUST NOT send any more data frames after sending a Close frame.
//= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
//= type=test
//# The endpoint MUST ensure the WebSocket connection is in the OPEN state (cf.
#[test]
fn sending_in_each_state() {
    for state in STATES {
        let expected = if state == State::Open {
            Ok(())
        } else {
            Err(SendError::Closed)
        };
        let mut out = Vec::new();
        let hello = OutboundData::text("Hello");
        assert_eq!(in_state(state).send(hello, &mut out), expected);
        assert_eq!(in_state(state).send_header(hello).map(|_| ()), expected);
        assert_eq!(in_state(state).check_send(&hello), expected);
        assert_eq!(in_state(state).send_ping(b"", &mut out), expected);
        assert_eq!(in_state(state).send_pong(b"", &mut out), expected);
        assert_eq!(
            in_state(state).close(CloseCode::NORMAL, "", &mut out),
            expected
        );
        assert_eq!(out.is_empty(), state != State::Open);
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2
//= type=test
//# Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already
//# received a Close frame.
#[test]
fn receiving_in_each_state() {
    for state in STATES {
        let mut server = in_state(state);
        let record = feed(
            &mut server,
            &[&masked(Text, true, b"x"), &masked(Ping, true, b"p")],
        );
        if state == State::Closed {
            assert_eq!(
                (record.seen.len(), record.out.len()),
                (0, 0),
                "data after close"
            );
        } else {
            assert_eq!(record.seen.len(), 2);
            assert_eq!(record.out, b"\x8a\x01p");
        }
        assert_eq!(server.state(), state);
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
//= type=test
//# If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint
//# MUST send a Close frame in response.
#[test]
fn a_close_frame_in_each_state() {
    let close = masked(Close, true, b"\x0f\xa0bye");
    for state in STATES {
        let mut server = in_state(state);
        let record = feed(&mut server, &[&close]);
        let (seen, answer): (&[Seen], &[u8]) = match state {
            State::Open => (&[Seen::Close(4000, "bye".into())], b"\x88\x02\x0f\xa0"),
            State::CloseSent => (&[Seen::Close(4000, "bye".into())], b""),
            State::Closed => (&[], b""),
        };
        assert_eq!((&record.seen[..], &record.out[..]), (seen, answer));
        assert_eq!(server.state(), State::Closed);
        assert!(server.close_expected());
        let end = if state == State::Closed { 1000 } else { 4000 };
        assert_eq!(
            server.receive_eof().code().get(),
            end,
            "the first close frame counts"
        );
        assert!(!server.close_expected());
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7
//= type=test
//# the endpoint SHOULD send a Close frame with an appropriate status code (Section 7.4) before
//# proceeding to _Close the WebSocket Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7
//= type=test
//# An endpoint MUST NOT continue to attempt to process data (including a responding Close frame)
//# from the remote endpoint after being instructed to _Fail the WebSocket Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-10.7
//= type=test
//# If the invalid data was received after a successful WebSocket handshake, the endpoint SHOULD
//# send a Close frame with an appropriate status code (Section 7.4) before proceeding to _Close the
//# WebSocket Connection_.
#[test]
fn a_violation_in_each_state() {
    for state in STATES {
        let mut server = in_state(state);
        let record = feed(&mut server, &[b"\x83\x80", &masked(Text, true, b"dropped")]);
        match state {
            State::Open => assert_eq!(record.out, b"\x88\x02\x03\xea"),
            State::CloseSent | State::Closed => assert_eq!(record.out, b""),
        }
        assert_eq!(record.seen.len(), usize::from(state != State::Closed));
        assert_eq!(server.state(), State::Closed);
        let end = if state == State::Closed { 1000 } else { 1006 };
        assert_eq!(server.receive_eof().code().get(), end);
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5
//= type=test
//# If _The WebSocket Connection is Closed_ and no Close control frame was received by the endpoint
//# (such as could occur if the underlying transport connection is lost), _The WebSocket Connection
//# Close Code_ is considered to be 1006.
#[test]
fn the_end_of_input_in_each_state() {
    for state in STATES {
        let mut server = in_state(state);
        let end = server.receive_eof();
        let code = if state == State::Closed { 1000 } else { 1006 };
        assert_eq!((end.code().get(), end.reason()), (code, ""));
        assert_eq!(
            (server.state(), server.close_expected()),
            (State::Closed, false)
        );
        // What comes after is dropped.
        let record = feed(&mut server, &[&masked(Text, true, b"late")]);
        assert_eq!((record.seen.len(), record.out.len()), (0, 0));
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
//= type=test
//# If a client and server both send a Close message at the same time, both endpoints will have sent
//# and received a Close message and should consider the WebSocket connection closed
#[test]
fn both_close_at_once() {
    let (mut client, mut server) = (client(), server());
    let (mut there, mut back) = (Vec::new(), Vec::new());
    client
        .close(CloseCode::GOING_AWAY, "page left", &mut there)
        .unwrap();
    server
        .close(CloseCode::SERVICE_RESTART, "", &mut back)
        .unwrap();
    let at_server = feed(&mut server, &[&there]);
    let at_client = feed(&mut client, &[&back]);
    assert_eq!(at_server.seen, [Seen::Close(1001, "page left".into())]);
    assert_eq!(at_client.seen, [Seen::Close(1012, String::new())]);
    assert!(
        at_server.out.is_empty() && at_client.out.is_empty(),
        "answered already"
    );
    assert_eq!(
        (client.state(), server.state()),
        (State::Closed, State::Closed)
    );
}

#[test]
fn each_error_has_its_close_code() {
    use ConnectionError as E;
    let limit = 7;
    for (error, code, words) in [
        (
            E::Frame(ws_frame::FrameError::ReservedOpCode),
            1002,
            "reserved opcode",
        ),
        (E::ReservedBits, 1002, "reserved bit without a meaning"),
        (E::Unmasked, 1002, "unmasked frame from a client"),
        (E::Masked, 1002, "masked frame from a server"),
        (
            E::UnexpectedContinuation,
            1002,
            "continuation without a message",
        ),
        (
            E::ExpectedContinuation,
            1002,
            "new message inside a fragmented one",
        ),
        (
            E::CloseTooShort,
            1002,
            "close frame with a body of one byte",
        ),
        (E::InvalidCloseCode(1005), 1002, "invalid close code 1005"),
        (E::InvalidUtf8, 1007, "text that is not UTF-8"),
        (
            E::FrameTooLarge { limit },
            1009,
            "frame of more than 7 bytes",
        ),
        (
            E::MessageTooLarge { limit },
            1009,
            "message of more than 7 bytes",
        ),
        (
            E::TooManyFragments { limit: 7 },
            1008,
            "message of more than 7 frames",
        ),
        (
            E::TooManyControlFrames { limit: 7 },
            1008,
            "more than 7 control frames in one period",
        ),
    ] {
        assert_eq!(
            (error.close_code().get(), &*error.to_string()),
            (code, words)
        );
        let source = core::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(
            source,
            matches!(error, E::Frame(_)).then(|| words.to_owned())
        );
    }
    let frame = ws_frame::FrameError::ControlTooLong;
    assert_eq!(E::from(frame), E::Frame(frame));
    assert_eq!(Config::default().limits(), ws_frame::Limits::default());
}
