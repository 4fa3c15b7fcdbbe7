//! The samples of the recipes, each with its tests in `tests/node`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::tools::{DOCS, all_there, run};

/// Runs the tests of one file, in Node.js.
fn node(file: &str, programs: &[&str]) {
    if !all_there(programs) {
        return;
    }
    let mut node = Command::new("node");
    node.args(["--import", "./packages.mjs", "--test"])
        // A guard against hanging, not a measure.
        .arg("--test-timeout=150000")
        .arg(file)
        .current_dir(format!("{DOCS}/tests/node"));
    let report = run(&mut node);
    assert!(report.contains("\n# fail 0\n"), "{report}");
    assert!(report.contains("\n# skipped 0\n"), "{report}");
    assert!(!report.contains("\n# pass 0\n"), "{report}");
}

/// One test for each file, and the list of the files.
macro_rules! files {
    ($($name:ident: $file:literal $programs:expr;)*) => {
        $(#[test] fn $name() { node($file, &$programs); })*
        const FILES: &[&str] = &[$($file),*];
    };
}

files! {
    articles: "articles.test.mjs" ["node", "chromium", "python"];
    binary: "binary.test.mjs" ["node", "chromium"];
    book: "book.test.mjs" ["node", "chromium", "mdbook"];
    browsers: "browsers.test.mjs" ["node", "chromium"];
    event_source: "event-source.test.mjs" ["node", "chromium"];
    fetch_events: "fetch-events.test.mjs" ["node", "chromium"];
    nginx: "nginx.test.mjs" ["node", "nginx"];
    python: "python.test.mjs" ["node", "python"];
    questions: "questions.test.mjs" ["node", "chromium", "mdbook"];
    quick_start: "quick-start.test.mjs" ["node", "chromium"];
    react_hook: "react-hook.test.mjs" ["node", "chromium"];
    send: "send.test.mjs" ["node", "chromium"];
    shared_stream: "shared-stream.test.mjs" ["node", "chromium"];
    sockets: "sockets.test.mjs" ["node", "chromium"];
    sse_server: "sse-server.test.mjs" ["node"];
    web_socket: "web-socket.test.mjs" ["node", "chromium"];
}

#[test]
fn no_file_is_forgotten() {
    let found: BTreeSet<String> = fs::read_dir(format!("{DOCS}/tests/node"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".test.mjs"))
        .collect();
    let listed: BTreeSet<String> = FILES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(found, listed);
}
