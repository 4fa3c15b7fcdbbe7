//! Which lines the tests run, by cargo-llvm-cov.

use crate::command::{self, cargo, run as execute};
use clap::Args;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What `cargo xtask coverage` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The crates; all that have a floor without it
    crates: Vec<String>,
    /// Name each line that no test runs
    #[arg(long)]
    missed: bool,
}

/// The crates, and how many of a thousand lines their tests must run.
const FLOORS: &[(&str, usize)] = &[
    ("sse-parse", 990),
    ("ws-frame", 990),
    ("ws-deflate", 990),
    ("ws-handshake", 990),
    ("resume", 990),
    ("longwire", 900),
];

/// Lines of a crate that have code, by file: whether a test runs them.
type Lines = BTreeMap<String, BTreeMap<usize, bool>>;

/// Runs the tests of each crate and counts the lines that they reach.
///
/// # Errors
///
/// cargo-llvm-cov is missing, a test fails, or a crate is below its floor.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    if !command::on_path("cargo-llvm-cov") {
        return Err(
            "cargo-llvm-cov is missing: `cargo install --locked cargo-llvm-cov`, and \
             `rustup component add llvm-tools`"
                .into(),
        );
    }
    let asked = |name: &str| options.crates.is_empty() || options.crates.iter().any(|c| c == name);
    let floors: Vec<_> = FLOORS.iter().filter(|(name, _)| asked(name)).collect();
    if floors.is_empty() {
        return Err("no such crate has a floor".into());
    }
    // Programs of an earlier build count lines where they no longer stand.
    execute(&mut cargo("llvm-cov clean --workspace"))?;
    let report = command::target().join("coverage.info");
    let mut tests = cargo("llvm-cov nextest --all-features --lcov");
    for (name, _) in &floors {
        tests.args(["--package", name]);
    }
    execute(tests.arg("--output-path").arg(&report))?;

    let text = fs::read_to_string(&report).map_err(|e| e.to_string())?;
    let mut below = Vec::new();
    println!("\n| crate | lines | run by a test | floor |\n|---|---:|---:|---:|");
    for (name, floor) in floors {
        let lines = lines(
            &text,
            &command::root().join("crates").join(name).join("src"),
        );
        let all: usize = lines.values().map(BTreeMap::len).sum();
        let reached = lines
            .values()
            .flat_map(BTreeMap::values)
            .filter(|run| **run)
            .count();
        let percent = |of_a_thousand: usize| of_a_thousand as f64 / 10.0;
        let share = reached as f64 * 100.0 / all.max(1) as f64;
        println!(
            "| `{name}` | {all} | {share:.2} % | {:.1} % |",
            percent(*floor)
        );
        if options.missed {
            for (file, lines) in &lines {
                let missed = lines.iter().filter(|(_, run)| !**run).map(|(line, _)| line);
                missed.for_each(|line| println!("  {file}:{line}"));
            }
        }
        if reached * 1000 < all * floor {
            below.push(*name);
        }
    }
    if below.is_empty() {
        Ok(())
    } else {
        Err(format!("below the floor: {}", below.join(", ")))
    }
}

/// The lines of a report in the format of lcov that belong to files below `source`.
fn lines(report: &str, source: &Path) -> Lines {
    let mut all = Lines::new();
    let mut file = None;
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let below = Path::new(path).strip_prefix(source).ok();
            file = below.map(|path| path.to_string_lossy().into_owned());
        } else if let (Some(file), Some(data)) = (&file, line.strip_prefix("DA:"))
            && let Some((number, count)) = data.split_once(',')
            && let Ok(number) = number.parse()
        {
            // Code that was compiled twice stands there twice.
            *all.entry(file.clone())
                .or_default()
                .entry(number)
                .or_default() |= count != "0";
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_once_and_only_in_its_crate() {
        let report = "SF:/w/crates/a/src/x.rs\nDA:1,0\nDA:2,7\nend_of_record\n\
                      SF:/w/crates/b/src/x.rs\nDA:9,1\nend_of_record\n\
                      SF:/w/crates/a/src/x.rs\nDA:1,1\nDA:3,0\nend_of_record\n";
        let lines = lines(report, Path::new("/w/crates/a/src"));
        let expected = BTreeMap::from([(1, true), (2, true), (3, false)]);
        assert_eq!(lines, Lines::from([("x.rs".into(), expected)]));
    }
}
