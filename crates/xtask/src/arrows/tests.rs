//! The check finds what it should: each test bends the real metadata in one place.

use super::*;
use serde_json::json;

/// What is found beside what was there, after `edit` changed the manifest of `package`.
fn after(package: &str, edit: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut metadata = metadata::load().unwrap();
    let before = violations(&metadata);
    let packages = metadata["packages"].as_array_mut().unwrap();
    edit(
        packages
            .iter_mut()
            .find(|p| text(p, "name") == package)
            .unwrap(),
    );
    let mut found = violations(&metadata);
    found.retain(|sentence| !before.contains(sentence));
    found
}

fn with_dependency(package: &str, dependency: Value) -> Vec<String> {
    after(package, |p| {
        p["dependencies"].as_array_mut().unwrap().push(dependency);
    })
}

fn ours(name: &str, kind: Option<&str>, optional: bool) -> Value {
    json!({"name": name, "kind": kind, "optional": optional, "path": "crates"})
}

fn library(name: &str, kind: Option<&str>) -> Value {
    json!({"name": name, "kind": kind, "path": null, "uses_default_features": kind.is_some()})
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
        let found = with_dependency(from, ours(to, None, false));
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
    let found = with_dependency("ws-frame", library("memchr", None));
    assert_eq!(
        found,
        ["ws-frame -> memchr (normal): not an arrow of the design"]
    );
    assert_eq!(
        with_dependency("longwire", library("futures-util", None)),
        Vec::<String>::new()
    );
}

#[test]
fn tests_of_crates_without_io_use_only_each_other() {
    let dev = |name| ours(name, Some("dev"), false);
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
        with_dependency("ws-frame", library("proptest", Some("dev"))),
        Vec::<String>::new()
    );
}

#[test]
fn a_library_with_the_name_of_a_crate_of_ours_is_found() {
    let mut theirs = library("sse-parse", None);
    let found = with_dependency("longwire", theirs.clone());
    assert_eq!(
        found,
        ["longwire -> sse-parse (normal): not an arrow of the design"]
    );
    theirs["rename"] = json!("sse-parse-theirs");
    assert_eq!(with_dependency("benches", theirs), Vec::<String>::new());
}

#[test]
fn a_build_dependency_counts_as_a_normal_one() {
    let mut build = library("cc", Some("build"));
    build["uses_default_features"] = json!(false);
    let found = with_dependency("sse-parse", build);
    assert_eq!(
        found,
        ["sse-parse -> cc (build): not an arrow of the design"]
    );
}

#[test]
fn default_features_of_libraries_stay_off() {
    let found = after("sse-parse", |p| {
        for library in p["dependencies"].as_array_mut().unwrap() {
            if library["name"] == "memchr" {
                library["uses_default_features"] = json!(true);
            }
        }
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
    let optional = ours("longwire", None, true);
    assert_eq!(with_dependency("fuzz", optional), Vec::<String>::new());
    let found = after("fuzz", |p| {
        p["features"] = json!({"default": ["live"], "live": ["dep:longwire"]});
    });
    assert_eq!(found, ["fuzz: its default features pull in longwire"]);
}

#[test]
fn a_library_behind_a_feature_stays_there() {
    let found = with_dependency("ws-handshake", library("http", None));
    assert_eq!(
        found,
        ["ws-handshake -> http (normal): not an arrow of the design"]
    );
    let found = after("sse-parse", |p| p["features"]["std"] = json!(["serde"]));
    assert_eq!(found, ["sse-parse: its default features pull in serde"]);
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
