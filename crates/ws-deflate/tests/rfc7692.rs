//! The examples of RFC 7692 §7.2.3, each in every split.

use ws_deflate::{Context, Deflater, Inflater, WindowBits};

const KEPT: Context = Context::with_takeover(WindowBits::MAX);
const FRESH: Context = Context::without_takeover(WindowBits::MAX);

/// Inflates the payloads of several messages, each cut at every place.
#[track_caller]
fn inflates(context: Context, messages: &[(&[u8], &[u8])]) {
    let longest = messages
        .iter()
        .map(|(payload, _)| payload.len())
        .max()
        .unwrap_or_default();
    for cut in 0..=longest {
        let mut inflater = Inflater::new(context, 16);
        for (payload, plain) in messages {
            let (first, rest) = payload.split_at(cut.min(payload.len()));
            let mut out = Vec::new();
            inflater
                .inflate(first, false, &mut out)
                .expect("the first part");
            inflater.inflate(rest, true, &mut out).expect("the rest");
            assert_eq!(out, *plain, "cut at {cut}");
        }
    }
}

const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.1
//= type=test
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2
//= type=test
//# Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message.
fn one_compressed_block() {
    inflates(KEPT, &[(HELLO, b"Hello")]);
    inflates(FRESH, &[(HELLO, b"Hello"), (HELLO, b"Hello")]);
    let mut out = Vec::new();
    Deflater::new(KEPT).deflate(b"Hello", true, &mut out);
    assert_eq!(out, HELLO);
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.2
//= type=test
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1
//= type=test
//# Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end.
fn a_shared_sliding_window() {
    let again: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
    inflates(KEPT, &[(HELLO, b"Hello"), (again, b"Hello")]);
    inflates(
        KEPT,
        &[(HELLO, b"Hello"), (HELLO, b"Hello"), (again, b"Hello")],
    );
    // Our second message refers to the first one as well, with one match for all five bytes.
    let mut deflater = Deflater::new(KEPT);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    deflater.deflate(b"Hello", true, &mut first);
    deflater.deflate(b"Hello", true, &mut second);
    assert_eq!(first, HELLO);
    assert!(second.len() <= again.len());
    inflates(KEPT, &[(&first, b"Hello"), (&second, b"Hello")]);
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.3
//= type=test
fn a_block_without_compression() {
    let stored = [
        0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
    ];
    inflates(KEPT, &[(&stored, b"Hello")]);
    inflates(FRESH, &[(&stored, b"Hello")]);
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.4
//= type=test
fn a_block_with_bfinal_set() {
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    for context in [KEPT, FRESH] {
        inflates(
            context,
            &[(&last, b"Hello"), (HELLO, b"Hello"), (&last, b"Hello")],
        );
        // Encoders that leave out the last octet mean the same.
        inflates(context, &[(&last[..7], b"Hello"), (HELLO, b"Hello")]);
    }
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.5
//= type=test
fn two_blocks_in_one_message() {
    let two = [
        0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
    ];
    inflates(KEPT, &[(&two, b"Hello")]);
    inflates(FRESH, &[(&two, b"Hello")]);
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.6
//= type=test
fn an_empty_message() {
    for context in [KEPT, FRESH] {
        inflates(
            context,
            &[(&[0x00], b""), (HELLO, b"Hello"), (&[0x00], b"")],
        );
        // Nothing at all, as some encoders send it, and a last block in its place.
        inflates(context, &[(b"", b""), (HELLO, b"Hello"), (b"", b"")]);
        inflates(
            context,
            &[(&[0x01], b""), (&[0x03, 0x00], b""), (HELLO, b"Hello")],
        );
        let mut out = Vec::new();
        Deflater::new(context).deflate(b"", true, &mut out);
        assert_eq!(out, [0x00]);
    }
}
