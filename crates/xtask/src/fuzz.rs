//! Fuzzing with libFuzzer, on the nightly.

use crate::command::{self, nightly_cargo, run};
use crate::metadata;
use clap::Args;
use std::fs;

/// What `cargo xtask fuzz` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The target; all of them in turn without it
    target: Option<String>,
    /// For how long each target runs
    #[arg(default_value_t = 60)]
    seconds: u32,
}

/// The names of the fuzz targets, in order.
///
/// # Errors
///
/// The workspace cannot be read.
pub(crate) fn targets() -> Result<Vec<String>, String> {
    Ok(metadata::targets(&metadata::load()?, "fuzz", "bin"))
}

/// Fuzzes the targets asked for.
///
/// What libFuzzer finds on its way is kept in `target/fuzz/corpus/`; the committed seeds are read
/// and never written.
///
/// # Errors
///
/// There is no such target, cargo-fuzz is missing, or a target crashed.
pub(crate) fn run_targets(options: &Options) -> Result<(), String> {
    let mut targets = targets()?;
    if let Some(wanted) = &options.target {
        targets.retain(|target| target == wanted);
        if targets.is_empty() {
            return Err(format!("no fuzz target is called `{wanted}`"));
        }
    }
    if !command::on_path("cargo-fuzz") {
        return Err("cargo-fuzz is missing: `cargo install --locked cargo-fuzz`".into());
    }
    for target in targets {
        let found = command::target().join("fuzz/corpus").join(&target);
        fs::create_dir_all(&found).map_err(|e| e.to_string())?;
        let mut cargo = nightly_cargo(&format!("fuzz run --fuzz-dir fuzz {target}"));
        cargo.arg(found);
        let seeds = command::root().join("fuzz/corpus").join(&target);
        if seeds.is_dir() {
            cargo.arg(seeds);
        }
        cargo.args(["--", &format!("-max_total_time={}", options.seconds)]);
        // `sse_parse` uses `sse.dict`.
        let area = target.split('_').next().unwrap_or(&target);
        let dictionary = command::root().join(format!("fuzz/dictionaries/{area}.dict"));
        if dictionary.is_file() {
            cargo.arg(format!("-dict={}", dictionary.display()));
        }
        command::without_lto(&mut cargo);
        run(&mut cargo)?;
    }
    Ok(())
}
