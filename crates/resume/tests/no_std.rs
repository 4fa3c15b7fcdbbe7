//! A user without the standard library has all of the crate.
#![no_std]

extern crate alloc;

use alloc::string::ToString;
use core::time::Duration;

use resume::{
    Backoff, BackoffConfig, Epoch, Heartbeat, Keepalive, Limits, Pulse, ReplayWindow, Start,
    Tracker,
};

#[test]
fn a_device_resumes_and_comes_back() {
    let mut window = ReplayWindow::new(Epoch::from_bytes([7; 12]), Limits::new().count(4));
    let mut tracker = Tracker::new();
    tracker.opened(window.head());
    let reading = window.push(21.5_f32, 4, Duration::ZERO).position;
    assert_eq!(reading.to_string(), "#070707070707070707070707-1");

    let start = tracker.resume_from().map_or(Start::Live, Start::After);
    assert_eq!(window.after(&start).map(|replay| replay.len()), Ok(1));

    let mut backoff = Backoff::new(BackoffConfig::new());
    assert_eq!(backoff.next_delay(0), Some(BackoffConfig::DEFAULT_FLOOR));
    let mut keepalive = Keepalive::listening(Duration::from_secs(45), Duration::ZERO);
    assert_eq!(keepalive.poll(Duration::from_secs(45)), Pulse::Dead);
    assert!(Heartbeat::new(Duration::ZERO, Duration::ZERO).is_due(Duration::ZERO));
}
