//! What a hub reads from strangers, and the session that answers them.

use std::borrow::Cow;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use hub_protocol::{
    ClientFrame, Data, EventFrame, GapFrame, Latest, MAX_DATA, MAX_TOPIC, MAX_TOPICS, PublishForm,
    SUBSCRIPTIONS, Selectors, ServerFrame, Session, Skipped, Slow, Step, SubscribeQuery,
    Subscription, SubscriptionPath, TopicSelector, encode_base64,
};
use resume::{Epoch, Limits, Position, ReplayWindow, Start};

/// A form that is accepted keeps every rule, and written again says the same.
pub fn form(data: &[u8]) {
    let form = match PublishForm::parse(data) {
        Ok(form) => form,
        Err(error) => {
            assert!(matches!(error.status(), 400 | 413));
            return;
        }
    };
    assert!((1..=MAX_TOPICS).contains(&form.topics.len()));
    for topic in &form.topics {
        assert!((1..=MAX_TOPIC).contains(&topic.len()) && !topic.contains(char::is_control));
    }
    if let Some(id) = &form.id {
        // It comes back from a client as this id, not as anything else.
        assert_eq!(Start::parse(id.as_bytes()), Start::Id(id.as_str().into()));
    }
    assert!(!form.ephemeral || form.id.is_none());
    if let Some(event) = &form.event {
        assert!(!event.is_empty() && !event.contains(['\r', '\n', '\0']));
    }
    if let Data::Text(text) = &form.data {
        assert!(!text.contains('\r'));
    }
    assert!(form.data.len() <= MAX_DATA);
    assert_eq!(form, literal_form(data));
    assert_eq!(PublishForm::parse(&encode(&form)), Ok(form));
}

/// A form that is known to be right, read byte by byte.
fn literal_form(body: &[u8]) -> PublishForm {
    let text = |value: Vec<u8>| String::from_utf8(value).expect("a right form is text");
    let mut form = PublishForm::new(Vec::new(), Data::Text(String::new()));
    let (mut bytes, mut base64) = (Vec::new(), false);
    for pair in body.split(|&byte| byte == b'&') {
        let at = pair
            .iter()
            .position(|&byte| byte == b'=')
            .unwrap_or(pair.len());
        let value = unescaped(pair.get(at + 1..).unwrap_or_default());
        match &unescaped(&pair[..at])[..] {
            b"topic" => form.topics.push(text(value)),
            b"data" => bytes = value,
            b"id" => form.id = Some(text(value)).filter(|id| !id.is_empty()),
            b"type" => form.event = Some(text(value)).filter(|event| !event.is_empty()),
            b"retry" => form.retry = text(value).parse().ok(),
            b"encoding" => base64 = value == b"base64",
            b"private" => form.private = true,
            b"ephemeral" => form.ephemeral = true,
            _ => {}
        }
    }
    form.data = if base64 {
        Data::Binary(literal_base64(&bytes))
    } else {
        Data::Text(text(bytes).replace("\r\n", "\n").replace('\r', "\n"))
    };
    form
}

/// `+` is a space, `%` and two digits a byte.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let (mut bytes, mut at) = (Vec::new(), 0);
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).expect("two digits"));
                at += 2;
            }
            (b'+', ..) => bytes.push(b' '),
            (byte, ..) => bytes.push(byte),
        }
        at += 1;
    }
    bytes
}

/// RFC 4648 §4, bit by bit; what is read must be what would be written.
fn literal_base64(text: &[u8]) -> Vec<u8> {
    let mut bits = Vec::new();
    for &byte in text.iter().filter(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => panic!("{} is no base64", text.escape_ascii()),
        };
        bits.extend((0..6).rev().map(|bit| value >> bit & 1));
    }
    let (bytes, rest) = bits.as_chunks::<8>();
    assert!(
        rest.len() < 6 && rest.iter().all(|bit| *bit == 0),
        "bits without a meaning"
    );
    assert_eq!(text.len() % 4, 0);
    bytes
        .iter()
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}

/// Writes a form with everything escaped that is not a letter or digit.
fn encode(form: &PublishForm) -> Vec<u8> {
    let mut body = Vec::new();
    let mut field = |name: &str, value: &[u8]| {
        body.extend_from_slice(name.as_bytes());
        body.push(b'=');
        for byte in value {
            if byte.is_ascii_alphanumeric() {
                body.push(*byte);
            } else {
                body.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
        }
        body.push(b'&');
    };
    form.topics
        .iter()
        .for_each(|topic| field("topic", topic.as_bytes()));
    match &form.data {
        Data::Text(text) => field("data", text.as_bytes()),
        Data::Binary(bytes) => {
            let mut text = Vec::new();
            encode_base64(bytes, &mut text);
            field("encoding", b"base64");
            field("data", &text);
        }
    }
    form.id.iter().for_each(|id| field("id", id.as_bytes()));
    form.event
        .iter()
        .for_each(|event| field("type", event.as_bytes()));
    form.retry
        .iter()
        .for_each(|retry| field("retry", retry.to_string().as_bytes()));
    if form.private {
        field("private", b"");
    }
    if form.ephemeral {
        field("ephemeral", b"");
    }
    body
}

/// A query, with a header after the first NUL: what is accepted keeps the rules, and no position
/// is ever an error.
pub fn query(data: &[u8]) {
    let (query, header) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], Some(&data[at + 1..])),
        None => (data, None),
    };
    let query = String::from_utf8_lossy(query);
    let parsed = SubscribeQuery::parse_upgrade(&query, header);
    assert_eq!(
        parsed.is_ok(),
        SubscribeQuery::parse_upgrade(&query, None).is_ok()
    );
    let Ok(parsed) = parsed else { return };
    assert!(parsed.selectors.len() <= MAX_TOPICS);
    assert_eq!(
        SubscribeQuery::parse(&query, header).is_ok(),
        !parsed.selectors.is_empty()
    );
    for selector in parsed.selectors.iter() {
        assert_eq!(
            TopicSelector::parse(selector.as_str()).as_ref(),
            Ok(selector)
        );
        assert!(parsed.selectors.matches([selector.as_str()]));
    }
    if let Some(header) = header.filter(|header| !header.is_empty()) {
        assert_eq!(parsed.start, Start::parse(header));
    }
    let again = SubscribeQuery::parse_upgrade(&format!("{query}&slow=latest"), header);
    assert_eq!(again.map(|again| again.slow), Ok(Slow::Latest));
}

/// One segment is a topic, a second one a subscriber; none is empty, and there is no third.
fn literal_path(segments: &str) -> Option<(Option<String>, Option<String>)> {
    if segments.is_empty() {
        return Some((None, None));
    }
    let read = |segment: &str| {
        // In a path a plus is a plus.
        let bytes = unescaped(segment.replace('+', "%2B").as_bytes());
        String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.is_empty())
    };
    let segments = segments.strip_prefix('/')?.split('/').map(read);
    let mut segments = segments.collect::<Option<Vec<_>>>()?.into_iter();
    let found = (segments.next(), segments.next());
    segments.next().is_none().then_some(found)
}

/// A path of subscriptions is read as it literally stands there, and written again it is the same
/// resource; what a subscription is found under is read as what it is.
pub fn subscription(data: &[u8]) {
    let segments = String::from_utf8_lossy(data);
    let path = format!("{SUBSCRIPTIONS}{segments}");
    let parsed = SubscriptionPath::parse(&path);
    let own = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let read = parsed
        .as_ref()
        .map(|parsed| (own(&parsed.topic), own(&parsed.subscriber)));
    assert_eq!(read, literal_path(&segments));
    let Some(parsed) = parsed else {
        return;
    };
    assert!(parsed.topic.is_some() || parsed.subscriber.is_none());
    let written = parsed.to_string();
    assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(SubscriptionPath::parse(&written).as_ref(), Some(&parsed));
    if let (Some(topic), Some(subscriber)) = (&parsed.topic, &parsed.subscriber) {
        let subscription = Subscription {
            topic,
            subscriber,
            active: true,
            payload: None,
        };
        assert_eq!(subscription.id(), written);
        let mut document = Vec::new();
        subscription.encode(None, &mut document);
        // Nothing in it ends the line of an event stream or the object.
        assert!(!document.contains(&b'\n') && !document.contains(&b'\r'));
        assert!(document.ends_with(br#","active":true}"#));
    }
}

/// A frame that is understood, from either side and of either kind, written again is understood
/// in the same way.
pub fn frames(data: &[u8]) {
    for frame in [ClientFrame::decode(data), ClientFrame::decode_binary(data)]
        .into_iter()
        .flatten()
    {
        let mut json = Vec::new();
        frame.encode(&mut json);
        let again = ClientFrame::decode(&json);
        match &frame {
            // Of a text that is too long only the beginning is kept.
            ClientFrame::Subscribe(subscribe) if subscribe.after.text().is_some() => {
                let Ok(ClientFrame::Subscribe(again)) = again else {
                    panic!("{subscribe:?}")
                };
                assert_eq!(again.topics, subscribe.topics);
                assert_eq!(again.after.text(), subscribe.after.text());
            }
            _ => assert_eq!(again.as_ref(), Ok(&frame)),
        }
        if let ClientFrame::Publish(publish) = &frame {
            let mut binary = Vec::new();
            publish.encode_binary(&mut binary).unwrap();
            let Ok(ClientFrame::Publish(read)) = ClientFrame::decode_binary(&binary) else {
                panic!("{publish:?}")
            };
            assert_eq!(
                (&read.form.topics, &read.form.id),
                (&publish.form.topics, &publish.form.id)
            );
            assert_eq!(read.form.data.len(), publish.form.data.len());
        }
    }
    let event = EventFrame::decode_binary(data).map(|(event, _)| ServerFrame::Event(event));
    for frame in [ServerFrame::decode(data), event].into_iter().flatten() {
        let mut json = Vec::new();
        frame.encode(&mut json);
        assert_eq!(ServerFrame::decode(&json), Ok(frame));
    }
    if let Ok(gap) = GapFrame::decode_data(data) {
        let mut json = Vec::new();
        gap.encode_data(&mut json);
        assert!(!json.contains(&b'\n'));
    }
    if let Ok(skipped) = Skipped::decode_data(data) {
        let mut json = Vec::new();
        skipped.encode_data(&mut json);
        assert!(!json.contains(&b'\n'));
        assert_eq!(Skipped::decode_data(&json), Ok(skipped));
    }
}

#[derive(Arbitrary, Debug)]
enum SessionOp {
    Publish {
        topic: u8,
        count: u8,
    },
    Run {
        steps: u8,
    },
    Later {
        seconds: u8,
    },
    Add {
        topic: u8,
        after: u8,
    },
    Remove {
        topic: u8,
    },
    /// Reads everything that waits, and takes the newest event of each topic.
    Latest,
}

const TOPICS: [&str; 3] = ["a", "b", "c"];

/// The history, who was subscribed to each topic since when, and what came.
struct Hub {
    window: ReplayWindow<usize>,
    session: Session,
    /// The client's cursor, as the frames say it.
    cursor: Position,
    /// Where each topic's subscription begins, while there is one.
    since: [Option<u64>; TOPICS.len()],
    /// The topics of all events.
    history: Vec<usize>,
    now: Duration,
}

impl Hub {
    /// Nothing between the client's cursor and `position` may have been for it.
    fn passed(&self, position: Position) {
        for offset in self.cursor.offset + 1..position.offset {
            let topic = self.history[offset as usize - 1];
            let since = self.since[topic];
            assert!(
                since.is_none_or(|since| offset <= since),
                "{offset} was left out"
            );
        }
    }

    /// What a slow subscriber does that asked for the latest: whatever was passed over is said, and
    /// has a newer one of its topic.
    fn latest(&mut self) {
        let after = self.session.cursor();
        let Ok(replay) = self.window.after(&Start::After(after)) else {
            return;
        };
        let wanted = |topic: usize| self.since[topic].is_some();
        let backlog: Vec<_> = replay.map(|(position, topic)| (position, *topic)).collect();
        let mut latest = Latest::new();
        for (position, topic) in &backlog {
            if wanted(*topic) {
                latest.see(position.offset, [TOPICS[*topic]]);
            }
        }
        let kept = latest.kept();
        for (position, topic) in &backlog {
            if wanted(*topic) && kept.leaves_out(position.offset) {
                let newer = |(later, same): &(Position, usize)| {
                    later.offset > position.offset && same == topic
                };
                assert!(backlog.iter().any(newer));
                self.session.skip(*position);
                continue;
            }
            if let Some(skipped) = self.session.take_skipped() {
                assert_eq!(skipped.after, Some(self.cursor));
                // Said, so they are not missing.
                self.cursor = skipped.until.unwrap();
                assert!(self.cursor.offset < position.offset);
            }
            let told = self.session.told();
            let prev = self.session.offer(*position, [TOPICS[*topic]], self.now);
            assert_eq!(prev.is_some(), wanted(*topic));
            if let Some(prev) = prev {
                assert_eq!(prev, told);
                self.passed(*position);
                self.cursor = *position;
            }
        }
        assert_eq!(self.session.take_skipped(), None);
        // Without an event at the end, the client stands where it was told to.
        self.cursor = self.session.told();
    }

    fn step(&mut self) -> bool {
        match self.session.next(&self.window.bounds(), self.now) {
            Step::Wait { until } => {
                assert!(until.is_none_or(|until| until > self.now));
                assert_eq!(self.session.cursor(), self.window.head());
                return false;
            }
            Step::Gap(gap) => {
                assert!(gap.resumed().offset > self.cursor.offset);
                self.cursor = gap.resumed();
            }
            Step::Position { position, prev } => {
                assert_eq!(prev, self.cursor);
                assert!(position.offset > prev.offset);
                self.cursor = position;
            }
            Step::Read { after } => {
                let replay = self.window.after(&Start::After(after)).unwrap();
                for (position, topic) in replay.take(2) {
                    let prev = self.session.offer(position, [TOPICS[*topic]], self.now);
                    assert_eq!(prev.is_some(), self.since[*topic].is_some());
                    if let Some(prev) = prev {
                        assert_eq!(prev, self.cursor);
                        self.passed(position);
                        self.cursor = position;
                    }
                }
            }
            Step::Replay { after, until } => {
                assert!(after.offset < until.offset && until == self.session.cursor());
                let replay = self.window.after(&Start::After(after)).unwrap();
                for (position, topic) in replay.take(2) {
                    if self
                        .session
                        .offer_replay(position, [TOPICS[*topic]])
                        .is_some()
                    {
                        assert!(position.offset <= until.offset && self.since[*topic].is_some());
                    }
                }
            }
            Step::ReplayGap { .. } | Step::CaughtUp { .. } => {}
            other => panic!("{other:?}"),
        }
        true
    }
}

/// On any schedule of publishing, evicting, stalling and subscribing the client's cursor follows
/// from the frames alone, and nothing that is due is left out without a gap.
pub fn session(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok((count, before, start)) = <(u8, u8, u8)>::arbitrary(&mut input) else {
        return;
    };
    let epoch = Epoch::from_bytes([7; 12]);
    let limits = Limits::new().count(usize::from(count % 16));
    let mut window = ReplayWindow::new(epoch, limits);
    let mut history = Vec::new();
    for number in 0..usize::from(before) {
        history.push(number % TOPICS.len());
        window.push(number % TOPICS.len(), 1, Duration::ZERO);
    }
    let start = match start {
        0 => Start::Live,
        1 => Start::Earliest,
        offset => Start::After(Position::new(epoch, offset.into())),
    };
    let bounds = window.bounds();
    let (session, gap) = Session::open(Selectors::new(), &start, &bounds, Duration::ZERO);
    assert_eq!(gap.is_some(), bounds.locate(&start).is_err());
    let cursor = session.cursor();
    let since = [None; TOPICS.len()];
    let mut hub = Hub {
        window,
        session,
        cursor,
        since,
        history,
        now: Duration::ZERO,
    };
    while !input.is_empty() {
        let Ok(op) = SessionOp::arbitrary(&mut input) else {
            return;
        };
        match op {
            SessionOp::Publish { topic, count } => {
                let topic = usize::from(topic) % TOPICS.len();
                for _ in 0..count % 32 {
                    hub.history.push(topic);
                    hub.window.push(topic, 1, hub.now);
                }
            }
            SessionOp::Run { steps } => {
                let mut steps = 0..steps % 8;
                while steps.next().is_some() && hub.step() {}
            }
            SessionOp::Latest => hub.latest(),
            SessionOp::Later { seconds } => hub.now += Duration::from_secs(seconds.into()),
            SessionOp::Add { topic, after } => {
                let topic = usize::from(topic) % TOPICS.len();
                let start = match after {
                    0 => Start::Live,
                    offset => Start::After(Position::new(epoch, offset.into())),
                };
                let selector = TopicSelector::parse(TOPICS[topic]).unwrap();
                let added = hub.session.subscribe([selector], start, Some("r"));
                if added.is_ok() && hub.since[topic].is_none() {
                    hub.since[topic] = Some(hub.session.cursor().offset);
                }
            }
            SessionOp::Remove { topic } => {
                let topic = usize::from(topic) % TOPICS.len();
                hub.session
                    .unsubscribe([&TopicSelector::parse(TOPICS[topic]).unwrap()]);
                hub.since[topic] = None;
            }
        }
    }
    while hub.step() {}
    hub.now += Session::QUIET;
    while hub.step() {}
    assert_eq!(hub.cursor, hub.window.head());
}
