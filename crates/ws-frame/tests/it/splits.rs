//! Chunking invariance: however the bytes of a session are cut, it sees and sends the same.

use crate::support::{Record, client, feed, feed_more, masked, plain, server};
use ws_frame::OpCode::{Binary, Close, Continuation, Ping, Pong, Text};
use ws_frame::{Config, Connection, OpCode};

type Framer = fn(OpCode, bool, &[u8]) -> Vec<u8>;

/// Sessions that touch every rule that a cut could upset, as one role receives them.
fn sessions(frame: Framer) -> Vec<(&'static str, Vec<u8>)> {
    let long = "ä".repeat(70);
    let whole = [
        frame(Text, true, "Grüße, 世界 🌍".as_bytes()),
        frame(Ping, true, b"p1"),
        frame(Binary, false, &[7; 130]),
        frame(Ping, true, &[9; 125]),
        frame(Continuation, false, b""),
        frame(Continuation, false, &[8; 5]),
        frame(Pong, true, b""),
        frame(Continuation, true, b""),
        frame(Text, false, &long.as_bytes()[..71]),
        frame(Continuation, true, &long.as_bytes()[71..]),
        frame(Text, true, b""),
        frame(Close, true, b"\x03\xe8done"),
        frame(Text, true, b"dropped"),
    ]
    .concat();
    let with = |name, last: &[u8]| {
        (
            name,
            [frame(Text, false, "aä".as_bytes()).as_slice(), last].concat(),
        )
    };
    vec![
        ("whole", whole),
        with("bad byte", &frame(Continuation, true, b"good\xffbad")),
        with("bad at once", &frame(Continuation, true, b"\xff")),
        with(
            "surrogate",
            &frame(Continuation, true, "x".repeat(80).as_bytes())[..20],
        ),
        with(
            "surrogate",
            &frame(Continuation, false, b"ok\xed\xa0\x80ok"),
        ),
        with("open end", &frame(Continuation, true, b"good\xe2\x82")),
        with("open end, empty frame", &{
            [
                frame(Continuation, false, b"\xe2\x82"),
                frame(Continuation, true, b""),
            ]
            .concat()
        }),
        with("interleaved", &frame(Binary, true, b"x")),
        with("close 1005", &frame(Close, true, &1005_u16.to_be_bytes())),
        with("close of one byte", &frame(Close, true, b"\x03")),
        with(
            "close with a bad reason",
            &frame(Close, true, b"\x03\xe8\xff"),
        ),
        with("reserved opcode", b"\x83\x80\0\0\0\0"),
        with("fragmented ping", b"\x09\x80\0\0\0\0"),
        with("length not minimal", b"\x80\xfe\0\x05\0\0\0\0"),
        with("length of 64 bits", b"\x80\xff\x80\0\0\0\0\0\0\0\0\0\0\0"),
        with(
            "length beyond the limit",
            b"\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        ),
        with(
            "length beyond the limit",
            b"\x80\x7f\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        ),
        with("RSV1", b"\xc0\x80\0\0\0\0"),
    ]
}

fn check(name: &str, bytes: &[u8], run: impl Fn(&[&[u8]]) -> Record) {
    let whole = run(&[bytes]);
    for at in 0..=bytes.len() {
        let (a, b) = bytes.split_at(at);
        assert_eq!(run(&[a, b]), whole, "{name} cut at {at}");
    }
    let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(run(&bytewise), whole, "{name} byte by byte");
    if bytes.len() <= 64 {
        for i in 0..=bytes.len() {
            for j in i..=bytes.len() {
                let cut = [&bytes[..i], &bytes[i..j], &bytes[j..]];
                assert_eq!(run(&cut), whole, "{name} cut at {i} and {j}");
            }
        }
    }
}

#[test]
fn server_sees_the_same() {
    for (name, bytes) in sessions(masked) {
        check(name, &bytes, |chunks| feed(&mut server(), chunks));
    }
}

#[test]
fn client_sees_the_same() {
    for (name, bytes) in sessions(plain) {
        check(name, &bytes, |chunks| feed(&mut client(), chunks));
    }
}

#[test]
fn whole_messages_are_the_same_ones() {
    let by_whole = |chunks: &[&[u8]]| {
        let mut record = Record {
            by_whole: true,
            ..Record::default()
        };
        feed_more(&mut record, &mut server(), chunks);
        Record {
            by_whole: false,
            ..record
        }
    };
    for (name, bytes) in sessions(masked) {
        check(name, &bytes, by_whole);
        let same = feed(&mut server(), &[&bytes]);
        assert_eq!(by_whole(&[&bytes]), same, "{name}");
    }
}

#[test]
fn closing_side_sees_the_same() {
    for (name, bytes) in sessions(masked) {
        check(name, &bytes, |chunks| {
            let mut server = server();
            let mut out = Vec::new();
            server
                .close(ws_frame::CloseCode::NORMAL, "", &mut out)
                .unwrap();
            feed(&mut server, chunks)
        });
    }
}

#[test]
fn compressed_messages_are_cut_alike() {
    let bytes =
        b"\x41\x83\0\0\0\0\xff\xfe\xfd\x80\x81\0\0\0\0\xff\xc2\x81\0\0\0\0\x01\xc0\x80\0\0\0\0";
    check("compressed", bytes, |chunks| {
        feed(
            &mut Connection::server(Config::default().with_compression(true)),
            chunks,
        )
    });
}
