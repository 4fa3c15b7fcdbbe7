//! Planted faults: a fuzz target that never found one proves nothing.
//!
//! The faults are texts beside the targets, exchanged for what is right in a copy of the sources:
//! the crates that are published hold none of them, nor a switch for them.

use super::fault::{self, Fault};
use super::run::{self, Build};
use crate::command::{self, program};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What became of a fault.
struct Row<'f> {
    fault: &'f Fault,
    /// The seed that found it, or the fuzzer, or nobody.
    by: Option<String>,
    executions: u64,
    seconds: f64,
}

/// Plants the faults of the crate or the name `only`, or all, one after the other; each must be found
/// by its target, by a committed seed or else by fuzzing for at most `seconds`.
///
/// # Errors
///
/// A fault is not found, or something is found without one.
pub(super) fn run(only: Option<&str>, seconds: u32, unseeded: bool) -> Result<(), String> {
    let mut faults = fault::all()?;
    if let Some(only) = only {
        faults.retain(|fault| fault.package == only || fault.name == only);
    }
    if faults.is_empty() {
        return Err("there is no such fault, nor such a crate".into());
    }
    let folder = command::target().join("fuzz/planted");
    let copy = folder.join("sources");
    copy_sources(&copy)?;
    let build = Build::quick(copy.clone(), folder.join("build"));

    // Whatever is found without a fault would be found with one, too.
    let targets: BTreeSet<_> = faults.iter().map(|fault| &*fault.target).collect();
    for target in targets {
        let program = build.build(target)?;
        let (outcome, failed) = run::replay(&program, &run::seeds(target))?;
        if let Some(seed) = failed {
            return Err(format!(
                "{target} fails on {seed} without a fault:\n{}",
                outcome.last_lines(30)
            ));
        }
    }

    let mut rows = Vec::new();
    for round in rounds(&faults) {
        let programs = plant(&round, &build, &copy)?;
        for (fault, program) in round.into_iter().zip(programs) {
            let row = find(fault, &program, seconds, unseeded)?;
            println!("{}", line(&row));
            rows.push(row);
        }
    }
    println!("\n| crate | fault | target | found by | executions | seconds |");
    println!("|---|---|---|---|---:|---:|");
    for row in &rows {
        println!("{}", line(row));
    }
    let missed: Vec<_> = rows.iter().filter(|row| row.by.is_none()).collect();
    println!("\n{} of {} found", rows.len() - missed.len(), rows.len());
    match missed.first() {
        None => Ok(()),
        Some(row) => Err(format!(
            "{}: {} ({})",
            row.fault.name, row.fault.effect, "not found"
        )),
    }
}

fn line(row: &Row<'_>) -> String {
    let Fault {
        package,
        name,
        target,
        ..
    } = row.fault;
    let by = row.by.as_deref().unwrap_or("**not found**");
    let (executions, seconds) = (row.executions, row.seconds);
    format!("| {package} | {name} | `{target}` | {by} | {executions} | {seconds:.1} |")
}

/// The faults in groups that can be built together: no target sees more than one of a group.
fn rounds(faults: &[Fault]) -> Vec<Vec<&Fault>> {
    let meet = |one: &Fault, other: &Fault| {
        let above = |a: &str, b: &str| a == "hub-protocol" && b == "resume";
        let (one, other) = (&*one.package, &*other.package);
        one == other || above(one, other) || above(other, one)
    };
    let mut rounds: Vec<Vec<&Fault>> = Vec::new();
    for fault in faults {
        let free = |round: &&mut Vec<&Fault>| !round.iter().any(|other| meet(fault, other));
        match rounds.iter_mut().find(free) {
            Some(round) => round.push(fault),
            None => rounds.push(vec![fault]),
        }
    }
    rounds
}

/// Builds the targets of `faults` with them planted, and takes them out again.
fn plant(faults: &[&Fault], build: &Build, copy: &Path) -> Result<Vec<PathBuf>, String> {
    let mut right = Vec::new();
    for fault in faults {
        let file = copy.join(fault.path());
        let source = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        fs::write(&file, fault.planted_below(copy)?).map_err(|e| e.to_string())?;
        right.push((file, source));
    }
    let programs = faults.iter().map(|fault| {
        let program = build.build(&fault.target);
        program.map_err(|e| format!("{}: {e}", fault.name))
    });
    let programs = programs.collect();
    for (file, source) in right {
        fs::write(&file, source).map_err(|e| e.to_string())?;
    }
    programs
}

fn find<'f>(
    fault: &'f Fault,
    program: &Path,
    seconds: u32,
    unseeded: bool,
) -> Result<Row<'f>, String> {
    let seeds = run::seeds(&fault.target);
    let mut executions = 0;
    if !unseeded {
        let (outcome, failed) = run::replay(program, &seeds)?;
        executions = outcome.executions;
        if let Some(seed) = failed {
            let by = Some(format!("seed `{seed}`"));
            let seconds = outcome.seconds;
            return Ok(Row {
                fault,
                by,
                executions,
                seconds,
            });
        }
    }
    let found = command::target().join("fuzz/planted/corpus");
    // What earlier faults led to is none of this one's.
    let _ = fs::remove_dir_all(&found);
    fs::create_dir_all(&found).map_err(|e| e.to_string())?;
    let mut options = vec!["-seed=1".to_owned()];
    let mut corpora = vec![found];
    if !unseeded {
        corpora.push(seeds);
        let dictionary = run::dictionary(&fault.target);
        options.extend(dictionary.map(|file| format!("-dict={}", file.display())));
    }
    let outcome = run::fuzz(program, seconds, &corpora, &options, false)?;
    Ok(Row {
        fault,
        by: outcome.found.then(|| "fuzzing".to_owned()),
        executions: executions + outcome.executions,
        seconds: outcome.seconds,
    })
}

/// Copies the files of the workspace that git knows or would add. A file that is there already with
/// the same content keeps its time, so that little is built again.
fn copy_sources(copy: &Path) -> Result<(), String> {
    let listed = command::output(&mut program(
        "git",
        "ls-files --cached --others --exclude-standard --deduplicate",
    ))?;
    let folders = ["crates/", "fuzz/", "benches/", "docs/"];
    let wanted = |file: &&str| {
        ["Cargo.toml", "Cargo.lock"].contains(file) || folders.iter().any(|f| file.starts_with(f))
    };
    for file in listed.lines().filter(wanted) {
        let (from, to) = (command::root().join(file), copy.join(file));
        let Ok(content) = fs::read(&from) else {
            continue; // deleted, and not yet committed
        };
        if fs::read(&to).is_ok_and(|there| there == content) {
            continue;
        }
        let folder = to.parent().unwrap_or(copy);
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        fs::write(&to, content).map_err(|e| format!("{}: {e}", to.display()))?;
    }
    quicken(&copy.join("Cargo.toml"))
}

/// What is built for each fault again and run for a moment is not worth optimising.
fn quicken(manifest: &Path) -> Result<(), String> {
    const PROFILE: &str = "\n[profile.release.package.fuzz]\nopt-level = 0\ndebug = 0\n";
    let text = fs::read_to_string(manifest).map_err(|e| e.to_string())?;
    fs::write(manifest, text + PROFILE).map_err(|e| e.to_string())
}
