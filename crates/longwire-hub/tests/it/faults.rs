//! What fails around a hub: its disk, its peers, the network, the clock, proxies.
//!
//! Where a test has a size, `LONGWIRE_HOSTILE=full` is that of the contract; `cargo xtask hostile`
//! sets it.

mod clocks;
mod damage;
mod disk;
mod half_open;
mod proxies;
mod recovery;
mod retention;
mod slow;

/// Shared with the tests of another crate.
#[path = "../../../longwire/tests/support/mod.rs"]
mod outside;

/// The full size, or the small one of an ordinary test run.
fn size<T>(full: T, small: T) -> T {
    match std::env::var("LONGWIRE_HOSTILE").as_deref() {
        Ok("full") => full,
        _ => small,
    }
}
