//! Fuzzing with libFuzzer, on the nightly.

mod fault;
mod planted;
mod run;

use self::run::Build;
use crate::command;
use crate::metadata;
use clap::Args;
use std::fs;

/// What `cargo xtask fuzz` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The target; all of them in turn without it. With `--planted`, the faults of this crate, or the
    /// one of this name
    target: Option<String>,
    /// For how long each target runs, or is given to find a planted fault
    #[arg(default_value_t = 60)]
    seconds: u32,
    /// Plant faults in a copy of the crates, and prove that the targets find each
    #[arg(long)]
    planted: bool,
    /// With `--planted`: from nothing, without the committed seeds and dictionaries
    #[arg(long, requires = "planted")]
    unseeded: bool,
    /// Without the address sanitizer and with short inputs: several times as many executions
    #[arg(long, conflicts_with = "planted")]
    fast: bool,
}

/// The longest input of a `--fast` run, in bytes.
const SHORT: usize = 512;

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
/// There is no such target, cargo-fuzz is missing, or a target crashed; with `--planted`, a fault
/// was not found.
pub(crate) fn run_targets(options: &Options) -> Result<(), String> {
    if !command::on_path("cargo-fuzz") {
        return Err("cargo-fuzz is missing: `cargo install --locked cargo-fuzz`".into());
    }
    if options.planted {
        return planted::run(options.target.as_deref(), options.seconds, options.unseeded);
    }
    let mut targets = targets()?;
    if let Some(wanted) = &options.target {
        targets.retain(|target| target == wanted);
        if targets.is_empty() {
            return Err(format!("no fuzz target is called `{wanted}`"));
        }
    }
    let build = if options.fast {
        Build::fast()
    } else {
        Build::checked()
    };
    let mut table = Vec::new();
    for target in &targets {
        let found = command::target().join("fuzz/corpus").join(target);
        fs::create_dir_all(&found).map_err(|e| e.to_string())?;
        println!("{target}: building");
        let program = build.build(target)?;
        let corpora = [found, run::seeds(target)];
        let dictionary = run::dictionary(target).map(|file| format!("-dict={}", file.display()));
        let short = options.fast.then(|| format!("-max_len={SHORT}"));
        let extra: Vec<_> = dictionary.into_iter().chain(short).collect();
        let outcome = run::fuzz(&program, options.seconds, &corpora, &extra, true)?;
        if outcome.found {
            return Err(format!(
                "{target} failed; the input is in target/fuzz/artifacts"
            ));
        }
        table.push((target, outcome));
    }
    println!("\n| target | executions | seconds |\n|---|---:|---:|");
    for (target, outcome) in &table {
        println!(
            "| `{target}` | {} | {:.0} |",
            outcome.executions, outcome.seconds
        );
    }
    let all: u64 = table.iter().map(|(_, outcome)| outcome.executions).sum();
    println!("| all | {all} | |");
    Ok(())
}
