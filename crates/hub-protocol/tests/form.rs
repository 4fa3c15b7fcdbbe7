//! The publish form: an independent encoder's forms come back as they were, and every rule has
//! its own answer.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets what it does not expect has failed"
)]

use form_urlencoded::Serializer;
use hub_protocol::{
    Data, Field, MAX_BODY, MAX_DATA, MAX_LINES, PublishError, PublishForm, encode_base64,
};
use proptest::prelude::*;

/// A form as `form_urlencoded` writes it.
fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
        .into_bytes()
}

const TOPIC: (&str, &str) = ("topic", "t");

fn parse(pairs: &[(&str, &str)]) -> Result<PublishForm, PublishError> {
    PublishForm::parse(&form(pairs))
}

fn refused(pairs: &[(&str, &str)]) -> PublishError {
    parse(pairs).unwrap_err()
}

fn text(pairs: &[(&str, &str)]) -> String {
    match parse(pairs).unwrap().data {
        Data::Text(text) => text,
        Data::Binary(_) => panic!("binary"),
    }
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![".{1,20}", "[%+&=;# a-f0-9é\u{2028}\u{feff}]{1,20}"]
        .prop_map(|line| line.replace(char::is_control, "x"))
}

proptest! {
    #[test]
    fn forms_come_back_as_they_were(
        topics in prop::collection::vec(line(), 1..5),
        data in any::<String>(),
        id in prop::option::of(line()),
        event in prop::option::of(line()),
        retry in prop::option::of(0..=9_999_999_999_u64),
        private: bool,
        ephemeral: bool,
    ) {
        let id = id.map(|id| format!("x{id}")).filter(|_| !ephemeral);
        let retry_text = retry.map(|retry| retry.to_string());
        let mut pairs: Vec<(&str, &str)> = topics.iter().map(|t| ("topic", &**t)).collect();
        pairs.push(("data", &data));
        pairs.extend(id.as_deref().map(|id| ("id", id)));
        pairs.extend(event.as_deref().map(|event| ("type", event)));
        pairs.extend(retry_text.as_deref().map(|retry| ("retry", retry)));
        pairs.extend(private.then_some(("private", "")));
        pairs.extend(ephemeral.then_some(("ephemeral", "on")));
        pairs.push(("unknown", "ignored"));

        let parsed = parse(&pairs).unwrap();
        prop_assert_eq!(parsed.topics, topics);
        let lines = data.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(parsed.data, Data::Text(lines));
        prop_assert_eq!(parsed.id, id);
        prop_assert_eq!(parsed.event, event);
        prop_assert_eq!(parsed.retry, retry);
        prop_assert_eq!((parsed.private, parsed.ephemeral), (private, ephemeral));
    }

    #[test]
    fn binary_data_comes_back_as_it_was(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut encoded = Vec::new();
        encode_base64(&bytes, &mut encoded);
        let encoded = String::from_utf8(encoded).unwrap();
        let parsed = parse(&[("topic", "t"), ("encoding", "base64"), ("data", &encoded)]);
        prop_assert_eq!(parsed.unwrap().data, Data::Binary(bytes));
    }

    /// Only the one text that bytes are written as is read as base64.
    #[test]
    fn base64_is_strict(text in "[A-Da-d+/=]{0,12}") {
        match parse(&[("topic", "t"), ("encoding", "base64"), ("data", &text)]) {
            Ok(PublishForm { data: Data::Binary(bytes), .. }) => {
                let mut encoded = Vec::new();
                encode_base64(&bytes, &mut encoded);
                prop_assert_eq!(String::from_utf8(encoded).unwrap(), text);
            }
            Ok(other) => prop_assert!(false, "{:?}", other),
            Err(error) => prop_assert_eq!(error, PublishError::Base64),
        }
    }

    /// The decoding of a value agrees with `form_urlencoded`, whatever the bytes.
    #[test]
    fn values_are_decoded_as_elsewhere(value in "[%+0-9a-fA-Fg=;é]{0,30}") {
        let body = format!("topic=t&data={value}");
        let expected = form_urlencoded::parse(body.as_bytes()).nth(1).unwrap().1.into_owned();
        match PublishForm::parse(body.as_bytes()) {
            Ok(form) => {
                let expected = expected.replace("\r\n", "\n").replace('\r', "\n");
                prop_assert_eq!(form.data, Data::Text(expected));
            }
            // There the replacement character stands for what is not UTF-8.
            Err(error) => {
                prop_assert_eq!(error, PublishError::NotUtf8(Field::Data));
                prop_assert!(expected.contains(char::REPLACEMENT_CHARACTER));
            }
        }
    }

    #[test]
    fn any_bytes_are_a_form_or_have_a_reason(body in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = PublishForm::parse(&body) {
            prop_assert!(matches!(error.status(), 400 | 413));
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn curl_and_browsers_write_it_differently() {
    let expected = parse(&[("topic", "a/b"), ("data", "x y")]).unwrap();
    for body in [
        "topic=a/b&data=x+y",
        "topic=a%2fb&data=x%20y&",
        "&&data=x y&topic=a%2Fb",
    ] {
        assert_eq!(
            PublishForm::parse(body.as_bytes()).as_ref(),
            Ok(&expected),
            "{body}"
        );
    }
    assert_eq!(PublishForm::parse(b"topic=%").unwrap().topics, ["%"]);
    assert_eq!(PublishForm::parse(b"topic=%4").unwrap().topics, ["%4"]);
    assert_eq!(
        PublishForm::parse(b"topic=%4g%41").unwrap().topics,
        ["%4gA"]
    );
    assert_eq!(PublishForm::parse(b"%74opic=t").unwrap().topics, ["t"]);
}

#[test]
fn the_first_topic_is_canonical() {
    assert_eq!(
        parse(&[("topic", "b"), ("topic", "a")]).unwrap().topics,
        ["b", "a"]
    );
}

#[test]
fn data_of_every_kind_arrives() {
    assert_eq!(text(&[("topic", "t")]), "");
    assert_eq!(text(&[("topic", "t"), ("data", "")]), "");
    for data in [
        " x",
        ":x",
        "\0",
        "\u{2028}",
        "\u{feff}x",
        "a\nb",
        "\n",
        "data: x\n\nid: 1",
    ] {
        assert_eq!(text(&[("topic", "t"), ("data", data)]), data);
    }
    assert_eq!(
        text(&[("topic", "t"), ("data", "a\rb\r\nc\r\r\n\n")]),
        "a\nb\nc\n\n\n"
    );
}

#[test]
fn data_has_a_length() {
    assert!(Data::Text(String::new()).is_empty());
    assert_eq!(Data::Binary(vec![0, 1]).len(), 2);
}

#[test]
fn presence_alone_makes_an_event_private() {
    for body in ["topic=t&private", "topic=t&private=", "private=off&topic=t"] {
        assert!(PublishForm::parse(body.as_bytes()).unwrap().private);
    }
    assert!(!parse(&[("topic", "t")]).unwrap().private);
}

#[test]
fn empty_optional_fields_count_as_absent() {
    let empty = [
        ("topic", "t"),
        ("id", ""),
        ("type", ""),
        ("retry", ""),
        ("encoding", ""),
    ];
    assert_eq!(parse(&empty), parse(&[("topic", "t")]));
}

fn is_one_clause(error: PublishError) {
    let reason = error.to_string();
    assert!(
        reason.starts_with(char::is_lowercase) && !reason.ends_with('.'),
        "{reason}"
    );
}

#[test]
fn every_rule_has_its_answer() {
    let long = |len| "x".repeat(len);
    const POSITION: &str = "0123456789abcdef01234567-8";
    let topics = vec![TOPIC; 129];
    let heavy = long(256);
    let heavy = vec![("topic", &*heavy); 65];
    let cases: Vec<(&[(&str, &str)], PublishError)> = vec![
        (&[], PublishError::NoTopic),
        (&[("data", "x")], PublishError::NoTopic),
        (&[("topic", "")], PublishError::Topic),
        (&[TOPIC, ("topic", "a\nb")], PublishError::Topic),
        (&[("topic", "a\u{85}b")], PublishError::Topic),
        (&topics, PublishError::TooManyTopics),
        (&heavy, PublishError::TopicsTooLong),
        (&[TOPIC, ("id", "#1")], PublishError::IdReserved),
        (&[TOPIC, ("id", "earliest")], PublishError::IdReserved),
        (&[TOPIC, ("id", POSITION)], PublishError::IdReserved),
        (&[TOPIC, ("id", "a\tb")], PublishError::IdControl),
        (&[TOPIC, ("id", "a\0")], PublishError::IdControl),
        (&[TOPIC, ("id", "a\r\nX: y")], PublishError::IdControl),
        (&[TOPIC, ("type", "a\nb")], PublishError::Type),
        (&[TOPIC, ("type", "a\rdata: x")], PublishError::Type),
        (&[TOPIC, ("type", "\0")], PublishError::Type),
        (&[TOPIC, ("retry", "1s")], PublishError::Retry),
        (&[TOPIC, ("retry", "-1")], PublishError::Retry),
        (&[TOPIC, ("retry", "1e9")], PublishError::Retry),
        (&[TOPIC, ("retry", "12345678901")], PublishError::Retry),
        (&[TOPIC, ("retry", "00000000001")], PublishError::Retry),
        (
            &[TOPIC, ("retry", "9999999999999999999999999999999999999999")],
            PublishError::Retry,
        ),
        (&[TOPIC, ("encoding", "hex")], PublishError::Encoding),
        (
            &[TOPIC, ("encoding", "base64"), ("data", "AAA")],
            PublishError::Base64,
        ),
        (
            &[TOPIC, ("encoding", "base64"), ("data", "A A=")],
            PublishError::Base64,
        ),
        (
            &[TOPIC, ("encoding", "base64"), ("data", "AAB=")],
            PublishError::Base64,
        ),
        (
            &[TOPIC, ("data", "a"), ("data", "b")],
            PublishError::Repeated(Field::Data),
        ),
        (
            &[TOPIC, ("id", "a"), ("id", "a")],
            PublishError::Repeated(Field::Id),
        ),
    ];
    for (pairs, error) in cases {
        assert_eq!(refused(pairs), error, "{pairs:?}");
        assert_eq!(error.status(), 400);
        is_one_clause(error);
    }
    let (topic_257, id_256, name_256) = (long(257), long(256), long(256));
    assert_eq!(
        refused(&[("topic", &topic_257)]),
        PublishError::TopicTooLong
    );
    assert_eq!(refused(&[TOPIC, ("id", &id_256)]), PublishError::IdTooLong);
    assert_eq!(
        refused(&[TOPIC, ("type", &name_256)]),
        PublishError::TypeTooLong
    );
    for error in [
        PublishError::TopicTooLong,
        PublishError::IdTooLong,
        PublishError::TypeTooLong,
        PublishError::BodyTooLarge,
        PublishError::DataTooLarge,
    ] {
        is_one_clause(error);
    }
    assert!(parse(&[("topic", &topic_257[1..]), ("id", &id_256[1..])]).is_ok());
    assert!(parse(&vec![TOPIC; 128]).is_ok());

    for (field, value) in [
        (Field::Topic, "topic"),
        (Field::Data, "data"),
        (Field::Id, "id"),
        (Field::Type, "type"),
    ] {
        let body = format!("topic=t&{value}=%ff");
        let error = PublishForm::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error, PublishError::NotUtf8(field));
        assert_eq!(error.to_string(), format!("{value} is not UTF-8"));
    }
    assert!(PublishForm::parse(b"topic=t&other=%ff&%ff=x").is_ok());
}

#[test]
fn sizes_are_exact() {
    let mut data = "x".repeat(MAX_DATA);
    assert_eq!(text(&[("topic", "t"), ("data", &data)]).len(), MAX_DATA);
    data.push('x');
    let error = refused(&[("topic", "t"), ("data", &data)]);
    assert_eq!((error, error.status()), (PublishError::DataTooLarge, 413));
    // What counts is what will be delivered.
    data.replace_range(0..2, "\r\n");
    assert_eq!(text(&[("topic", "t"), ("data", &data)]).len(), MAX_DATA);

    let mut body = b"topic=t&ignored=".to_vec();
    body.resize(MAX_BODY, b'x');
    assert!(PublishForm::parse(&body).is_ok());
    body.push(b'x');
    let error = PublishForm::parse(&body).unwrap_err();
    assert_eq!((error, error.status()), (PublishError::BodyTooLarge, 413));
}

#[test]
fn errors_say_what_to_do() {
    for field in ["data", "encoding", "id", "retry", "type"] {
        let body = format!("topic=t&{field}=1&{field}=1");
        let error = PublishForm::parse(body.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{field} was given more than once")
        );
    }
    let say = |pairs: &[(&str, &str)]| refused(pairs).to_string();
    assert_eq!(say(&[]), "there is no topic");
    assert_eq!(
        say(&[("topic", "t"), ("retry", "x")]),
        "retry must be a number of at most 10 digits"
    );
    assert_eq!(
        say(&[("topic", "t"), ("id", "#")]),
        "id must not begin with #, nor be earliest, nor have the form of a position"
    );
    assert_eq!(
        say(&[("topic", "t"), ("data", ""), ("data", "")]),
        "data was given more than once"
    );
}

#[test]
fn as_many_lines_as_an_event_stream_can_carry() {
    let form = |lines: usize| {
        let mut body = b"topic=a&data=".to_vec();
        body.extend(b"%0D%0Ax".repeat(lines - 1));
        PublishForm::parse(&body)
    };
    assert!(form(MAX_LINES).is_ok());
    let error = form(MAX_LINES + 1).unwrap_err();
    assert_eq!((error, error.status()), (PublishError::TooManyLines, 413));
    // Bytes travel as one line of base64, or in a binary frame.
    let mut body = b"topic=a&encoding=base64&data=".to_vec();
    body.extend(b"CgoK".repeat(MAX_LINES));
    assert!(PublishForm::parse(&body).is_ok());
}
