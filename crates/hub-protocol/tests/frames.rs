//! `longwire.v1`: what is written is read back, by us and by an independent reader.
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect has failed"
)]

use std::borrow::Cow;

use hub_protocol::{
    Ack, CaughtUp, ClientFrame, Data, ErrorCode, ErrorFrame, EventBody, EventFrame, GapFrame,
    HeaderTooLong, MAX_FRAME, Open, PositionFrame, Publish, PublishForm, ServerFrame, Skipped,
    Subscribe, Token, TopicSelector, Unsubscribe, encode_binary_start, encode_event_start,
};
use proptest::prelude::*;
use resume::{Bounds, Epoch, Gap, Position, Start};
use serde_json::{Value, json};

const EPOCH: Epoch = Epoch::from_bytes([0xab; 12]);
const E: &str = "#abababababababababababab";

fn at(offset: u64) -> Position {
    Position::new(EPOCH, offset)
}

fn text(frame: &ServerFrame<'_>) -> String {
    let mut out = Vec::new();
    frame.encode(&mut out);
    String::from_utf8(out).unwrap()
}

fn client_text(frame: &ClientFrame) -> String {
    let mut out = Vec::new();
    frame.encode(&mut out);
    String::from_utf8(out).unwrap()
}

fn decode(json: &str) -> Result<ClientFrame, hub_protocol::FrameError> {
    ClientFrame::decode(json.as_bytes())
}

fn gap() -> Gap {
    Bounds::new(EPOCH, 51, 100)
        .locate(&Start::After(at(3)))
        .unwrap_err()
}

/// Each frame as the protocol shows it.
#[test]
fn server_frames_look_like_this() {
    let cases = [
        (
            ServerFrame::Open(Open::new(at(7), 25_000)),
            format!(r#"{{"type":"open","position":"{E}-7","heartbeat":25000}}"#),
        ),
        (
            ServerFrame::Position(PositionFrame::new(at(9), at(7))),
            format!(r#"{{"type":"position","position":"{E}-9","prev":"{E}-7"}}"#),
        ),
        (
            ServerFrame::Gap(GapFrame::new(&gap(), None)),
            format!(r#"{{"type":"gap","requested":"{E}-3","resumed":"{E}-50","reason":"evicted","#)
                + &format!(r#""earliest":"{E}-51","head":"{E}-100"}}"#),
        ),
        (
            ServerFrame::Ack(Ack::published(Some("1"), Some("urn:1"), Some(at(8)))),
            format!(r#"{{"type":"ack","ref":"1","id":"urn:1","position":"{E}-8"}}"#),
        ),
        (
            ServerFrame::Ack(Ack::new(Some("2"))),
            r#"{"type":"ack","ref":"2"}"#.to_owned(),
        ),
        (
            ServerFrame::Error(ErrorFrame::new(Some("3"), ErrorCode::RateLimited, "slower")),
            r#"{"type":"error","ref":"3","code":"rate-limited","message":"slower"}"#.to_owned(),
        ),
        (
            ServerFrame::CaughtUp(CaughtUp::new(Some("4"))),
            r#"{"type":"caught-up","ref":"4"}"#.to_owned(),
        ),
        (
            ServerFrame::Skipped(Skipped::latest(3, at(7), at(12))),
            format!(r#"{{"type":"skipped","reason":"latest","count":3,"after":"{E}-7","#)
                + &format!(r#""until":"{E}-12"}}"#),
        ),
        (
            ServerFrame::Skipped(Skipped::ephemeral()),
            r#"{"type":"skipped","reason":"ephemeral"}"#.to_owned(),
        ),
    ];
    for (frame, expected) in cases {
        assert_eq!(text(&frame), expected);
        assert_eq!(ServerFrame::decode(expected.as_bytes()), Ok(frame));
    }
}

#[test]
fn a_gap_over_event_streams_is_the_same_object() {
    let start = Start::Malformed("#\"".into());
    let gap = Bounds::new(EPOCH, 1, 0).locate(&start).unwrap_err();
    let frame = GapFrame::new(&gap, start.text());
    let mut data = Vec::new();
    frame.encode_data(&mut data);
    let expected = format!(
        r##"{{"requested":"#\"","resumed":"{E}-0","reason":"malformed","earliest":"{E}-1","##
    ) + &format!(r#""head":"{E}-0"}}"#);
    assert_eq!(String::from_utf8(data.clone()).unwrap(), expected);
    assert_eq!(GapFrame::decode_data(&data), Ok(frame));
}

#[test]
fn a_gap_of_a_replay_names_it() {
    let frame = GapFrame::new(&gap(), None).in_replay("r1");
    assert!(text(&ServerFrame::Gap(frame)).ends_with(r#","replay":"r1"}"#));
}

/// A client must understand that there is a gap even if it does not know the reason.
#[test]
fn what_a_later_version_says_is_understood() {
    let json = format!(
        r#"{{"type":"gap","resumed":"{E}-1","reason":"tired","earliest":"{E}-2","head":"{E}-3","x":1}}"#
    );
    let Ok(ServerFrame::Gap(gap)) = ServerFrame::decode(json.as_bytes()) else {
        panic!("{json}")
    };
    assert_eq!((gap.reason, gap.requested), (None, None));

    let json = br#"{"type":"skipped","reason":"bored","x":1}"#;
    let Ok(ServerFrame::Skipped(skipped)) = ServerFrame::decode(json) else {
        panic!("nothing skipped")
    };
    assert_eq!((skipped.reason, skipped.count), (None, None));

    let json = br#"{"type":"error","code":"teapot"}"#;
    let Ok(ServerFrame::Error(error)) = ServerFrame::decode(json) else {
        panic!("no error")
    };
    assert_eq!((error.code, error.message.as_ref()), (ErrorCode::Other, ""));

    let error = ServerFrame::decode(br#"{"type":"tea","ref":"9"}"#).unwrap_err();
    assert_eq!(
        (error.code(), error.reference()),
        (ErrorCode::Unsupported, Some("9"))
    );
}

#[test]
fn codes_and_statuses_are_two_words_for_one_thing() {
    for code in ErrorCode::ALL {
        assert_eq!(ErrorCode::parse(code.as_str()), code);
        if code != ErrorCode::Unsupported {
            assert_eq!(ErrorCode::from_status(code.status()), code);
        }
    }
    assert_eq!(ErrorCode::from_status(418), ErrorCode::Other);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\"\\\\\u{0}-\u{21}\u{7f}\u{2028}é😀a-z]{0,40}"
    ]
}

fn positions() -> impl Strategy<Value = Position> {
    (any::<[u8; 12]>(), any::<u64>())
        .prop_map(|(epoch, offset)| Position::new(Epoch::from_bytes(epoch), offset))
}

/// An event frame, of the two pieces that the hub makes it of.
#[derive(Clone, Debug)]
struct Event {
    prev: Option<Position>,
    replay: Option<String>,
    position: Option<Position>,
    id: Option<String>,
    topics: Vec<String>,
    event: Option<String>,
    retry: Option<u64>,
    data: String,
}

impl Event {
    fn body(&self) -> EventBody<'_> {
        let body = EventBody::new(&self.topics, &self.data);
        let body = body
            .with_id(self.id.as_deref())
            .with_event(self.event.as_deref());
        let body = body.with_retry(self.retry);
        match self.position {
            Some(position) => body.with_position(position),
            None => body,
        }
    }
}

fn events() -> impl Strategy<Value = Event> {
    use prop::option::of;
    let topics = prop::collection::vec(any_text(), 0..4);
    let first = (
        of(positions()),
        of(any_text()),
        of(positions()),
        of(any_text()),
    );
    (first, topics, of(any_text()), of(any::<u64>()), any_text()).prop_map(
        |((prev, replay, position, id), topics, event, retry, data)| Event {
            prev,
            replay,
            position,
            id,
            topics,
            event,
            retry,
            data,
        },
    )
}

proptest! {
    #[test]
    fn an_event_of_two_pieces_is_one_frame(event in events()) {
        let mut out = Vec::new();
        encode_event_start(event.prev, event.replay.as_deref(), &mut out);
        event.body().encode(&mut out);

        let Ok(ServerFrame::Event(frame)) = ServerFrame::decode(&out) else {
            return Err(TestCaseError::fail(String::from_utf8_lossy(&out).into_owned()));
        };
        prop_assert_eq!(frame.prev, event.prev);
        prop_assert_eq!(frame.replay.as_deref(), event.replay.as_deref());
        prop_assert_eq!(frame.position, event.position);
        prop_assert_eq!(frame.id.as_deref(), event.id.as_deref());
        prop_assert_eq!(&frame.topics, &event.topics);
        prop_assert_eq!(frame.event.as_deref(), event.event.as_deref());
        prop_assert_eq!(frame.retry, event.retry);
        prop_assert_eq!(frame.data.as_ref(), &event.data);

        // The frame that is written in one piece is the same, and a reader that is not ours agrees.
        prop_assert_eq!(text(&ServerFrame::Event(frame)).into_bytes(), out.clone());
        let value: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(value["data"].as_str(), Some(&*event.data));
        prop_assert_eq!(&value["topics"], &json!(event.topics));
    }

    #[test]
    fn a_binary_event_is_header_and_bytes(
        event in events(),
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut shared = Vec::new();
        let body = EventBody::binary(&event.topics).with_id(event.id.as_deref());
        body.encode(&mut shared);
        let mut out = b"before".to_vec();
        encode_binary_start(event.prev, event.replay.as_deref(), &shared, &mut out).unwrap();
        out.extend_from_slice(&shared);
        out.extend_from_slice(&bytes);

        let (frame, payload) = EventFrame::decode_binary(&out[b"before".len()..]).unwrap();
        prop_assert_eq!(payload, bytes);
        prop_assert_eq!(frame.prev, event.prev);
        prop_assert_eq!(frame.id.as_deref(), event.id.as_deref());
        prop_assert_eq!(frame.topics, event.topics);
        prop_assert_eq!(frame.data, "");
    }

    #[test]
    fn any_strings_survive_every_server_frame(
        reference in prop::option::of("[\\PC\u{0}\"]{0,8}"),
        words in any_text(),
        position in positions(),
        code in prop::sample::select(&ErrorCode::ALL[..]),
    ) {
        let reference = reference.as_deref();
        let mut gap = GapFrame::new(&gap(), None);
        gap.requested = Some(Cow::Borrowed(&words));
        for frame in [
            ServerFrame::Gap(gap),
            ServerFrame::Ack(Ack::published(reference, Some(&words), Some(position))),
            ServerFrame::Error(ErrorFrame::new(reference, code, &*words)),
            ServerFrame::CaughtUp(CaughtUp::new(reference)),
        ] {
            let json = text(&frame);
            prop_assert_eq!(ServerFrame::decode(json.as_bytes()), Ok(frame));
        }
    }

    #[test]
    fn client_frames_come_back_as_they_were(frame in client_frames()) {
        let json = client_text(&frame);
        prop_assert_eq!(decode(&json), Ok(frame.clone()));
        prop_assert!(serde_json::from_str::<Value>(&json).is_ok());
        if let ClientFrame::Publish(publish) = frame {
            let mut out = Vec::new();
            publish.encode_binary(&mut out).unwrap();
            let Ok(ClientFrame::Publish(read)) = ClientFrame::decode_binary(&out) else {
                return Err(TestCaseError::fail("not a publish"));
            };
            let bytes = match publish.form.data.clone() {
                Data::Text(text) => text.into_bytes(),
                Data::Binary(bytes) => bytes,
            };
            prop_assert_eq!(&read.form.data, &Data::Binary(bytes));
            let mut expected = publish;
            expected.form.data = read.form.data.clone();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn any_bytes_are_a_frame_or_have_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for error in [
            ClientFrame::decode(&bytes).err(),
            ClientFrame::decode_binary(&bytes).err(),
            ServerFrame::decode(&bytes).err(),
            EventFrame::decode_binary(&bytes).err(),
        ]
        .into_iter()
        .flatten()
        {
            prop_assert!(!error.message().is_empty());
        }
    }
}

fn forms() -> impl Strategy<Value = PublishForm> {
    use prop::option::of;
    let data = prop_oneof![
        any_text().prop_map(|text| Data::Text(text.replace('\r', "\n"))),
        prop::collection::vec(any::<u8>(), 0..50).prop_map(Data::Binary),
    ];
    let topics = prop::collection::vec("[a-z\"\\\\é]{1,8}", 1..4);
    let flags = any::<[bool; 2]>();
    (
        topics,
        data,
        of("[a-z\"é]{1,9}"),
        of("[a-z\t\"]{1,9}"),
        of(0..10_u64.pow(10)),
        flags,
    )
        .prop_map(|(topics, data, id, event, retry, [private, ephemeral])| {
            let mut form = PublishForm::parse(b"topic=t").unwrap();
            (form.topics, form.data, form.id, form.event) = (topics, data, id, event);
            (form.retry, form.private, form.ephemeral) = (retry, private, ephemeral);
            form.id = form.id.filter(|_| !ephemeral);
            form
        })
}

fn client_frames() -> impl Strategy<Value = ClientFrame> {
    let reference = || prop::option::of("[a-z0-9\"]{1,8}");
    let topics = || {
        let topic = "[a-z*\"é]{1,8}".prop_map(|topic| TopicSelector::parse(&topic).unwrap());
        prop::collection::vec(topic, 1..4)
    };
    let after = prop_oneof![
        Just(Start::Live),
        Just(Start::Earliest),
        positions().prop_map(Start::After),
        "[a-z\"é]{1,9}".prop_map(|id| Start::parse(id.as_bytes())),
        Just(Start::Malformed("#\u{0}".into())),
    ];
    prop_oneof![
        (topics(), after, reference())
            .prop_map(|(t, after, r)| ClientFrame::Subscribe(Subscribe::new(t, after, r))),
        (topics(), reference()).prop_map(|(t, r)| ClientFrame::Unsubscribe(Unsubscribe::new(t, r))),
        (forms(), reference()).prop_map(|(form, r)| ClientFrame::Publish(Publish::new(form, r))),
        (any::<String>(), reference())
            .prop_map(|(token, r)| ClientFrame::Token(Token::new(token, r))),
    ]
}

/// Strings are looked at in pieces of several sizes: each character at each place of each.
#[test]
fn every_character_is_escaped_wherever_it_stands() {
    for character in (0..0x80).map(char::from).chain(['é', '\u{2028}', '😀']) {
        for before in 0..40 {
            let message = format!("{}{character}{}", "x".repeat(before), "y".repeat(9));
            let frame = ServerFrame::Error(ErrorFrame::new(None, ErrorCode::Other, &*message));
            let value: Value = serde_json::from_str(&text(&frame)).unwrap();
            assert_eq!(
                value["message"].as_str(),
                Some(&*message),
                "{character:?} after {before}"
            );
        }
    }
}

#[test]
fn client_frames_are_read_like_this() {
    let frame = decode(r#"{"ref":"1","topics":["a","*"],"type":"subscribe","more":[{}]}"#);
    let topics = ["a", "*"]
        .map(|topic| TopicSelector::parse(topic).unwrap())
        .to_vec();
    let subscribe = Subscribe::new(topics, Start::Live, Some("1".into()));
    assert_eq!(frame, Ok(ClientFrame::Subscribe(subscribe)));

    let json =
        r#"{"type":"publish","topics":["t"],"data":"a\r\nb","id":"","private":true,"event":null}"#;
    let Ok(ClientFrame::Publish(publish)) = decode(json) else {
        panic!("{json}")
    };
    assert_eq!(publish.form.data, Data::Text("a\nb".into()));
    assert_eq!((publish.form.id, publish.form.event), (None, None));
    assert!(publish.form.private && !publish.form.ephemeral);

    let json = r#"{"type":"publish","topics":["t"],"data":"AAE=","encoding":"base64"}"#;
    let Ok(ClientFrame::Publish(publish)) = decode(json) else {
        panic!("{json}")
    };
    assert_eq!(publish.form.data, Data::Binary(vec![0, 1]));
}

#[test]
fn client_frames_against_the_rules_are_refused_with_their_reference() {
    use ErrorCode::{Invalid, TooLarge, Unsupported};
    let large = "x".repeat((1 << 20) + 1);
    let many = vec!["t"; 129];
    let cases = [
        (
            json!({"type": "tea"}),
            Unsupported,
            "the type of the frame is not known",
        ),
        (
            json!({"type": "publish", "topics": []}),
            Invalid,
            "there is no topic",
        ),
        (
            json!({"type": "subscribe", "topics": []}),
            Invalid,
            "there is no topic",
        ),
        (
            json!({"type": "subscribe", "topics": many}),
            Invalid,
            "there are more than 128 topics",
        ),
        (
            json!({"type": "unsubscribe", "topics": ["{a*}"]}),
            Invalid,
            "a topic with braces must be a URI template of levels 1 to 3 (RFC 6570)",
        ),
        (
            json!({"type": "publish", "topics": ["t"], "event": "a\nb"}),
            Invalid,
            "type must not have a CR, LF or NUL",
        ),
        (
            json!({"type": "publish", "topics": ["t"], "retry": 10_000_000_000_u64}),
            Invalid,
            "retry must be a number of at most 10 digits",
        ),
        (
            json!({"type": "publish", "topics": ["t"], "data": large}),
            TooLarge,
            "data is longer than 1048576 bytes",
        ),
        (
            json!({"type": "publish", "topics": ["t"], "encoding": "hex"}),
            Invalid,
            "the only encoding is base64",
        ),
        (
            json!({"type": "publish", "topics": ["t"], "encoding": "base64", "data": "A"}),
            Invalid,
            "data is not base64 with padding",
        ),
        (
            json!({"type": "token", "token": "x".repeat(20_000)}),
            TooLarge,
            "the token is too long",
        ),
    ];
    for (mut frame, code, message) in cases {
        frame["ref"] = json!("r");
        let error = decode(&frame.to_string()).unwrap_err();
        assert_eq!((error.code(), error.message()), (code, message));
        assert_eq!(error.reference(), Some("r"), "{message}");
        assert_eq!(error.to_string(), message);
    }
    // Of a wrong type or missing: the message is serde's, but the reference is there.
    for json in [
        r#"{"type":"publish","ref":"r"}"#,
        r#"{"type":"publish","topics":"t","ref":"r"}"#,
        r#"{"type":"publish","topics":["t"],"retry":-1,"ref":"r"}"#,
        r#"{"type":"publish","topics":["t"],"data":"a","data":"b","ref":"r"}"#,
        r#"{"type":"token","ref":"r"}"#,
    ] {
        let error = decode(json).unwrap_err();
        assert_eq!(
            (error.code(), error.reference()),
            (Invalid, Some("r")),
            "{json}"
        );
    }
    let longest = format!(
        r#"{{"type":"token","token":"x","ref":"{}"}}"#,
        "r".repeat(64)
    );
    assert!(decode(&longest).is_ok());
    // Nothing to refer to.
    let long = format!(
        r#"{{"type":"token","token":"x","ref":"{}"}}"#,
        "r".repeat(65)
    );
    for json in [
        "",
        "[]",
        "{}",
        "null",
        r#"{"type":7}"#,
        r#"{"type":"token","ref":1}"#,
        &long,
    ] {
        let error = decode(json).unwrap_err();
        assert_eq!((error.code(), error.reference()), (Invalid, None), "{json}");
    }
}

#[test]
fn a_frame_has_a_size() {
    let mut frame = br#"{"type":"unsubscribe","topics":["t"]}"#.to_vec();
    frame.resize(MAX_FRAME, b' ');
    assert!(ClientFrame::decode(&frame).is_ok());
    frame.push(b' ');
    assert_eq!(
        ClientFrame::decode(&frame).unwrap_err().code(),
        ErrorCode::TooLarge
    );
    assert_eq!(
        ClientFrame::decode_binary(&frame).unwrap_err().code(),
        ErrorCode::TooLarge
    );
    let deep = format!(
        r#"{{"type":"token","token":"x","y":{}1"#,
        "[".repeat(1_000_000)
    );
    assert_eq!(decode(&deep).unwrap_err().code(), ErrorCode::Invalid);
}

#[test]
fn binary_frames_say_how_long_their_header_is() {
    let frame = |header: &str, bytes: &[u8]| {
        let len = u16::try_from(header.len()).unwrap().to_be_bytes();
        [&len, header.as_bytes(), bytes].concat()
    };
    let publish = frame(r#"{"type":"publish","topics":["t"],"ref":"r"}"#, b"\0\xff");
    let Ok(ClientFrame::Publish(read)) = ClientFrame::decode_binary(&publish) else {
        panic!("not a publish")
    };
    assert_eq!(read.form.data, Data::Binary(vec![0, 0xff]));

    for (header, message) in [
        (
            r#"{"type":"publish","topics":["t"],"data":""}"#,
            "the data of a binary frame follows its header",
        ),
        (
            r#"{"type":"publish","topics":["t"],"encoding":"base64"}"#,
            "the data of a binary frame follows its header",
        ),
        (
            r#"{"type":"token","token":"t"}"#,
            "a binary frame must be a publish",
        ),
    ] {
        let error = ClientFrame::decode_binary(&frame(header, b"")).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (ErrorCode::Invalid, message)
        );
    }
    for short in [&b""[..], b"\0", b"\0\x02{", &publish[..publish.len() - 3]] {
        assert!(ClientFrame::decode_binary(short).is_err());
        assert!(EventFrame::decode_binary(short).is_err());
    }
    let ack = frame(r#"{"type":"ack"}"#, b"");
    assert!(EventFrame::decode_binary(&ack).is_err());
}

#[test]
fn a_header_that_does_not_fit_is_refused() {
    let mut out = b"kept".to_vec();
    let start = br#"{"type":"event","#.len();
    let body = vec![b'x'; 65_535 - start];
    assert_eq!(encode_binary_start(None, None, &body, &mut out), Ok(()));
    assert_eq!(out[4..6], [0xff, 0xff]);

    let mut out = b"kept".to_vec();
    let body = vec![b'x'; 65_536 - start];
    assert_eq!(
        encode_binary_start(None, None, &body, &mut out),
        Err(HeaderTooLong)
    );
    assert_eq!(out, b"kept");
    assert_eq!(
        HeaderTooLong.to_string(),
        "the header of a binary frame is longer than 65,535 bytes"
    );

    let mut form = PublishForm::parse(b"topic=t").unwrap();
    form.topics = vec!["x".repeat(70_000)];
    assert_eq!(
        Publish::new(form, None).encode_binary(&mut out),
        Err(HeaderTooLong)
    );
    assert_eq!(out, b"kept");
}

/// The worst that the form lets through still has a header of 65,535 bytes at most.
#[test]
fn every_event_that_can_be_published_fits_into_a_binary_frame() {
    let topic = "\"".repeat(256);
    let mut body = (0..64)
        .map(|_| format!("topic={topic}&"))
        .collect::<String>();
    body += &format!(
        "id={}&type={}&retry=9999999999",
        "\"".repeat(255),
        "\u{1}".repeat(255)
    );
    let form = PublishForm::parse(body.as_bytes()).unwrap();
    let mut shared = Vec::new();
    EventBody::binary(&form.topics)
        .with_position(at(u64::MAX))
        .with_id(form.id.as_deref())
        .with_event(form.event.as_deref())
        .with_retry(form.retry)
        .encode(&mut shared);
    let replay = "\u{1}".repeat(64);
    let mut out = Vec::new();
    assert_eq!(
        encode_binary_start(Some(at(u64::MAX)), Some(&replay), &shared, &mut out),
        Ok(())
    );
    assert!(
        Publish::new(form, Some(replay))
            .encode_binary(&mut out)
            .is_ok()
    );
}

#[test]
fn a_token_is_not_shown() {
    let frame = Token::new("secret".into(), None);
    assert!(!format!("{frame:?}").contains("secret"));
}
