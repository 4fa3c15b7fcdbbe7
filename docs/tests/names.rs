//! Files and tests that pages name exist.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The pages of the book.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => pages(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// What a page says with `crate/tests/file.rs`, and with the names of functions right behind it.
fn named(page: &str) -> Vec<(&str, Vec<&str>)> {
    let spans: Vec<&str> = page.split('`').collect();
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    // The spans with odd numbers are code; between them stands what joins them.
    for index in (1..spans.len()).step_by(2) {
        let (before, code) = (spans[index - 1].trim(), spans[index]);
        let is_name = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c))
        };
        if code.contains("/tests/") && !code.contains([' ', '{', '*']) {
            // Also as `file.rs::function`.
            let (file, function) = code.split_once("::").unwrap_or((code, ""));
            let function = function.rsplit("::").next().filter(|name| !name.is_empty());
            found.push((file, function.into_iter().collect()));
        } else if let Some((file, functions)) = found.last_mut()
            && file.ends_with(".rs")
            && matches!(before, ":" | ",")
            && code.contains('_')
            && is_name(code)
        {
            functions.push(code);
        }
    }
    found
}

#[test]
fn every_test_that_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = 0;
    for page in pages(&root.join("docs/src")) {
        let text = fs::read_to_string(&page).unwrap();
        for (file, functions) in named(&text) {
            let path = [root.join("crates").join(file), root.join(file)];
            let path = path.iter().find(|path| path.exists());
            let path = path.unwrap_or_else(|| panic!("{}: no {file}", page.display()));
            files += 1;
            for function in functions {
                let source = fs::read_to_string(path).unwrap();
                let declared = source.contains(&format!("fn {function}("));
                assert!(declared, "{}: {file} has no {function}", page.display());
            }
        }
    }
    assert!(files > 30, "the pages name {files} files: are they read?");
}

#[test]
fn names_are_found_behind_their_file() {
    let page = "see `a/tests/b.rs`: `one_two`, `three_four`; and `five_six` of `d`";
    assert_eq!(
        named(page),
        [("a/tests/b.rs", vec!["one_two", "three_four"])]
    );
}

#[test]
fn every_example_is_in_the_index() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let index = fs::read_to_string(root.join("docs/src/using/examples.md")).unwrap();
    let mut examples = 0;
    for folder in fs::read_dir(root.join("crates")).unwrap() {
        let Ok(files) = fs::read_dir(folder.unwrap().path().join("examples")) else {
            continue;
        };
        for file in files.map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "rs") {
                let name = file.strip_prefix(root).unwrap().display().to_string();
                assert!(index.contains(&format!("`{name}`")), "{name}");
                examples += 1;
            }
        }
    }
    assert_eq!(examples, index.matches("/examples/").count(), "no others");
}
