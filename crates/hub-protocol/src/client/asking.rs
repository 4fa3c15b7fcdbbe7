//! What the application wants, asked of the hub: topics, replays, events to publish.

use core::time::Duration;

use resume::{Start, State};

use super::{Carrier, Client, ClientAction, ClientEvent, Outcome};
use crate::{ClientFrame, Data, Publish, PublishForm, Subscribe, Unsubscribe};

/// Topics that change together are asked for together.
const REOPEN_AFTER: Duration = Duration::from_millis(50);
/// A connection is not replaced more often than this.
const REOPEN_EVERY: Duration = Duration::from_secs(1);
impl Client {
    /// Asks the hub for what the application wants, as far as it does not know.
    pub(super) fn sync(&mut self, now: Duration) {
        if self.reconnect.state() != State::Open || !self.opened {
            return;
        }
        if !self.speaks_frames() {
            self.give_up_replays();
            if self.topics.set != self.topics.asked && self.reopen_at.is_none() {
                let soon = now.saturating_add(REOPEN_AFTER);
                let last = self.reopened_at.map(|at| at.saturating_add(REOPEN_EVERY));
                self.reopen_at = Some(last.map_or(soon, |last| last.max(soon)));
            }
            return;
        }
        let removed = self.topics.no_longer_wanted();
        if !removed.is_empty() {
            self.send(&ClientFrame::Unsubscribe(Unsubscribe::new(removed, None)));
        }
        if let Some((number, added)) = self.topics.not_asked_for() {
            let reference = Some(format!("s{number}"));
            let frame = Subscribe::new(added, Start::Live, reference);
            self.send(&ClientFrame::Subscribe(frame));
        }
        while let Some(replay) = self.topics.next_replay() {
            let topics = replay.topics.iter().cloned().collect();
            let reference = Some(format!("r{}", replay.number));
            let frame = Subscribe::new(topics, replay.from.clone(), reference);
            self.send(&ClientFrame::Subscribe(frame));
        }
    }

    /// Without subscribe frames there is no replay for topics alone: they go on with the others,
    /// and the application is told.
    pub(super) fn give_up_replays(&mut self) {
        for replay in core::mem::take(&mut self.topics.replays) {
            self.topics.add(&replay.topics);
            self.deliver(ClientEvent::Refused {
                topics: replay.topics.iter().cloned().collect(),
                code: crate::ErrorCode::Unsupported,
                message: "what was published before cannot be replayed over this carrier".into(),
            });
        }
    }

    pub(super) fn speaks_frames(&self) -> bool {
        self.opened
            && self.reconnect.state() == State::Open
            && self.carrier == Carrier::WebSocket
            && self.frames
    }

    pub(super) fn send(&mut self, frame: &ClientFrame) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        let generation = self.reconnect.generation();
        // The encoder writes JSON, which is UTF-8.
        let frame = String::from_utf8(out).unwrap_or_default();
        self.actions
            .push_back(ClientAction::Text { generation, frame });
    }

    /// Sends what waits to be published, as far as may be under way at once.
    pub(super) fn send_items(&mut self, now: Duration) {
        if self.reconnect.state() != State::Open || !self.opened {
            return;
        }
        let generation = self.reconnect.generation();
        let post = self.carrier == Carrier::EventStream;
        for number in self.outbox.expire(self.log, now) {
            let outcome = Outcome::Unknown;
            self.deliver(ClientEvent::Published { number, outcome });
        }
        // Requests overtake each other: to keep the order, one at a time.
        let in_flight = if post { 1 } else { self.config.in_flight };
        while let Some((number, form)) = self.outbox.next(in_flight, post, self.log, now) {
            let action = if post {
                let mut body = Vec::new();
                form.encode(&mut body);
                ClientAction::Post { number, body }
            } else {
                publish_frame(generation, number, form)
            };
            self.actions.push_back(action);
        }
    }
}

fn publish_frame(generation: u64, number: u64, form: &PublishForm) -> ClientAction {
    let publish = Publish::new(form.clone(), Some(format!("p{number}")));
    let mut frame = Vec::new();
    if let Data::Binary(_) = form.data
        && publish.encode_binary(&mut frame).is_ok()
    {
        return ClientAction::Binary { generation, frame };
    }
    ClientFrame::Publish(publish).encode(&mut frame);
    ClientAction::Text {
        generation,
        frame: String::from_utf8(frame).unwrap_or_default(),
    }
}
