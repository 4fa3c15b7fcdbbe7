//! How long a killed hub takes to be back.

use crate::command::{cargo, run as execute, without_lto};
use clap::Args;

/// What `cargo xtask recovery` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Data of the log, in MiB
    #[arg(default_value_t = 1_024)]
    mebibytes: u64,
}

/// Fills a log, kills the hub, in release, and prints how long the next takes to be there.
///
/// # Errors
///
/// The log is not whole, or nextest is missing.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut cargo = cargo(
        "nextest run --package longwire-hub --test it --cargo-profile release --no-capture \
         --profile long -E",
    );
    cargo
        .arg("test(recovery::)")
        .env("LONGWIRE_RECOVERY_MIB", options.mebibytes.to_string());
    without_lto(&mut cargo);
    execute(&mut cargo)
}
