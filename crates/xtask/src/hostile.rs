//! The hostile inputs at full size.

use crate::command::{cargo, run as execute, without_lto};
use clap::Args;

/// What `cargo xtask hostile` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only tests whose name contains this too
    filter: Option<String>,
}

/// Runs every test with `hostile` in its name or module, in release.
///
/// Such a test takes its sizes from the variable `LONGWIRE_HOSTILE`: `full` is the size of the
/// attack it stands for, unset a hundredth of it.
///
/// # Errors
///
/// A test fails, or nextest is missing.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut cargo = cargo("nextest run --workspace --all-features --cargo-profile release -E");
    cargo.arg(match &options.filter {
        Some(filter) => format!("test(hostile) & test({filter})"),
        None => "test(hostile)".into(),
    });
    // One at a time: each may use the memory that its limits allow.
    cargo
        .args(["--test-threads", "1"])
        .env("LONGWIRE_HOSTILE", "full");
    without_lto(&mut cargo);
    execute(&mut cargo)
}
