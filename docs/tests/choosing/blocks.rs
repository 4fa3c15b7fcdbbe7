//! What is printed is what is tested: code in the pages of *Choosing* and the recipes comes from
//! files, or runs where it stands.

use std::fs;
use std::path::Path;

use super::tools::DOCS;

/// Languages whose blocks run as they stand in the page: doctests, and commands with their output.
const RUN: &[&str] = &["rust", "console"];
/// What is no code.
const SHOWN: &[&str] = &["text", "http"];
/// Commands that measure: they take long, and print other figures each time.
const MEASURES: &str = "sh";

#[test]
fn code_is_included_from_files() {
    let mut included = 0;
    for folder in ["choosing", "recipes"] {
        for entry in fs::read_dir(format!("{DOCS}/src/{folder}")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let page = fs::read_to_string(&path).unwrap();
            let mut blocks = page.split("\n```");
            blocks.next();
            // Every other piece is outside of a block.
            for block in blocks.step_by(2) {
                let (language, text) = block.split_once('\n').unwrap();
                let place = path.display();
                if language == MEASURES {
                    for file in text.split(' ').filter(|word| word.starts_with("docs/")) {
                        let file = Path::new(DOCS).join("..").join(file.trim());
                        assert!(file.is_file(), "{place}: {}", file.display());
                    }
                    continue;
                }
                if RUN.contains(&language) || SHOWN.contains(&language) {
                    continue;
                }
                let file = text
                    .strip_prefix("{{#include ")
                    .and_then(|rest| rest.split_once("}}"))
                    .unwrap_or_else(|| panic!("{place}: {language} that no file holds:\n{text}"));
                assert_eq!(file.1, "", "{place}: more than an include");
                check_include(&path, file.0);
                included += 1;
            }
        }
    }
    assert!(included >= 15, "{included} blocks");
}

/// The file is one that tests use, and has the part that is named.
fn check_include(page: &Path, include: &str) {
    let (file, anchor) = include.split_once(':').unwrap_or((include, ""));
    let path = page.parent().unwrap().join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if !anchor.is_empty() {
        for mark in ["ANCHOR: ", "ANCHOR_END: "] {
            let mark = format!("{mark}{anchor}\n");
            assert!(text.contains(&mark), "{}: {mark}", path.display());
        }
    }
    let name = path.file_name().unwrap().to_str().unwrap();
    // By a test, or by a sample that is.
    let used = ["tests/node", "examples"].iter().any(|folder| {
        let mut files = fs::read_dir(format!("{DOCS}/{folder}")).unwrap();
        files.any(|entry| {
            let path = entry.unwrap().path();
            path.is_file() && fs::read_to_string(path).unwrap().contains(name)
        })
    });
    let itself = name.ends_with(".test.mjs") || file.contains("crates/");
    assert!(used || itself, "{name} is in no test");
}
