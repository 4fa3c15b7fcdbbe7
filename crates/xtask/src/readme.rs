//! The README of each library is its documentation, word for word.

use crate::command::root;
use clap::Args;
use std::fs;
use std::path::PathBuf;

/// What `cargo xtask readme` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Write the READMEs instead of comparing them
    #[arg(long)]
    write: bool,
}

/// Compares every README with what it should be, or writes it.
///
/// # Errors
///
/// A README is missing or differs, or a file cannot be read or written.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut stale = Vec::new();
    for (name, folder) in libraries()? {
        let source = folder.join("src/lib.rs");
        let source =
            fs::read_to_string(&source).map_err(|e| format!("{}: {e}", source.display()))?;
        let (path, page) = (folder.join("README.md"), page(&name, &source));
        if options.write {
            fs::write(&path, page).map_err(|e| format!("{}: {e}", path.display()))?;
        } else if fs::read_to_string(&path).ok().as_ref() != Some(&page) {
            stale.push(name);
        }
    }
    if stale.is_empty() {
        Ok(())
    } else {
        let stale = stale.join(", ");
        Err(format!(
            "README.md differs from lib.rs in {stale}: `cargo xtask readme --write`"
        ))
    }
}

/// Every crate with a `lib.rs`, and its folder.
fn libraries() -> Result<Vec<(String, PathBuf)>, String> {
    let crates = root().join("crates");
    let folders = fs::read_dir(&crates).map_err(|e| format!("{}: {e}", crates.display()))?;
    let mut libraries = Vec::new();
    for folder in folders {
        let folder = folder.map_err(|e| e.to_string())?;
        if folder.path().join("src/lib.rs").exists() {
            libraries.push((
                folder.file_name().to_string_lossy().into_owned(),
                folder.path(),
            ));
        }
    }
    libraries.sort();
    Ok(libraries)
}

/// The documentation of a crate as a page of its own: headings one level down, code with its
/// language and without the lines that rustdoc hides.
fn page(name: &str, source: &str) -> String {
    let mut page = format!("# {name}\n\n");
    let mut code = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        let fence = line.starts_with("```");
        if code && line.starts_with("# ") {
            continue;
        }
        page.push_str(match line {
            "```" if !code => "```rust",
            _ if !code && line.starts_with('#') => "#",
            _ => "",
        });
        page.push_str(if line == "```" && !code { "" } else { line });
        page.push('\n');
        code ^= fence;
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_readme_is_the_documentation() {
        assert_eq!(run(&Options { write: false }), Ok(()));
    }

    #[test]
    fn a_page_is_what_a_reader_of_the_documentation_sees() {
        let source = "//! Lead.\n//!\n//! # Use\n//!\n//! ```\n//! # hidden();\n//! shown();\n//! ```\n\nmod x;\n";
        let expected = "# x\n\nLead.\n\n## Use\n\n```rust\nshown();\n```\n";
        assert_eq!(page("x", source), expected);
    }
}
