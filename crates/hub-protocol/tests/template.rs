//! URI templates, by the examples of RFC 6570 and by expanding them ourselves.

use hub_protocol::{SelectorError, Selectors, Template, TopicSelector};
use proptest::prelude::*;

/// The examples of RFC 6570, section 1.2, levels 1 to 3.
//= https://www.rfc-editor.org/rfc/rfc6570#section-1.2
//= type=test
//# Level 1 … Level 2 … Level 3 examples, with variables having values
const EXPANSIONS: &[(&str, &str)] = &[
    ("{var}", "value"),
    ("{hello}", "Hello%20World%21"),
    ("{+var}", "value"),
    ("{+hello}", "Hello%20World!"),
    ("{+path}/here", "/foo/bar/here"),
    ("here?ref={+path}", "here?ref=/foo/bar"),
    ("X{#var}", "X#value"),
    ("X{#hello}", "X#Hello%20World!"),
    ("map?{x,y}", "map?1024,768"),
    ("{x,hello,y}", "1024,Hello%20World%21,768"),
    ("{+x,hello,y}", "1024,Hello%20World!,768"),
    ("{+path,x}/here", "/foo/bar,1024/here"),
    ("{#x,hello,y}", "#1024,Hello%20World!,768"),
    ("{#path,x}/here", "#/foo/bar,1024/here"),
    ("X{.var}", "X.value"),
    ("X{.x,y}", "X.1024.768"),
    ("{/var}", "/value"),
    ("{/var,x}/here", "/value/1024/here"),
    ("{;x,y}", ";x=1024;y=768"),
    ("{;x,y,empty}", ";x=1024;y=768;empty"),
    ("{?x,y}", "?x=1024&y=768"),
    ("{?x,y,empty}", "?x=1024&y=768&empty="),
    ("?fixed=yes{&x}", "?fixed=yes&x=1024"),
    ("{&x,y,empty}", "&x=1024&y=768&empty="),
    // Of section 3.2, with undefined and empty variables.
    ("O{empty}X", "OX"),
    ("O{undef}X", "OX"),
    ("{x,empty}", "1024,"),
    ("{x,undef}", "1024"),
    ("{undef,y}", "768"),
    ("?{x,empty}", "?1024,"),
    ("{+x,empty}", "1024,"),
    ("foo{#empty}", "foo#"),
    ("foo{#undef}", "foo"),
    ("X{.empty}", "X."),
    ("X{.undef}", "X"),
    ("{/var,empty}", "/value/"),
    ("{/var,undef}", "/value"),
    ("{;v,empty,who}", ";v=6;empty;who=fred"),
    ("{;v,bar,who}", ";v=6;who=fred"),
    ("{;x,y,undef}", ";x=1024;y=768"),
    ("{?x,y,undef}", "?x=1024&y=768"),
    ("{?undef,y,undef2}", "?y=768"),
    ("{&var,undef}", "&var=value"),
    ("{dotted.name}", "value"),
    ("%7B{var}", "%7Bvalue"),
];

#[test]
fn the_expansions_of_the_rfc_match() {
    for (template, topic) in EXPANSIONS {
        assert!(
            Template::parse(template).unwrap().matches(topic),
            "{template} {topic}"
        );
    }
}

#[test]
fn what_no_value_expands_to_does_not_match() {
    for (template, topic) in [
        ("/books/{id}", "/books/1/2"),
        ("/books/{id}", "/books/1?a"),
        ("/books/{id}", "/book/1"),
        ("/books/{id}", "/books/1%"),
        ("/books/{id}", "/books/1%2"),
        ("/books/{id}", "/books/1%zz"),
        ("/books/{id}", "/books/a,b"),
        ("/books/{id}", "/books/ü"),
        ("/books/{id}", "x/books/1"),
        ("{+path}/here", "/foo/there"),
        ("{+path}", "a b"),
        ("{+path}", "a\"b"),
        ("{+path}", "a%"),
        ("X{#var}", "Xvalue"),
        ("{x,y}", "1,2,3"),
        ("X{.x,y}", "X.a/b"),
        ("{/x,y}", "/1/2/3"),
        ("{/x,y}", "1/2"),
        ("{;x,y}", ";y=768;x=1024"),
        ("{;x}", ";x="),
        ("{;x}", ";x1"),
        ("{;x}", "x=1"),
        ("{?x,y}", "?y=1&x=1"),
        ("{?x,y}", "&x=1"),
        ("{?x,y}", "?x=1&"),
        ("{?x,y}", "?"),
        ("{?x,y}", "?x"),
        ("{?x,y}", "?x=1?y=2"),
        ("{?x,y}", "?x=1&x=2"),
        ("{&x}", "?x=1"),
        ("a{b}c", "ac%63d"),
        ("%41", "A"),
        ("{x}{y}!", "ab"),
    ] {
        assert!(
            !Template::parse(template).unwrap().matches(topic),
            "{template} {topic}"
        );
    }
}

#[test]
fn what_is_no_template_of_levels_1_to_3_is_refused() {
    for text in [
        "{", "}", "{}", "{a", "a}", "{a}}", "{{a}}", "{a b}", "{+}", "{a,}", "{,a}", "{=a}",
        "{!a}", "{@a}", "{|a}", "{,}", "{a*}", "{a:3}", "{?a*}", "{/a*}", "{a.}", "{.}", "{..a}",
        "{a%4}", "{ä}", "{-a}", "{++a}",
    ] {
        assert_eq!(
            Template::parse(text),
            Err(SelectorError::Template),
            "{text}"
        );
        assert_eq!(
            TopicSelector::parse(text),
            Err(SelectorError::Template),
            "{text}"
        );
    }
    assert_eq!(Template::parse(""), Err(SelectorError::Invalid));
    assert_eq!(Template::parse("{a}\n"), Err(SelectorError::Invalid));
    assert_eq!(
        Template::parse(&"a".repeat(257)),
        Err(SelectorError::TooLong)
    );
    assert!(Template::parse("{a%41_.b9}").is_ok());
}

#[test]
fn the_longest_templates_are_compiled_or_refused() {
    for part in ["{a}", "{a}b", "{+a}", "{?a}", "{;a}", "a", "{a}a", "%41"] {
        let text = part.repeat(256 / part.len());
        let topic = "a".repeat(256);
        let template = Template::parse(&text).unwrap();
        // One pass: what would take a walk through all choices longer than anybody waits.
        let _ = template.matches(&topic);
        assert!(!template.matches(&format!("{}\"", &topic[1..])), "{part}");
    }
    let variables = vec!["a"; 126].join(",");
    for operator in ["", "+", "#", ".", "/", ";", "?", "&"] {
        let text = format!("{{{operator}{variables}}}");
        if let Ok(template) = Template::parse(&text) {
            assert!(template.matches(""), "{operator}");
        }
    }
}

#[test]
fn a_set_of_selectors_matches_by_any_of_them() {
    let mut selectors = Selectors::new();
    for text in ["exact", "/books/{id}", "{+all}.news", "/users/{id}"] {
        assert!(
            selectors
                .insert(TopicSelector::parse(text).unwrap())
                .unwrap()
        );
        assert!(
            !selectors
                .insert(TopicSelector::parse(text).unwrap())
                .unwrap()
        );
    }
    for topic in ["exact", "/books/1", "/users/", "a/b.news", "/books/{id}"] {
        assert!(selectors.matches(["other", topic]), "{topic}");
    }
    for topic in ["exac", "/books", "/book/1", "news"] {
        assert!(!selectors.matches([topic]), "{topic}");
    }
    assert!(selectors.remove(&TopicSelector::parse("/books/{id}").unwrap()));
    assert!(selectors.remove(&TopicSelector::parse("exact").unwrap()));
    assert!(!selectors.matches(["/books/1", "exact"]));
    assert!(selectors.matches(["/users/1"]));
}

/// An expression: its operator, and its variables with a value for each that is defined.
type Expression = (usize, Vec<(String, Option<String>)>);

const OPERATORS: [(&str, &str, &str, bool, bool); 8] = [
    ("", "", ",", false, false),
    ("+", "", ",", false, true),
    ("#", "#", ",", false, true),
    (".", ".", ".", false, false),
    ("/", "/", "/", false, false),
    (";", ";", ";", true, false),
    ("?", "?", "&", true, false),
    ("&", "&", "&", true, false),
];

/// Expands as section 3.2.1 and appendix A say.
fn expand((operator, variables): &Expression) -> String {
    let (op, first, separator, named, reserved) = OPERATORS[*operator];
    let defined = variables.iter().filter_map(|(name, value)| {
        let value = value.as_ref()?;
        let encoded: String = value.bytes().map(|byte| encode(byte, reserved)).collect();
        Some(match (named, encoded.is_empty(), op) {
            (false, ..) => encoded,
            (true, true, ";") => name.clone(),
            (true, ..) => format!("{name}={encoded}"),
        })
    });
    let defined: Vec<_> = defined.collect();
    if defined.is_empty() {
        return String::new();
    }
    format!("{first}{}", defined.join(separator))
}

fn encode(byte: u8, reserved: bool) -> String {
    let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if unreserved || reserved && b":/?#[]@!$&'()*+,;=".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

fn expression() -> impl Strategy<Value = Expression> {
    let variable = ("[a-c]{1,2}", proptest::option::of("[a-c/?&=;.,#% ä]{0,4}"));
    (
        0..OPERATORS.len(),
        proptest::collection::vec(variable, 1..4),
    )
}

proptest! {
    #[test]
    fn every_expansion_matches(
        parts in proptest::collection::vec(("[a-c/?&=;.,]{0,4}", expression()), 0..4),
    ) {
        let (mut template, mut topic) = (String::from("x"), String::from("x"));
        for (literal, expression) in &parts {
            let names: Vec<_> = expression.1.iter().map(|(name, _)| name.as_str()).collect();
            let operator = OPERATORS[expression.0].0;
            template.push_str(&format!("{literal}{{{operator}{}}}", names.join(",")));
            topic.push_str(&format!("{literal}{}", expand(expression)));
        }
        let template = Template::parse(&template).unwrap();
        prop_assert!(template.matches(&topic), "{:?} {}", template, topic);
    }
}
