//! Building a target and running it as libFuzzer wants it.

use crate::command::{self, nightly_cargo, program};
use crate::metadata;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// How the fuzz targets of a workspace are built, and where they are then.
pub(super) struct Build {
    root: PathBuf,
    folder: PathBuf,
    sanitizer: &'static str,
    opt_level: &'static str,
}

impl Build {
    /// With the address sanitizer, as `cargo fuzz run` does.
    pub(super) fn checked() -> Self {
        Self {
            root: command::root(),
            folder: command::target().join("fuzz/checked"),
            sanitizer: "address",
            opt_level: "3",
        }
    }

    /// Without a sanitizer: there is no `unsafe` that it could blame.
    pub(super) fn fast() -> Self {
        Self {
            folder: command::target().join("fuzz/fast"),
            sanitizer: "none",
            ..Self::checked()
        }
    }

    /// Of the workspace at `root`, to be built often and run for seconds.
    pub(super) fn quick(root: PathBuf, folder: PathBuf) -> Self {
        Self {
            root,
            folder,
            sanitizer: "none",
            opt_level: "1",
        }
    }

    /// Builds `target` and returns its program.
    ///
    /// # Errors
    ///
    /// It does not build.
    pub(super) fn build(&self, target: &str) -> Result<PathBuf, String> {
        let host = host()?;
        let mut cargo = nightly_cargo("fuzz build --fuzz-dir fuzz");
        cargo
            .current_dir(&self.root)
            .args(["--sanitizer", self.sanitizer, "--target", &host])
            .arg("--target-dir")
            .arg(&self.folder)
            .arg(target)
            .env_remove("CARGO_TARGET_DIR")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.opt_level);
        for feature in metadata::required_features(&metadata::load()?, "fuzz", target) {
            cargo.args(["--features", &feature]);
        }
        command::without_lto(&mut cargo);
        let output = cargo.output().map_err(|e| format!("cargo fuzz: {e}"))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{target} does not build:\n{stderr}"));
        }
        Ok(self.folder.join(host).join("release").join(target))
    }
}

/// The triple of this machine.
fn host() -> Result<String, String> {
    let version = command::output(&mut program("rustc", "-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc names no host".into())
}

/// The committed seeds of `target`.
pub(super) fn seeds(target: &str) -> PathBuf {
    command::root().join("fuzz/corpus").join(target)
}

/// The dictionary of `target`: `sse_parse` uses `sse.dict`.
pub(super) fn dictionary(target: &str) -> Option<PathBuf> {
    let area = target.split('_').next().unwrap_or(target);
    let file = command::root().join(format!("fuzz/dictionaries/{area}.dict"));
    file.is_file().then_some(file)
}

/// What a run came to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Whether the oracle failed, or the program hung or ran out of memory.
    pub(super) found: bool,
    pub(super) executions: u64,
    pub(super) seconds: f64,
    log: Vec<String>,
}

impl Outcome {
    pub(super) fn last_lines(&self, count: usize) -> String {
        self.log[self.log.len().saturating_sub(count)..].join("\n")
    }
}

/// Lets the program look at each of `files` once; the second value is the file that it failed at.
///
/// # Errors
///
/// It cannot be started.
pub(super) fn replay(program: &Path, folder: &Path) -> Result<(Outcome, Option<String>), String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let mut outcome = watch(Command::new(program).args(files), false)?;
    const RUNNING: &str = "Running: ";
    let run: Vec<_> = outcome
        .log
        .iter()
        .filter_map(|line| line.strip_prefix(RUNNING))
        .collect();
    let last = run
        .last()
        .map(|file| file.rsplit('/').next().unwrap_or(file).to_owned());
    outcome.executions = run.len() as u64;
    let failed = last.filter(|_| outcome.found);
    Ok((outcome, failed))
}

/// Lets the program look for an input that fails, for so many seconds. It adds what leads on to the
/// first corpus, and reads the others.
///
/// # Errors
///
/// It cannot be started.
pub(super) fn fuzz(
    program: &Path,
    seconds: u32,
    corpora: &[PathBuf],
    options: &[String],
    tell: bool,
) -> Result<Outcome, String> {
    let mut command = Command::new(program);
    command
        .args(corpora)
        .arg(format!("-max_total_time={seconds}"))
        .args(options);
    watch(&mut command, tell)
}

fn watch(command: &mut Command, tell: bool) -> Result<Outcome, String> {
    let artifacts = command::target().join("fuzz/artifacts");
    fs::create_dir_all(&artifacts).map_err(|e| e.to_string())?;
    command
        .args(["-print_final_stats=1", "-timeout=20", "-rss_limit_mb=2048"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
    let mut log = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if tell {
                eprintln!("{line}");
            }
            log.push(line);
        }
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    const EXECUTED: &str = "stat::number_of_executed_units:";
    let executions = log
        .iter()
        .find_map(|line| line.strip_prefix(EXECUTED)?.trim().parse().ok());
    Ok(Outcome {
        found: !status.success(),
        executions: executions.unwrap_or(0),
        seconds: begun.elapsed().as_secs_f64(),
        log,
    })
}
