//! Running other programs at the workspace root.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_owned()
}

/// The folder cargo builds into.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// `program` with `arguments` separated by spaces, to be run at the workspace root.
pub(crate) fn program(program: &str, arguments: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .args(arguments.split_whitespace());
    command
}

/// The cargo that runs us, with `arguments` separated by spaces.
pub(crate) fn cargo(arguments: &str) -> Command {
    program(
        &env::var("CARGO").unwrap_or_else(|_| "cargo".into()),
        arguments,
    )
}

/// The nightly cargo, with `arguments` separated by spaces.
pub(crate) fn nightly_cargo(arguments: &str) -> Command {
    let mut command = program("rustup", "run nightly cargo");
    // Set for us by the stable cargo; they would lead the nightly one back to it.
    command
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTC");
    command.args(arguments.split_whitespace());
    command
}

/// Makes a release build of `command` optimise each crate by itself: what the program is to tell
/// does not depend on LTO, and the build takes a fraction of the time.
pub(crate) fn without_lto(command: &mut Command) {
    command
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
}

/// Shows `command`, runs it with our output, and waits for it.
///
/// # Errors
///
/// It cannot be started, or its exit status is not 0.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    println!("$ {}", line(command));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}`: {status}", line(command))),
        Err(e) => Err(format!("`{}`: {e}", line(command))),
    }
}

/// Runs `command` quietly and returns what it wrote to standard output.
///
/// # Errors
///
/// It cannot be started, its exit status is not 0, or its output is not UTF-8.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|e| format!("`{}`: {e}", line(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}`: {}\n{stderr}", line(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("`{}`: {e}", line(command)))
}

/// Whether `name` is a program on the search path.
pub(crate) fn on_path(name: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(name).is_file()))
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let mut line = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
