//! The query of a subscriber, and the set of its topics.

use std::collections::BTreeSet;

use hub_protocol::{QueryError, SelectorError, Selectors, Slow, SubscribeQuery, TopicSelector};
use proptest::prelude::*;
use resume::{Epoch, Position, Start};

fn query(query: &str) -> Result<SubscribeQuery, QueryError> {
    SubscribeQuery::parse(query, None)
}

#[test]
fn topics_are_a_set() {
    let query = query("topic=b&topic=a%2F1&topic=b&other=x").unwrap();
    let topics: Vec<_> = query.selectors.iter().map(TopicSelector::as_str).collect();
    assert_eq!(topics, ["a/1", "b"]);
    assert_eq!(query.start, Start::Live);
}

#[test]
fn selectors_are_written_as_they_were_read() {
    for topic in ["*", "a/1"] {
        assert_eq!(TopicSelector::parse(topic).unwrap().to_string(), topic);
    }
}

#[test]
fn the_header_wins_and_the_first_parameter_does() {
    let epoch = Epoch::from_bytes([7; 12]);
    let position = Position::new(epoch, 5);
    let start =
        |query: &str, header: Option<&[u8]>| SubscribeQuery::parse(query, header).unwrap().start;
    let both = "topic=t&lastEventID=urn:1&lastEventID=urn:2";
    assert_eq!(start(both, None), Start::Id("urn:1".into()));
    assert_eq!(
        start(both, Some(position.to_string().as_bytes())),
        Start::After(position)
    );
    assert_eq!(start(both, Some(b"earliest")), Start::Earliest);
    assert_eq!(start(both, Some(b"")), Start::Id("urn:1".into()));
    assert_eq!(start("topic=t", Some(b"")), Start::Live);
    assert_eq!(start("topic=t&lastEventID=", None), Start::Live);
    assert_eq!(
        start(&format!("topic=t&lastEventID=%23{epoch}-5"), None),
        Start::After(position)
    );
    assert_eq!(
        start(&format!("topic=t&lastEventID={epoch}-5"), None),
        Start::After(position)
    );
}

/// A refusal would stop an EventSource for ever.
#[test]
fn an_unusable_position_is_no_error() {
    for id in [
        "%00",
        "%ff%fe",
        "%23garbage",
        &"x".repeat(4_096),
        "a%0d%0aX: y",
    ] {
        let query = query(&format!("topic=t&lastEventID={id}")).unwrap();
        assert!(matches!(query.start, Start::Malformed(_)), "{id}");
    }
    let query = SubscribeQuery::parse("topic=t", Some(b"\xff")).unwrap();
    assert_eq!(query.start, Start::Malformed("\u{fffd}".into()));
}

#[test]
fn what_cannot_be_subscribed_is_refused() {
    let long = "x".repeat(257);
    let many: String = (0..129).map(|n| format!("topic={n}&")).collect();
    let cases = [
        ("", QueryError::NoTopic),
        ("Topic=t", QueryError::NoTopic),
        ("topic=%ff", QueryError::NotUtf8),
        ("topic=", QueryError::Selector(SelectorError::Invalid)),
        (
            "topic=t&topic=a%0ab",
            QueryError::Selector(SelectorError::Invalid),
        ),
        (
            "topic=a/{id:3}",
            QueryError::Selector(SelectorError::Template),
        ),
        ("topic=}", QueryError::Selector(SelectorError::Template)),
        (
            &format!("topic={long}"),
            QueryError::Selector(SelectorError::TooLong),
        ),
        (&many, QueryError::Selector(SelectorError::TooMany)),
        ("topic=t&slow=oldest", QueryError::Slow),
        ("topic=t&slow", QueryError::Slow),
    ];
    for (text, error) in cases {
        assert_eq!(query(text), Err(error), "{text}");
        assert_eq!(error.status(), 400);
        assert!(!error.to_string().is_empty());
    }
    assert!(query(&many[..many.len() - "topic=128&".len()]).is_ok());
    assert!(query(&format!("topic={}", &long[1..])).is_ok());
    assert!(
        SubscribeQuery::parse_upgrade("", None)
            .unwrap()
            .selectors
            .is_empty()
    );
}

#[test]
fn a_slow_subscriber_gets_everything_unless_it_asks_for_the_latest() {
    assert_eq!(query("topic=t").unwrap().slow, Slow::All);
    assert_eq!(query("topic=t&slow=latest").unwrap().slow, Slow::Latest);
}

fn topic() -> impl Strategy<Value = String> {
    prop_oneof![6 => "[abc]{1,2}", 1 => Just("*".to_owned())]
}

proptest! {
    #[test]
    fn selectors_are_a_set(
        ops in prop::collection::vec((any::<bool>(), topic()), 0..30),
        topics in prop::collection::vec("[abc]{1,2}", 0..4),
    ) {
        let mut selectors = Selectors::new();
        let mut naive = BTreeSet::new();
        for (insert, topic) in ops {
            let selector = TopicSelector::parse(&topic).unwrap();
            if insert {
                prop_assert_eq!(selectors.insert(selector), Ok(naive.insert(topic)));
            } else {
                prop_assert_eq!(selectors.remove(&selector), naive.remove(&topic));
            }
        }
        prop_assert_eq!(selectors.len(), naive.len());
        prop_assert_eq!(selectors.is_empty(), naive.is_empty());
        let any = naive.contains("*");
        let matches = any || topics.iter().any(|topic| naive.contains(topic));
        prop_assert_eq!(selectors.matches(topics.iter().map(String::as_str)), matches);
        let single = selectors.iter().any(|s| topics.iter().any(|topic| s.matches(topic)));
        prop_assert_eq!(single, matches && !topics.is_empty());
    }

    /// However many of them are compared at once, each selector matches what it matches alone.
    #[test]
    fn a_set_matches_what_one_of_its_selectors_matches(
        selectors in prop::collection::vec("[ab_{}/+]{1,5}|\\*", 0..8),
        topics in prop::collection::vec("[ab_/]{1,5}|\\*|\\{a\\}", 0..4),
    ) {
        let parsed: Vec<_> = selectors.iter().flat_map(|s| TopicSelector::parse(s)).collect();
        let mut set = Selectors::new();
        for selector in &parsed {
            set.insert(selector.clone()).unwrap();
        }
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        let alone = parsed.iter().any(|s| topics.iter().any(|topic| s.matches(topic)));
        // All topics are those of an event, which has one.
        prop_assume!(!topics.is_empty());
        prop_assert_eq!(set.matches(topics.iter().copied()), alone);
    }

    #[test]
    fn any_query_is_read(text in ".{0,100}", header in prop::collection::vec(any::<u8>(), 0..50)) {
        let _ = SubscribeQuery::parse(&text, Some(&header));
        let text = format!("topic=t&{text}");
        if let Ok(query) = SubscribeQuery::parse(&text, Some(&header)) {
            prop_assert!(query.selectors.matches(["t"]));
        }
    }
}
