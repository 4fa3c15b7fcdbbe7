//! What the suite found, and what it should find.

use super::AGENT;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Results by case: the verdict on its messages and the one on its close.
pub(super) type Results = BTreeMap<String, String>;

/// What the suite reports.
pub(super) fn found(reports: &Path) -> Result<Results, String> {
    let file = reports.join("index.json");
    let index = read_json(&file)?;
    let cases = index[AGENT]
        .as_object()
        .ok_or_else(|| format!("{}: no results", file.display()))?;
    let verdict = |case: &Value, key| case[key].as_str().unwrap_or("none").to_owned();
    Ok(cases
        .iter()
        .map(|(name, case)| {
            let verdicts = [verdict(case, "behavior"), verdict(case, "behaviorClose")];
            (name.clone(), verdicts.join(", "))
        })
        .collect())
}

fn read_json(file: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))
}

/// The pinned results.
pub(super) fn read(file: &Path) -> Result<Results, String> {
    let pinned = read_json(file)?;
    let cases = pinned
        .as_object()
        .ok_or_else(|| format!("{}: no object", file.display()))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(cases
        .iter()
        .map(|(name, verdicts)| (name.clone(), text(verdicts)))
        .collect())
}

/// Pins results.
pub(super) fn write(file: &Path, results: &Results) -> Result<(), String> {
    let text = serde_json::to_string_pretty(results).map_err(|e| e.to_string())?;
    fs::write(file, text + "\n").map_err(|e| format!("{}: {e}", file.display()))
}

/// Prints each case whose result is not the pinned one, missing ones too, and counts them.
pub(super) fn compare(role: &str, results: &Results, pinned: &Results, cases: &[&str]) -> usize {
    let wanted = |name: &str| cases.iter().any(|pattern| matches(pattern, name));
    let mut names: Vec<&String> = results.keys().chain(pinned.keys()).collect();
    names.sort_by_key(|name| numbers(name));
    names.dedup();
    let none = String::from("not run");
    let mut differences = 0;
    for name in names.into_iter().filter(|name| wanted(name)) {
        let (is, was) = (
            results.get(name).unwrap_or(&none),
            pinned.get(name).unwrap_or(&none),
        );
        if is != was {
            println!("{role} {name}: {is}; pinned: {was}");
            differences += 1;
        }
    }
    differences
}

/// Whether the case `name` belongs to `pattern`: the same, or ending in `*` and beginning so.
fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |start| name.starts_with(start))
}

/// `9.3.1` as numbers, to sort by.
fn numbers(name: &str) -> Vec<u32> {
    name.split('.')
        .map(|number| number.parse().unwrap_or(0))
        .collect()
}

/// How many cases have which result.
pub(super) fn summary(results: &Results) -> String {
    let mut counts = BTreeMap::new();
    for verdicts in results.values() {
        *counts.entry(verdicts).or_insert(0) += 1;
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(verdicts, n)| format!("{n} {verdicts}"))
        .collect();
    format!("{} cases: {}", results.len(), counts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::{SECTIONS, TESTEES, pinned};
    use super::*;

    #[test]
    fn patterns_and_order_are_the_suites() {
        assert!(matches("1.*", "1.1.1") && !matches("1.*", "10.1.1"));
        assert!(matches("*", "13.7.18") && matches("7.1.6", "7.1.6"));
        assert!(!matches("7.1", "7.1.6"));
        assert!(numbers("9.8.6") < numbers("10.1.1"));
    }

    #[test]
    fn differences_are_counted_missing_cases_too() {
        let of = |pairs: &[(&str, &str)]| -> Results {
            pairs
                .iter()
                .map(|(name, verdict)| ((*name).into(), (*verdict).into()))
                .collect()
        };
        let pinned = of(&[
            ("1.1.1", "OK, OK"),
            ("1.1.2", "OK, OK"),
            ("12.1.1", "OK, OK"),
        ]);
        assert_eq!(compare("server", &pinned, &pinned, &["*"]), 0);
        let worse = of(&[("1.1.1", "OK, UNCLEAN"), ("1.1.3", "OK, OK")]);
        assert_eq!(compare("server", &worse, &pinned, &SECTIONS), 3);
        assert_eq!(compare("server", &worse, &pinned, &["*"]), 4);
    }

    /// Nothing that is pinned is a failure, and nothing is missing.
    #[test]
    fn what_is_pinned_is_clean() {
        let files = TESTEES
            .iter()
            .flat_map(|testee| ["server", "client"].map(|role| (role, pinned(testee, role))));
        for (role, file) in files {
            let pinned = read(&file).unwrap();
            assert_eq!(pinned.len(), 517);
            for (name, verdicts) in pinned {
                let allowed: &[&str] = match name.as_str() {
                    "7.1.6" | "7.13.1" | "7.13.2" => &["INFORMATIONAL, INFORMATIONAL"],
                    _ => &["OK, OK"],
                };
                assert!(
                    allowed.contains(&verdicts.as_str()),
                    "{role} {name}: {verdicts}"
                );
            }
        }
    }
}
