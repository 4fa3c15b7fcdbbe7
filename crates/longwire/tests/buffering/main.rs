//! Event streams behind proxies: what holds events back, what does not, and what keeps a quiet
//! stream open.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod haproxy;
mod idle;
mod nginx;
mod reader;

#[path = "../sse_server/site.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod site;
#[path = "../support/mod.rs"]
mod support;

use core::time::Duration;

/// Seconds of what is scaled down unless `LONGWIRE_HOSTILE` is `full`.
fn seconds(full: u64, scaled: f64) -> Duration {
    match std::env::var("LONGWIRE_HOSTILE").as_deref() {
        Ok("full") => Duration::from_secs(full),
        _ => Duration::from_secs_f64(scaled),
    }
}
