//! URI templates, by walking through every choice.

use std::collections::BTreeSet;

use hub_protocol::{MAX_TOPIC, Template};

/// The automaton says what a walk through the grammar says. The input is a template and topics,
/// one a line.
pub fn template(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let Some(Ok(template)) = lines.next().map(Template::parse) else {
        return;
    };
    assert_eq!(Template::parse(template.as_str()).as_ref(), Ok(&template));
    let parts = parts(template.as_str());
    for topic in lines.filter(|topic| topic.len() <= MAX_TOPIC).take(8) {
        let units = units(topic.as_bytes());
        let mut ends = BTreeSet::from([0]);
        for part in &parts {
            ends = ends.iter().flat_map(|at| part.ends(&units, *at)).collect();
        }
        let expected = ends.contains(&units.len());
        assert_eq!(template.matches(topic), expected, "{template:?} {topic:?}");
    }
}

type Unit = Vec<u8>;

enum Part {
    Literal(Vec<Unit>),
    Expression {
        first: &'static str,
        separator: &'static str,
        named: bool,
        reserved: bool,
        names: Vec<Vec<Unit>>,
    },
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (index, piece) in text.split('{').enumerate() {
        let literal = if index == 0 {
            piece
        } else {
            let (expression, literal) = piece.split_once('}').expect("the template was accepted");
            parts.push(Part::expression(expression));
            literal
        };
        parts.push(Part::Literal(units(literal.as_bytes())));
    }
    parts
}

impl Part {
    fn expression(text: &str) -> Self {
        let operator = text.chars().next().filter(|c| "+#./;?&".contains(*c));
        let names = &text[operator.map_or(0, char::len_utf8)..];
        let (first, separator) = match operator {
            None | Some('+') => ("", ","),
            Some('#') => ("#", ","),
            Some('.') => (".", "."),
            Some('/') => ("/", "/"),
            Some(';') => (";", ";"),
            Some('?') => ("?", "&"),
            _ => ("&", "&"),
        };
        Self::Expression {
            first,
            separator,
            named: matches!(operator, Some(';' | '?' | '&')),
            reserved: matches!(operator, Some('+' | '#')),
            names: names
                .split(',')
                .map(|name| units(name.as_bytes()))
                .collect(),
        }
    }

    /// Where this part can end if it begins at `at`.
    fn ends(&self, units: &[Unit], at: usize) -> BTreeSet<usize> {
        let starts = |what: &[Unit], at: usize| units[at..].starts_with(what);
        match self {
            Self::Literal(text) if starts(text, at) => BTreeSet::from([at + text.len()]),
            Self::Literal(_) => BTreeSet::new(),
            Self::Expression {
                first,
                separator,
                named,
                reserved,
                names,
            } => {
                let mut none = BTreeSet::from([at]);
                // Where it can stand after some of the variables were defined.
                let mut some = BTreeSet::new();
                for name in names {
                    let mut begins = BTreeSet::new();
                    let before = none.iter().map(|at| (*at, first));
                    for (at, prefix) in before.chain(some.iter().map(|at| (*at, separator))) {
                        let prefix = self::units(prefix.as_bytes());
                        if starts(&prefix, at) {
                            begins.insert(at + prefix.len());
                        }
                    }
                    for mut at in begins {
                        let mut least = 0;
                        if *named {
                            if !starts(name, at) {
                                continue;
                            }
                            at += name.len();
                            if *first == ";" {
                                some.insert(at);
                                least = 1;
                            }
                            if !starts(&[vec![b'=']], at) {
                                continue;
                            }
                            at += 1;
                        }
                        let value = units[at..]
                            .iter()
                            .take_while(|unit| is_value(unit, *reserved));
                        some.extend(at + least..=at + value.count());
                    }
                }
                none.append(&mut some);
                none
            }
        }
    }
}

fn is_value(unit: &Unit, reserved: bool) -> bool {
    match unit[..] {
        [byte] => {
            byte.is_ascii_alphanumeric()
                || b"-._~".contains(&byte)
                || reserved && b":/?#[]@!$&'()*+,;=".contains(&byte)
        }
        _ => true,
    }
}

fn units(mut text: &[u8]) -> Vec<Unit> {
    let mut units = Vec::new();
    while let Some(&first) = text.first() {
        let triplet =
            first == b'%' && text.len() >= 3 && text[1..3].iter().all(u8::is_ascii_hexdigit);
        let (unit, rest) = text.split_at(if triplet { 3 } else { 1 });
        units.push(unit.to_vec());
        text = rest;
    }
    units
}
