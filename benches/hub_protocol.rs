//! What a hub does for each event: read the publish form, write the event once, put a
//! connection's part before it.

use std::hint::black_box;

use benches::Group;
use hub_protocol::{EventBody, PublishForm, encode_event_start};
use resume::{Epoch, Position};
use serde::Serialize;

/// JSON as events carry it: a quotation mark about every eighth byte.
fn json(len: usize) -> String {
    let mut text = String::from("[");
    while text.len() < len {
        text.push_str(r#"{"price":"12.5","at":170},"#);
    }
    text.truncate(len);
    text
}

/// Prose: hardly anything to escape.
fn prose(len: usize) -> String {
    "The quick brown fox jumps over the lazy dog, and the dog does not mind. ".repeat(len / 72 + 1)
        [..len]
        .to_owned()
}

fn body(data: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("topic", "https://example.com/prices/1")
        .append_pair("data", data)
        .append_pair("type", "tick")
        .finish()
}

/// The form as a hub would read it with a general parser: pairs into owned strings, unchecked.
fn general(body: &[u8]) -> (Vec<String>, String, Option<String>) {
    let (mut topics, mut data, mut event) = (Vec::new(), String::new(), None);
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "topic" => topics.push(value.into_owned()),
            "data" => data = value.into_owned(),
            "type" => event = Some(value.into_owned()),
            _ => {}
        }
    }
    (topics, data, event)
}

#[derive(Serialize)]
struct Frame<'a> {
    position: &'a str,
    topics: &'a [String],
    event: &'a str,
    data: &'a str,
}

fn main() {
    let texts: Vec<(String, String)> = [100, 1_024, 65_536]
        .into_iter()
        .flat_map(|len| [("json", json(len)), ("prose", prose(len))])
        .map(|(kind, text)| (format!("{kind}/{}", text.len()), text))
        .collect();
    let bodies: Vec<String> = texts.iter().map(|(_, text)| body(text)).collect();
    let topics = &["https://example.com/prices/1".to_owned()][..];
    let position = Position::new(Epoch::from_bytes([7; 12]), 123_456);

    let mut groups = Vec::new();
    for ((name, _), body) in texts.iter().zip(&bodies) {
        groups.push(
            Group::new(format!("hub-protocol/form/{name}"), body.len() as u64, 1)
                .ours("hub-protocol", || {
                    black_box(PublishForm::parse(black_box(body.as_bytes())).unwrap());
                })
                .peer("form_urlencoded", || {
                    black_box(general(black_box(body.as_bytes())));
                }),
        );
    }
    for (name, text) in &texts {
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        groups.push(
            Group::new(format!("hub-protocol/event/{name}"), text.len() as u64, 1)
                .ours("hub-protocol", move || {
                    ours.clear();
                    let event = EventBody::new(topics, black_box(text)).with_event(Some("tick"));
                    event.with_position(position).encode(&mut ours);
                    black_box(&ours);
                })
                .peer("serde_json", move || {
                    peer.clear();
                    let position = position.to_string();
                    let data = black_box(text);
                    let frame = Frame {
                        position: &position,
                        topics,
                        event: "tick",
                        data,
                    };
                    serde_json::to_writer(&mut peer, &frame).unwrap();
                    black_box(&peer);
                }),
        );
    }
    let mut out = Vec::new();
    groups.push(
        Group::new("hub-protocol/event-start", 0, 1).ours("hub-protocol", move || {
            out.clear();
            encode_event_start(black_box(Some(position)), None, &mut out);
            black_box(&out);
        }),
    );
    benches::run(groups);
}
