//! The arrow check: who may depend on whom, and what may lie at the top level.
//!
//! ```text
//! longwire-hub ─▶ longwire ─▶ hub-protocol ─▶ resume
//!                       └───▶ sse-parse  ws-frame  ws-deflate  ws-handshake
//! ```
//!
//! Arrows point down only. The crates without IO stand alone, `hub-protocol → resume` excepted, and
//! name every library they use here; in tests and examples they may use each other. Nothing
//! depends on the fuzz targets, the benchmarks, the book or this tool.

use crate::command;
use crate::metadata::{self, list, text};
use serde_json::Value;
use std::fs;

/// What one package of the workspace may depend on, optional dependencies included.
struct Rule {
    package: &'static str,
    /// Packages of the workspace.
    below: &'static [&'static str],
    /// Packages of the workspace that no default feature may pull in.
    behind_features: &'static [&'static str],
    /// Libraries from elsewhere, default features off; `None` leaves the choice free.
    libraries: Option<&'static [&'static str]>,
    /// The feature `default` must be exactly `["std"]`: without it the crate is `no_std`.
    no_std: bool,
}

impl Rule {
    const fn no_io(
        package: &'static str,
        below: &'static [&'static str],
        libraries: &'static [&'static str],
        no_std: bool,
    ) -> Self {
        Self {
            package,
            below,
            behind_features: &[],
            libraries: Some(libraries),
            no_std,
        }
    }

    const fn free(package: &'static str, below: &'static [&'static str]) -> Self {
        Self {
            package,
            below,
            behind_features: &[],
            libraries: None,
            no_std: false,
        }
    }
}

/// The crates that do no IO.
const NO_IO: &[&str] = &[
    "sse-parse",
    "ws-frame",
    "ws-deflate",
    "ws-handshake",
    "resume",
    "hub-protocol",
];

const ALL_LIBRARIES: &[&str] = &[
    "sse-parse",
    "ws-frame",
    "ws-deflate",
    "ws-handshake",
    "resume",
    "hub-protocol",
    "longwire",
];

/// Every package of the workspace has a row here; a package without one is an error.
const RULES: &[Rule] = &[
    Rule::no_io("sse-parse", &[], &["memchr", "simdutf8"], true),
    Rule::no_io("ws-frame", &[], &["simdutf8"], true),
    Rule::no_io("ws-deflate", &[], &["flate2"], false),
    Rule::no_io(
        "ws-handshake",
        &[],
        &["base64", "httparse", "sha1_smol"],
        true,
    ),
    Rule::no_io("resume", &[], &[], true),
    Rule::no_io("hub-protocol", &["resume"], &["serde", "serde_json"], false),
    Rule::free("longwire", NO_IO),
    Rule::free("longwire-hub", ALL_LIBRARIES),
    Rule::free("xtask", &[]),
    Rule {
        package: "fuzz",
        below: ALL_LIBRARIES,
        behind_features: &["longwire"],
        libraries: None,
        no_std: false,
    },
    Rule {
        package: "benches",
        below: &[
            "sse-parse",
            "ws-frame",
            "ws-deflate",
            "ws-handshake",
            "resume",
            "hub-protocol",
            "longwire",
            "longwire-hub",
        ],
        behind_features: &[],
        libraries: None,
        no_std: false,
    },
    Rule::free("book-examples", ALL_LIBRARIES),
];

/// The crates of the two protocols and of resuming, in the order of the README.
pub(crate) fn core_crates() -> impl Iterator<Item = &'static str> {
    NO_IO.iter().copied().filter(|name| *name != "hub-protocol")
}

/// The crates that build for a target without an operating system.
pub(crate) fn no_std_crates() -> impl Iterator<Item = &'static str> {
    RULES
        .iter()
        .filter(|rule| rule.no_std)
        .map(|rule| rule.package)
}

/// What may lie beside `crates/`; `target/` and what git ignores is not counted.
const TOP_LEVEL: &[&str] = &[
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".config",
    ".deny.toml",
    ".github",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "crates",
    "docs",
    "fuzz",
];

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
            let allowed = if is_member(on) {
                member_allowed(rule, on, kind, dependency["optional"] == true)
            } else {
                kind == "dev"
                    || rule
                        .libraries
                        .is_none_or(|libraries| libraries.contains(&on))
            };
            if !allowed {
                found.push(format!(
                    "{name} -> {on} ({kind}): not an arrow of the design"
                ));
            }
            let bare = rule.libraries.is_some() && kind != "dev" && !is_member(on);
            if bare && dependency["uses_default_features"] == true {
                found.push(format!("{name} -> {on}: default features must be off"));
            }
        }
        found.extend(default_features(rule, package));
    }
    found
}

/// Whether the package of `rule` may depend on `on`, a package of the workspace.
fn member_allowed(rule: &Rule, on: &str, kind: &str, optional: bool) -> bool {
    let no_io = NO_IO.contains(&rule.package);
    if kind == "dev" && no_io {
        return NO_IO.contains(&on);
    }
    rule.below.contains(&on) && (optional || !rule.behind_features.contains(&on))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The sentences about the workspace after `edit` changed the manifest of `package`.
    fn after(package: &str, edit: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut metadata = metadata::load().unwrap();
        let packages = metadata["packages"].as_array_mut().unwrap();
        edit(
            packages
                .iter_mut()
                .find(|p| text(p, "name") == package)
                .unwrap(),
        );
        violations(&metadata)
    }

    fn with_dependency(package: &str, dependency: Value) -> Vec<String> {
        after(package, |p| {
            p["dependencies"].as_array_mut().unwrap().push(dependency);
        })
    }

    fn normal(name: &str) -> Value {
        json!({"name": name, "kind": null, "optional": false, "uses_default_features": false})
    }

    #[test]
    fn the_workspace_is_as_designed() {
        assert_eq!(violations(&metadata::load().unwrap()), Vec::<String>::new());
        let names = top_level().unwrap();
        assert_eq!(
            strays(names.iter().map(String::as_str)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_rule_is_about_a_package_that_exists() {
        let metadata = metadata::load().unwrap();
        for rule in RULES {
            assert!(
                list(&metadata, "packages").any(|p| text(p, "name") == rule.package),
                "{}",
                rule.package
            );
        }
    }

    #[test]
    fn an_added_arrow_is_found() {
        for (from, to) in [
            ("ws-frame", "sse-parse"),
            ("resume", "hub-protocol"),
            ("sse-parse", "longwire"),
            ("longwire", "longwire-hub"),
            ("longwire", "fuzz"),
            ("longwire-hub", "benches"),
            ("xtask", "longwire"),
            ("fuzz", "longwire"),
            ("fuzz", "longwire-hub"),
        ] {
            let found = with_dependency(from, normal(to));
            assert_eq!(
                found,
                [format!(
                    "{from} -> {to} (normal): not an arrow of the design"
                )]
            );
        }
    }

    #[test]
    fn an_added_library_is_found_in_a_crate_without_io() {
        let found = with_dependency("ws-frame", normal("memchr"));
        assert_eq!(
            found,
            ["ws-frame -> memchr (normal): not an arrow of the design"]
        );
        assert_eq!(
            with_dependency("longwire", normal("futures-util")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn tests_of_crates_without_io_use_only_each_other() {
        let dev = |name| json!({"name": name, "kind": "dev", "uses_default_features": true});
        assert_eq!(
            with_dependency("ws-frame", dev("ws-handshake")),
            Vec::<String>::new()
        );
        let found = with_dependency("ws-frame", dev("longwire"));
        assert_eq!(
            found,
            ["ws-frame -> longwire (dev): not an arrow of the design"]
        );
        assert_eq!(
            with_dependency("ws-frame", dev("proptest")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_build_dependency_counts_as_a_normal_one() {
        let build = json!({"name": "cc", "kind": "build", "uses_default_features": false});
        let found = with_dependency("sse-parse", build);
        assert_eq!(
            found,
            ["sse-parse -> cc (build): not an arrow of the design"]
        );
    }

    #[test]
    fn default_features_of_libraries_stay_off() {
        let found = after("sse-parse", |p| {
            p["dependencies"][0]["uses_default_features"] = json!(true);
        });
        assert_eq!(found, ["sse-parse -> memchr: default features must be off"]);
    }

    #[test]
    fn the_default_feature_is_std_alone() {
        let found = after("resume", |p| {
            p["features"]["default"] = json!(["std", "serde"]);
        });
        assert_eq!(found, ["resume: its default feature must be `std` alone"]);
    }

    #[test]
    fn fuzz_reaches_the_runtime_only_behind_a_feature() {
        let optional = json!({"name": "longwire", "kind": null, "optional": true});
        assert_eq!(with_dependency("fuzz", optional), Vec::<String>::new());
        let found = after("fuzz", |p| {
            p["features"] = json!({"default": ["live"], "live": ["dep:longwire"]});
        });
        assert_eq!(found, ["fuzz: its default features pull in longwire"]);
    }

    #[test]
    fn a_package_without_a_rule_is_found() {
        let found = after("resume", |p| p["name"] = json!("newcomer"));
        assert!(found.contains(&"newcomer: no rule says what it may depend on".to_owned()));
    }

    #[test]
    fn a_stray_at_the_top_level_is_found() {
        let found = strays(["README.md", "notes.txt", "src"].into_iter());
        assert_eq!(
            found,
            [
                "notes.txt: has no place at the top level",
                "src: has no place at the top level"
            ]
        );
    }
}
