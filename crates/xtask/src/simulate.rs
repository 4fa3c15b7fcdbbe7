//! The simulation of clients and a hub on a network that fails.

use crate::command::{cargo, run as execute};
use clap::Args;

/// What `cargo xtask simulate` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How many seeds
    #[arg(default_value_t = 100_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Run this one alone, and show all that happens in it
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the seeds asked for. The first that breaks an invariant is named.
///
/// # Errors
///
/// A seed breaks an invariant.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut cargo = cargo("test --package hub-protocol --test simulation -- ");
    if let Some(seed) = options.seed {
        cargo.args(["--nocapture", "the_first_quarter_of_the_seeds"]);
        cargo.env("LONGWIRE_SIMULATE_SEED", seed.to_string());
    } else {
        cargo.arg("quarter");
        cargo.env("LONGWIRE_SIMULATE_SEEDS", options.seeds.to_string());
        cargo.env("LONGWIRE_SIMULATE_FIRST", options.first.to_string());
    }
    execute(&mut cargo)
}
