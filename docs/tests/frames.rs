//! The frames that the book shows are frames that the protocol knows.

use hub_protocol::{ClientFrame, ServerFrame};

const PAGE: &str = include_str!("../src/reference/hub-protocol.md");

/// The lines of the page's JSON blocks.
fn frames() -> impl Iterator<Item = &'static str> {
    let mut json = false;
    PAGE.lines().filter(move |line| {
        if line.starts_with("```") {
            json = *line == "```json";
            return false;
        }
        json
    })
}

#[test]
fn every_frame_decodes_on_the_side_that_receives_it() {
    let (mut from_hub, mut from_client) = (0, 0);
    for frame in frames() {
        let sent_by_client = ["publish", "subscribe", "unsubscribe", "token"]
            .iter()
            .any(|name| frame.starts_with(&format!(r#"{{"type":"{name}""#)));
        if sent_by_client {
            from_client += 1;
            if let Err(error) = ClientFrame::decode(frame.as_bytes()) {
                // The page shows the answer to a frame that is refused.
                assert!(
                    PAGE.contains(&format!(r#""message":"{error}""#)),
                    "{frame}: {error}"
                );
            }
        } else {
            from_hub += 1;
            let decoded = ServerFrame::decode(frame.as_bytes());
            let mut encoded = Vec::new();
            decoded
                .unwrap_or_else(|error| panic!("{frame}: {error}"))
                .encode(&mut encoded);
            assert_eq!(String::from_utf8(encoded).unwrap(), frame);
        }
    }
    assert_eq!((from_hub, from_client), (13, 5));
}
