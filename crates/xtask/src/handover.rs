//! Subscribing while events are published, many times.

use crate::command::{cargo, run as execute, without_lto};
use clap::Args;

/// What `cargo xtask handover` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How often; a tenth as often over a log on disk
    #[arg(default_value_t = 1_000_000)]
    subscribes: u64,
}

/// Subscribes from everywhere in the log, in release, and looks for holes and duplicates.
///
/// # Errors
///
/// There was one, or nextest is missing.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut cargo = cargo(
        "nextest run --package longwire-hub --bin longwire --cargo-profile release --no-capture \
         --profile long -E",
    );
    cargo
        .arg("test(handover::)")
        .env("LONGWIRE_SUBSCRIBES", options.subscribes.to_string());
    without_lto(&mut cargo);
    execute(&mut cargo)
}
