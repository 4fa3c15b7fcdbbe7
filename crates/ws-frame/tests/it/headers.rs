//! Headers: every shape of the first bytes, each length form at its edges, and both directions.

use proptest::prelude::*;
use ws_frame::{FrameError, FrameHeader, MaskKey, OpCode, Rsv};

fn decode(bytes: &[u8]) -> Result<Option<(FrameHeader, usize)>, FrameError> {
    FrameHeader::decode(bytes)
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
//= type=test
//# If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
//= type=test
//# Control frames themselves MUST NOT be fragmented.
#[test]
fn every_first_byte() {
    for first in 0..=255_u8 {
        let bytes = [first, 0];
        let reserved = matches!(first & 0x0f, 0x3..=0x7 | 0xb..=0xf);
        let control = first & 0x08 != 0;
        let fin = first & 0x80 != 0;
        let decoded = decode(&bytes);
        if reserved {
            assert_eq!(decoded, Err(FrameError::ReservedOpCode));
            assert_eq!(decode(&bytes[..1]), decoded, "known from the first byte");
        } else if control && !fin {
            assert_eq!(decoded, Err(FrameError::FragmentedControl));
            assert_eq!(decode(&bytes[..1]), decoded, "known from the first byte");
        } else {
            let (header, used) = decoded.unwrap().unwrap();
            assert_eq!(used, 2);
            assert_eq!((header.fin, header.len, header.mask), (fin, 0, None));
            assert_eq!(header.opcode as u8, first & 0x0f);
            assert_eq!(header.opcode.is_control(), control);
            assert_eq!(header.rsv.contains(Rsv::RSV1), first & 0x40 != 0);
            assert_eq!(header.rsv.contains(Rsv::RSV2), first & 0x20 != 0);
            assert_eq!(header.rsv.contains(Rsv::RSV3), first & 0x10 != 0);
            assert_eq!(header.rsv == Rsv::NONE, first & 0x70 == 0);
            assert_eq!(header.encode().as_ref(), bytes);
            assert_eq!(decode(&bytes[..1]), Ok(None));
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
//= type=test
//# Note that in all cases, the minimal number of bytes MUST be used to encode the length
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
//= type=test
//# If 127, the following 8 bytes interpreted as a 64-bit unsigned integer (the most significant bit
//# MUST be 0) are the payload length.
#[test]
fn lengths_at_the_edges_of_their_forms() {
    for (len, form) in [
        (0, &[0x00][..]),
        (1, &[0x01]),
        (125, &[0x7d]),
        (126, &[0x7e, 0, 126]),
        (127, &[0x7e, 0, 127]),
        (0xffff, &[0x7e, 0xff, 0xff]),
        (0x1_0000, &[0x7f, 0, 0, 0, 0, 0, 1, 0, 0]),
        (
            (1 << 63) - 1,
            &[0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ),
    ] {
        let bytes = [&[0x82], form].concat();
        let header = FrameHeader::new(OpCode::Binary, len);
        assert_eq!(decode(&bytes), Ok(Some((header, bytes.len()))));
        assert_eq!(&*header.encode(), bytes);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Ok(None));
        }
    }
    for form in [
        &[0x7e, 0, 0][..],
        &[0x7e, 0, 125],
        &[0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
    ] {
        let bytes = [&[0x82], form].concat();
        assert_eq!(decode(&bytes), Err(FrameError::LengthNotMinimal));
    }
    for top in [0x80, 0xff] {
        let bytes = [0x82, 0xff, top, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(decode(&bytes), Err(FrameError::LengthTooLarge));
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5
//= type=test
//# All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented.
#[test]
fn control_frames_are_short() {
    for opcode in [OpCode::Close, OpCode::Ping, OpCode::Pong] {
        let header = FrameHeader::new(opcode, 125);
        assert_eq!(decode(&header.encode()), Ok(Some((header, 2))));
        for len in [126, 127, 0xffff, 0x1_0000] {
            let bytes = FrameHeader::new(opcode, len).encode();
            assert_eq!(decode(&bytes), Err(FrameError::ControlTooLong));
            assert_eq!(decode(&bytes[..2]), Err(FrameError::ControlTooLong));
        }
    }
}

#[test]
fn reserved_bits_are_joined() {
    let all = Rsv::RSV1 | Rsv::RSV2 | Rsv::RSV3;
    for bit in [Rsv::RSV1, Rsv::RSV2, Rsv::RSV3] {
        assert_eq!(bit | bit, bit);
        assert_eq!(all | bit, all);
        assert_eq!(bit | Rsv::NONE, bit);
        assert!(all.contains(bit) && !bit.contains(all));
    }
}

#[test]
fn errors_say_what_and_give_a_code() {
    for (error, words) in [
        (FrameError::ReservedOpCode, "reserved opcode"),
        (FrameError::FragmentedControl, "fragmented control frame"),
        (
            FrameError::ControlTooLong,
            "control frame of more than 125 bytes",
        ),
        (
            FrameError::LengthNotMinimal,
            "payload length not in its shortest form",
        ),
        (
            FrameError::LengthTooLarge,
            "payload length of more than 63 bits",
        ),
    ] {
        assert_eq!(error.to_string(), words);
        assert_eq!(error.close_code().get(), 1002);
    }
}

prop_compose! {
    fn header()(
        opcode in prop::sample::select(vec![
            OpCode::Continuation, OpCode::Text, OpCode::Binary,
            OpCode::Close, OpCode::Ping, OpCode::Pong,
        ]),
        fin: bool,
        bits in prop::sample::subsequence(vec![Rsv::RSV1, Rsv::RSV2, Rsv::RSV3], 0..=3),
        mask: Option<[u8; 4]>,
        len: u64,
        size in 0..64_u32,
    ) -> FrameHeader {
        let control = opcode.is_control();
        FrameHeader {
            fin: fin || control,
            rsv: bits.into_iter().fold(Rsv::NONE, |all, bit| all | bit),
            opcode,
            mask: mask.map(MaskKey::new),
            len: if control { len % 126 } else { len >> 1 >> size },
        }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(header in header(), behind: Vec<u8>) {
        let encoded = header.encode();
        prop_assert!(encoded.len() <= FrameHeader::MAX_LEN);
        let mut bytes = encoded.to_vec();
        bytes.extend(behind);
        prop_assert_eq!(decode(&bytes), Ok(Some((header, encoded.len()))));
        for end in 0..encoded.len() {
            prop_assert_eq!(decode(&bytes[..end]), Ok(None));
        }
    }

    #[test]
    fn what_is_decoded_is_encoded(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        if let Ok(Some((header, used))) = decode(&bytes) {
            prop_assert_eq!(&*header.encode(), &bytes[..used]);
        }
    }
}
