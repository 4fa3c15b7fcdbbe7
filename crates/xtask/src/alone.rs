//! Each core crate as its users get it: packaged, unpacked outside the workspace, built, tested.

use crate::arrows;
use crate::command::{self, cargo, program, run};
use crate::metadata::{self, list, text};
use serde_json::Value;
use std::env;
use std::fs;
use std::path::Path;

/// Packages the core crates, and builds and runs the doctests of each on its own.
///
/// # Errors
///
/// A crate needs a file or a setting that only the workspace has.
pub(crate) fn check() -> Result<(), String> {
    let metadata = metadata::load()?;
    let folder = env::temp_dir().join(format!("longwire-alone-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let outcome = arrows::CORES
        .iter()
        .try_for_each(|name| check_one(&metadata, name, &folder));
    fs::remove_dir_all(&folder).map_err(|e| e.to_string())?;
    outcome
}

fn check_one(metadata: &Value, name: &str, folder: &Path) -> Result<(), String> {
    run(&mut cargo(&format!(
        "package --quiet --no-verify --allow-dirty -p {name}"
    )))?;
    let package = list(metadata, "packages").find(|p| text(p, "name") == name);
    let version = package.map(|p| text(p, "version")).unwrap_or_default();
    let archive = command::target().join(format!("package/{name}-{version}.crate"));
    run(program("tar", "-xzf").arg(archive).arg("-C").arg(folder))?;
    for verb in ["build", "test --doc"] {
        let mut cargo = cargo(verb);
        // The same settings as in the workspace, so that the libraries built there serve again.
        cargo.env("CARGO_TARGET_DIR", command::target());
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
        run(cargo.current_dir(folder.join(format!("{name}-{version}"))))?;
    }
    Ok(())
}
