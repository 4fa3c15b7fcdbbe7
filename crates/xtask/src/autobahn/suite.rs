//! The suite itself: where it is, and how it is started.

use crate::command::{self, output, program, run};
use crate::stop::Stop;
use core::time::Duration;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

const SUITE: &str = "autobahntestsuite==25.10.1";
/// The last that makes environments of Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.21.1";
/// The suite listens on all interfaces whatever its URL says; started from here it does not.
const WSTEST: &str = "
from twisted.internet import posixbase
listen = posixbase.PosixReactorBase.listenTCP
def local(self, port, factory, backlog=50, interface='127.0.0.1'):
    return listen(self, port, factory, backlog, interface)
posixbase.PosixReactorBase.listenTCP = local
from autobahntestsuite.wstest import run
run()
";
/// Longer than any run takes.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// Where the suite and its reports are.
pub(super) fn folder() -> PathBuf {
    command::target().join("autobahn")
}

fn python() -> PathBuf {
    folder().join("suite/bin/python")
}

/// Sees to it that the suite is installed.
///
/// # Errors
///
/// [`Stop::Skipped`] without Python 2.7, or without the suite and `install`.
pub(super) fn install(install: bool) -> Result<(), Stop> {
    let folder = folder();
    if folder.join("suite/bin/wstest").is_file() {
        return Ok(());
    }
    let Some(python27) = python27() else {
        return Err(Stop::Skipped(
            "there is no Python 2.7 on the path or in pyenv".into(),
        ));
    };
    if !install {
        return Err(Stop::Skipped(
            "the suite is not installed; --install does it".into(),
        ));
    }
    println!("installing {SUITE}");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let step = |program: &str| Command::new(folder.join(program));
    run(program("python3", "-m venv").arg(folder.join("maker")))?;
    run(step("maker/bin/pip").args(["install", "--quiet", VIRTUALENV]))?;
    let mut virtualenv = step("maker/bin/virtualenv");
    run(virtualenv
        .args(["--quiet", "--python"])
        .arg(python27)
        .arg(folder.join("suite")))?;
    run(step("suite/bin/pip").args(["install", "--quiet", SUITE]))?;
    Ok(())
}

/// A Python 2.7: on the path, or among the versions of pyenv.
fn python27() -> Option<PathBuf> {
    const NAME: &str = "python2.7";
    // A shim of pyenv may stand on the path for a version that is not there: ask it.
    if output(&mut program(NAME, "--version")).is_ok() {
        return Some(NAME.into());
    }
    let root = output(&mut program("pyenv", "root")).ok()?;
    let versions = fs::read_dir(Path::new(root.trim()).join("versions")).ok()?;
    let mut found =
        versions.filter_map(|version| Some(version.ok()?.path().join("bin").join(NAME)));
    found.find(|python| python.is_file())
}

/// The suite in one of its modes, to be started.
pub(super) fn start(mode: &str, spec: &Path) -> Command {
    let mut command = Command::new(python());
    command
        .args([
            "-u",
            "-c",
            WSTEST,
            "--mode",
            mode,
            "--webport",
            "0",
            "--spec",
        ])
        .arg(spec);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Writes the specification of a run, and removes the reports of the one before.
pub(super) fn spec(run: &str, cases: &[&str], key: &str, value: Value) -> Result<PathBuf, String> {
    let reports = reports(run);
    if reports.is_dir() {
        fs::remove_dir_all(&reports).map_err(|e| e.to_string())?;
    }
    let mut spec = serde_json::json!({
        "outdir": reports,
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    spec[key] = value;
    let file = folder().join(format!("{run}.json"));
    fs::write(&file, spec.to_string()).map_err(|e| e.to_string())?;
    Ok(file)
}

/// Where the reports of a run go.
pub(super) fn reports(run: &str) -> PathBuf {
    folder().join("reports").join(run)
}

/// The log of a run, for two writers.
pub(super) fn log(run: &str) -> Result<(File, File), String> {
    let file = File::create(folder().join(format!("{run}.log"))).map_err(|e| e.to_string())?;
    let copy = file.try_clone().map_err(|e| e.to_string())?;
    Ok((file, copy))
}

/// A program that is ended when it is no longer needed.
pub(super) struct Running(pub(super) Child);

impl Running {
    /// Waits until it ends by itself.
    pub(super) fn wait(&mut self) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            if self.0.try_wait().map_err(|e| e.to_string())?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err("the run takes too long".into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
