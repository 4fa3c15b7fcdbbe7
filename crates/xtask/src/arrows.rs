//! The arrow check: who may depend on whom, and what may lie at the top level.
//!
//! ```text
//! longwire-hub ─▶ longwire ─▶ hub-protocol ─▶ resume
//!                       └───▶ sse-parse  ws-frame  ws-deflate  ws-handshake
//! ```
//!
//! Arrows point down only. The crates without IO stand alone, `hub-protocol → resume` excepted,
//! and each library they use is named in the table; in tests and examples they may use each other.
//! Nothing depends on the fuzz targets, the benchmarks, the book or this tool.

mod design;
#[cfg(test)]
mod tests;

use crate::command;
use crate::metadata::{self, list, text};
pub(crate) use design::CORES;
use design::{NO_IO, RULES, Rule, TOP_LEVEL};
use serde_json::Value;
use std::fs;

/// The crates that build for a target without an operating system.
pub(crate) fn no_std_crates() -> impl Iterator<Item = &'static str> {
    RULES
        .iter()
        .filter(|rule| rule.no_std)
        .map(|rule| rule.package)
}

/// Checks the workspace and prints each violation.
///
/// # Errors
///
/// There is a violation, or the workspace cannot be read.
pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata::load()?;
    let mut violations = violations(&metadata);
    violations.extend(strays(top_level()?.iter().map(String::as_str)));
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        let edges: usize = list(&metadata, "packages")
            .map(|p| list(p, "dependencies").count())
            .sum();
        println!(
            "{edges} dependencies of {} packages are as designed",
            RULES.len()
        );
        Ok(())
    } else {
        Err(format!("{} against the design", violations.len()))
    }
}

/// Each dependency that the rules forbid, as a sentence.
fn violations(metadata: &Value) -> Vec<String> {
    let packages: Vec<&Value> = list(metadata, "packages").collect();
    let is_member = |name: &str| packages.iter().any(|p| text(p, "name") == name);
    let mut found = Vec::new();
    for package in &packages {
        let name = text(package, "name");
        let Some(rule) = RULES.iter().find(|rule| rule.package == name) else {
            found.push(format!("{name}: no rule says what it may depend on"));
            continue;
        };
        for dependency in list(package, "dependencies") {
            let on = text(dependency, "name");
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            let foreign = !dependency["path"].is_string();
            let named = if foreign {
                // One of the registry with the name of ours needs another name here.
                (!is_member(on) || dependency["rename"].is_string())
                    && (kind == "dev" || rule.libraries.is_none_or(|names| names.contains(&on)))
            } else if kind == "dev" && NO_IO.contains(&name) {
                NO_IO.contains(&on)
            } else {
                rule.below.contains(&on)
            };
            let hidden = dependency["optional"] == true || kind == "dev";
            if !named || (rule.behind_features.contains(&on) && !hidden) {
                found.push(format!(
                    "{name} -> {on} ({kind}): not an arrow of the design"
                ));
            }
            let bare = rule.libraries.is_some() && kind != "dev" && foreign;
            if bare && dependency["uses_default_features"] == true {
                found.push(format!("{name} -> {on}: default features must be off"));
            }
        }
        found.extend(default_features(rule, package));
    }
    found
}

/// What is wrong with the package's `default` feature.
fn default_features(rule: &Rule, package: &Value) -> Vec<String> {
    let name = rule.package;
    let mut found = Vec::new();
    if rule.no_std && package["features"]["default"] != serde_json::json!(["std"]) {
        found.push(format!("{name}: its default feature must be `std` alone"));
    }
    let mut reached: Vec<&str> = vec!["default"];
    let mut at = 0;
    while let Some(feature) = reached.get(at).copied() {
        for next in package["features"][feature]
            .as_array()
            .into_iter()
            .flatten()
        {
            let next = next.as_str().unwrap_or_default();
            if !reached.contains(&next) {
                reached.push(next);
            }
        }
        at += 1;
    }
    for on in rule.behind_features {
        let pulled =
            |f: &&str| *f == format!("dep:{on}") || *f == *on || f.starts_with(&format!("{on}/"));
        if reached.iter().any(pulled) {
            found.push(format!("{name}: its default features pull in {on}"));
        }
    }
    found
}

/// The files and folders of the workspace's root that git tracks or would add.
fn top_level() -> Result<Vec<String>, String> {
    let root = command::root();
    let listed = command::output(&mut command::program(
        "git",
        "ls-files --cached --others --exclude-standard --deduplicate",
    ));
    let mut names: Vec<String> = match listed {
        Ok(files) => files
            .lines()
            .filter_map(|file| file.split('/').next())
            .filter(|name| root.join(name).exists())
            .map(str::to_owned)
            .collect(),
        // An unpacked archive has no git folder.
        Err(_) => fs::read_dir(&root)
            .map_err(|e| e.to_string())?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name != "target")
            .collect(),
    };
    names.sort();
    names.dedup();
    Ok(names)
}

/// Each name that has no place at the top level, as a sentence.
fn strays<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names
        .filter(|name| !TOP_LEVEL.contains(name))
        .map(|name| format!("{name}: has no place at the top level"))
        .collect()
}
