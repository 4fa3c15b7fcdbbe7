//! Links between the pages of the repository.

use crate::command;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Checks that every relative link of every page leads to a file and, where it names one, to a
/// heading; that what pages include is there; and that the book's table of contents names each of
/// its pages.
///
/// # Errors
///
/// Says how many links lead nowhere, after printing each.
pub(crate) fn check() -> Result<(), String> {
    let root = command::root();
    let listed = command::output(&mut command::program(
        "git",
        "ls-files --cached --others --exclude-standard --deduplicate *.md",
    ))?;
    let pages: Vec<PathBuf> = listed
        .lines()
        .map(|file| root.join(file))
        .filter(|file| file.is_file())
        .collect();
    let mut broken = Vec::new();
    let mut links = 0;
    for page in &pages {
        let text = fs::read_to_string(page).map_err(|e| format!("{}: {e}", page.display()))?;
        for link in targets(&text) {
            links += 1;
            if let Err(reason) = follow(page, &text, &link) {
                let page = page.strip_prefix(&root).unwrap_or(page);
                broken.push(format!("{}: {link}: {reason}", page.display()));
            }
        }
    }
    let source = root.join("docs/src");
    for page in pages.iter().filter(|page| page.starts_with(&source)) {
        let text = fs::read_to_string(page).map_err(|e| format!("{}: {e}", page.display()))?;
        for include in includes(&text) {
            links += 1;
            if let Err(reason) = include_from(page, include) {
                let page = page.strip_prefix(&root).unwrap_or(page);
                broken.push(format!("{}: {include}: {reason}", page.display()));
            }
        }
    }
    let summary = source.join("SUMMARY.md");
    let contents = fs::read_to_string(&summary).map_err(|e| e.to_string())?;
    let named: BTreeSet<PathBuf> = targets(&contents)
        .iter()
        .map(|link| source.join(link))
        .collect();
    for page in pages
        .iter()
        .filter(|page| page.starts_with(&source) && **page != summary)
    {
        if !named.contains(page) {
            broken.push(format!("{}: not in SUMMARY.md", page.display()));
        }
    }
    broken.iter().for_each(|line| println!("{line}"));
    println!("{links} links on {} pages", pages.len());
    if broken.is_empty() {
        Ok(())
    } else {
        Err(format!("{} links lead nowhere", broken.len()))
    }
}

/// The link targets of a page: `[text](target)` and `[name]: target` outside of code.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        // Between back quotes is code.
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        if let Some((_, target)) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "))
        {
            found.push(target.trim().to_owned());
        }
        for rest in line.split("](").skip(1) {
            if let Some((target, _)) = rest.split_once(')') {
                found.push(target.to_owned());
            }
        }
    }
    found
}

/// What a page includes: `{{#include file}}` and `{{#include file:anchor}}`.
fn includes(text: &str) -> impl Iterator<Item = &str> {
    let directives = text.split("{{#include ").skip(1);
    directives.filter_map(|rest| Some(rest.split_once("}}")?.0))
}

/// Whether the file is there, and the part of it that is named. mdbook leaves the place empty where
/// it is not.
fn include_from(page: &Path, include: &str) -> Result<(), String> {
    let (file, anchor) = include.split_once(':').unwrap_or((include, ""));
    let path = page.parent().unwrap_or(page).join(file);
    let text = fs::read_to_string(path).map_err(|_| "no such file".to_owned())?;
    let marks = ["ANCHOR: ", "ANCHOR_END: "].map(|mark| format!("{mark}{anchor}"));
    let marked = |mark: &String| text.lines().any(|line| line.ends_with(mark.as_str()));
    if anchor.is_empty() || marks.iter().all(marked) {
        Ok(())
    } else {
        Err("no such anchor".into())
    }
}

/// The lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Whether `link` on the page `page` with the given `text` leads somewhere. Links to other sites
/// and names of Rust items are not followed.
fn follow(page: &Path, text: &str, link: &str) -> Result<(), String> {
    if link.contains("://") || link.contains("::") || link.starts_with("mailto:") {
        return Ok(());
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = page.parent().unwrap_or(page).join(file);
    if !file.is_empty() && !target.exists() {
        return Err("no such file".into());
    }
    let book = command::root().join("docs/src");
    if page.starts_with(&book) && !inside(&target, &book) {
        return Err("not in the book, where readers would look for it".into());
    }
    if heading.is_empty() {
        return Ok(());
    }
    let other = if file.is_empty() {
        None
    } else {
        fs::read_to_string(target).ok()
    };
    let headings = headings(other.as_deref().unwrap_or(text));
    if headings.iter().any(|h| h == heading) {
        Ok(())
    } else {
        Err("no such heading".into())
    }
}

/// Whether `path`, which exists, lies below `folder`.
fn inside(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    let folder = real(folder);
    real(path).is_some_and(|path| folder.is_some_and(|folder| path.starts_with(folder)))
}

/// The anchors of a page's headings, as GitHub and mdbook form them.
fn headings(text: &str) -> Vec<String> {
    prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| {
                    if c == ' ' {
                        '-'
                    } else {
                        c.to_ascii_lowercase()
                    }
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# One `thing`: two\n[a](b.md) and [c](#one-thing-two)\n\
                        ```text\n[no](link.md)\n```\n`[no](link)` [d](e.md#f)\n[g]: h.md\n";

    #[test]
    fn links_are_found_outside_of_code() {
        assert_eq!(targets(PAGE), ["b.md", "#one-thing-two", "e.md#f", "h.md"]);
    }

    #[test]
    fn an_include_leads_to_a_file_and_an_anchor() {
        let text = "```js\n{{#include a.mjs:b}}\n```\n{{#include c.svg}}";
        assert_eq!(includes(text).collect::<Vec<_>>(), ["a.mjs:b", "c.svg"]);
        let page = command::root().join("docs/src/recipes/react.md");
        let hook = "../../examples/react-hook.mjs";
        assert_eq!(include_from(&page, hook), Ok(()));
        assert_eq!(include_from(&page, &format!("{hook}:hook")), Ok(()));
        let missing = include_from(&page, &format!("{hook}:hoo"));
        assert_eq!(missing, Err("no such anchor".into()));
        assert_eq!(include_from(&page, "no.mjs"), Err("no such file".into()));
    }

    #[test]
    fn a_link_leads_to_a_file_and_a_heading() {
        let page = command::root().join("Cargo.toml");
        assert_eq!(follow(&page, PAGE, "LICENSE"), Ok(()));
        assert_eq!(follow(&page, PAGE, "#one-thing-two"), Ok(()));
        assert_eq!(follow(&page, PAGE, "https://example.com/nowhere"), Ok(()));
        assert_eq!(follow(&page, PAGE, "LICENCE"), Err("no such file".into()));
        assert_eq!(follow(&page, PAGE, "#two"), Err("no such heading".into()));
        let page = command::root().join("docs/src/introduction.md");
        assert_eq!(follow(&page, PAGE, "quick-start.md"), Ok(()));
        assert!(follow(&page, PAGE, "../../LICENSE").is_err());
    }
}
