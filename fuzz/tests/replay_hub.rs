//! Every committed seed of the targets of the hub's protocol through its oracle.

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
fn form() {
    replay("hub_form", fuzz::hub::form);
}

#[test]
fn query() {
    replay("hub_query", fuzz::hub::query);
}

#[test]
fn frames() {
    replay("hub_frames", fuzz::hub::frames);
}

#[test]
fn session() {
    replay("hub_session", fuzz::hub::session);
}
