//! The client without IO: what it does in each case, one by one, and the failures that other
//! clients are known for.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

use core::time::Duration;

use hub_protocol::{
    Ack, Attempt, Carrier, CarrierChoice, CaughtUp, Client, ClientAction, ClientConfig,
    ClientEvent, Data, End, ErrorCode, ErrorFrame, EventBody, GapFrame, Message, Missed, Open,
    Outcome, PositionFrame, PublishForm, PublishRefused, SSE_EXPIRED, SSE_GAP, SSE_POSITION,
    SSE_SKIPPED, ServerFrame, Skipped, TopicSelector, encode_event_start,
};
use resume::{Bounds, Epoch, Finished, GapReason, Position, Recovery, Start, State};

const MIDDLE: u64 = u64::MAX / 2;

fn at(offset: u64) -> Position {
    Position::new(Epoch::from_bytes([7; 12]), offset)
}

fn other(offset: u64) -> Position {
    Position::new(Epoch::from_bytes([8; 12]), offset)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn topic(text: &str) -> TopicSelector {
    TopicSelector::parse(text).unwrap()
}

/// A client and the time.
struct Driver {
    client: Client,
    now: Duration,
}

impl Driver {
    fn new(config: ClientConfig) -> Self {
        let mut client = Client::new(config, [1; 12]);
        client
            .subscribe([topic("a")], Start::Live, Duration::ZERO)
            .unwrap();
        client.start(Duration::ZERO);
        Self {
            client,
            now: Duration::ZERO,
        }
    }

    /// Over a WebSocket that is open from this position on.
    fn open(config: ClientConfig, position: Position) -> Self {
        let mut driver = Self::new(config.only(Carrier::WebSocket));
        let attempt = driver.attempt();
        driver.accept(&attempt, position);
        driver
    }

    /// Over an event stream.
    fn stream(position: Position) -> Self {
        let mut driver = Self::new(ClientConfig::new().only(Carrier::EventStream));
        let attempt = driver.attempt();
        driver.respond(&attempt, position);
        driver
    }

    fn actions(&mut self) -> Vec<ClientAction> {
        core::iter::from_fn(|| self.client.next_action()).collect()
    }

    fn events(&mut self) -> Vec<ClientEvent> {
        let deliver = |action| match action {
            ClientAction::Deliver(event) => Some(event),
            _ => None,
        };
        self.actions().into_iter().filter_map(deliver).collect()
    }

    fn attempt(&mut self) -> Attempt {
        let attempts = self
            .actions()
            .into_iter()
            .filter_map(|action| match action {
                ClientAction::Connect(attempt) => Some(attempt),
                _ => None,
            });
        attempts.last().expect("an attempt")
    }

    fn accept(&mut self, attempt: &Attempt, position: Position) {
        self.client.connected(attempt.generation, None, self.now);
        self.says(&ServerFrame::Open(Open::new(position, 25_000)));
        self.opened();
    }

    fn respond(&mut self, attempt: &Attempt, position: Position) {
        let begins = position.to_string();
        self.client
            .connected(attempt.generation, Some(&begins), self.now);
        self.opened();
    }

    fn opened(&mut self) {
        let action = self.client.next_action();
        assert!(
            matches!(
                action,
                Some(ClientAction::Deliver(ClientEvent::Opened { .. }))
            ),
            "{action:?}"
        );
    }

    fn says(&mut self, frame: &ServerFrame<'_>) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        self.text(&String::from_utf8(out).unwrap());
    }

    fn text(&mut self, text: &str) {
        let generation = self.client.generation();
        self.client.text(generation, text, self.now, MIDDLE);
    }

    fn event(&mut self, position: Position, prev: Position) {
        self.text(&event(position, Some(prev), None, "a"));
    }

    fn streamed(&mut self, name: &str, id: &str, data: &str) {
        let generation = self.client.generation();
        self.client
            .event(generation, name, id, data, self.now, MIDDLE);
    }

    fn ends(&mut self, end: End) {
        let generation = self.client.generation();
        self.client.ended(generation, end, self.now, MIDDLE);
    }

    /// The delay is over: the next attempt.
    fn again(&mut self) -> Attempt {
        assert_eq!(self.client.state(), State::Waiting);
        self.now = self.client.deadline().unwrap();
        self.client.timer(self.now, MIDDLE);
        self.attempt()
    }

    fn positions(&mut self) -> Vec<u64> {
        let messages = self.events().into_iter().map(|event| match event {
            ClientEvent::Message(message) => message.position.unwrap().offset,
            other => panic!("{other:?}"),
        });
        messages.collect()
    }
}

fn event(position: Position, prev: Option<Position>, replay: Option<&str>, topic: &str) -> String {
    let mut out = Vec::new();
    encode_event_start(prev, replay, &mut out);
    EventBody::new(&[topic.to_owned()], "data")
        .with_position(position)
        .encode(&mut out);
    String::from_utf8(out).unwrap()
}

fn message(events: Vec<ClientEvent>) -> Message {
    match <[ClientEvent; 1]>::try_from(events) {
        Ok([ClientEvent::Message(message)]) => message,
        other => panic!("{other:?}"),
    }
}

fn missed(event: Option<&ClientEvent>) -> &Missed {
    match event {
        Some(ClientEvent::Missed(missed)) => missed,
        other => panic!("{other:?}"),
    }
}

// Two sockets alive at once, and what an old one still has to say.

#[test]
fn an_old_connection_is_not_listened_to_and_never_two_are_open() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    let old = driver.client.generation();
    driver.ends(End::Closed(1006));
    let attempt = driver.again();
    driver.accept(&attempt, at(0));
    let late = event(at(1), Some(at(0)), None, "a");
    driver.client.text(old, &late, driver.now, MIDDLE);
    driver
        .client
        .ended(old, End::Closed(1000), driver.now, MIDDLE);
    driver.client.connected(old, None, driver.now);
    assert_eq!(driver.actions(), []);
    driver.event(at(1), at(0));
    assert_eq!(driver.positions(), [1]);
    // A second answer to the same attempt changes nothing.
    driver
        .client
        .connected(attempt.generation, None, driver.now);
    driver.client.timer(driver.now, MIDDLE);
    assert_eq!(driver.actions(), []);
}

// Subscriptions doubled on each reconnect.

#[test]
fn topics_are_a_set_after_any_number_of_reconnects() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    for _ in 0..5 {
        driver
            .client
            .subscribe([topic("a"), topic("b")], Start::Live, driver.now)
            .unwrap();
        let asked = driver.actions().len();
        driver
            .client
            .subscribe([topic("b")], Start::Live, driver.now)
            .unwrap();
        assert_eq!(
            driver.actions(),
            [],
            "it was asked for {asked} times before"
        );
        driver.ends(End::Closed(1006));
        let attempt = driver.again();
        assert_eq!(attempt.query, "topic=a&topic=b");
        driver.accept(&attempt, at(0));
        assert_eq!(driver.actions(), []);
    }
    assert_eq!(driver.client.topics().len(), 2);
    driver.client.unsubscribe([&topic("b")], driver.now);
    assert!(
        matches!(&driver.actions()[..], [ClientAction::Text { frame, .. }]
        if frame.contains("unsubscribe"))
    );
}

// The hand-over from replay to live: out of order, repeated, or with a hole.

#[test]
fn a_replay_goes_on_where_it_stood_and_live_events_come_after_it() {
    let mut driver = Driver::open(ClientConfig::new(), at(9));
    driver
        .client
        .subscribe([topic("b")], Start::After(at(2)), driver.now)
        .unwrap();
    let frame = driver.actions();
    assert!(matches!(&frame[..], [ClientAction::Text { frame, .. }]
        if frame.contains(&at(2).to_string()) && frame.contains("\"ref\":\"r1\"")));
    for offset in [3, 5, 5, 4] {
        driver.text(&event(at(offset), None, Some("r1"), "b"));
    }
    assert_eq!(driver.positions(), [3, 5]);
    // It drops in the middle: the topic is not part of the URL, and goes on after 5.
    driver.ends(End::Closed(1006));
    let attempt = driver.again();
    assert_eq!(attempt.query, "topic=a");
    driver.accept(&attempt, at(9));
    let frame = driver.actions();
    assert!(matches!(&frame[..], [ClientAction::Text { frame, .. }]
        if frame.contains(&at(5).to_string())));
    driver.text(&event(at(8), None, Some("r1"), "b"));
    driver.says(&ServerFrame::Position(PositionFrame::new(at(12), at(9))));
    driver.says(&ServerFrame::CaughtUp(CaughtUp::new(Some("r1"))));
    driver.text(&event(at(13), Some(at(12)), None, "b"));
    assert_eq!(driver.positions(), [8, 13]);
    driver.ends(End::Closed(1006));
    let attempt = driver.again();
    assert_eq!(attempt.query, "topic=a&topic=b");
    assert_eq!(attempt.last_event_id, Some(at(13).to_string()));
}

#[test]
fn an_event_that_is_sent_again_is_not_delivered_again() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    driver.event(at(3), at(0));
    driver.event(at(3), at(0));
    driver.event(at(2), at(0));
    driver.event(at(5), at(3));
    assert_eq!(driver.positions(), [3, 5]);
}

#[test]
fn an_event_whose_prev_was_not_seen_is_a_gap_that_is_reported_once() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    driver.event(at(5), at(3));
    driver.event(at(6), at(5));
    let events = driver.events();
    assert_eq!(events.len(), 3);
    let missed = missed(events.first());
    assert_eq!(
        (&missed.after, missed.resumed),
        (&Start::After(at(0)), at(3))
    );
    assert_eq!(missed.reason, None);
}

#[test]
fn a_hole_between_offsets_is_no_gap() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    driver.event(at(1), at(0));
    driver.event(at(100), at(1));
    assert_eq!(driver.positions(), [1, 100]);
}

// Unknown or expired ids: the client must be told.

#[test]
fn a_position_that_is_no_longer_kept_is_said_before_the_next_event() {
    let bounds = Bounds::new(at(0).epoch, 8, 9);
    let gap = bounds.locate(&Start::After(at(1))).unwrap_err();
    let mut driver = Driver::open(ClientConfig::new(), at(1));
    driver.ends(End::Closed(1006));
    let attempt = driver.again();
    driver.accept(&attempt, gap.resumed());
    driver.says(&ServerFrame::Gap(GapFrame::new(&gap, None)));
    driver.event(at(8), at(7));
    let events = driver.events();
    let missed = missed(events.first());
    assert_eq!(missed.reason, Some(GapReason::Evicted));
    assert_eq!(
        (&missed.after, missed.resumed),
        (&Start::After(at(1)), at(7))
    );
    assert!(matches!(events[1..], [ClientEvent::Message(_)]));
}

#[test]
fn an_id_that_the_hub_has_forgotten_is_a_gap_and_one_that_it_knows_is_a_place() {
    let mut driver = Driver::stream(at(4));
    driver.streamed("message", "urn:uuid:1", "x");
    let first = message(driver.events());
    assert_eq!(
        (first.id.as_deref(), first.position),
        (Some("urn:uuid:1"), None)
    );
    assert_eq!(driver.client.seen(), &Start::Id("urn:uuid:1".into()));
    // Known: the response says where it stands.
    driver.ends(End::Closed(1006));
    let attempt = driver.again();
    assert_eq!(attempt.last_event_id.as_deref(), Some("urn:uuid:1"));
    driver.respond(&attempt, at(6));
    driver.streamed("message", &at(7).to_string(), "y");
    assert_eq!(driver.positions(), [7]);
    // Unknown: the hub says so.
    driver.streamed("message", "urn:uuid:2", "z");
    driver.actions();
    driver.ends(End::Closed(1006));
    let attempt = driver.again();
    let bounds = Bounds::new(at(0).epoch, 20, 30);
    let start = Start::Id("urn:uuid:2".into());
    let gap = bounds.locate(&start).unwrap_err();
    driver.respond(&attempt, gap.resumed());
    let mut data = Vec::new();
    GapFrame::new(&gap, start.text()).encode_data(&mut data);
    let data = String::from_utf8(data).unwrap();
    driver.streamed(SSE_GAP, &gap.resumed().to_string(), &data);
    driver.streamed("message", &at(20).to_string(), "w");
    let events = driver.events();
    assert_eq!(missed(events.first()).reason, Some(GapReason::Unknown));
    assert_eq!(events.len(), 2);
}

// Epochs.

#[test]
fn another_epoch_is_said_once_and_lower_offsets_are_new() {
    let mut driver = Driver::open(ClientConfig::new(), at(50));
    driver.event(at(51), at(50));
    driver.actions();
    driver.ends(End::Closed(1012));
    let attempt = driver.again();
    let gap = Bounds::new(other(0).epoch, 1, 2)
        .locate(&Start::After(at(51)))
        .unwrap_err();
    driver.accept(&attempt, gap.resumed());
    driver.says(&ServerFrame::Gap(GapFrame::new(&gap, None)));
    driver.event(other(1), other(0));
    driver.event(other(2), other(1));
    let events = driver.events();
    assert_eq!(missed(events.first()).reason, Some(GapReason::Epoch));
    assert_eq!(events.len(), 3);
    assert_eq!(driver.client.seen(), &Start::After(other(2)));
}

#[test]
fn an_epoch_that_changed_without_a_word_is_seen_by_the_next_event() {
    let mut driver = Driver::open(ClientConfig::new(), at(50));
    driver.event(other(1), other(0));
    let events = driver.events();
    assert_eq!(missed(events.first()).reason, Some(GapReason::Epoch));
    assert_eq!(events.len(), 2);
}

// No event yet; quiet connections.

#[test]
fn a_client_that_saw_no_event_resumes() {
    let mut driver = Driver::open(ClientConfig::new(), at(5));
    driver.ends(End::Closed(1006));
    assert_eq!(driver.again().last_event_id, Some(at(5).to_string()));
    let mut driver = Driver::stream(at(5));
    driver.ends(End::Closed(1006));
    assert_eq!(driver.again().last_event_id, Some(at(5).to_string()));
}

#[test]
fn a_quiet_cursor_moves_and_is_kept() {
    let mut driver = Driver::open(ClientConfig::new(), at(5));
    driver.says(&ServerFrame::Position(PositionFrame::new(at(90), at(5))));
    assert_eq!(driver.actions(), []);
    assert_eq!(driver.client.resume_from(), &Start::After(at(90)));
    let mut driver = Driver::stream(at(5));
    driver.streamed(SSE_POSITION, &at(90).to_string(), "");
    assert_eq!(driver.actions(), []);
    assert_eq!(driver.client.resume_from(), &Start::After(at(90)));
}

// Half-open connections.

#[test]
fn a_silent_event_stream_is_given_up() {
    let mut driver = Driver::stream(at(0));
    driver.now = seconds(30);
    driver.client.heard(driver.client.generation(), driver.now); // a comment
    assert_eq!(driver.client.deadline(), Some(seconds(77)));
    driver.now = seconds(77);
    driver.client.timer(driver.now, MIDDLE);
    let actions = driver.actions();
    assert!(matches!(actions[0], ClientAction::Drop { generation: 1 }));
    assert_eq!(
        actions[1],
        ClientAction::Deliver(ClientEvent::Interrupted(End::Silent))
    );
    assert_eq!(driver.client.state(), State::Waiting);
}

#[test]
fn an_attempt_that_nobody_answers_is_given_up() {
    for reached in [false, true] {
        let mut driver = Driver::new(ClientConfig::new());
        let attempt = driver.attempt();
        if reached {
            driver.client.reached(attempt.generation);
        }
        driver.now = seconds(10);
        assert_eq!(driver.client.deadline(), Some(driver.now));
        driver.client.timer(driver.now, MIDDLE);
        assert_eq!(driver.actions(), [ClientAction::Drop { generation: 1 }]);
        // Silence speaks against the carrier, an unreachable server does not.
        let carrier = driver.again().carrier;
        let expected = if reached {
            Carrier::EventStream
        } else {
            Carrier::WebSocket
        };
        assert_eq!(carrier, expected);
    }
}

#[test]
fn an_upgrade_without_an_open_frame_is_silence() {
    let mut driver = Driver::new(ClientConfig::new());
    let attempt = driver.attempt();
    driver
        .client
        .connected(attempt.generation, None, seconds(1));
    driver.now = seconds(10);
    driver.client.timer(driver.now, MIDDLE);
    assert_eq!(driver.again().carrier, Carrier::EventStream);
}

// Storms: servers that accept and close, codes, hints.

#[test]
fn a_server_that_accepts_and_closes_sees_longer_and_longer_delays() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    let mut delays = Vec::new();
    for _ in 0..8 {
        driver.ends(End::Closed(1012));
        delays.push((driver.client.deadline().unwrap() - driver.now).as_millis());
        let attempt = driver.again();
        driver.accept(&attempt, at(0));
    }
    assert_eq!(
        delays,
        [499, 999, 1_999, 3_999, 7_999, 14_999, 14_999, 14_999]
    );
    // Ten healthy seconds later it may come back at once.
    driver.now += seconds(10);
    driver.ends(End::Closed(4008));
    let delay = driver.client.deadline().unwrap() - driver.now;
    assert_eq!(delay.as_millis(), 499);
}

#[test]
fn what_the_server_asks_for_is_a_lower_bound() {
    let mut driver = Driver::new(ClientConfig::new());
    driver.attempt();
    driver.ends(End::Refused {
        status: 503,
        retry_after: Some(seconds(20)),
    });
    let delay = driver.client.deadline().unwrap() - driver.now;
    assert!(delay >= seconds(20) && delay <= seconds(40), "{delay:?}");
    let mut driver = Driver::stream(at(0));
    driver.client.retry(driver.client.generation(), seconds(9));
    driver.ends(End::Closed(1006));
    let delay = driver.client.deadline().unwrap() - driver.now;
    assert!(delay >= seconds(9), "{delay:?}");
}

#[test]
fn final_codes_end_it_and_nothing_comes_after() {
    for code in [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3003, 4003] {
        let mut driver = Driver::open(ClientConfig::new(), at(0));
        driver.ends(End::Closed(code));
        let last = driver.actions().pop();
        let (why, end) = (Finished::Stopped, Some(End::Closed(code)));
        assert_eq!(last, Some(ClientAction::Finish { why, end }));
        assert_eq!(driver.client.deadline(), None);
        driver.event(at(1), at(0));
        driver.client.start(driver.now);
        assert_eq!(driver.actions(), []);
        let refused = driver
            .client
            .publish(PublishForm::text(["a"], ""), driver.now);
        assert_eq!(refused, Err(PublishRefused::Closed));
    }
}

#[test]
fn a_token_that_expired_is_renewed_once() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    driver.ends(End::Closed(4001));
    assert!(driver.again().refresh);
    driver.ends(End::Refused {
        status: 401,
        retry_after: None,
    });
    let why = Finished::Unauthorized;
    assert!(matches!(driver.actions()[..], [ClientAction::Finish { why: w, .. }] if w == why));
}

#[test]
fn a_hub_that_breaks_the_protocol_ends_it() {
    for text in [
        "no json",
        r#"{"type":"event"}"#,
        r#"{"type":"open","position":"x"}"#,
    ] {
        let mut driver = Driver::open(ClientConfig::new(), at(0));
        driver.text(text);
        let last = driver.actions().pop();
        let (why, end) = (Finished::Stopped, Some(End::Protocol));
        assert_eq!(last, Some(ClientAction::Finish { why, end }), "{text}");
    }
    // A kind of frame that is not known yet is no reason to stop.
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    driver.text(r#"{"type":"news"}"#);
    assert_eq!(driver.actions(), []);
}

// Carriers.

#[test]
fn carriers_are_chosen_by_what_gets_through() {
    let refused = |status| End::Refused {
        status,
        retry_after: None,
    };
    let now = seconds(1);
    for end in [
        End::Unreachable,
        End::Closed(1006),
        refused(503),
        refused(401),
    ] {
        let mut choice = CarrierChoice::new(None, None);
        let _ = choice.failed(end, now);
        assert_eq!(choice.next(now), Carrier::WebSocket, "{end:?}");
    }
    for end in [End::Silent, refused(200), refused(403), refused(426)] {
        let mut choice = CarrierChoice::new(None, None);
        assert_eq!(choice.failed(end, now), Recovery::Retry);
        assert_eq!(choice.next(now), Carrier::EventStream, "{end:?}");
    }
    // Refused over both carriers: the end. 204 over an event stream: the end at once.
    let mut choice = CarrierChoice::new(None, None);
    assert_eq!(choice.failed(refused(403), now), Recovery::Retry);
    assert_eq!(choice.failed(refused(403), now), Recovery::Stop);
    let mut choice = CarrierChoice::new(None, Some(Carrier::EventStream));
    assert_eq!(choice.failed(refused(204), now), Recovery::Stop);
    // What worked before is believed in once more.
    let mut choice = CarrierChoice::new(None, Some(Carrier::WebSocket));
    assert_eq!(choice.failed(End::Silent, now), Recovery::Retry);
    assert_eq!(choice.next(now), Carrier::WebSocket);
    assert_eq!(choice.failed(End::Silent, now), Recovery::Retry);
    assert_eq!(choice.next(now), Carrier::EventStream);
    // Only one: it is not left.
    let mut choice = CarrierChoice::new(Some(Carrier::WebSocket), None);
    assert_eq!(choice.failed(refused(403), now), Recovery::Stop);
    assert_eq!(choice.failed(End::Silent, now), Recovery::Retry);
    assert_eq!(choice.next(now), Carrier::WebSocket);
}

#[test]
fn the_position_is_kept_when_the_carrier_changes() {
    let mut driver = Driver::new(ClientConfig::new());
    let attempt = driver.attempt();
    driver.accept(&attempt, at(3));
    driver.event(at(4), at(3));
    driver.actions();
    driver.ends(End::Closed(1006));
    driver.again();
    for _ in 0..2 {
        driver.client.reached(driver.client.generation());
        driver.now = driver.client.deadline().unwrap();
        driver.client.timer(driver.now, MIDDLE);
        driver.actions();
        driver.now = driver.client.deadline().unwrap();
        driver.client.timer(driver.now, MIDDLE);
    }
    let attempt = driver.attempt();
    assert_eq!(attempt.carrier, Carrier::EventStream);
    assert_eq!(attempt.last_event_id, Some(at(4).to_string()));
    driver.respond(&attempt, at(4));
    driver.streamed("message", &at(9).to_string(), "x");
    assert_eq!(driver.positions(), [9]);
    assert_eq!(driver.client.remembered(), Some(Carrier::EventStream));
}

#[test]
fn topics_that_change_on_an_event_stream_are_asked_for_together_on_a_new_one() {
    let mut driver = Driver::stream(at(3));
    for topics in ["b", "c", "d"] {
        driver
            .client
            .subscribe([topic(topics)], Start::Live, driver.now)
            .unwrap();
    }
    assert_eq!(driver.actions(), []);
    driver.now += Duration::from_millis(50);
    driver.client.timer(driver.now, MIDDLE);
    let actions = driver.actions();
    let [
        ClientAction::Drop { generation: 1 },
        ClientAction::Connect(attempt),
    ] = &actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!(attempt.query, "topic=a&topic=b&topic=c&topic=d");
    assert_eq!(attempt.last_event_id, Some(at(3).to_string()));
    driver.respond(&attempt.clone(), at(3));
    // Not more than once a second.
    driver.client.unsubscribe([&topic("d")], driver.now);
    assert_eq!(driver.client.deadline(), Some(driver.now + seconds(1)));
}

#[test]
fn a_hub_without_subscribe_frames_is_asked_by_the_url() {
    let mut driver = Driver::open(ClientConfig::new(), at(3));
    driver
        .client
        .subscribe([topic("b")], Start::Live, driver.now)
        .unwrap();
    driver.actions();
    let error = ErrorFrame::new(Some("s1"), ErrorCode::Unsupported, "");
    driver.says(&ServerFrame::Error(error));
    driver.now = driver.client.deadline().unwrap();
    driver.client.timer(driver.now, MIDDLE);
    assert_eq!(driver.attempt().query, "topic=a&topic=b");
}

#[test]
fn topics_that_are_refused_are_no_longer_subscribed() {
    let mut driver = Driver::open(ClientConfig::new(), at(3));
    driver
        .client
        .subscribe([topic("b")], Start::Live, driver.now)
        .unwrap();
    driver.actions();
    driver.says(&ServerFrame::Error(ErrorFrame::new(
        Some("s1"),
        ErrorCode::Forbidden,
        "no",
    )));
    let refused = ClientEvent::Refused {
        topics: vec![topic("b")],
        code: ErrorCode::Forbidden,
        message: "no".into(),
    };
    assert_eq!(driver.events(), [refused]);
    assert_eq!(driver.client.topics().len(), 1);
    // With another token it may be granted.
    driver
        .client
        .subscribe([topic("b")], Start::Live, driver.now)
        .unwrap();
    let asked = driver.actions();
    let [ClientAction::Text { frame, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert!(frame.contains(r#""topics":["b"]"#), "{frame}");
}

// The position moves only after the handler.

#[test]
fn the_place_to_keep_is_that_of_what_was_handled() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    driver.event(at(2), at(0));
    driver.event(at(4), at(2));
    driver.says(&ServerFrame::Position(PositionFrame::new(at(9), at(4))));
    let receipts: Vec<_> = driver
        .events()
        .into_iter()
        .map(|event| message(vec![event]).receipt)
        .collect();
    assert_eq!(driver.client.resume_from(), &Start::After(at(0)));
    assert!(driver.client.handled(&receipts[0]));
    assert!(!driver.client.handled(&receipts[0]));
    assert_eq!(driver.client.resume_from(), &Start::After(at(2)));
    // The quiet move behind the last event counts with it.
    assert!(driver.client.handled(&receipts[1]));
    assert_eq!(driver.client.resume_from(), &Start::After(at(9)));
    assert!(!driver.client.handled(&receipts[0]));
}

// The queue of what is published.

fn results(events: Vec<ClientEvent>) -> Vec<(u64, Outcome)> {
    let results = events.into_iter().filter_map(|event| match event {
        ClientEvent::Published { number, outcome } => Some((number, outcome)),
        _ => None,
    });
    results.collect()
}

#[test]
fn the_queue_is_bounded_and_refuses_what_a_hub_would() {
    let mut driver = Driver::new(ClientConfig::new().queue(2, 10));
    let publish = |driver: &mut Driver, data: &str| {
        driver
            .client
            .publish(PublishForm::text(["a"], data), driver.now)
    };
    assert_eq!(
        publish(&mut driver, "12345678901"),
        Err(PublishRefused::Full)
    );
    assert_eq!(publish(&mut driver, "123456"), Ok(1));
    assert_eq!(publish(&mut driver, "12345"), Err(PublishRefused::Full));
    assert_eq!(publish(&mut driver, ""), Ok(2));
    assert_eq!(publish(&mut driver, ""), Err(PublishRefused::Full));
    let mut invalid = PublishForm::text(["a"], "");
    invalid.id = Some("#1".into());
    let refused = driver.client.publish(invalid, driver.now);
    assert!(matches!(refused, Err(PublishRefused::Invalid(_))));
    driver.client.close(driver.now);
    let outcomes = results(driver.events());
    assert_eq!(outcomes, [(1, Outcome::Unsent), (2, Outcome::Unsent)]);
}

#[test]
fn what_has_no_answer_is_repeated_with_its_id_while_that_is_harmless() {
    for (reopened, later, repeated) in [
        (at(0), 0, true),
        (at(7), 100, true),
        (other(0), 0, false),
        (at(0), 200, false),
    ] {
        let mut driver = Driver::open(ClientConfig::new(), at(0));
        driver
            .client
            .publish(PublishForm::text(["a"], "x"), driver.now)
            .unwrap();
        let first = driver.actions();
        let [ClientAction::Text { frame, .. }] = &first[..] else {
            panic!("{first:?}")
        };
        assert!(
            frame.contains("\"id\":\"010101010101010101010101.1\""),
            "{frame}"
        );
        driver.now += seconds(later);
        driver.ends(End::Closed(1006));
        let attempt = driver.again();
        driver.accept(&attempt, reopened);
        let actions = driver.actions();
        match (&actions[..], repeated) {
            ([ClientAction::Text { frame: again, .. }], true) => assert_eq!(again, frame),
            ([ClientAction::Deliver(event)], false) => {
                assert_eq!(results(vec![event.clone()]), [(1, Outcome::Unknown)]);
            }
            _ => panic!("{actions:?}"),
        }
    }
}

#[test]
fn each_item_has_one_result() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    for data in ["1", "2", "3"] {
        driver
            .client
            .publish(PublishForm::text(["a"], data), driver.now)
            .unwrap();
    }
    driver.actions();
    let ack = |reference| Ack::published(Some(reference), Some("id"), Some(at(9)));
    driver.says(&ServerFrame::Ack(ack("p1")));
    driver.says(&ServerFrame::Ack(ack("p1")));
    driver.says(&ServerFrame::Error(ErrorFrame::new(
        Some("p2"),
        ErrorCode::TooLarge,
        "no",
    )));
    // For the moment: it is sent again.
    driver.says(&ServerFrame::Error(ErrorFrame::new(
        Some("p3"),
        ErrorCode::Unavailable,
        "",
    )));
    let acknowledged = Outcome::Acknowledged {
        id: Some("id".into()),
        position: Some(at(9)),
    };
    let rejected = Outcome::Rejected {
        code: ErrorCode::TooLarge,
        message: "no".into(),
    };
    assert_eq!(results(driver.events()), [(1, acknowledged), (2, rejected)]);
    driver.now = driver.client.deadline().unwrap();
    driver.client.timer(driver.now, MIDDLE);
    assert!(
        matches!(&driver.actions()[..], [ClientAction::Text { frame, .. }]
        if frame.contains("\"ref\":\"p3\""))
    );
}

#[test]
fn posts_go_one_at_a_time_and_their_answers_count() {
    let mut driver = Driver::stream(at(0));
    for data in ["1", "2"] {
        driver
            .client
            .publish(PublishForm::text(["a"], data), driver.now)
            .unwrap();
    }
    let actions = driver.actions();
    let [ClientAction::Post { number: 1, body }] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(
        PublishForm::parse(body).unwrap().data,
        Data::Text("1".into())
    );
    let position = at(3).to_string();
    let answer = Ok((200, "id", Some(position.as_str())));
    driver.client.posted(1, answer, driver.now, MIDDLE);
    let actions = driver.actions();
    assert!(matches!(
        &actions[..],
        [
            ClientAction::Deliver(_),
            ClientAction::Post { number: 2, .. }
        ]
    ));
    driver
        .client
        .posted(2, Ok((403, "no\n", None)), driver.now, MIDDLE);
    let rejected = Outcome::Rejected {
        code: ErrorCode::Forbidden,
        message: "no".into(),
    };
    assert_eq!(results(driver.events()), [(2, rejected)]);
}

#[test]
fn a_closed_client_has_closed_its_connection() {
    let mut driver = Driver::open(ClientConfig::new(), at(0));
    driver.client.close(driver.now);
    let actions = driver.actions();
    assert!(matches!(
        actions[..],
        [
            ClientAction::Close { generation: 1 },
            ClientAction::Finish {
                why: Finished::Closed,
                end: None
            }
        ]
    ));
}

// What is in no log, and what is left out.

fn ephemeral(topic: &str) -> String {
    let mut out = Vec::new();
    encode_event_start(None, None, &mut out);
    EventBody::new(&[topic.to_owned()], "now").encode(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn an_ephemeral_event_is_delivered_and_moves_nothing() {
    let mut driver = Driver::open(ClientConfig::new(), at(4));
    driver.event(at(5), at(4));
    driver.text(&ephemeral("a"));
    driver.text(&ephemeral("a"));
    driver.text(&ephemeral("of nobody"));
    driver.event(at(7), at(5));
    let events = driver.events();
    let [
        ClientEvent::Message(_),
        ClientEvent::Message(one),
        ClientEvent::Message(two),
        ClientEvent::Message(last),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(one, two, "the same again is another one");
    assert_eq!((one.position, one.id.as_deref()), (None, None));
    assert_eq!(one.receipt.start(), None);
    assert_eq!(last.position, Some(at(7)));
}

/// An event without an id leaves the last event id as it was: that does not make it an old one.
#[test]
fn over_an_event_stream_an_ephemeral_event_is_one_that_sets_no_id() {
    let mut driver = Driver::stream(at(4));
    driver.streamed("typing", "", "before any id");
    driver.streamed(SSE_POSITION, &at(5).to_string(), "");
    driver.streamed("typing", &at(5).to_string(), "one");
    driver.streamed("message", &at(6).to_string(), "six");
    driver.streamed("typing", &at(6).to_string(), "two");
    driver.streamed("message", "urn:uuid:1", "seven");
    driver.streamed("typing", "urn:uuid:1", "three");
    driver.streamed("message", &at(6).to_string(), "six again");
    driver.streamed("message", &at(8).to_string(), "eight");
    let seen: Vec<_> = driver
        .events()
        .into_iter()
        .map(|event| match event {
            ClientEvent::Message(message) => {
                let Data::Text(data) = message.data else {
                    panic!("bytes")
                };
                let moves = message.receipt.start().is_some();
                (data, message.position.map(|p| p.offset), message.id, moves)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let id = || Some("urn:uuid:1".to_owned());
    let expected = [
        ("before any id", None, None, false),
        ("one", None, None, false),
        ("six", Some(6), None, true),
        ("two", None, None, false),
        ("seven", None, id(), true),
        ("three", None, None, false),
        ("eight", Some(8), None, true),
    ];
    let expected =
        expected.map(|(data, position, id, moves)| (data.to_owned(), position, id, moves));
    assert_eq!(seen, expected);
    // A new stream has no last event id yet.
    driver.ends(End::Closed(1006));
    let attempt = driver.again();
    assert_eq!(attempt.last_event_id, Some(at(8).to_string()));
    driver.respond(&attempt, at(8));
    driver.streamed("message", &at(8).to_string(), "eight again");
    assert_eq!(driver.events(), []);
}

#[test]
fn what_was_left_out_is_said_over_both_carriers() {
    let skipped = Skipped::latest(3, at(4), at(8));
    let mut driver = Driver::open(ClientConfig::new(), at(4));
    driver.says(&ServerFrame::Skipped(skipped));
    driver.event(at(9), at(4));
    let events = driver.events();
    assert_eq!(events[0], ClientEvent::Skipped(skipped));
    assert!(matches!(&events[1], ClientEvent::Message(m) if m.position == Some(at(9))));

    let mut driver = Driver::stream(at(4));
    let mut data = Vec::new();
    skipped.encode_data(&mut data);
    driver.streamed(SSE_SKIPPED, "", str::from_utf8(&data).unwrap());
    driver.streamed("message", &at(9).to_string(), "");
    let events = driver.events();
    assert_eq!(events[0], ClientEvent::Skipped(skipped));
    assert!(matches!(&events[1], ClientEvent::Message(m) if m.position == Some(at(9))));
    driver.streamed(SSE_SKIPPED, "", "nonsense");
    assert_eq!(driver.client.state(), State::Closed);
}

#[test]
fn an_event_stream_whose_token_has_ended_is_replaced_with_another_token() {
    let mut driver = Driver::stream(at(4));
    driver.streamed("message", &at(5).to_string(), "");
    driver.streamed(SSE_EXPIRED, &at(5).to_string(), "");
    let events = driver.events();
    assert_eq!(events[1..], [ClientEvent::Interrupted(End::Closed(4001))]);
    let attempt = driver.again();
    assert!(attempt.refresh);
    assert_eq!(attempt.last_event_id, Some(at(5).to_string()));
}
