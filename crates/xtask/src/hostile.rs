//! The hostile inputs at full size.

use crate::command::{cargo, run as execute};
use clap::Args;

/// What `cargo xtask hostile` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only tests whose name contains this
    #[arg(default_value = "")]
    filter: String,
}

/// Runs every test with `hostile` in its name or in that of its file, in release.
///
/// Such a test takes its sizes from the variable `LONGWIRE_HOSTILE`: `full` is the size of the
/// attack it stands for, unset a hundredth of it.
///
/// # Errors
///
/// A test fails, or nextest is missing.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut cargo = cargo("nextest run --workspace --cargo-profile release -E");
    cargo.arg(format!(
        "(test(hostile) | binary(hostile)) & test({})",
        options.filter
    ));
    // One at a time: each may use the memory that its limits allow.
    cargo
        .args(["--test-threads", "1"])
        .env("LONGWIRE_HOSTILE", "full");
    // Linking forty test programs with LTO costs more than it says about a limit.
    cargo
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    execute(&mut cargo)
}
