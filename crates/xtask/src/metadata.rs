//! The workspace as `cargo metadata` describes it.

use crate::command;
use serde_json::Value;

/// What `cargo metadata --no-deps` prints.
///
/// # Errors
///
/// cargo cannot read the workspace.
pub(crate) fn load() -> Result<Value, String> {
    let mut cargo = command::cargo("metadata --no-deps --format-version 1");
    serde_json::from_str(&command::output(&mut cargo)?).map_err(|e| e.to_string())
}

/// The members of the list `key` of `value`; none if it is no list.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// The text `key` of `value`; empty if it is no text.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The names of the targets of `kind` ("bin", "bench") in the package `package`, in order.
pub(crate) fn targets(metadata: &Value, package: &str, kind: &str) -> Vec<String> {
    let mut names: Vec<String> = list(metadata, "packages")
        .filter(|p| text(p, "name") == package)
        .flat_map(|p| list(p, "targets"))
        .filter(|t| list(t, "kind").any(|k| k == kind))
        .map(|t| text(t, "name").to_owned())
        .collect();
    names.sort();
    names
}

/// The features that the target `name` of the package `package` needs.
pub(crate) fn required_features(metadata: &Value, package: &str, name: &str) -> Vec<String> {
    list(metadata, "packages")
        .filter(|p| text(p, "name") == package)
        .flat_map(|p| list(p, "targets"))
        .filter(|t| text(t, "name") == name)
        .flat_map(|t| list(t, "required-features"))
        .filter_map(|feature| feature.as_str().map(str::to_owned))
        .collect()
}
