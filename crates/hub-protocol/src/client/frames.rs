//! What the hub says, over either carrier.

use core::time::Duration;

use resume::{Position, Recovery, Start};

use super::cursor::{Judged, Loss};
use super::outbox::Refusal;
use super::{Carrier, Client, ClientEvent, End, Message, Missed, Outcome, Receipt};
use crate::{
    Data, ErrorCode, ErrorFrame, EventFrame, GapFrame, SSE_EXPIRED, SSE_GAP, SSE_POSITION,
    SSE_SKIPPED, ServerFrame, Skipped,
};

/// The WebSocket close code that says the same as the end of an event stream's token.
const TOKEN_ENDED: u16 = 4001;

impl Client {
    /// A text frame came over a WebSocket. `random` is 64 uniform bits.
    pub fn text(&mut self, generation: u64, text: &str, now: Duration, random: u64) {
        if !self.listens(generation, Carrier::WebSocket, now) {
            return;
        }
        match ServerFrame::decode(text.as_bytes()) {
            Ok(frame) => self.frame(frame, now, random),
            // Of a later version.
            Err(error) if error.code() == ErrorCode::Unsupported => {}
            Err(_) => self.give_up(End::Protocol, now, random),
        }
    }

    /// A binary frame came over a WebSocket. `random` is 64 uniform bits.
    pub fn binary(&mut self, generation: u64, bytes: &[u8], now: Duration, random: u64) {
        if !self.listens(generation, Carrier::WebSocket, now) {
            return;
        }
        match EventFrame::decode_binary(bytes) {
            Ok((event, data)) if self.opened => {
                self.event_frame(event, Data::Binary(data.to_vec()), now);
            }
            _ => self.give_up(End::Protocol, now, random),
        }
    }

    /// An event came over an event stream. `id` is the last event id after it: if that is the one
    /// before it, the event has none of its own, and is ephemeral.
    pub fn event(
        &mut self,
        generation: u64,
        name: &str,
        id: &str,
        data: &str,
        now: Duration,
        random: u64,
    ) {
        if !self.listens(generation, Carrier::EventStream, now) {
            return;
        }
        let own_id = self.cursor.stream_id(id);
        match name {
            SSE_EXPIRED => self.give_up(End::Closed(TOKEN_ENDED), now, random),
            SSE_SKIPPED => match Skipped::decode_data(data.as_bytes()) {
                Ok(skipped) => self.deliver(ClientEvent::Skipped(skipped)),
                Err(_) => self.give_up(End::Protocol, now, random),
            },
            SSE_GAP => match GapFrame::decode_data(data.as_bytes()) {
                Ok(gap) => self.gap(&gap),
                Err(_) => self.give_up(End::Protocol, now, random),
            },
            SSE_POSITION => {
                self.begin();
                if let Start::After(position) = Start::parse(id.as_bytes()) {
                    let lost = self.cursor.moved(position, self.cursor.told());
                    if let Some((loss, receipt)) = lost {
                        self.missed(loss, Vec::new(), receipt);
                    }
                }
            }
            _ => {
                self.begin();
                let judged = match own_id {
                    Some(id) => self.cursor.streamed(id),
                    // Ephemeral: it has no place.
                    None => Judged::New {
                        missed: None,
                        receipt: Receipt::NONE,
                    },
                };
                let id = own_id.unwrap_or_default();
                let position = match Start::parse(id.as_bytes()) {
                    Start::After(position) => Some(position),
                    _ => None,
                };
                self.judged(judged, |receipt| Message {
                    topics: Vec::new(),
                    id: (position.is_none() && !id.is_empty()).then(|| id.to_owned()),
                    event: (!name.is_empty() && name != "message").then(|| name.to_owned()),
                    data: Data::Text(data.to_owned()),
                    position,
                    replayed: false,
                    receipt,
                });
            }
        }
    }

    /// A POST was answered, or had no answer (`Err`). `body` is the answer's, `position` its
    /// header `Longwire-Position`. `random` is 64 uniform bits.
    pub fn posted(
        &mut self,
        number: u64,
        answer: Result<(u16, &str, Option<&str>), ()>,
        now: Duration,
        random: u64,
    ) {
        let outcome = match answer {
            Err(()) => self.outbox.unanswered(number, now, random),
            Ok((200..=299, body, position)) => {
                let position = position.and_then(|text| Position::parse(text.as_bytes()).ok());
                let id = (!body.is_empty()).then(|| body.to_owned());
                self.outbox.acknowledged(number, id, position)
            }
            Ok((status, body, _)) => {
                let code = match status {
                    408 | 425 | 500..=599 => ErrorCode::Unavailable,
                    _ => ErrorCode::from_status(status),
                };
                return self.item_refused(number, code, body.trim_end(), now, random);
            }
        };
        if let Some(outcome) = outcome {
            self.deliver(ClientEvent::Published { number, outcome });
        }
        self.send_items(now);
    }

    /// Whether this is to be listened to; then the hub was heard.
    fn listens(&mut self, generation: u64, carrier: Carrier, now: Duration) -> bool {
        let listens = self.is_current(generation)
            && self.reconnect.state() == resume::State::Open
            && self.carrier == carrier;
        if listens {
            self.heard(generation, now);
        }
        listens
    }

    fn frame(&mut self, frame: ServerFrame<'_>, now: Duration, random: u64) {
        match frame {
            ServerFrame::Open(open) if !self.opened => self.opened(Some(open.position), now),
            // The open frame is the first, and comes once.
            ServerFrame::Open(_) => self.give_up(End::Protocol, now, random),
            _ if !self.opened => self.give_up(End::Protocol, now, random),
            ServerFrame::Event(event) => {
                let data = Data::Text(event.data.clone().into_owned());
                self.event_frame(event, data, now);
            }
            ServerFrame::Position(frame) => {
                self.begin();
                if let Some((loss, receipt)) = self.cursor.moved(frame.position, Some(frame.prev)) {
                    self.missed(loss, Vec::new(), receipt);
                }
            }
            ServerFrame::Gap(gap) => self.gap(&gap),
            ServerFrame::Skipped(skipped) => self.deliver(ClientEvent::Skipped(skipped)),
            ServerFrame::Ack(ack) => {
                let Some((kind, number)) = ack.reference.as_deref().and_then(reference) else {
                    return;
                };
                if kind == 's' {
                    self.topics.unanswered.retain(|(asked, _)| *asked != number);
                } else if kind == 'p' {
                    let id = ack.id.map(std::borrow::Cow::into_owned);
                    if let Some(outcome) = self.outbox.acknowledged(number, id, ack.position) {
                        self.deliver(ClientEvent::Published { number, outcome });
                    }
                    self.send_items(now);
                }
            }
            ServerFrame::Error(error) => self.error(&error, now, random),
            ServerFrame::CaughtUp(frame) => {
                if let Some(('r', number)) = frame.reference.as_deref().and_then(reference) {
                    self.topics.caught_up(number);
                    self.sync(now);
                }
            }
        }
    }

    /// The hub was heard on a new connection: it begins at this position.
    pub(super) fn opened(&mut self, position: Option<Position>, now: Duration) {
        self.opened = true;
        self.choice.worked();
        let resumed = self.cursor.opened(position);
        self.deliver(ClientEvent::Opened {
            carrier: self.carrier,
            resumed,
        });
        self.log = position.map(|position| position.epoch);
        for number in self.outbox.reconnected() {
            let outcome = Outcome::Unknown;
            self.deliver(ClientEvent::Published { number, outcome });
        }
        self.sync(now);
        self.outbox.unpause(now);
        self.send_items(now);
    }

    /// No gap came first: the connection begins where it was asked to.
    fn begin(&mut self) {
        if let Some((loss, receipt)) = self.cursor.begin() {
            self.missed(loss, Vec::new(), receipt);
        }
    }

    fn event_frame(&mut self, event: EventFrame<'_>, data: Data, now: Duration) {
        if let Some(milliseconds) = event.retry {
            let time = Duration::from_millis(milliseconds);
            self.reconnect.backoff_mut().retry(time);
        }
        let replayed = event.replay.is_some();
        let judged = match (&event.replay, event.position) {
            (Some(replay), Some(position)) => {
                let number = reference(replay).map_or(0, |(_, number)| number);
                let replay = self.topics.replay_mut(number);
                if replay.is_some_and(|replay| replay.event(position)) {
                    Judged::New {
                        missed: None,
                        receipt: Receipt::NONE,
                    }
                } else {
                    Judged::Duplicate
                }
            }
            // Ephemeral: it has no place.
            (_, None) if !self.topics.want_live(&event.topics) => Judged::Duplicate,
            (_, None) => Judged::New {
                missed: None,
                receipt: Receipt::NONE,
            },
            (None, Some(position)) => {
                self.begin();
                if self.topics.want(&event.topics) {
                    self.cursor.event(position, event.prev)
                } else {
                    let lost = self.cursor.moved(position, event.prev);
                    if let Some((loss, receipt)) = lost {
                        self.missed(loss, Vec::new(), receipt);
                    }
                    return self.sync(now);
                }
            }
        };
        self.judged(judged, |receipt| Message {
            topics: event.topics,
            id: event.id.map(std::borrow::Cow::into_owned),
            event: event.event.map(std::borrow::Cow::into_owned),
            data,
            position: event.position,
            replayed,
            receipt,
        });
    }

    fn judged(&mut self, judged: Judged, message: impl FnOnce(Receipt) -> Message) {
        if let Judged::New { missed, receipt } = judged {
            if let Some(loss) = missed {
                self.missed(loss, Vec::new(), Receipt::NONE);
            }
            self.deliver(ClientEvent::Message(message(receipt)));
        }
    }

    fn gap(&mut self, gap: &GapFrame<'_>) {
        let Some(replay) = &gap.replay else {
            let (loss, receipt) = self.cursor.gap(gap.resumed, gap.head, gap.reason);
            return self.missed(loss, Vec::new(), receipt);
        };
        let number = reference(replay).map_or(0, |(_, number)| number);
        if let Some(replay) = self.topics.replay_mut(number) {
            let topics = replay.topics.iter().cloned().collect();
            let after = replay.gap(gap.resumed, gap.head);
            let loss = Loss {
                after,
                resumed: gap.resumed,
                reason: gap.reason,
            };
            self.missed(loss, topics, Receipt::NONE);
        }
    }

    fn missed(&mut self, loss: Loss, topics: Vec<crate::TopicSelector>, receipt: Receipt) {
        self.deliver(ClientEvent::Missed(Missed {
            after: loss.after,
            resumed: loss.resumed,
            reason: loss.reason,
            topics,
            receipt,
        }));
    }

    fn error(&mut self, error: &ErrorFrame<'_>, now: Duration, random: u64) {
        let Some((kind, number)) = error.reference.as_deref().and_then(reference) else {
            return;
        };
        if kind == 'p' {
            return self.item_refused(number, error.code, &error.message, now, random);
        }
        if error.code == ErrorCode::Unsupported {
            // A hub without subscribe frames: topics stand in the URL.
            self.frames = false;
            self.topics.asked = crate::Selectors::new();
            return self.sync(now);
        }
        let refused = match kind {
            'r' => self
                .topics
                .caught_up(number)
                .map(|topics| topics.iter().cloned().collect()),
            's' => {
                let mut unanswered = self.topics.unanswered.iter();
                let at = unanswered.position(|(asked, _)| *asked == number);
                at.map(|at| self.topics.unanswered.swap_remove(at).1)
            }
            _ => None,
        };
        let Some(topics): Option<Vec<_>> = refused else {
            return;
        };
        for topic in &topics {
            self.topics.remove(topic);
            // Wanted again, it is asked for again.
            self.topics.asked.remove(topic);
        }
        self.deliver(ClientEvent::Refused {
            topics,
            code: error.code,
            message: error.message.clone().into_owned(),
        });
    }

    fn item_refused(
        &mut self,
        number: u64,
        code: ErrorCode,
        message: &str,
        now: Duration,
        random: u64,
    ) {
        match self.outbox.refused(number, code, message, now, random) {
            Some(Refusal::Final(number, outcome)) => {
                self.deliver(ClientEvent::Published { number, outcome });
                self.send_items(now);
            }
            Some(Refusal::Refresh) if self.opened => {
                let generation = self.reconnect.generation();
                self.actions
                    .push_back(super::ClientAction::Drop { generation });
                let end = End::Refused {
                    status: 401,
                    retry_after: None,
                };
                self.end(end, Recovery::Refresh, now, random);
            }
            _ => {}
        }
    }
}

/// What an answer refers to: a letter and a number, as this client gave it.
fn reference(text: &str) -> Option<(char, u64)> {
    let kind = text.chars().next()?;
    let number = text.get(kind.len_utf8()..)?.parse().ok()?;
    Some((kind, number))
}
