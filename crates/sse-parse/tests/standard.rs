//! The examples of HTML Standard §9.2, and each of its rules, at every split.

mod literal;
mod support;

use support::{comment, event, everywhere, id, message, retry};

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro
//= type=test
//# data: This is the second message, it
//# data: has two lines.
#[test]
fn examples_of_the_introduction() {
    everywhere(
        b"data: This is the first message.\n\ndata: This is the second message, it\n\
          data: has two lines.\n\ndata: This is the third message.\n\n",
        &[
            message("This is the first message.", ""),
            message("This is the second message, it\nhas two lines.", ""),
            message("This is the third message.", ""),
        ],
    );
    everywhere(
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        &[
            event("add", "73857293", ""),
            event("remove", "2153", ""),
            event("add", "113411", ""),
        ],
    );
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# The following event stream, once followed by a blank line:
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# Append the field value to the data buffer, then append a single U+000A LINE FEED (LF) character
//# to the data buffer.
#[test]
fn example_of_stock_data() {
    everywhere(
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        &[message("YHOO\n+2\n10", "")],
    );
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# The following stream contains four blocks.
#[test]
fn example_of_four_blocks() {
    everywhere(
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        &[
            comment("test stream"),
            message("first event", "1"),
            message("second event", ""),
            message(" third event", ""),
        ],
    );
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# The following stream fires two events:
#[test]
fn example_of_two_events_and_an_unfinished_one() {
    everywhere(
        b"data\n\ndata\ndata\n\ndata:",
        &[message("", ""), message("\n", "")],
    );
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# The following stream fires two identical events:
#[test]
fn example_of_the_ignored_space() {
    everywhere(
        b"data:test\n\ndata: test\n\n",
        &[message("test", ""), message("test", "")],
    );
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
//= type=test
//# Lines must be separated by either a U+000D CARRIAGE RETURN U+000A LINE FEED (CRLF) character
//# pair, a single U+000A LINE FEED (LF) character, or a single U+000D CARRIAGE RETURN (CR)
//# character.
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# The stream must then be parsed by reading everything line by line, with a U+000D CARRIAGE RETURN
//# U+000A LINE FEED (CRLF) character pair, a single U+000A LINE FEED (LF) character not preceded by
//# a U+000D CARRIAGE RETURN (CR) character, and a single U+000D CARRIAGE RETURN (CR) character not
//# followed by a U+000A LINE FEED (LF) character being the ways in which a line can end.
#[test]
fn lines_end_with_lf_cr_or_crlf() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = [
            "event: a", "data: 1", "data: 2", "", "id: 3", ": c", "data", "", "",
        ];
        everywhere(
            stream.join(end).as_bytes(),
            &[event("a", "1\n2", ""), comment("c"), message("", "3")],
        );
    }
    // CR LF is one end, LF CR are two.
    everywhere(
        b"data: a\n\rdata: b\r\n\r\n",
        &[message("a", ""), message("b", "")],
    );
    everywhere(
        b"data: a\r\n\ndata: b\r\r\n",
        &[message("a", ""), message("b", "")],
    );
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
//= type=test
//# Since connections established to remote servers for such resources are expected to be
//# long-lived, UAs should ensure that appropriate buffering is used.
#[test]
fn nothing_waits_for_the_byte_after_a_cr() {
    let mut parser = sse_parse::Parser::new();
    let mut input = &b"data: now\r\r"[..];
    assert_eq!(parser.next_event(&mut input).unwrap().unwrap().data, "now");
    let mut input = &b"\n: beat\r"[..];
    let item = parser.next_item(&mut input).unwrap();
    assert_eq!(item, Some(sse_parse::Item::Comment("beat")));
    let mut input = &b"\nretry: 5\r"[..];
    let item = parser.next_item(&mut input).unwrap();
    assert!(matches!(item, Some(sse_parse::Item::Retry(_))));
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any.
#[test]
fn one_byte_order_mark_is_stripped() {
    everywhere(
        b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n",
        &[message("a", "")],
    );
    everywhere(
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        &[message("b", "")],
    );
    everywhere(b"\xef\xbb\xbf\n\xef\xbb\xbf: a\n", &[]);
    everywhere(b"\xef\xbb\xbf: a\n", &[comment("a")]);
    // A part of a mark is the beginning of a line.
    everywhere(b"\xef\xbbdata: a\n\ndata: b\n\n", &[message("b", "")]);
    everywhere(b"\xef: a\n\ndata: b\n\n", &[message("b", "")]);
    everywhere(b"\xef\xbb\r\n\r\ndata: b\n\n", &[message("b", "")]);
    everywhere(b"data: \xef\xbb\xbfa\n\n", &[message("\u{feff}a", "")]);
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# Streams must be decoded using the UTF-8 decode algorithm.
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
//= type=test
//# Event streams in this format must always be encoded as UTF-8.
#[test]
fn broken_sequences_are_replaced_as_the_encoding_standard_does() {
    for (bytes, text) in [
        (&b"\x80"[..], "\u{fffd}"),
        (b"\xff\xfe", "\u{fffd}\u{fffd}"),
        (b"\xc0\xaf", "\u{fffd}\u{fffd}"),
        (b"\xe0\x80\xaf", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xe2\x82", "\u{fffd}"),
        (b"\xf0\x9f\x98", "\u{fffd}"),
        (b"\xf0\x9f\x98\xe2\x82\xac", "\u{fffd}\u{20ac}"),
        (b"a\xe2b", "a\u{fffd}b"),
    ] {
        for (field, expected) in [
            (&b"data: "[..], vec![message(text, "")]),
            (b"data: x\ndata: ", vec![message(&format!("x\n{text}"), "")]),
            (b": ", vec![comment(text)]),
            (b"id: ", vec![id(text)]),
            (b"data: x\nevent: ", vec![event(text, "x", "")]),
            (b"retry: ", vec![]),
        ] {
            everywhere(&[field, bytes, b"\n\n"].concat(), &expected);
        }
    }
    everywhere("data: é € 😀\n\n".as_bytes(), &[message("é € 😀", "")]);
    everywhere(b"\xffdata: a\n\ndata: b\n\n", &[message("b", "")]);
    everywhere(b"data: cut at the end \xe2\x82", &[]);
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# Otherwise, the string is not empty but does not contain a U+003A COLON character (:) Process the
//# field using the steps described below, using the whole line as the field name, and the empty
//# string as the field value.
#[test]
fn a_field_without_colon_is_empty() {
    everywhere(b"event: x\nevent\ndata\n\n", &[message("", "")]);
    everywhere(b"id: 1\nid\ndata: a\n\n", &[message("a", "")]);
    everywhere(b"retry\ndata: a\n\n", &[message("a", "")]);
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# If value starts with a U+0020 SPACE character, remove it from value.
#[test]
fn one_space_after_the_colon_is_not_part_of_the_value() {
    everywhere(
        b"data:a\ndata: b\ndata:  c\ndata:\td\n\n",
        &[message("a\nb\n c\n\td", "")],
    );
    everywhere(
        b":a\n: b\n:  c\n:\n: \n",
        &["a", "b", " c", "", ""].map(comment),
    );
    everywhere(b"data: : :\n\n", &[message(": :", "")]);
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# Field names must be compared literally, with no case folding performed.
#[test]
fn names_are_compared_byte_by_byte() {
    let stream = b"Data: a\nDATA: a\ndata : a\n data: a\nda: a\ndatas: a\n\0data: a\ndata\0: a\n\n";
    everywhere(stream, &[]);
    everywhere(
        b"events: a\nev\nid2: 3\nretry : 1\nretr: 1\ndata: b\n\n",
        &[message("b", "")],
    );
}

#[test]
fn data_alone_dispatches_an_empty_event() {
    everywhere(b"data:\n\n", &[message("", "")]);
    everywhere(b"data: \n\n", &[message("", "")]);
    everywhere(b"data\ndata\ndata\n\n", &[message("\n\n", "")]);
    everywhere(b"event: a\n\ndata: b\n\n", &[message("b", "")]);
    everywhere(b"\n\n\r\r\n\ndata: b\n\n\n\n", &[message("b", "")]);
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# For other user agents, the appropriate steps to dispatch the event are implementation dependent,
//# but at a minimum they must set the data and event type buffers to the empty string before
//# returning.
#[test]
fn the_last_event_field_counts_and_lasts_for_one_block() {
    everywhere(
        b"event: a\nevent: b\ndata: 1\n\ndata: 2\n\nevent: c\nevent:\ndata: 3\n\n",
        &[event("b", "1", ""), message("2", ""), message("3", "")],
    );
    everywhere(b"event: message\ndata: a\n\n", &[message("a", "")]);
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# If the field value does not contain U+0000 NULL, then set the last event ID buffer to the
//# field value. Otherwise, ignore the field.
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# The buffer does not get reset, so the last event ID string of the event source remains set to
//# this value until the next time it is set by the server.
#[test]
fn ids_persist_reset_and_hold_no_nul() {
    everywhere(
        b"id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid: 3\nid: \0\ndata: d\n\nid:\ndata: e\n\n",
        &[
            message("a", "1"),
            message("b", "1"),
            message("c", "1"),
            message("d", "3"),
            message("e", ""),
        ],
    );
    everywhere(b"data: a\nid: 1\nid: 2\n\n", &[message("a", "2")]);
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# If the data buffer is an empty string, set the data buffer and the event type buffer to the
//# empty string and return.
#[test]
fn an_id_alone_is_kept_and_dispatches_nothing() {
    everywhere(b"id: 1\n\ndata: a\n\n", &[id("1"), message("a", "1")]);
    everywhere(
        b"id: 1\n\nid\n\ndata: a\n\n",
        &[id("1"), id(""), message("a", "")],
    );
    everywhere(b"event: x\nid: 1\nretry: 2\n\n", &[retry(2), id("1")]);
}

#[test]
fn an_unfinished_event_leaves_no_id() {
    let stream = b"id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n";
    for cut in 0..=stream.len() {
        let mut parser = sse_parse::Parser::new();
        let mut input = &stream[..cut];
        while parser.next_event(&mut input).unwrap().is_some() {}
        let blank_lines = stream[..cut]
            .windows(2)
            .filter(|two| two == b"\n\n")
            .count();
        let expected = ["", "1", "2", "3"][blank_lines];
        assert_eq!(parser.last_event_id(), expected, "cut at {cut}");
        // It survives the reconnect, and the rest of a later stream goes on from it.
        parser.reset();
        assert_eq!(parser.last_event_id(), expected);
        let mut input = &b"data: next\n\n"[..];
        assert_eq!(parser.next_event(&mut input).unwrap().unwrap().id, expected);
    }
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# When a stream is parsed, a data buffer, an event type buffer, and a last event ID buffer must be
//# associated with it.
#[test]
fn reset_forgets_all_but_id_and_retry() {
    let mut parser = sse_parse::Parser::new();
    let mut input = &b"id: 1\nretry: 7\ndata: a\n\nevent: x\ndata: lost\ndata: l"[..];
    while parser.next_event(&mut input).unwrap().is_some() {}
    parser.reset();
    assert_eq!(parser.retry(), Some(core::time::Duration::from_millis(7)));
    let mut input = &b"\xef\xbb\xbfdata: b\n\n"[..];
    let event = parser.next_event(&mut input).unwrap().unwrap();
    assert_eq!((event.name, event.data, event.id), ("message", "b", "1"));
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# If the field value consists of only ASCII digits, then interpret the field value as an integer
//# in base ten, and set the event stream's reconnection time to that integer.
#[test]
fn retry_is_digits_and_told_when_its_line_ends() {
    everywhere(b"retry: 3000\n", &[retry(3000)]);
    everywhere(b"retry:0\nretry: 007\n", &[retry(0), retry(7)]);
    everywhere(
        b"data: a\nretry: 1\ndata: b\n\n",
        &[retry(1), message("a\nb", "")],
    );
    for bad in [
        "", " ", "-1", "+1", "1.5", "1e9", "10x", " 10", "10 ", "0x10", "\u{663}",
    ] {
        everywhere(format!("retry: {bad}\n\n").as_bytes(), &[]);
    }
    everywhere(b"retry: 18446744073709551615\n", &[retry(u64::MAX)]);
    everywhere(b"retry: 18446744073709551616\n", &[retry(u64::MAX)]);
    everywhere(
        format!("retry: {}\n", "9".repeat(40)).as_bytes(),
        &[retry(u64::MAX)],
    );
    let mut parser = sse_parse::Parser::new();
    let mut input = &b"retry: 5\nretry: no\n"[..];
    assert_eq!(parser.next_event(&mut input).unwrap(), None);
    assert_eq!(parser.retry(), Some(core::time::Duration::from_millis(5)));
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//= type=test
//# If the line starts with a U+003A COLON character (:) Ignore the line.
#[test]
fn comments_stand_anywhere_and_change_nothing() {
    for end in ["\n", "\r\n", "\r"] {
        let lines = "event: x\n: 1\ndata: a\n: 2\n:\ndata: b\n: 3\n\n";
        everywhere(
            lines.replace('\n', end).as_bytes(),
            &[
                comment("1"),
                comment("2"),
                comment(""),
                comment("3"),
                event("x", "a\nb", ""),
            ],
        );
    }
}

#[test]
fn a_comment_begun_for_next_event_is_passed_over() {
    let mut parser = sse_parse::Parser::new();
    let mut input = &b": half of"[..];
    assert_eq!(parser.next_event(&mut input).unwrap(), None);
    let mut input = &b" it\n: whole\n"[..];
    let item = parser.next_item(&mut input).unwrap();
    assert_eq!(item, Some(sse_parse::Item::Comment("whole")));
    // And the other way round.
    let mut input = &b": half of"[..];
    assert_eq!(parser.next_item(&mut input).unwrap(), None);
    let mut input = &b" it\ndata: a\n\n"[..];
    assert_eq!(parser.next_event(&mut input).unwrap().unwrap().data, "a");
}

#[test]
fn long_values_of_every_length_around_the_vector_sizes() {
    for len in (0..300).chain([511, 512, 513, 1023, 1024, 4096]) {
        for end in ["\n\n", "\r\n\r\n", "\r\r"] {
            let ascii = "a".repeat(len);
            let stream = format!("data: {ascii}{end}data: b{end}");
            let expected = [message(&ascii, ""), message("b", "")];
            assert_eq!(support::whole(stream.as_bytes()), expected);
            // Controls below CR are no line ends, and the text behind an event may be anything.
            let tabs = format!("{}\t\u{b}", "é".repeat(len));
            let stream = [format!("data: {tabs}{end}").as_bytes(), &b"data: \xff"[..]].concat();
            assert_eq!(support::whole(&stream), [message(&tabs, "")]);
        }
    }
}
