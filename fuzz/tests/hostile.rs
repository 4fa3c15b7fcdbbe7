//! The book's table of hostile inputs names seeds and tests that exist.

use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../../docs/src/fuzzing/hostile.md");

/// The cells of each row that has a number.
fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    let rows = TABLE
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(cells);
    let numbered = |row: &Vec<&str>| row[0].ends_with(|last: char| last.is_ascii_digit());
    rows.filter(numbered).collect()
}

/// What stands between backquotes.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_seed_exists() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut seeds = 0;
    for row in rows() {
        for seed in names(row[3]) {
            assert!(corpus.join(seed).is_file(), "{}: no seed {seed}", row[0]);
            seeds += 1;
        }
    }
    assert!(seeds > 90, "{seeds} seeds");
}

#[test]
fn every_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let rows = rows();
    assert!(rows.len() > 40, "{} rows", rows.len());
    for row in rows {
        assert_eq!(row.len(), 5, "{row:?}");
        let mut tests = names(row[4]).peekable();
        assert!(tests.peek().is_some(), "{} names no test", row[0]);
        for test in tests {
            let (file, name) = test.split_once("::").unwrap();
            let text = fs::read_to_string(root.join(file));
            let text = text.unwrap_or_else(|e| panic!("{}: {file}: {e}", row[0]));
            assert!(
                text.contains(&format!("fn {name}(")),
                "{}: no test {test}",
                row[0]
            );
        }
    }
}
