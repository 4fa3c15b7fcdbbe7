//! Every committed seed of the targets of positions, windows, trackers and clients that come back through its oracle.

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
fn position() {
    replay("resume_position", fuzz::resume::position);
}

#[test]
fn window() {
    replay("resume_window", fuzz::resume::window);
}

#[test]
fn tracker() {
    replay("resume_tracker", fuzz::resume::tracker);
}

#[test]
fn reconnect() {
    replay("resume_reconnect", fuzz::resume::reconnect);
}
