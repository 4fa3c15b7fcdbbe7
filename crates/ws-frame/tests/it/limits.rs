//! Limits: their defaults, their edges, and the budget of control frames.

use ws_frame::OpCode::{Binary, Close, Continuation, Ping, Pong, Text};
use ws_frame::{Config, Connection, ConnectionError, Limits};

use crate::support::{Record, Seen, feed, masked};

fn with(limits: Limits) -> Connection<ws_frame::Server> {
    Connection::server(Config::default().with_limits(limits))
}

fn error(record: &Record) -> ConnectionError {
    match record.seen.last() {
        Some(Seen::Error(error)) => *error,
        seen => panic!("{seen:?} is no error"),
    }
}

#[test]
fn defaults_are_finite() {
    let limits = Limits::default();
    assert_eq!(limits.max_message(), 4 << 20);
    assert_eq!(limits.max_frame(), 4 << 20);
    assert_eq!(limits.max_fragments(), 1024);
    assert_eq!(limits.control_budget(), 100);
    assert_eq!(limits.max_message(), Limits::DEFAULT_MAX_MESSAGE);
    assert_eq!(limits.max_frame(), Limits::DEFAULT_MAX_FRAME);
    assert_eq!(limits.max_fragments(), Limits::DEFAULT_MAX_FRAGMENTS);
    assert_eq!(limits.control_budget(), Limits::DEFAULT_CONTROL_BUDGET);
    let config = Config::default();
    assert_eq!(
        (config.limits(), config.auto_pong(), config.compression()),
        (limits, true, false)
    );
}

#[test]
fn what_is_set_is_told() {
    let limits = Limits::default()
        .with_max_message(1)
        .with_max_frame(2)
        .with_max_fragments(3)
        .with_control_budget(4);
    assert_eq!((limits.max_message(), limits.max_frame()), (1, 2));
    assert_eq!((limits.max_fragments(), limits.control_budget()), (3, 4));
    let config = Config::default()
        .with_limits(limits)
        .with_auto_pong(false)
        .with_compression(true);
    assert_eq!(
        (config.limits(), config.auto_pong(), config.compression()),
        (limits, false, true)
    );
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-10.4
//= type=test
//# Such an implementation SHOULD impose a limit on frame sizes and the total message size after
//# reassembly from multiple frames.
#[test]
fn messages_up_to_the_limit() {
    // Below, at and above the size of the straight path.
    for limit in [0, 1, 100, 126, 16_384, 16_385, 70_000] {
        let limits = Limits::default().with_max_message(limit as u64);
        let fits = masked(Binary, true, &vec![7; limit]);
        let record = feed(&mut with(limits), &[&fits]);
        assert_eq!((record.seen.len(), record.error()), (1, None));
        let one_more = masked(Binary, true, &vec![7; limit + 1]);
        let record = feed(&mut with(limits), &[&one_more]);
        let limit = limit as u64;
        assert_eq!(
            record.seen,
            [Seen::Error(ConnectionError::MessageTooLarge { limit })]
        );
        assert_eq!(record.out, b"\x88\x02\x03\xf1");
    }
    let limits = Limits::default().with_max_message(5);
    let frames = [
        masked(Text, false, b"abc"),
        masked(Continuation, false, b"de"),
    ]
    .concat();
    assert_eq!(
        error(&feed(
            &mut with(limits),
            &[&frames, &masked(Continuation, true, b"f")]
        )),
        { ConnectionError::MessageTooLarge { limit: 5 } }
    );
    let end = masked(Continuation, true, b"");
    assert_eq!(feed(&mut with(limits), &[&frames, &end]).seen.len(), 1);
}

#[test]
fn every_message_has_a_limit_of_its_own() {
    let limits = Limits::default().with_max_message(5);
    let message = [
        masked(Text, false, b"abc"),
        masked(Continuation, true, b"de"),
    ]
    .concat();
    let record = feed(&mut with(limits), &[&message.repeat(3)]);
    assert_eq!((record.seen.len(), record.error()), (3, None));
}

#[test]
fn frames_up_to_the_limit() {
    for limit in [0, 3, 200, 16_384, 20_000] {
        let limits = Limits::default().with_max_frame(limit as u64);
        let record = feed(&mut with(limits), &[&masked(Binary, true, &vec![7; limit])]);
        assert_eq!((record.seen.len(), record.error()), (1, None));
        let record = feed(
            &mut with(limits),
            &[&masked(Binary, true, &vec![7; limit + 1])],
        );
        let limit = limit as u64;
        assert_eq!(
            record.seen,
            [Seen::Error(ConnectionError::FrameTooLarge { limit })]
        );
    }
    // The message may be larger than its frames.
    let limits = Limits::default().with_max_frame(3);
    let frames = [
        masked(Binary, false, b"abc"),
        masked(Continuation, true, b"def"),
    ]
    .concat();
    assert_eq!(feed(&mut with(limits), &[&frames]).seen.len(), 1);
}

#[test]
fn a_header_beyond_the_limit_ends_it_before_any_payload() {
    let mut header = masked(Binary, true, &[0; 1000]);
    header.truncate(8);
    let limits = Limits::default().with_max_message(999);
    let record = feed(&mut with(limits), &[&header]);
    assert_eq!(
        error(&record),
        ConnectionError::MessageTooLarge { limit: 999 }
    );
    // Sums do not wrap.
    let huge = b"\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
    let limits = Limits::default()
        .with_max_message(u64::MAX)
        .with_max_frame(u64::MAX);
    let start = masked(Binary, false, b"x");
    let record = feed(&mut with(limits), &[&start, huge]);
    assert_eq!(record.seen.len(), 1);
    assert_eq!(record.out, b"");
    let limits = limits.with_max_message((1 << 63) - 1);
    let record = feed(&mut with(limits), &[&start, huge]);
    assert_eq!(
        error(&record),
        ConnectionError::MessageTooLarge {
            limit: (1 << 63) - 1
        }
    );
}

#[test]
fn fragments_up_to_the_limit_empty_ones_counted() {
    for limit in [1, 2, 1024] {
        let limits = Limits::default().with_max_fragments(limit);
        let mut frames = masked(Text, false, b"");
        for _ in 1..limit {
            frames.extend(masked(Continuation, false, b""));
        }
        let mut server = with(limits);
        let record = feed(&mut server, &[&frames]);
        assert_eq!(
            (record.seen.len(), server.is_receiving_message()),
            (0, true)
        );
        let record = feed(&mut server, &[&masked(Continuation, true, b"")]);
        assert_eq!(error(&record), ConnectionError::TooManyFragments { limit });
        assert_eq!(record.out, b"\x88\x02\x03\xf0");
    }
    // Each message has its own count.
    let limits = Limits::default().with_max_fragments(2);
    let message = [masked(Text, false, b"a"), masked(Continuation, true, b"b")].concat();
    assert_eq!(
        feed(&mut with(limits), &[&message.repeat(10)]).seen.len(),
        10
    );
    // No frames, no messages, behind a ping neither.
    for ping in [vec![], masked(Ping, true, b"")] {
        let record = feed(
            &mut with(limits.with_max_fragments(0)),
            &[&ping, &masked(Text, true, b"a")],
        );
        assert_eq!(
            error(&record),
            ConnectionError::TooManyFragments { limit: 0 }
        );
    }
}

#[test]
fn control_frames_up_to_the_budget() {
    let limits = Limits::default().with_control_budget(3);
    let limit = 3;
    let too_many = ConnectionError::TooManyControlFrames { limit };
    for control in [masked(Ping, true, b""), masked(Pong, true, b"")] {
        let mut server = with(limits);
        assert_eq!(feed(&mut server, &[&control.repeat(3)]).seen.len(), 3);
        server.refill_control_budget();
        assert_eq!(feed(&mut server, &[&control.repeat(2)]).seen.len(), 2);
        server.refill_control_budget();
        assert_eq!(
            feed(&mut server, &[&control.repeat(3)]).seen.len(),
            3,
            "not saved up"
        );
        let record = feed(&mut server, &[&control]);
        assert_eq!(record.seen, [Seen::Error(too_many)]);
        assert_eq!(record.out, b"\x88\x02\x03\xf0");
    }
    // Between fragments too; messages cost nothing.
    let ping = masked(Ping, true, b"");
    let mut frames = masked(Text, false, b"a");
    frames.extend(ping.repeat(3));
    frames.extend(masked(Continuation, true, b"b"));
    frames.extend(masked(Text, true, b"c").repeat(200));
    let mut server = with(limits);
    assert_eq!(feed(&mut server, &[&frames]).error(), None);
    assert_eq!(feed(&mut server, &[&ping]).error(), Some(too_many));
    // Without any budget not even a close frame.
    let record = feed(
        &mut with(limits.with_control_budget(0)),
        &[&masked(Close, true, b"")],
    );
    assert_eq!(
        error(&record),
        ConnectionError::TooManyControlFrames { limit: 0 }
    );
}

/// Autobahn 2.10: ten pings, ten pongs, in order.
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3
//= type=test
//# A Pong frame sent in response to a Ping frame must have identical "Application data" as found in
//# the message body of the Ping frame being replied to.
#[test]
fn every_ping_is_answered_in_order() {
    let pings: Vec<u8> = (0..10).flat_map(|i| masked(Ping, true, &[i; 3])).collect();
    let pongs: Vec<u8> = (0..10).flat_map(|i| [0x8a, 3, i, i, i]).collect();
    let mut server = with(Limits::default());
    assert_eq!(feed(&mut server, &[&pings]).out, pongs);
    // 2.11: the same, a byte at a time.
    server.refill_control_budget();
    let bytes: Vec<&[u8]> = pings.chunks(1).collect();
    assert_eq!(feed(&mut server, &bytes).out, pongs);
}

#[test]
fn without_auto_pong_the_caller_answers() {
    let mut server = Connection::server(Config::default().with_auto_pong(false));
    let mut record = feed(&mut server, &[&masked(Ping, true, b"p")]);
    assert_eq!(
        (record.seen, record.out.len()),
        (vec![Seen::Ping(b"p".into())], 0)
    );
    server.send_pong(b"p", &mut record.out).unwrap();
    assert_eq!(record.out, b"\x8a\x01p");
}

#[test]
fn a_driver_may_let_a_message_have_more_fragments() {
    let mut server = with(Limits::default().with_max_fragments(2));
    let fragment = masked(Continuation, false, b"");
    feed(&mut server, &[&masked(Binary, false, b""), &fragment]);
    for _ in 0..3 {
        server.refill_fragment_budget();
        let record = feed(&mut server, &[&fragment, &fragment]);
        assert_eq!(record.seen, []);
    }
    let record = feed(&mut server, &[&fragment]);
    let limit = 2;
    assert_eq!(error(&record), ConnectionError::TooManyFragments { limit });
}
