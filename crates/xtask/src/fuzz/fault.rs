//! Faults to plant in a copy of a crate, and how to plant them.

use crate::command;
use std::fs;
use std::path::Path;

/// The folder with a file of faults for each crate that has some.
const FOLDER: &str = "fuzz/planted";

/// A fault: lines of one source file, and what stands there instead.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) package: String,
    pub(super) name: String,
    /// The fuzz target that must find it.
    pub(super) target: String,
    /// Below `src` of the package.
    file: String,
    /// What goes wrong, in a sentence.
    pub(super) effect: String,
    right: Vec<String>,
    wrong: Vec<String>,
}

/// All faults, in the order of the files and of what stands in them.
///
/// # Errors
///
/// A file cannot be read, or a line has no meaning.
pub(super) fn all() -> Result<Vec<Fault>, String> {
    let folder = command::root().join(FOLDER);
    let entries = fs::read_dir(&folder).map_err(|e| format!("{FOLDER}: {e}"))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let mut faults = Vec::new();
    for file in files {
        let package = file.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        faults.extend(parse(&package, &text)?);
    }
    Ok(faults)
}

/// A fault begins with `@ NAME TARGET FILE`. Then come `#` and its effect, the lines that are right
/// behind `-`, and the wrong ones behind `+`.
fn parse(package: &str, text: &str) -> Result<Vec<Fault>, String> {
    let mut faults: Vec<Fault> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let bad = || format!("{FOLDER}/{package}.txt:{number}: `{line}`");
        let Some((sign, rest)) = line.split_at_checked(1) else {
            continue;
        };
        if sign == "@" {
            let words: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
            let [name, target, file] = words.try_into().map_err(|_| bad())?;
            let (package, effect) = (package.to_owned(), String::new());
            let (right, wrong) = (Vec::new(), Vec::new());
            faults.push(Fault {
                package,
                name,
                target,
                file,
                effect,
                right,
                wrong,
            });
            continue;
        }
        let fault = faults.last_mut().ok_or_else(bad)?;
        let rest = rest.trim().to_owned();
        match sign {
            "#" if fault.effect.is_empty() => fault.effect = rest,
            "-" => fault.right.push(rest),
            "+" => fault.wrong.push(rest),
            _ => return Err(bad()),
        }
    }
    Ok(faults)
}

impl Fault {
    /// The source file, relative to the root of a workspace.
    pub(super) fn path(&self) -> String {
        format!("crates/{}/src/{}", self.package, self.file)
    }

    /// The text of the source file with the fault in it.
    ///
    /// # Errors
    ///
    /// What is right does not stand in `source` exactly once.
    pub(super) fn plant(&self, source: &str) -> Result<String, String> {
        let lines: Vec<_> = source.lines().collect();
        // Without indentation: that changes with what stands around.
        let fits = |window: &&[&str]| window.iter().map(|line| line.trim()).eq(&self.right);
        let found = lines.windows(self.right.len().max(1)).filter(fits).count();
        let Some(at) = lines
            .windows(self.right.len().max(1))
            .position(|w| fits(&w))
        else {
            return Err(format!("{}: not in {}", self.name, self.path()));
        };
        if found > 1 {
            return Err(format!("{}: {found} places in {}", self.name, self.path()));
        }
        let mut text = lines[..at].join("\n");
        for line in &self.wrong {
            text.push('\n');
            text.push_str(line);
        }
        for line in &lines[at + self.right.len()..] {
            text.push('\n');
            text.push_str(line);
        }
        text.push('\n');
        Ok(text)
    }

    /// The same in the source file below `root`.
    ///
    /// # Errors
    ///
    /// As [`plant`](Self::plant); or the file cannot be read.
    pub(super) fn planted_below(&self, root: &Path) -> Result<String, String> {
        let path = self.path();
        let source = fs::read_to_string(root.join(&path)).map_err(|e| format!("{path}: {e}"))?;
        self.plant(&source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_fault_has_its_place() {
        let faults = all().unwrap();
        let mut names = BTreeSet::new();
        let mut counts = BTreeMap::new();
        for fault in &faults {
            if let Err(error) = fault.planted_below(&command::root()) {
                panic!("{error}");
            }
            assert!(!fault.effect.is_empty(), "{} says nothing", fault.name);
            assert_ne!(fault.right, fault.wrong, "{} changes nothing", fault.name);
            assert!(names.insert(&fault.name), "{} twice", fault.name);
            *counts.entry(&*fault.package).or_insert(0) += 1;
        }
        for package in [
            "sse-parse",
            "ws-frame",
            "ws-deflate",
            "ws-handshake",
            "resume",
        ] {
            assert!(counts[package] >= 10, "{package}: {}", counts[package]);
        }
        assert!(counts["hub-protocol"] >= 10);
    }

    #[test]
    fn lines_are_exchanged_whatever_their_indentation() {
        let text = "@ late sse_parse scan.rs\n# One byte late.\n-a();\n- b();\n+c();\n";
        let fault = parse("sse-parse", text).unwrap().remove(0);
        assert_eq!(fault.path(), "crates/sse-parse/src/scan.rs");
        assert_eq!(
            fault.plant("{\n    a();\n    b();\n}\n").unwrap(),
            "{\nc();\n}\n"
        );
        assert!(fault.plant("a();\n").is_err());
        assert!(fault.plant("a();\nb();\na();\nb();\n").is_err());
        assert!(parse("x", "-a();").is_err());
        assert!(parse("x", "@ name target").is_err());
    }
}
