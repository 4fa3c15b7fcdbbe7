//! Which ids a client sends back, and what it does about the others.

use proptest::prelude::*;
use sse_parse::{LastEventId, Limits, Parser};

#[test]
fn ids_that_cannot_be_sent_leave_the_one_before() {
    let long = "x".repeat(1_025);
    for id in ["\0", "\u{c}", "a\tb", "1\r\nX: y", "\u{7f}", &long] {
        let mut last = LastEventId::new();
        assert!(last.note("good"));
        assert!(!last.note(id), "{id:?}");
        assert_eq!((last.header(), last.is_behind()), (Some("good"), true));
        assert!(last.note("next"));
        assert_eq!((last.header(), last.is_behind()), (Some("next"), false));
    }
}

#[test]
fn there_is_none_at_first() {
    for last in [LastEventId::new(), LastEventId::default()] {
        assert_eq!((last.header(), last.is_behind()), (None, false));
        assert!(last.is_usable(&"x".repeat(LastEventId::DEFAULT_MAX)));
    }
    assert!(!LastEventId::with_max(2).is_usable("123"));
}

#[test]
fn ids_that_can() {
    let longest = "x".repeat(1_024);
    for id in ["é", "\u{1f600}", "../../", "%0d%0a", "#e-1", "…", &longest] {
        let mut last = LastEventId::new();
        assert!(last.note(id), "{id:?}");
        assert_eq!(last.header(), Some(id));
    }
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//= type=test
//# If the EventSource object's last event ID string is not the empty string, then:
#[test]
fn an_empty_id_takes_it_back() {
    let mut last = LastEventId::new();
    assert!(last.note(""));
    assert_eq!(last.header(), None);
    assert!(last.note("1"));
    assert!(!last.note("\u{1}"));
    assert!(last.note(""));
    assert_eq!((last.header(), last.is_behind()), (None, false));
    // Also where there was none before the one that cannot be sent.
    assert!(!last.note("\u{1}"));
    assert!(last.note(""));
    assert!(!last.is_behind());
}

#[test]
fn behind_a_parser_no_event_is_lost_for_its_id() {
    let mut parser = Parser::with_limits(Limits::default().with_max_id(1 << 20));
    let mut last = LastEventId::new();
    let stream = format!("id: 1\ndata: a\n\nid: {}\ndata: b\n\n", "9".repeat(5_000));
    let mut input = stream.as_bytes();
    let mut seen = Vec::new();
    while let Some(event) = parser.next_event(&mut input).unwrap() {
        seen.push((event.data.to_owned(), last.note(event.id)));
    }
    assert_eq!(seen, [("a".into(), true), ("b".into(), false)]);
    assert_eq!(last.header(), Some("1"));
}

proptest! {
    #[test]
    fn what_is_sent_is_always_a_possible_header(ids in prop::collection::vec(any::<String>(), 0..20)) {
        let mut last = LastEventId::with_max(16);
        for id in &ids {
            let usable = last.note(id);
            prop_assert_eq!(usable, last.is_usable(id));
            if usable {
                prop_assert_eq!(last.header().unwrap_or_default(), id);
            }
            let sent = last.header().unwrap_or_default();
            prop_assert!(sent.len() <= 16 && !sent.chars().any(|c| c.is_ascii_control()));
        }
    }
}
