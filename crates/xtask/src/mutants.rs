//! Faults of a machine's making, one at a time: each must fail a test, by cargo-mutants.

use crate::command::{self, cargo, run as execute};
use clap::Args;

/// What `cargo xtask mutants` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The crate; those in which each must be caught without it
    package: Option<String>,
    /// Only faults in files of this name, as `scan.rs`
    #[arg(long)]
    file: Option<String>,
    /// A part of them, as `2/10`: they take hours
    #[arg(long)]
    shard: Option<String>,
}

/// The crates in which a fault that no test notices is one too many.
const PACKAGES: [&str; 2] = ["sse-parse", "ws-frame"];

/// Plants each fault in a copy of the crate and runs the crate's tests, without the examples of the
/// documentation: those take as long as all the tests, and no fault is noticed by them alone. What
/// is left out, and why, stands in `.cargo/mutants.toml`.
///
/// # Errors
///
/// cargo-mutants is missing, or a fault was not noticed.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    if !command::on_path("cargo-mutants") {
        return Err("cargo-mutants is missing: `cargo install --locked cargo-mutants`".into());
    }
    let packages = options.package.as_deref().map_or(&PACKAGES[..], |_| &[]);
    for package in options
        .package
        .as_deref()
        .into_iter()
        .chain(packages.iter().copied())
    {
        let mut mutants = cargo("mutants --all-features --jobs 1 --timeout 60 --output target");
        mutants.args(["--package", package]);
        if let Some(file) = &options.file {
            mutants.args(["--file", &format!("**/{file}")]);
        }
        if let Some(shard) = &options.shard {
            mutants.args(["--shard", shard]);
        }
        mutants.args(["--", "--lib", "--tests"]);
        // A backtrace for each test that fails, as all should, takes longer than the test, and so
        // does a search for a smaller case. A little optimising costs less than it saves.
        execute(
            mutants
                .env("RUST_BACKTRACE", "0")
                .env("PROPTEST_MAX_SHRINK_ITERS", "0")
                .env("CARGO_PROFILE_DEV_DEBUG", "0")
                .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1"),
        )?;
    }
    Ok(())
}
