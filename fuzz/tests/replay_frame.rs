//! Every committed seed of the targets of frames and connections through its oracle.

use std::fs;
use std::path::Path;

#[track_caller]
fn replay(target: &str, oracle: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(folder).unwrap() {
        oracle(&fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0);
}

#[test]
fn ws_header() {
    replay("ws_header", fuzz::frame::header);
}

#[test]
fn ws_decoder() {
    replay("ws_decoder", fuzz::frame::decoder);
}

#[test]
fn ws_connection() {
    replay("ws_connection", fuzz::frame::connection);
}

#[test]
fn ws_pair() {
    replay("ws_pair", fuzz::frame::pair);
}

#[test]
fn ws_masking() {
    replay("ws_masking", fuzz::frame::masking);
}

#[test]
fn ws_utf8() {
    replay("ws_utf8", fuzz::frame::utf8);
}
