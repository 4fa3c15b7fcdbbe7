//! A hub made of the real decisions: the window, the session, the frames.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};

use hub_protocol::{
    Ack, Carrier, CaughtUp, ClientFrame, Data, ErrorCode, ErrorFrame, EventBody, GapFrame, Open,
    PositionFrame, PublishForm, SSE_GAP, SSE_POSITION, ServerFrame, Session, Step, SubscribeQuery,
    encode_event_start,
};
use resume::{Epoch, Gap, Limits, Position, ReplayWindow, Start};

use crate::world::Msg;

/// What was ever in a log, by epoch and offset: never forgotten, to check against.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) epochs: Vec<Epoch>,
    /// For each epoch, its events from offset 1 on.
    pub(crate) events: Vec<Vec<Published>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) topics: Vec<String>,
    pub(crate) data: String,
    pub(crate) id: Option<String>,
}

impl History {
    pub(crate) fn epoch(&self, position: Position) -> usize {
        self.epochs
            .iter()
            .position(|epoch| *epoch == position.epoch)
            .expect("an epoch that no hub had")
    }

    pub(crate) fn at(&self, position: Position) -> &Published {
        let index = usize::try_from(position.offset - 1).unwrap();
        &self.events[self.epoch(position)][index]
    }

    /// Where the event with this id stands after a place, in the same epoch.
    pub(crate) fn after(&self, place: (usize, u64), id: &str) -> Option<Position> {
        let events = &self.events[place.0];
        let found = events
            .iter()
            .rposition(|event| event.id.as_deref() == Some(id));
        let position = Position::new(self.epochs[place.0], found? as u64 + 1);
        (position.offset > place.1).then_some(position)
    }

    /// Where the event with this id stands, in the newest epoch that has it.
    pub(crate) fn by_id(&self, id: &str) -> Option<Position> {
        for (epoch, events) in self.epochs.iter().zip(&self.events).rev() {
            let found = events
                .iter()
                .rposition(|event| event.id.as_deref() == Some(id));
            if let Some(index) = found {
                return Some(Position::new(*epoch, index as u64 + 1));
            }
        }
        None
    }
}

#[derive(Debug)]
pub(crate) struct Hub {
    window: ReplayWindow<PublishForm>,
    limits: Limits,
    /// Where the event with an id stands, for five minutes: longer than clients repeat.
    ids: HashMap<String, (u64, Duration, PublishForm)>,
    /// Time that does not jump.
    pub(crate) now: Duration,
    pub(crate) history: History,
    /// By connection.
    pub(crate) ends: BTreeMap<usize, HubEnd>,
    /// The hub's clock may be wrong.
    pub(crate) clock: Duration,
}

/// The hub's end of a connection.
#[derive(Debug)]
pub(crate) struct HubEnd {
    carrier: Carrier,
    pub(crate) session: Session,
    greeting: Option<(Gap, Start)>,
    greet: bool,
}

impl Hub {
    pub(crate) fn new(limits: Limits) -> Self {
        let mut hub = Self {
            window: ReplayWindow::new(Epoch::from_bytes([0; 12]), limits),
            limits,
            ids: HashMap::new(),
            now: Duration::ZERO,
            history: History::default(),
            ends: BTreeMap::new(),
            clock: Duration::ZERO,
        };
        hub.begin_epoch();
        hub
    }

    /// Starts again; without its log it begins another epoch.
    pub(crate) fn restart(&mut self, keep_log: bool) {
        self.ends.clear();
        if !keep_log {
            self.begin_epoch();
        }
    }

    fn begin_epoch(&mut self) {
        let number = u8::try_from(self.history.epochs.len() + 1).unwrap();
        let epoch = Epoch::from_bytes([number; 12]);
        self.history.epochs.push(epoch);
        self.history.events.push(Vec::new());
        self.window = ReplayWindow::new(epoch, self.limits);
        self.ids.clear();
    }

    pub(crate) fn publish(&mut self, form: PublishForm) -> Result<(String, Position), ErrorCode> {
        if let Some(id) = &form.id
            && let Some((offset, at, known)) = self.ids.get(id)
            && self.now - *at <= Duration::from_secs(300)
        {
            return if *known == form {
                Ok((id.clone(), Position::new(self.window.head().epoch, *offset)))
            } else {
                Err(ErrorCode::Conflict)
            };
        }
        let Data::Text(data) = form.data.clone() else {
            return Err(ErrorCode::Unsupported);
        };
        let id = form.id.clone();
        self.history.events.last_mut().unwrap().push(Published {
            topics: form.topics.clone(),
            data,
            id: id.clone(),
        });
        let position = self.window.push(form.clone(), 1, self.clock).position;
        if let Some(id) = &id {
            self.ids
                .insert(id.clone(), (position.offset, self.now, form));
        }
        Ok((id.unwrap_or_else(|| position.to_string()), position))
    }

    pub(crate) fn expire(&mut self) {
        drop(self.window.expire(self.clock));
    }

    fn resolve(&self, start: Start) -> Start {
        match start {
            Start::Id(id) => match self.ids.get(&*id) {
                Some((offset, ..)) if self.window.get(*offset).is_some() => {
                    Start::After(Position::new(self.window.head().epoch, *offset))
                }
                _ => Start::Id(id),
            },
            start => start,
        }
    }

    /// A request came: answers it, and says what follows at once.
    pub(crate) fn accept(
        &mut self,
        connection: usize,
        carrier: Carrier,
        query: &str,
        last_event_id: Option<&str>,
    ) -> Vec<Msg> {
        let header = last_event_id.map(str::as_bytes);
        let query = SubscribeQuery::parse_upgrade(query, header).expect("clients ask rightly");
        let start = self.resolve(query.start);
        let bounds = self.window.bounds();
        let (session, gap) = Session::open(query.selectors, &start, &bounds, self.clock);
        let cursor = session.cursor();
        let greet = gap.is_none() && !matches!(start, Start::After(_));
        let mut end = HubEnd {
            carrier,
            session,
            greeting: gap.map(|gap| (gap, start)),
            greet,
        };
        let mut out = Vec::new();
        match carrier {
            Carrier::WebSocket => {
                end.greet = false;
                out.push(Msg::Accepted(None));
                let mut frame = Vec::new();
                ServerFrame::Open(Open::new(cursor, 25_000)).encode(&mut frame);
                out.push(Msg::Text(String::from_utf8(frame).unwrap()));
            }
            _ => out.push(Msg::Accepted(Some(cursor.to_string()))),
        }
        self.ends.insert(connection, end);
        out.extend(self.fill(connection));
        out
    }

    /// What is due on a connection.
    pub(crate) fn fill(&mut self, connection: usize) -> Vec<Msg> {
        let Some(end) = self.ends.get_mut(&connection) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        let mut before = None;
        if let Some((gap, start)) = end.greeting.take() {
            out.push(gap_message(end.carrier, &gap, start.text(), None));
        }
        if core::mem::take(&mut end.greet) {
            let cursor = end.session.cursor();
            out.push(position_message(end.carrier, cursor, cursor));
        }
        loop {
            let bounds = self.window.bounds();
            match end.session.next(&bounds, self.clock) {
                Step::Gap(gap) => out.push(gap_message(end.carrier, &gap, None, None)),
                Step::ReplayGap { gap, reference } => {
                    let reference = reference.unwrap_or_default();
                    out.push(gap_message(end.carrier, &gap, None, Some(&reference)));
                }
                Step::Replay { after, until } => {
                    let events = self.window.after(&Start::After(after)).unwrap();
                    for (position, form) in events.take_while(|(p, _)| p.offset <= until.offset) {
                        let topics = form.topics.iter().map(String::as_str);
                        let marked = end.session.offer_replay(position, topics);
                        if let Some(reference) = marked.map(str::to_owned) {
                            let replay = Some(reference.as_str());
                            out.push(event_message(end.carrier, form, position, None, replay));
                        }
                    }
                }
                Step::CaughtUp { reference } => {
                    out.push(frame(&ServerFrame::CaughtUp(CaughtUp::new(
                        reference.as_deref(),
                    ))));
                }
                Step::Read { after } => {
                    for (position, form) in self.window.after(&Start::After(after)).unwrap() {
                        let topics = form.topics.iter().map(String::as_str);
                        if let Some(prev) = end.session.offer(position, topics, self.clock) {
                            let msg = event_message(end.carrier, form, position, Some(prev), None);
                            // At least once, as far as the client can tell one from the other.
                            let told = end.carrier == Carrier::WebSocket || form.id.is_none();
                            let again = told && position.offset % 11 == 0;
                            out.push(msg.clone());
                            // The same id twice in a row is how an event stream says that an
                            // event has none: there it is the one before that comes again.
                            out.extend(match end.carrier {
                                _ if !again => None,
                                Carrier::WebSocket => Some(msg.clone()),
                                _ => before.take(),
                            });
                            before = told.then_some(msg);
                        }
                    }
                }
                Step::Position { position, prev } => {
                    out.push(position_message(end.carrier, position, prev));
                }
                _ => return out,
            }
        }
    }

    /// A frame came from a client. `refuse` is what publishing is refused with, if it is.
    pub(crate) fn frame(
        &mut self,
        connection: usize,
        text: &str,
        refuse: Option<ErrorCode>,
    ) -> Vec<Msg> {
        let decoded = ClientFrame::decode(text.as_bytes()).expect("clients speak rightly");
        if !self.ends.contains_key(&connection) {
            return Vec::new();
        }
        let mut out = Vec::new();
        match decoded {
            ClientFrame::Publish(publish) => {
                let reference = publish.reference.as_deref();
                let answer = refuse.map_or_else(|| self.publish(publish.form), Err);
                out.push(match answer {
                    Ok((id, position)) => {
                        let ack = Ack::published(reference, Some(&id), Some(position));
                        frame(&ServerFrame::Ack(ack))
                    }
                    Err(code) => frame(&ServerFrame::Error(ErrorFrame::new(reference, code, ""))),
                });
            }
            ClientFrame::Subscribe(subscribe) => {
                let after = self.resolve(subscribe.after);
                let reference = subscribe.reference.as_deref();
                let end = self.ends.get_mut(&connection).unwrap();
                end.session
                    .subscribe(subscribe.topics, after, reference)
                    .expect("few topics");
                out.push(frame(&ServerFrame::Ack(Ack::new(reference))));
            }
            ClientFrame::Unsubscribe(unsubscribe) => {
                let end = self.ends.get_mut(&connection).unwrap();
                end.session.unsubscribe(&unsubscribe.topics);
                out.push(frame(&ServerFrame::Ack(Ack::new(
                    unsubscribe.reference.as_deref(),
                ))));
            }
            _ => {}
        }
        out
    }
}

fn frame(frame: &ServerFrame<'_>) -> Msg {
    let mut out = Vec::new();
    frame.encode(&mut out);
    Msg::Text(String::from_utf8(out).unwrap())
}

fn gap_message(carrier: Carrier, gap: &Gap, text: Option<&str>, replay: Option<&str>) -> Msg {
    let mut notice = GapFrame::new(gap, text);
    if let Some(reference) = replay {
        notice = notice.in_replay(reference);
    }
    match carrier {
        Carrier::WebSocket => frame(&ServerFrame::Gap(notice)),
        _ => {
            let mut data = Vec::new();
            notice.encode_data(&mut data);
            let data = String::from_utf8(data).unwrap();
            Msg::Event(SSE_GAP.into(), gap.resumed().to_string(), data)
        }
    }
}

fn position_message(carrier: Carrier, position: Position, prev: Position) -> Msg {
    match carrier {
        Carrier::WebSocket => frame(&ServerFrame::Position(PositionFrame::new(position, prev))),
        _ => Msg::Event(SSE_POSITION.into(), position.to_string(), String::new()),
    }
}

fn event_message(
    carrier: Carrier,
    form: &PublishForm,
    position: Position,
    prev: Option<Position>,
    replay: Option<&str>,
) -> Msg {
    let Data::Text(data) = &form.data else {
        unreachable!("only text is published here")
    };
    if carrier == Carrier::EventStream {
        let id = form.id.clone().unwrap_or_else(|| position.to_string());
        return Msg::Event("message".into(), id, data.clone());
    }
    let mut out = Vec::new();
    encode_event_start(prev, replay, &mut out);
    EventBody::new(&form.topics, data)
        .with_position(position)
        .with_id(form.id.as_deref())
        .encode(&mut out);
    Msg::Text(String::from_utf8(out).unwrap())
}
