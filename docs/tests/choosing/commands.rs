//! The commands of the pages print what the pages say.

use std::process::Command;

use super::tools::{DOCS, all_there, run};

const PAGES: &[&str] = &[
    "src/choosing/errata.md",
    "src/choosing/overhead.md",
    "src/choosing/wire.md",
];

/// The commands of a page, each after `$ ` in a console block, and what stands below it.
fn commands(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```console\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("\n```").unwrap().0);
    let transcripts = blocks.filter(|block| block.starts_with("$ "));
    transcripts
        .flat_map(|block| block[2..].split("\n$ "))
        .map(|entry| {
            let (command, output) = entry.split_once('\n').unwrap_or((entry, ""));
            (command.to_owned(), output.to_owned())
        })
        .collect()
}

#[test]
fn every_command_prints_what_the_page_says() {
    if !all_there(&["node", "curl"]) {
        return;
    }
    let mut count = 0;
    for page in PAGES {
        let text = std::fs::read_to_string(format!("{DOCS}/{page}")).unwrap();
        for (command, expected) in commands(&text) {
            count += 1;
            let mut shell = Command::new("sh");
            shell.args(["-e", "-c", &command]);
            let printed = run(shell.current_dir(format!("{DOCS}/..")));
            assert_eq!(printed.trim_end(), expected, "{page}: {command}");
        }
    }
    assert!(count >= 5, "{count} commands");
}
