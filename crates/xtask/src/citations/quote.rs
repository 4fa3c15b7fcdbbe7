//! Quotations of specifications in comments.

use super::requirement::{Requirement, plain};
use std::path::{Path, PathBuf};

/// A quotation, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Quote {
    file: PathBuf,
    line: usize,
    /// The document with its section, as `https://…/rfc6455#section-5.5`.
    target: String,
    /// Whether it stands above a test.
    pub(super) test: bool,
    /// The name of the function that follows, for a test.
    function: Option<String>,
    /// The words, without what [`plain`] drops.
    text: String,
}

impl Quote {
    /// Whether this quotes `rule`, of the document at `url`, or a part of it.
    pub(super) fn covers(&self, url: &str, rule: &Requirement) -> bool {
        let section = self.target.strip_prefix(url).unwrap_or_default();
        let section = section.strip_prefix('#').unwrap_or_default();
        let section = section.strip_prefix("section-").unwrap_or(section);
        section == rule.section
            && !self.text.is_empty()
            && (rule.plain.contains(&self.text) || self.text.contains(&rule.plain))
    }

    /// Where it stands, for people.
    pub(super) fn place(&self) -> String {
        let place = format!("{}:{}", self.file.display(), self.line);
        match &self.function {
            Some(function) => format!("test {function} ({place})"),
            None => place,
        }
    }
}

/// The quotations of a source file.
pub(super) fn find(file: &Path, source: &str) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = Vec::new();
    let mut open = false;
    // The first of the tests that wait for the function they stand above.
    let mut waiting = 0;
    for (index, line) in source.lines().enumerate() {
        let line = line.trim_start();
        if let Some(target) = line.strip_prefix("//= ") {
            match (open, target.strip_prefix("type="), quotes.last_mut()) {
                (true, Some(kind), Some(quote)) => quote.test = kind.trim() == "test",
                _ => quotes.push(Quote {
                    file: file.to_owned(),
                    line: index + 1,
                    target: target.trim().to_owned(),
                    test: false,
                    function: None,
                    text: String::new(),
                }),
            }
            open = true;
        } else if let Some(words) = line.strip_prefix("//# ") {
            if let Some(quote) = quotes.last_mut().filter(|_| open) {
                if !quote.text.is_empty() {
                    quote.text.push(' ');
                }
                quote.text.push_str(words.trim());
            }
        } else {
            open = false;
            if let Some(name) = function(line) {
                for quote in quotes.iter_mut().skip(waiting).filter(|quote| quote.test) {
                    quote.function.get_or_insert_with(|| name.to_owned());
                }
                waiting = quotes.len();
            }
        }
    }
    for quote in &mut quotes {
        quote.text = plain(&quote.text);
    }
    quotes
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async ").unwrap_or(line);
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
        //= https://example.org/a#section-1.2\n\
        //# You MUST\n\
        //# _jump_.\n\
        let x = 1;\n\
        //= https://example.org/a#section-3\n\
        //= type=test\n\
        //# You MUST NOT\n\
        #[test]\n\
        fn nobody_jumps() {}\n";

    #[test]
    fn quotations_are_found_with_their_tests() {
        let quotes = find(Path::new("a.rs"), SOURCE);
        let found: Vec<_> = quotes
            .iter()
            .map(|quote| (quote.test, quote.text.as_str(), quote.place()))
            .collect();
        let expected = [
            (false, "You MUST jump.", "a.rs:1".to_owned()),
            (
                true,
                "You MUST NOT",
                "test nobody_jumps (a.rs:5)".to_owned(),
            ),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_part_covers_the_sentence_of_its_section() {
        let quotes = find(Path::new("a.rs"), SOURCE);
        let rule = |section, text| Requirement::new(section, text);
        let url = "https://example.org/a";
        assert!(quotes[0].covers(url, &rule("1.2", "You MUST jump.  At once.")));
        assert!(quotes[0].covers(url, &rule("1.2", "MUST _jump_")));
        assert!(!quotes[0].covers(url, &rule("1", "You MUST jump.")));
        assert!(!quotes[0].covers("https://example.org/b", &rule("1.2", "You MUST jump.")));
        assert!(!quotes[1].covers(url, &rule("3", "You MUST jump.")));
    }
}
