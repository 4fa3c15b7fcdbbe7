//! Settings in a file: TOML, one key for each setting and nothing else.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Chosen, InvalidSettings, Kind, SETTINGS, Said, Setting, Source};

/// What a file says.
#[derive(Debug)]
pub(crate) struct File {
    name: String,
    pub(super) said: Said,
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or a line of it is wrong: which and why.
    pub(crate) fn read(path: &Path) -> Result<Self, InvalidSettings> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| InvalidSettings(format!("{name}: {error}")))?;
        Self::parse(&name, &text)
    }

    pub(super) fn parse(name: &str, text: &str) -> Result<Self, InvalidSettings> {
        let line = |start: usize| {
            1 + text
                .bytes()
                .take(start)
                .filter(|byte| *byte == b'\n')
                .count()
        };
        let wrong = |line, reason: &str| InvalidSettings(format!("{name}:{line}: {reason}"));
        let table = DeTable::parse(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            wrong(line(start), error.message())
        })?;
        let mut said: Said = vec![None; SETTINGS.len()];
        for (key, value) in table.get_ref() {
            let line = line(key.span().start);
            let known = SETTINGS
                .iter()
                .position(|setting| setting.name == key.get_ref());
            let Some(index) = known else {
                let reason = format!(
                    "there is no setting `{}`: `longwire config example` shows all",
                    key.get_ref().escape_debug()
                );
                return Err(wrong(line, &reason));
            };
            let setting = &SETTINGS[index];
            let values = values(setting, value)
                .map_err(|reason| wrong(line, &format!("`{}` is {reason}", setting.name)))?;
            let source = Source::File(line);
            said[index] = Some(Chosen { source, values });
        }
        let name = name.to_owned();
        Ok(Self { name, said })
    }

    /// What is wrong with a setting in this line.
    pub(super) fn error(&self, line: usize, setting: &str, reason: String) -> InvalidSettings {
        InvalidSettings(format!("{}:{line}: {setting}: {reason}", self.name))
    }
}

/// The values of a setting as they would stand on the command line.
fn values(setting: &Setting, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, &'static str> {
    let text = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        _ => None,
    };
    match setting.kind {
        Kind::List(_) => match value.get_ref() {
            DeValue::Array(values) => {
                let values: Option<_> = values.iter().map(text).collect();
                values.ok_or("a list of texts in quotes")
            }
            _ => Err("a list, in brackets"),
        },
        Kind::Switch => match value.get_ref() {
            DeValue::Boolean(on) => Ok(vec![on.to_string()]),
            _ => Err("true or false"),
        },
        Kind::Number(_) => match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => {
                Ok(vec![number.as_str().to_owned()])
            }
            _ => Err("a number"),
        },
        Kind::Text(_) => text(value).map(|text| vec![text]).ok_or("a text in quotes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        File::parse("hub.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn every_kind_of_value() {
        let text = "\n# A comment.\nlisten = \"[::1]:9\"\nkeep-events = 7_000\nmemory = true\n\
                    origins = [\n  \"https://a.example\",\n  'https://b.example',\n]\n";
        let file = File::parse("hub.toml", text).unwrap();
        let said = |name: &str| {
            let index = SETTINGS.iter().position(|setting| setting.name == name);
            file.said[index.unwrap()].clone().unwrap()
        };
        assert_eq!(said("listen").values, ["[::1]:9"]);
        assert_eq!(said("listen").source, Source::File(3));
        assert_eq!(said("keep-events").values, ["7000"]);
        assert_eq!(said("memory").values, ["true"]);
        assert_eq!(
            said("origins").values,
            ["https://a.example", "https://b.example"]
        );
        assert_eq!(said("origins").source, Source::File(6));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let rows = [
            (
                "\nnonsense = 1",
                "hub.toml:2: there is no setting `nonsense`",
            ),
            (
                "[listen]\nx = 1",
                "hub.toml:1: `listen` is a text in quotes",
            ),
            (
                "\n\nlisten = 80",
                "hub.toml:3: `listen` is a text in quotes",
            ),
            (
                "origins = \"https://a.example\"",
                "hub.toml:1: `origins` is a list",
            ),
            ("origins = [1]", "hub.toml:1: `origins` is a list of texts"),
            ("memory = \"yes\"", "hub.toml:1: `memory` is true or false"),
            ("keep-events = 1.5", "hub.toml:1: `keep-events` is a number"),
            (
                "keep-events = 0x10",
                "hub.toml:1: `keep-events` is a number",
            ),
            ("memory = true\nmemory = true", "hub.toml:2: "),
            ("listen =\n", "hub.toml:1: "),
            ("\nlisten = \"a", "hub.toml:2: "),
            ("\"\\u001b[0m\" = 1", "`\\u{1b}[0m`"),
        ];
        for (text, reason) in rows {
            let error = error(text);
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
