//! Programs that a test needs and that may be missing.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The folder of the book.
pub(crate) const DOCS: &str = env!("CARGO_MANIFEST_DIR");

/// Whether all programs are there. If one is missing, it says so where
/// `LONGWIRE_SKIP_MISSING_TOOLS` allows it.
///
/// # Panics
///
/// If one is missing otherwise: a test that was not run has not passed.
pub(crate) fn all_there(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|name| !is_there(name)).collect();
    if missing.is_empty() {
        return true;
    }
    let reason = format!("missing, `cargo xtask ci --install` installs it: {missing:?}");
    let skip = env::var("LONGWIRE_SKIP_MISSING_TOOLS");
    assert_eq!(skip.as_deref(), Ok("1"), "{reason}");
    eprintln!("NOT RUN: {reason}");
    false
}

fn is_there(name: &str) -> bool {
    match name {
        "node" => folder("LONGWIRE_NPM").join("react").is_dir() && on_path(&["node"]),
        "python" => folder("LONGWIRE_PYTHON").join("bin/flask").is_file(),
        "chromium" => on_path(&["chromium", "chromium-browser", "google-chrome"]),
        name => on_path(&[name]),
    }
}

/// Whether one of these programs is on the path, or where Debian keeps servers.
fn on_path(names: &[&str]) -> bool {
    let path = env::var_os("PATH").expect("a path");
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut programs = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    programs.any(|program| program.is_file())
}

fn folder(variable: &str) -> PathBuf {
    let folder = env::var_os(variable);
    let folder = folder.unwrap_or_else(|| panic!("{variable}, which .cargo/config.toml sets"));
    // The tests run in the folder of their package.
    PathBuf::from(DOCS).join("..").join(folder)
}

/// The hub's program, built with the tests of the workspace.
pub(crate) fn hub() -> PathBuf {
    let tests = env::current_exe().unwrap();
    let hub = tests.ancestors().nth(2).unwrap().join("longwire");
    assert!(
        hub.is_file(),
        "{}: run the tests of the workspace",
        hub.display()
    );
    hub
}

/// Runs a program with everything that the samples need, and gives what it printed.
///
/// # Panics
///
/// If it fails.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .env("LONGWIRE_HUB", hub())
        .env("LONGWIRE_NPM", folder("LONGWIRE_NPM"))
        .env("LONGWIRE_PYTHON", folder("LONGWIRE_PYTHON"))
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}\n{errors}");
    text
}
