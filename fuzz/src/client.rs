//! The client of the hub, by whatever may happen in whatever order.

use std::collections::BTreeSet;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use hub_protocol::{
    Ack, Carrier, CaughtUp, Client, ClientAction, ClientConfig, ClientEvent, End, ErrorCode,
    ErrorFrame, EventBody, GapFrame, Open, PositionFrame, PublishForm, ServerFrame, TopicSelector,
    encode_event_start,
};
use resume::{Bounds, Epoch, Position, Start, State};

#[derive(Arbitrary, Debug)]
enum Op {
    Connected {
        age: u8,
        begins: Option<u8>,
    },
    Open {
        age: u8,
        at: u8,
    },
    Event {
        age: u8,
        at: u8,
        prev: Option<u8>,
        topic: u8,
    },
    Replayed {
        age: u8,
        at: u8,
        reference: u8,
    },
    Position {
        age: u8,
        at: u8,
        prev: u8,
    },
    Gap {
        age: u8,
        asked: u8,
        earliest: u8,
        head: u8,
    },
    CaughtUp {
        age: u8,
        reference: u8,
    },
    Ack {
        age: u8,
        number: u8,
    },
    Error {
        age: u8,
        kind: u8,
        number: u8,
        code: u8,
    },
    Text {
        age: u8,
        text: String,
    },
    Binary {
        age: u8,
        bytes: Vec<u8>,
    },
    Streamed {
        age: u8,
        kind: u8,
        id: u8,
        data: String,
    },
    Posted {
        number: u8,
        status: Option<u16>,
    },
    Ended {
        age: u8,
        how: u8,
        code: u16,
    },
    Heard {
        age: u8,
    },
    Retry {
        age: u8,
        millis: u32,
    },
    Reached,
    Timer {
        later: u16,
    },
    Due,
    Subscribe {
        topic: u8,
        from: u8,
    },
    Unsubscribe {
        topic: u8,
    },
    Publish {
        data: String,
        ephemeral: bool,
    },
    Handled,
    Close,
}

/// The high bit chooses the epoch.
fn at(byte: u8) -> Position {
    Position::new(Epoch::from_bytes([byte >> 7; 12]), u64::from(byte & 0x7f))
}

fn topic(byte: u8) -> TopicSelector {
    let name = ["a", "b", "c", "d"][usize::from(byte % 4)];
    TopicSelector::parse(name).unwrap()
}

/// Whatever happens: at most one attempt or connection, nothing after the end, one result for each
/// item, no event twice and none out of order without a word, and a place to keep that was handled.
pub fn client(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok((only, start)) = <(u8, u8)>::arbitrary(&mut input) else {
        return;
    };
    let mut config = ClientConfig::new().queue(8, 1_000).start(match start % 4 {
        0 => Start::Live,
        1 => Start::Earliest,
        2 => Start::Id("id".into()),
        _ => Start::After(at(start)),
    });
    if only % 3 < 2 {
        config = config.only([Carrier::WebSocket, Carrier::EventStream][usize::from(only % 3)]);
    }
    let mut client = Client::new(config, [0; 12]);
    let mut checks = Checks::default();
    let mut now = Duration::ZERO;
    client.start(now);
    checks.drain(&mut client);
    while !input.is_empty() {
        let Ok((op, random)) = <(Op, u64)>::arbitrary(&mut input) else {
            return;
        };
        let newest = client.generation();
        let generation = |age: u8| newest.saturating_sub(u64::from(age % 4));
        let mut say = |age: u8, frame: ServerFrame<'_>| {
            let mut out = Vec::new();
            frame.encode(&mut out);
            client.text(
                generation(age),
                &String::from_utf8(out).unwrap(),
                now,
                random,
            );
        };
        match op {
            Op::Connected { age, begins } => {
                let begins = begins.map(|begins| at(begins).to_string());
                client.connected(generation(age), begins.as_deref(), now);
            }
            Op::Open { age, at: position } => {
                say(age, ServerFrame::Open(Open::new(at(position), 25_000)));
            }
            Op::Event {
                age,
                at: position,
                prev,
                topic: name,
            } => {
                let mut out = Vec::new();
                encode_event_start(prev.map(at), None, &mut out);
                EventBody::new(&[topic(name).as_str().to_owned()], "")
                    .with_position(at(position))
                    .encode(&mut out);
                client.text(
                    generation(age),
                    &String::from_utf8(out).unwrap(),
                    now,
                    random,
                );
            }
            Op::Replayed {
                age,
                at: position,
                reference,
            } => {
                let mut out = Vec::new();
                encode_event_start(None, Some(&format!("r{reference}")), &mut out);
                EventBody::new(&["a".to_owned()], "")
                    .with_position(at(position))
                    .encode(&mut out);
                client.text(
                    generation(age),
                    &String::from_utf8(out).unwrap(),
                    now,
                    random,
                );
            }
            Op::Position {
                age,
                at: position,
                prev,
            } => {
                say(
                    age,
                    ServerFrame::Position(PositionFrame::new(at(position), at(prev))),
                );
            }
            Op::Gap {
                age,
                asked,
                earliest,
                head,
            } => {
                let head = at(head);
                let earliest = u64::from(earliest & 0x7f).clamp(1, head.offset + 1);
                let bounds = Bounds::new(head.epoch, earliest, head.offset);
                if let Err(gap) = bounds.locate(&Start::After(at(asked))) {
                    say(age, ServerFrame::Gap(GapFrame::new(&gap, None)));
                }
            }
            Op::CaughtUp { age, reference } => {
                let reference = format!("r{reference}");
                say(age, ServerFrame::CaughtUp(CaughtUp::new(Some(&reference))));
            }
            Op::Ack { age, number } => {
                let reference = format!("p{number}");
                let ack = Ack::published(Some(&reference), Some("id"), Some(at(number)));
                say(age, ServerFrame::Ack(ack));
            }
            Op::Error {
                age,
                kind,
                number,
                code,
            } => {
                let kind = ["p", "r", "s", "é"][usize::from(kind % 4)];
                let reference = format!("{kind}{number}");
                let code = ErrorCode::ALL[usize::from(code) % ErrorCode::ALL.len()];
                say(
                    age,
                    ServerFrame::Error(ErrorFrame::new(Some(&reference), code, "")),
                );
            }
            Op::Text { age, text } => client.text(generation(age), &text, now, random),
            Op::Binary { age, bytes } => client.binary(generation(age), &bytes, now, random),
            Op::Streamed {
                age,
                kind,
                id,
                data,
            } => {
                let name = [
                    "message",
                    hub_protocol::SSE_GAP,
                    hub_protocol::SSE_POSITION,
                    "x",
                ];
                let id = at(id).to_string();
                let name = name[usize::from(kind % 4)];
                client.event(generation(age), name, &id, &data, now, random);
            }
            Op::Posted { number, status } => {
                let answer = status.map(|status| (status, "", None)).ok_or(());
                client.posted(number.into(), answer, now, random);
            }
            Op::Ended { age, how, code } => {
                let end = match how % 6 {
                    0 => End::Unreachable,
                    1 => End::Silent,
                    2 => End::Refused {
                        status: code % 600,
                        retry_after: Some(Duration::from_secs(u64::from(code))),
                    },
                    3 => End::Protocol,
                    _ => End::Closed(code),
                };
                if age % 4 == 0 {
                    checks.alive = None;
                }
                client.ended(generation(age), end, now, random);
            }
            Op::Heard { age } => client.heard(generation(age), now),
            Op::Retry { age, millis } => {
                client.retry(generation(age), Duration::from_millis(millis.into()));
            }
            Op::Reached => client.reached(newest),
            Op::Timer { later } => {
                now += Duration::from_millis(later.into());
                client.timer(now, random);
            }
            Op::Due => {
                if let Some(due) = client.deadline() {
                    now = now.max(due);
                    client.timer(now, random);
                    assert_ne!(client.deadline(), Some(due), "the timer did nothing");
                }
            }
            Op::Subscribe { topic: name, from } => {
                let from = match from % 3 {
                    0 => Start::Live,
                    1 => Start::Earliest,
                    _ => Start::After(at(from)),
                };
                client.subscribe([topic(name)], from, now).unwrap();
            }
            Op::Unsubscribe { topic: name } => client.unsubscribe([&topic(name)], now),
            Op::Publish { data, ephemeral } => {
                let mut form = PublishForm::text(["a"], data);
                form.ephemeral = ephemeral;
                if let Ok(number) = client.publish(form, now) {
                    assert!(checks.pending.insert(number), "a number was given twice");
                }
            }
            Op::Handled => {
                if let Some(receipt) = checks.receipts.pop() {
                    client.handled(&receipt);
                }
            }
            Op::Close => client.close(now),
        }
        checks.drain(&mut client);
        assert!(client.queued() <= 8);
    }
}

#[derive(Default)]
struct Checks {
    generation: u64,
    alive: Option<u64>,
    finished: bool,
    pending: BTreeSet<u64>,
    last: Option<Position>,
    receipts: Vec<hub_protocol::Receipt>,
}

impl Checks {
    fn drain(&mut self, client: &mut Client) {
        while let Some(action) = client.next_action() {
            assert!(!self.finished, "{action:?} after the end");
            match action {
                ClientAction::Connect(attempt) => {
                    assert_eq!(self.alive, None, "a second transport");
                    assert!(attempt.generation > self.generation);
                    self.generation = attempt.generation;
                    self.alive = Some(attempt.generation);
                }
                ClientAction::Drop { generation } | ClientAction::Close { generation } => {
                    assert_eq!(self.alive, Some(generation));
                    self.alive = None;
                }
                ClientAction::Text { generation, .. } | ClientAction::Binary { generation, .. } => {
                    assert_eq!(self.alive, Some(generation));
                }
                ClientAction::Deliver(event) => self.deliver(event),
                ClientAction::Finish { .. } => {
                    self.finished = true;
                    assert!(self.pending.is_empty(), "items without a result");
                    assert_eq!((client.state(), client.deadline()), (State::Closed, None));
                }
                _ => {}
            }
        }
    }

    fn deliver(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Message(message) => {
                if let (Some(position), false) = (message.position, message.replayed) {
                    let order = self.last.map(|last| last.compare(position));
                    assert!(
                        matches!(order, None | Some(Some(std::cmp::Ordering::Less))),
                        "{position} after {:?}",
                        self.last
                    );
                    self.last = Some(position);
                }
                self.receipts.push(message.receipt);
            }
            ClientEvent::Missed(missed) => {
                if missed.topics.is_empty() {
                    self.last = None;
                }
                self.receipts.push(missed.receipt);
            }
            ClientEvent::Published { number, .. } => {
                assert!(self.pending.remove(&number), "a second result for {number}");
            }
            _ => {}
        }
    }
}
