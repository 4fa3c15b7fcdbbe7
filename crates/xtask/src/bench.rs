//! The benchmarks with the cases of each group taking turns.

use crate::command::{cargo, run as execute};
use clap::Args;

/// What `cargo xtask bench` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only groups whose name contains this, as `sse-parse/tokens`
    filter: Option<String>,
    /// Only this benchmark, as `sse_parse`
    #[arg(long)]
    bench: Option<String>,
}

/// Runs the benchmarks and prints medians of CPU time with their ratio to the best peer.
///
/// # Errors
///
/// A benchmark does not build or run.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut cargo = cargo("bench --package benches");
    if let Some(bench) = &options.bench {
        cargo.args(["--bench", bench]);
    } else {
        cargo.arg("--benches");
    }
    cargo.args(["--", "--interleaved"]).args(&options.filter);
    execute(&mut cargo)
}
