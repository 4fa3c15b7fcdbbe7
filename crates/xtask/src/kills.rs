//! The hub killed again and again.

use crate::command::{cargo, run as execute, without_lto};
use clap::Args;

/// What `cargo xtask kills` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How often
    #[arg(default_value_t = 1_000)]
    kills: usize,
}

/// Kills a hub under load, in release, and looks for what it acknowledged.
///
/// # Errors
///
/// An event was lost, changed or numbered twice, or nextest is missing.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut cargo = cargo(
        "nextest run --package longwire-hub --test it --cargo-profile release --no-capture \
         --profile long -E",
    );
    cargo
        .arg("test(kills::)")
        .env("LONGWIRE_KILLS", options.kills.to_string());
    without_lto(&mut cargo);
    execute(&mut cargo)
}
