//! Framing alone: the same parts whatever the cuts.

use ws_frame::OpCode::{Binary, Close, Continuation, Text};
use ws_frame::{Decoder, FrameError, FrameHeader, Part};

use crate::support::{masked, plain};

/// Headers, each with its payload and whether that has ended, and the error at the end.
type Frames = (Vec<(FrameHeader, Vec<u8>, bool)>, Option<FrameError>);

fn decode(chunks: &[&[u8]]) -> Frames {
    let mut decoder = Decoder::default();
    let mut frames: Vec<(FrameHeader, Vec<u8>, bool)> = Vec::new();
    for chunk in chunks {
        let mut bytes = chunk.to_vec();
        let mut input = &mut bytes[..];
        loop {
            match decoder.next_part(&mut input) {
                Ok(None) => break,
                Ok(Some(Part::Header(header))) => {
                    assert_eq!(decoder.payload_remaining(), header.len);
                    frames.push((header, Vec::new(), false));
                }
                Ok(Some(Part::Payload { data, end })) => {
                    let (header, payload, ended) = frames.last_mut().unwrap();
                    payload.extend_from_slice(data);
                    assert!(!*ended, "one end");
                    *ended = end;
                    let left = header.len - payload.len() as u64;
                    assert_eq!((decoder.payload_remaining(), end), (left, left == 0));
                }
                Ok(Some(part)) => panic!("unknown part {part:?}"),
                Err(error) => {
                    let before = input.len();
                    assert_eq!(decoder.next_part(&mut input), Err(error), "the same again");
                    assert_eq!(input.len(), before);
                    return (frames, Some(error));
                }
            }
        }
        assert!(input.is_empty());
    }
    (frames, None)
}

#[test]
fn a_frame_without_payload_ends_without_more_input() {
    for mut bytes in [masked(Text, true, b""), plain(Text, true, b"")] {
        let mut input = &mut bytes[..];
        let mut decoder = Decoder::new();
        let part = decoder.next_part(&mut input).unwrap();
        assert!(matches!(part, Some(Part::Header(_))) && input.is_empty());
        let end = Part::Payload {
            data: &mut [],
            end: true,
        };
        assert_eq!(decoder.next_part(&mut input), Ok(Some(end)));
        assert_eq!(decoder.next_part(&mut input), Ok(None));
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-6.2
//= type=test
//# Incoming data MUST be parsed as WebSocket frames as defined in Section 5.2.
/// Neither roles nor sequence nor reserved bits are the decoder's to judge.
#[test]
fn frames_of_either_role_at_every_cut() {
    let bytes = [
        masked(Text, false, b"Hello"),
        plain(Text, true, b""),
        masked(Binary, true, &[7; 200]),
        plain(Continuation, true, &[8; 126]),
        b"\xf1\x01x".to_vec(),
        masked(Close, true, b"\x03\xe8"),
        b"\x83".to_vec(),
    ]
    .concat();
    let whole = decode(&[&bytes]);
    let payloads: Vec<&[u8]> = whole.0.iter().map(|(_, payload, _)| &payload[..]).collect();
    assert_eq!(
        payloads,
        [&b"Hello"[..], b"", &[7; 200], &[8; 126], b"x", b"\x03\xe8"]
    );
    assert!(whole.0.iter().all(|(_, _, ended)| *ended));
    assert_eq!(whole.1, Some(FrameError::ReservedOpCode));
    for at in 0..=bytes.len() {
        assert_eq!(decode(&[&bytes[..at], &bytes[at..]]), whole, "cut at {at}");
    }
    assert_eq!(decode(&bytes.chunks(1).collect::<Vec<_>>()), whole);
}
