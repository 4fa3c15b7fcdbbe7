//! The lists of rules.

use std::fs;
use std::path::Path;

/// One specification.
#[derive(Debug)]
pub(super) struct Document {
    /// As `rfc6455`.
    pub(super) name: String,
    pub(super) url: String,
    pub(super) requirements: Vec<Requirement>,
}

/// How much a rule asks (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Must,
    Should,
}

impl Level {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
        }
    }
}

/// One rule.
#[derive(Debug)]
pub(super) struct Requirement {
    /// As `5.5.1`, or the anchor of a document without numbers.
    pub(super) section: String,
    pub(super) level: Level,
    /// The words of the specification.
    pub(super) text: String,
    /// The same, as [`plain`] leaves them.
    pub(super) plain: String,
    /// Why it asks nothing of us.
    pub(super) not_ours: Option<String>,
}

impl Requirement {
    #[cfg(test)]
    pub(super) fn new(section: &str, text: &str) -> Self {
        Self {
            section: section.to_owned(),
            level: Level::Must,
            text: text.to_owned(),
            plain: plain(text),
            not_ours: None,
        }
    }
}

/// The documents of a folder, by name.
///
/// # Errors
///
/// A file cannot be read, or is not such a list.
pub(super) fn documents(folder: &Path) -> Result<Vec<Document>, String> {
    let fail = |e| format!("{}: {e}", folder.display());
    let mut documents = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let document = parse(&name, &text).map_err(|e| format!("{}: {e}", path.display()))?;
        documents.push(document);
    }
    documents.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(documents)
}

/// Reads a list: the address of the document, then a paragraph a rule, whose first line is its
/// section and level and whose last may be `not ours:` with a reason.
fn parse(name: &str, text: &str) -> Result<Document, String> {
    let mut paragraphs = text.split("\n\n").map(str::trim).filter(|p| !p.is_empty());
    let url = paragraphs.next().ok_or("no address")?.to_owned();
    let mut requirements = Vec::new();
    for paragraph in paragraphs {
        let wrong = || format!("not a rule: {paragraph}");
        let (head, rest) = paragraph.split_once('\n').ok_or_else(wrong)?;
        let (section, level) = head.split_once(' ').ok_or_else(wrong)?;
        let level = match level {
            "MUST" => Level::Must,
            "SHOULD" => Level::Should,
            _ => return Err(wrong()),
        };
        let (text, not_ours) = match rest.split_once("not ours: ") {
            Some((text, reason)) => (text, Some(reason.trim().to_owned())),
            None => (rest, None),
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Err(wrong());
        }
        requirements.push(Requirement {
            section: section.to_owned(),
            level,
            plain: plain(&text),
            text,
            not_ours,
        });
    }
    Ok(Document {
        name: name.to_owned(),
        url,
        requirements,
    })
}

/// Words without emphasis and with single spaces, so that a quotation may be wrapped otherwise.
pub(super) fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, '_' | '|' | '`' | '"' | '\u{201c}' | '\u{201d}'))
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read() {
        let list = "https://example.org/a\n\n1.2 MUST\nYou MUST\n_jump_.\n\n\
                    3 SHOULD\nOthers SHOULD sit.\nnot ours: we are not others\n";
        let document = parse("a", list).unwrap();
        assert_eq!(document.url, "https://example.org/a");
        let rules: Vec<_> = document
            .requirements
            .iter()
            .map(|rule| (rule.section.as_str(), rule.level, rule.plain.as_str()))
            .collect();
        assert_eq!(
            rules,
            [
                ("1.2", Level::Must, "You MUST jump."),
                ("3", Level::Should, "Others SHOULD sit.")
            ]
        );
        let reason = document.requirements[1].not_ours.as_deref();
        assert_eq!(reason, Some("we are not others"));
        assert!(parse("a", "https://example.org/a\n\n1.2 MAY\nYou MAY sit.").is_err());
    }
}
