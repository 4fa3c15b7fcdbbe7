//! Masking against the loop of RFC 6455 §5.3.

use ws_frame::{MaskKey, mask};

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.3
//= type=test
//# Octet i of the transformed data ("transformed-octet-i") is the XOR of octet i of the original
//# data ("original-octet-i") with octet at index i modulo 4 of the masking key
//# ("masking-key-octet-j")
fn naive(key: [u8; 4], phase: usize, data: &mut [u8]) {
    for (i, byte) in data.iter_mut().enumerate() {
        *byte ^= key[(phase + i) % 4];
    }
}

#[track_caller]
fn check(phase: usize, place: usize, len: usize) {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let original: Vec<u8> = (0..place + len + 64)
        .map(|i| (i * 31).to_le_bytes()[0])
        .collect();
    let (mut fast, mut slow) = (original.clone(), original.clone());
    mask(MaskKey::new(key), phase, &mut fast[place..place + len]);
    naive(key, phase, &mut slow[place..place + len]);
    assert!(fast == slow, "phase {phase}, place {place}, {len} bytes");
    mask(MaskKey::new(key), phase, &mut fast[place..place + len]);
    assert!(fast == original, "its own inverse");
}

#[test]
fn every_short_length_at_every_place() {
    for place in 0..64 {
        for len in (0..=40)
            .chain(60..=70)
            .chain(120..=136)
            .chain([255, 256, 257])
        {
            check(place % 4, place, len);
        }
    }
}

#[test]
fn every_phase() {
    for phase in (0..8).chain([usize::MAX - 1, usize::MAX]) {
        for len in [0, 3, 16, 131, 5000] {
            check(phase % 4, phase % 64, len);
            let key = MaskKey::new([1, 2, 3, 4]);
            let (mut far, mut near) = (vec![0; len], vec![0; len]);
            mask(key, phase, &mut far);
            mask(key, phase % 4, &mut near);
            assert_eq!(far, near, "only the remainder by four matters");
        }
    }
}

#[test]
fn long_data_at_every_place() {
    for place in 0..64 {
        for len in [4095, 4096, 4097, 4159, 4200, 8191, 16_384, 16_447] {
            check(place % 4, place, len);
        }
    }
}
