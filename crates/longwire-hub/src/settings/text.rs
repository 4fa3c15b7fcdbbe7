//! Settings written down: an example, what is in force, and the table of the book.

use core::fmt::Write;

use super::{Chosen, Kind, SETTINGS, Setting, Source};

/// A file with every setting, none of which is set.
pub(crate) fn example() -> String {
    let mut out = String::from(
        "# Settings of `longwire serve --config FILE`, each with what it does and an example.\n\
         # Flags come first, then the environment, then this file.\n",
    );
    for (index, setting) in SETTINGS.iter().enumerate() {
        if index == 0 || SETTINGS[index - 1].group != setting.group {
            let _ = write!(out, "\n## {}\n", setting.group);
        }
        out.push('\n');
        for line in lines(setting.help, 96) {
            let _ = writeln!(out, "# {line}");
        }
        let default = setting.default_text();
        if !default.is_empty() {
            let _ = writeln!(out, "# Default: {default}");
        }
        let value = value(setting, &[setting.example.to_owned()]);
        let _ = writeln!(out, "#{} = {value}", setting.name);
    }
    out
}

/// What is in force and who said so, as a file would say it.
pub(crate) fn effective(chosen: &[Chosen]) -> String {
    let mut out = String::new();
    for (setting, chosen) in SETTINGS.iter().zip(chosen) {
        let Chosen { source, values } = chosen;
        if values.is_empty() {
            let otherwise = match setting.otherwise {
                "" => "none",
                otherwise => otherwise,
            };
            let _ = writeln!(out, "# {}: {otherwise}", setting.name);
            continue;
        }
        let values: Vec<_> = values
            .iter()
            .map(|value| redacted(setting, value))
            .collect();
        let source = match source {
            Source::Flag => format!("--{}", setting.flag),
            Source::Environment => setting.variable.to_owned(),
            Source::File(line) => format!("line {line}"),
            Source::Default => "default".to_owned(),
        };
        let value = value(setting, &values);
        let _ = writeln!(out, "{} = {value} # {source}", setting.name);
    }
    out
}

/// A key is named by its file. What is no file may be the secret itself, in the wrong place.
fn redacted(setting: &Setting, value: &str) -> String {
    if setting.name == "keys"
        && let Some((algorithm, path)) = value.split_once(':')
        && !std::path::Path::new(path).exists()
    {
        return format!("{algorithm}:(not a file)");
    }
    value.to_owned()
}

/// A value in TOML.
fn value(setting: &Setting, values: &[String]) -> String {
    match setting.kind {
        Kind::List(_) => {
            let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
            format!("[{}]", values.join(", "))
        }
        Kind::Text(_) => values
            .first()
            .map(|value| quoted(value))
            .unwrap_or_default(),
        Kind::Number(_) | Kind::Switch => values.first().cloned().unwrap_or_default(),
    }
}

/// A basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            character if character.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
    out
}

/// Text in lines of at most `width` bytes.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{File, Settings};

    /// The table of the book's page.
    fn page() -> String {
        let mut out = String::new();
        for (index, setting) in SETTINGS.iter().enumerate() {
            if index == 0 || SETTINGS[index - 1].group != setting.group {
                let _ = write!(
                    out,
                    "\n## {}\n\n| in files | flag and variable | default | effect |\n|---|---|---|---|\n",
                    setting.group
                );
            }
            let flag = match setting.kind {
                Kind::Switch => format!("--{}", setting.flag),
                Kind::Text(name) | Kind::Number(name) | Kind::List(name) => {
                    format!("--{} {name}", setting.flag)
                }
            };
            let default = match setting.default {
                "" => setting.otherwise.to_owned(),
                default => format!("`{default}`"),
            };
            let value = value(setting, &[setting.example.to_owned()]);
            let _ = writeln!(
                out,
                "| `{} = {value}` | `{flag}` `{}` | {default} | {} |",
                setting.name, setting.variable, setting.help
            );
        }
        out
    }

    #[test]
    fn the_page_of_the_book_has_the_table() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/src/reference/configuration.md"
        );
        let text = std::fs::read_to_string(path).unwrap();
        let (_, rest) = text.split_once("<!-- settings -->\n").unwrap();
        let (table, _) = rest.split_once("\n<!-- end of settings -->").unwrap();
        assert_eq!(table, page(), "the page should say:\n{}", page());
    }

    #[test]
    fn the_example_has_every_setting_and_sets_none() {
        let text = example();
        assert!(
            File::parse("x", &text)
                .unwrap()
                .said
                .iter()
                .all(Option::is_none)
        );
        let uncommented: String = text
            .lines()
            .filter_map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| !rest.starts_with([' ', '#']))
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let file = File::parse("x", &uncommented).unwrap();
        assert!(file.said.iter().all(Option::is_some), "{uncommented}");
    }

    #[test]
    fn what_is_in_force_can_be_read_again() {
        let text = "keys = [\"HS256:a secret in the \\\"wrong\\\" place\"]\nkeep-age = \"2h\"\n";
        let file = File::parse("x", text).unwrap();
        let (_, chosen) = Settings::choose(&Vec::new(), Some(&file)).unwrap();
        let shown = effective(&chosen);
        assert!(shown.contains("keep-age = \"2h\" # line 2\n"), "{shown}");
        assert!(
            shown.contains("listen = \"127.0.0.1:8080\" # default\n"),
            "{shown}"
        );
        assert!(!shown.contains("secret"), "{shown}");
        let again = File::parse("x", &shown).unwrap();
        let (settings, _) = Settings::choose(&Vec::new(), Some(&again)).unwrap();
        assert_eq!(settings.keep_age.as_secs(), 7_200);
    }

    #[test]
    fn strings_are_quoted_as_toml_reads_them() {
        for text in ["", "a\"b\\c", "\u{1b}\n\u{7f}é", "C:\\x"] {
            let toml = format!("data = {}", quoted(text));
            let file = File::parse("x", &toml).unwrap();
            let said = file.said.iter().flatten().next().unwrap();
            assert_eq!(said.values, [text]);
        }
    }
}
