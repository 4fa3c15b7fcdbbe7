//! The rules of the specifications, and the code and tests that cite them.
//!
//! `crates/xtask/requirements/` lists every sentence of a specification that asks something of
//! somebody, with its section. A comment in the code that quotes such a sentence, or a part of it,
//! covers it; one that says `type=test` stands above a test of it. What asks something of others
//! (browsers, intermediaries, authors of extensions) says so in the list.

mod quote;
mod requirement;

use self::quote::Quote;
use self::requirement::{Document, Level, Requirement};
use crate::command::{self, root};
use clap::Args;
use std::fs;
use std::path::Path;

/// What `cargo xtask citations` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only this document, as `rfc6455`
    document: Option<String>,
    /// Print every rule with the places that cite it, not only those without a test
    #[arg(long)]
    all: bool,
}

/// Prints what is covered, and fails if a rule that asks something of us has no test.
///
/// # Errors
///
/// A rule without a test, a quotation of a listed section that is not in it, or a file that cannot
/// be read.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let documents = requirement::documents(&root().join("crates/xtask/requirements"))?;
    let quotes = quotes()?;
    println!(
        "{:<12} {:<7} {:>6} {:>9} {:>7} {:>8} {:>8}",
        "document", "level", "rules", "not ours", "cited", "tested", "missing"
    );
    let mut missing = Vec::new();
    for document in &documents {
        if options
            .document
            .as_ref()
            .is_some_and(|name| *name != document.name)
        {
            continue;
        }
        for level in [Level::Must, Level::Should] {
            missing.extend(row(document, level, &quotes));
        }
        if options.all {
            list(document, &quotes);
        }
    }
    for (document, requirement) in &missing {
        println!(
            "no test: {} {}: {}",
            document.name, requirement.section, requirement.text
        );
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("{} rules without a test", missing.len()))
    }
}

/// Prints the counts of one level of a document, and returns its rules without a test.
fn row<'d>(
    document: &'d Document,
    level: Level,
    quotes: &[Quote],
) -> Vec<(&'d Document, &'d Requirement)> {
    let rules = || {
        document
            .requirements
            .iter()
            .filter(|rule| rule.level == level)
    };
    let ours: Vec<_> = rules().filter(|rule| rule.not_ours.is_none()).collect();
    let covered = |rule: &Requirement, test: bool| {
        quotes
            .iter()
            .any(|quote| quote.test == test && quote.covers(&document.url, rule))
    };
    let cited = ours.iter().filter(|rule| covered(rule, false)).count();
    let missing: Vec<_> = ours
        .iter()
        .filter(|rule| !covered(rule, true))
        .map(|rule| (document, *rule))
        .collect();
    println!(
        "{:<12} {:<7} {:>6} {:>9} {:>7} {:>8} {:>8}",
        document.name,
        level.word(),
        rules().count(),
        rules().count() - ours.len(),
        cited,
        ours.len() - missing.len(),
        missing.len()
    );
    missing
}

/// Prints each rule of a document with the places that cite it.
fn list(document: &Document, quotes: &[Quote]) {
    for rule in &document.requirements {
        println!("\n{} {} {}", rule.section, rule.level.word(), rule.text);
        if let Some(reason) = &rule.not_ours {
            println!("  not ours: {reason}");
        }
        for quote in quotes
            .iter()
            .filter(|quote| quote.covers(&document.url, rule))
        {
            println!("  {}", quote.place());
        }
    }
}

/// Every quotation in the sources of the workspace.
fn quotes() -> Result<Vec<Quote>, String> {
    let files = command::output(&mut command::program(
        "git",
        "ls-files --cached --others --exclude-standard --deduplicate crates/*.rs fuzz/*.rs docs/*.rs",
    ))?;
    let mut quotes = Vec::new();
    for file in files.lines().filter(|file| root().join(file).is_file()) {
        let text = fs::read_to_string(root().join(file)).map_err(|e| format!("{file}: {e}"))?;
        quotes.extend(quote::find(Path::new(file), &text));
    }
    Ok(quotes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_asks_something_of_us_has_a_test() {
        let all = Options {
            document: None,
            all: false,
        };
        assert_eq!(run(&all), Ok(()));
    }
}
