//! Megabytes in one-byte pieces: minutes if each piece cost what came before it, a second because
//! none does. Nothing measures time here; the test run ends what hangs.

use hub_protocol::{ClientFrame, Data, Publish, PublishForm};
use sse_parse::{Fields, Limits, Parser};
use ws_deflate::{Context, Deflater, Inflater, WindowBits};
use ws_frame::{Assembler, Config, Connection, Event, FrameHeader, MaskKey, OpCode};
use ws_handshake::{Extensions, Request};

/// Looked at again for each byte of it, this is 2^43 bytes.
const LEN: usize = 4 << 20;

#[test]
fn a_line_of_an_event_stream() {
    let unlimited = Limits::default()
        .with_max_line(2 * LEN)
        .with_max_event(2 * LEN);
    for (before, piece) in [("data: ", "é"), (":", "x")] {
        let mut parser = Parser::with_limits(unlimited.with_max_id(2 * LEN));
        let bytes = [
            before.as_bytes(),
            &piece.as_bytes().repeat(LEN / piece.len()),
        ]
        .concat();
        for byte in &bytes {
            let mut input = std::slice::from_ref(byte);
            assert_eq!(parser.next_item(&mut input), Ok(None));
        }
        let mut end = &b"\n"[..];
        let item = parser.next_item(&mut end).unwrap();
        assert_eq!(item.is_some(), before == ":");
    }
}

#[test]
fn lines_of_an_event() {
    let unlimited = Limits::default()
        .with_max_lines(LEN)
        .with_max_event(2 * LEN);
    let mut parser = Parser::with_limits(unlimited);
    for _ in 0..LEN / 6 {
        for mut piece in [&b"da"[..], b"ta:\n"] {
            assert_eq!(parser.next_event(&mut piece), Ok(None));
        }
    }
    let mut end = &b"\n"[..];
    let event = parser.next_event(&mut end).unwrap().unwrap();
    assert_eq!(event.data.len(), LEN / 6 - 1);
}

#[test]
fn data_of_line_ends_is_encoded() {
    let mut out = Vec::new();
    sse_parse::encode(&Fields::new(&"\r".repeat(LEN)), &mut out).unwrap();
    assert_eq!(out.len(), (LEN + 1) * "data: \n".len() + 1);
}

/// Hands over a masked text in one-byte reads, and joins it.
fn receive(frames: impl Iterator<Item = (bool, OpCode, usize)>) -> usize {
    let limits = ws_frame::Limits::default()
        .with_max_frame(1 << 30)
        .with_max_message(1 << 30)
        .with_max_fragments(u32::MAX);
    let mut server = Connection::server(Config::default().with_limits(limits));
    let mut assembler = Assembler::new(1 << 30);
    let mut out = Vec::new();
    for (fin, opcode, len) in frames {
        let header = FrameHeader {
            fin,
            mask: Some(MaskKey::new([0; 4])),
            ..FrameHeader::new(opcode, len as u64)
        };
        let payload = std::iter::repeat_n(b'x', len);
        for byte in header.encode().iter().copied().chain(payload) {
            let mut read = [byte];
            let mut input = &mut read[..];
            while let Some(event) = server.next_event(&mut input, &mut out).unwrap() {
                let Event::Data(data) = event else {
                    panic!("{event:?}")
                };
                if assembler.push(data).unwrap() {
                    return assembler.take_text().unwrap().len();
                }
            }
        }
    }
    panic!("the message has no end");
}

#[test]
fn a_message_in_one_frame() {
    assert_eq!(receive([(true, OpCode::Text, LEN)].into_iter()), LEN);
}

#[test]
fn a_message_in_one_byte_fragments() {
    let count = LEN / 8;
    let frames = (0..count).map(|n| {
        let opcode = if n == 0 {
            OpCode::Text
        } else {
            OpCode::Continuation
        };
        (n + 1 == count, opcode, 1)
    });
    assert_eq!(receive(frames), count);
}

#[test]
fn a_compressed_message() {
    let context = Context::with_takeover(WindowBits::MAX);
    let noise = |n: usize| (n as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0];
    let message: Vec<u8> = (0..LEN / 8).map(noise).collect();
    let mut deflater = Deflater::new(context);
    let mut payload = Vec::new();
    for byte in &message {
        deflater.deflate(std::slice::from_ref(byte), false, &mut payload);
    }
    deflater.deflate(&[], true, &mut payload);
    let mut inflater = Inflater::new(context, message.len());
    let mut out = Vec::new();
    for byte in &payload {
        inflater
            .inflate(std::slice::from_ref(byte), false, &mut out)
            .unwrap();
    }
    inflater.inflate(&[], true, &mut out).unwrap();
    assert!(out == message);
}

#[test]
fn lists_of_a_head() {
    let limits = ws_handshake::Limits::default().head(4 * LEN).line(LEN);
    let spaces = " ".repeat(LEN);
    let commas = ",".repeat(LEN);
    for (name, value, taken) in [
        ("Sec-WebSocket-Protocol", format!("b{spaces}x"), false),
        ("Sec-WebSocket-Protocol", format!("b{commas}x"), true),
        ("Sec-WebSocket-Extensions", format!("b;{spaces}x"), true),
        ("Sec-WebSocket-Extensions", format!("b{commas}x"), true),
        ("Connection", format!("b{commas}Upgrade"), true),
    ] {
        let head = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {name}: {value}\r\n\r\n"
        );
        let mut searched = 0;
        let step = if taken { 4096 } else { 1 };
        for end in (0..head.len() - 1).step_by(step) {
            let part = &head.as_bytes()[..end];
            assert!(
                Request::parse(part, &mut searched, &limits)
                    .unwrap()
                    .is_none()
            );
        }
        let request = Request::parse(head.as_bytes(), &mut searched, &limits);
        assert_eq!(request.is_ok(), taken, "{name}");
    }
    assert!(Extensions::parse(format!("a{}", ";b".repeat(LEN / 2)).as_bytes()).is_ok());
    assert!(Extensions::parse(format!("a;b=\"{}\"", "\\c".repeat(LEN / 2)).as_bytes()).is_ok());
}

#[test]
fn forms_and_frames_of_the_hub() {
    let body = format!("topic=a&{}", "&x=".repeat(1 << 20));
    assert!(PublishForm::parse(body.as_bytes()).is_ok());
    let body = format!("topic=a&data={}", "%25".repeat(1 << 20));
    let form = PublishForm::parse(body.as_bytes()).unwrap();
    assert_eq!(form.data.len(), 1 << 20);
    let escapes = PublishForm::new(vec!["a".into()], Data::Text("\u{1}".repeat(1 << 19)));
    let mut json = Vec::new();
    ClientFrame::Publish(Publish::new(escapes, None)).encode(&mut json);
    assert!(ClientFrame::decode(&json).is_ok());
    assert!(ClientFrame::decode("[".repeat(1 << 20).as_bytes()).is_err());
}
