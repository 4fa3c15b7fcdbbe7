//! Every committed seed of the targets of the opening handshake through its oracle.

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
fn handshake_request() {
    replay("handshake_request", fuzz::handshake::request);
}

#[test]
fn handshake_response() {
    replay("handshake_response", fuzz::handshake::response);
}

#[test]
fn handshake_pair() {
    replay("handshake_pair", fuzz::handshake::pair);
}

#[test]
fn extensions() {
    replay("extensions", fuzz::handshake::extensions);
}

#[test]
fn origin() {
    replay("origin", fuzz::handshake::origin);
}
