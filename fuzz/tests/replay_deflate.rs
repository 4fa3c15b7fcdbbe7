//! Every committed seed of the permessage-deflate targets through its oracle.

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
fn deflate_params() {
    replay("deflate_params", fuzz::deflate::params);
}

#[test]
fn inflate() {
    replay("inflate", fuzz::deflate::inflate);
}

#[test]
fn deflate() {
    replay("deflate", fuzz::deflate::round_trip);
}
