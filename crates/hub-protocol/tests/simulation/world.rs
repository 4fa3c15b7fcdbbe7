//! The network, the clock, the clients and the faults.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use hub_protocol::{
    Attempt, Carrier, Client, ClientAction, ClientConfig, ClientEvent, End, ErrorCode, PublishForm,
    ServerFrame, TopicSelector,
};
use resume::{Keepalive, Limits, Pulse, Start, State};

use crate::check::{Delays, Process};
use crate::hub::Hub;
use crate::rng::Rng;

/// What travels on a connection.
#[derive(Clone, Debug)]
pub(crate) enum Msg {
    /// The request: query and `Last-Event-ID`, and whether the token is good.
    Request(String, Option<String>, bool),
    /// The upgrade, or the response with its header `Last-Event-ID`.
    Accepted(Option<String>),
    Refused(u16, Option<Duration>),
    Text(String),
    /// Of an event stream: name, id, data.
    Event(String, String, String),
    /// A ping or a pong, or a comment.
    Beat(bool),
    /// A close frame, or the end of the stream.
    Closed(u16),
}

#[derive(Clone, Debug)]
enum Event {
    ToHub(usize, Msg),
    ToClient(usize, Msg),
    /// The connection could not be made.
    Unreachable(usize),
    Reached(usize),
    Timer(usize),
    /// The ends of a connection look at their clocks.
    Pulse(usize),
    HubPulse(usize),
    Publish,
    Fault,
    App(usize),
    HubUp {
        keep_log: bool,
    },
    Release(usize),
    Resume(usize),
    /// A POST arrives: node, process, number, body.
    Post(usize, u32, u64, String),
    Posted(usize, u32, u64, Option<(u16, String, String)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Good,
    /// What is sent waits.
    Held,
    /// What is sent is lost, and nobody is told.
    Dead,
}

#[derive(Debug)]
struct Connection {
    node: usize,
    process: u32,
    generation: u64,
    carrier: Carrier,
    link: Link,
    died_at: Option<Duration>,
    held: Vec<Event>,
    /// Nothing overtakes: when the last message to the hub and to the client arrives.
    last: [Duration; 2],
    client_open: bool,
    hub_open: bool,
    client_pulse: Option<Keepalive>,
    hub_pulse: Keepalive,
    hub_sent: Duration,
}

/// How a client's path treats upgrades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgrades {
    Pass,
    Refused,
    Silent,
}

#[derive(Debug)]
struct Node {
    client: Client,
    process: u32,
    checks: Process,
    delays: Delays,
    transport: Option<usize>,
    generation: u64,
    topics: BTreeSet<String>,
    removed: BTreeSet<String>,
    stored: Start,
    stored_carrier: Option<Carrier>,
    only: Option<Carrier>,
    in_flight: usize,
    upgrades: Upgrades,
    partitioned_until: Duration,
    suspended_until: Duration,
    waiting: Vec<Event>,
    token_until: Duration,
    timer_at: Option<Duration>,
    published: u64,
    banned: bool,
    /// Whether this process knows where it stands.
    placed: bool,
    handled_later: bool,
    /// What was terminal in this run, if the end was to come.
    may_end: bool,
}

/// How the hub treats newcomers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    /// Connections are refused.
    Shut,
    /// SYNs are lost.
    BlackHole,
    Unavailable,
    AcceptThenClose,
}

pub(crate) struct World {
    rng: Rng,
    now: Duration,
    seq: u64,
    queue: BTreeMap<(Duration, u64), Event>,
    hub: Hub,
    door: Door,
    connections: Vec<Connection>,
    nodes: Vec<Node>,
    published: u64,
    refusing: bool,
    ever_refused: bool,
    healing: bool,
    trace: u64,
    /// Of processes that are gone.
    drawn: (f64, u32),
    verbose: bool,
}

const TOPICS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Faults happen until then, and the run ends when everything had time to recover.
const FAULTS: Duration = Duration::from_secs(180);
const END: Duration = Duration::from_secs(420);

impl World {
    pub(crate) fn new(seed: u64, verbose: bool) -> Self {
        let mut rng = Rng::new(seed);
        let limits = if rng.one_in(2) {
            Limits::new().count(8 + rng.index(20))
        } else {
            Limits::new().age(Duration::from_secs(20 + rng.below(200)))
        };
        let mut world = Self {
            hub: Hub::new(limits),
            rng,
            now: Duration::ZERO,
            seq: 0,
            queue: BTreeMap::new(),
            door: Door::Open,
            connections: Vec::new(),
            nodes: Vec::new(),
            published: 0,
            refusing: false,
            ever_refused: false,
            healing: false,
            trace: 0xcbf2_9ce4_8422_2325,
            drawn: (0.0, 0),
            verbose,
        };
        for _ in 0..2 + world.rng.index(3) {
            world.add_node();
        }
        for event in [Event::Publish, Event::Fault] {
            let delay = world.rng.millis(0..5_000);
            world.after(delay, event);
        }
        world
    }

    fn add_node(&mut self) {
        let rng = &mut self.rng;
        let only = match rng.below(4) {
            0 => Some(Carrier::EventStream),
            1 => None,
            _ => Some(Carrier::WebSocket),
        };
        let upgrades = match (only, rng.below(3)) {
            (None, 0) => Upgrades::Refused,
            (None, 1) => Upgrades::Silent,
            _ => Upgrades::Pass,
        };
        let mut topics = BTreeSet::new();
        for _ in 0..1 + rng.index(3) {
            topics.insert(TOPICS[rng.index(TOPICS.len())].to_owned());
        }
        let start = if rng.one_in(4) {
            Start::Earliest
        } else {
            Start::Live
        };
        let in_flight = if rng.one_in(3) { 1 } else { 4 };
        let index = self.nodes.len();
        let mut node = Node {
            client: Client::new(ClientConfig::new(), [0; 12]),
            process: 0,
            checks: Process::new(start.clone(), &topics, &self.hub.history),
            delays: Delays::default(),
            transport: None,
            generation: 0,
            topics,
            removed: BTreeSet::new(),
            stored: start,
            stored_carrier: None,
            only,
            in_flight,
            upgrades,
            partitioned_until: Duration::ZERO,
            suspended_until: Duration::ZERO,
            waiting: Vec::new(),
            token_until: Duration::from_secs(20 + rng.below(400)),
            timer_at: None,
            published: 0,
            banned: rng.one_in(40),
            placed: false,
            handled_later: rng.one_in(2),
            may_end: false,
        };
        begin_process(&mut node, &self.hub, index, self.now);
        self.nodes.push(node);
        let delay = self.rng.millis(500..8_000);
        self.after(delay, Event::App(index));
        self.drive(index);
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    fn at(&mut self, time: Duration, event: Event) {
        self.seq += 1;
        self.queue.insert((time, self.seq), event);
    }

    /// Runs to the end, and returns a number that stands for all that happened, and how much of
    /// their ceilings the delays took.
    pub(crate) fn run(mut self) -> (u64, (f64, u32)) {
        let mut steps = 0;
        while let Some(((time, _), event)) = self.queue.pop_first() {
            if time > END {
                break;
            }
            steps = if time == self.now { steps + 1 } else { 0 };
            assert!(steps < 10_000, "time stands still: a timer does nothing");
            self.hub.clock += time - self.now;
            self.now = time;
            self.hub.now = time;
            if !self.healing && time >= FAULTS {
                self.heal();
            }
            self.mix(time.as_nanos() as u64);
            self.step(event);
        }
        self.finish();
        for node in &self.nodes {
            self.drawn.0 += node.delays.drawn.0;
            self.drawn.1 += node.delays.drawn.1;
        }
        (self.trace, self.drawn)
    }

    fn mix(&mut self, value: u64) {
        self.trace = (self.trace ^ value).wrapping_mul(0x0100_0000_01b3);
    }

    fn log(&self, what: core::fmt::Arguments<'_>) {
        if self.verbose {
            println!("{:>10.3} {what}", self.now.as_secs_f64());
        }
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::ToHub(connection, msg) => self.hub_receives(connection, msg),
            Event::ToClient(connection, msg) => {
                let node = self.connections[connection].node;
                if self.suspended(node, &Event::ToClient(connection, msg.clone())) {
                    return;
                }
                self.client_receives(connection, msg);
            }
            Event::Reached(connection) => {
                let c = &self.connections[connection];
                let (node, generation) = (c.node, c.generation);
                if self.current_process(connection) {
                    self.nodes[node].client.reached(generation);
                }
            }
            Event::Unreachable(connection) => {
                self.client_ended(connection, End::Unreachable);
            }
            Event::Timer(node) => {
                self.nodes[node].timer_at = None;
                if self.suspended(node, &Event::Timer(node)) {
                    return;
                }
                let random = self.rng.next();
                self.nodes[node].client.timer(self.now, random);
                self.drive(node);
            }
            Event::Pulse(connection) => self.client_pulse(connection),
            Event::HubPulse(connection) => self.hub_pulse(connection),
            Event::Publish => {
                let form = self.external();
                if self.hub.publish(form).is_ok() {
                    self.ring();
                }
                if self.now < FAULTS + Duration::from_secs(20) {
                    let delay = if self.rng.one_in(8) {
                        self.rng.millis(5_000..40_000)
                    } else {
                        self.rng.millis(50..3_000)
                    };
                    self.after(delay, Event::Publish);
                }
            }
            Event::Fault => {
                if !self.healing {
                    self.fault();
                    let delay = self.rng.millis(500..12_000);
                    self.after(delay, Event::Fault);
                }
            }
            Event::App(node) => self.app(node),
            Event::HubUp { keep_log } => {
                if self.door == Door::Open {
                    return; // it was healed before
                }
                self.log(format_args!("hub up, log kept: {keep_log}"));
                self.hub.restart(keep_log);
                self.door = Door::Open;
            }
            Event::Release(connection) => self.release(connection),
            Event::Resume(node) => {
                if self.now < self.nodes[node].suspended_until {
                    return;
                }
                for event in core::mem::take(&mut self.nodes[node].waiting) {
                    self.step(event);
                }
                self.wind(node);
            }
            Event::Post(node, process, number, body) => self.post(node, process, number, &body),
            Event::Posted(node, process, number, answer) => {
                let current = self.nodes[node].process == process;
                if !current {
                    return;
                }
                let answer = match &answer {
                    Some((status, body, position)) => {
                        Ok((*status, body.as_str(), Some(position.as_str())))
                    }
                    None => Err(()),
                };
                let random = self.rng.next();
                self.nodes[node]
                    .client
                    .posted(number, answer, self.now, random);
                self.drive(node);
            }
        }
    }

    fn external(&mut self) -> PublishForm {
        self.published += 1;
        let topic = TOPICS[self.rng.index(TOPICS.len())];
        let mut form = PublishForm::text([topic], format!("x{}", self.published));
        if self.rng.one_in(3) {
            form.id = Some(format!("id-{}", self.published));
        }
        form
    }

    /// A suspended process sees nothing until it goes on.
    fn suspended(&mut self, node: usize, event: &Event) -> bool {
        let node = &mut self.nodes[node];
        let suspended = self.now < node.suspended_until;
        if suspended {
            node.waiting.push(event.clone());
        }
        suspended
    }

    fn current_process(&self, connection: usize) -> bool {
        let c = &self.connections[connection];
        self.nodes[c.node].process == c.process
    }

    /// Sends on a connection, in order, after a while.
    fn send(&mut self, connection: usize, to_hub: bool, msg: Msg) {
        let delay = self.rng.millis(1..60);
        let c = &mut self.connections[connection];
        let direction = usize::from(to_hub);
        let time = (self.now + delay).max(c.last[direction]);
        let event = if to_hub {
            Event::ToHub(connection, msg)
        } else {
            c.hub_sent = self.now;
            Event::ToClient(connection, msg)
        };
        match c.link {
            Link::Dead => {}
            Link::Held => c.held.push(event),
            Link::Good => {
                c.last[direction] = time;
                self.at(time, event);
            }
        }
    }

    fn release(&mut self, connection: usize) {
        let c = &mut self.connections[connection];
        if c.link != Link::Held {
            return;
        }
        c.link = Link::Good;
        for event in core::mem::take(&mut c.held) {
            match event {
                Event::ToHub(_, msg) => self.send(connection, true, msg),
                Event::ToClient(_, msg) => self.send(connection, false, msg),
                _ => {}
            }
        }
    }

    fn hub_receives(&mut self, connection: usize, msg: Msg) {
        let (carrier, node) = {
            let c = &mut self.connections[connection];
            c.hub_pulse.heard(self.now);
            (c.carrier, c.node)
        };
        let answers = match msg {
            Msg::Request(query, last_event_id, authorized) => {
                let refused = match self.door {
                    Door::Open if !authorized => Some(Msg::Refused(401, None)),
                    Door::Unavailable => {
                        let hint = self.rng.one_in(2).then(|| self.rng.millis(1_000..9_000));
                        Some(Msg::Refused(503, hint))
                    }
                    Door::Shut | Door::BlackHole => Some(Msg::Closed(1006)),
                    _ if carrier == Carrier::WebSocket => match self.nodes[node].upgrades {
                        Upgrades::Pass => None,
                        Upgrades::Refused => Some(Msg::Refused(200, None)),
                        Upgrades::Silent => return,
                    },
                    _ => None,
                };
                if let Some(refused) = refused {
                    return self.send(connection, false, refused);
                }
                let header = last_event_id.as_deref();
                let answers = self.hub.accept(connection, carrier, &query, header);
                let session = &self.hub.ends[&connection].session;
                if self.current_process(connection) && stands(&self.nodes[node].client) {
                    let topics = session.selectors().iter().map(TopicSelector::as_str);
                    self.nodes[node].checks.owes_from(topics, session.cursor());
                }
                self.connections[connection].hub_open = true;
                let at = self.now + Duration::from_secs(15);
                self.at(at, Event::HubPulse(connection));
                let mut answers = answers;
                if self.door == Door::AcceptThenClose {
                    answers.truncate(2);
                    answers.push(Msg::Closed(1006));
                    self.hub.ends.remove(&connection);
                    self.connections[connection].hub_open = false;
                }
                answers
            }
            Msg::Text(text) if self.connections[connection].hub_open => {
                let refuse = self.refusing.then_some(ErrorCode::Unavailable);
                let before = self.hub.history.events.last().map_or(0, Vec::len);
                let mut answers = self.hub.frame(connection, &text, refuse);
                if let Some(end) = self.hub.ends.get(&connection)
                    && self.current_process(connection)
                    && stands(&self.nodes[node].client)
                {
                    let topics = end.session.selectors().iter().map(TopicSelector::as_str);
                    self.nodes[node]
                        .checks
                        .owes_from(topics, end.session.cursor());
                }
                answers.extend(self.hub.fill(connection));
                for msg in answers {
                    self.send(connection, false, msg);
                }
                if self.hub.history.events.last().map_or(0, Vec::len) > before {
                    self.ring();
                }
                return;
            }
            Msg::Beat(true) => vec![Msg::Beat(false)],
            Msg::Closed(_) => {
                self.hub.ends.remove(&connection);
                self.connections[connection].hub_open = false;
                Vec::new()
            }
            _ => Vec::new(),
        };
        for msg in answers {
            self.send(connection, false, msg);
        }
    }

    fn client_receives(&mut self, connection: usize, msg: Msg) {
        if !self.current_process(connection) {
            return;
        }
        let c = &mut self.connections[connection];
        let (node, generation, open) = (c.node, c.generation, c.client_open);
        if let Some(pulse) = &mut c.client_pulse {
            pulse.heard(self.now);
        }
        if !open && self.rng.one_in(2) {
            return; // the socket is gone; or else its last words reach the machine
        }
        let random = self.rng.next();
        let now = self.now;
        let n = &mut self.nodes[node];
        let listened = open && n.transport == Some(connection);
        if listened && n.client.state() == State::Open && !matches!(msg, Msg::Closed(_)) {
            n.delays.heard();
        }
        match msg {
            Msg::Accepted(begins) => {
                if listened {
                    n.delays.opened(now);
                }
                n.client.connected(generation, begins.as_deref(), now);
            }
            Msg::Text(text) => {
                let gap = listened
                    && text.starts_with(r#"{"type":"gap""#)
                    && !text.contains(r#""replay":"#);
                n.checks.gaps.0 += u64::from(gap);
                n.client.text(generation, &text, now, random);
            }
            Msg::Event(name, id, data) => {
                n.checks.gaps.0 += u64::from(listened && name == hub_protocol::SSE_GAP);
                n.client.event(generation, &name, &id, &data, now, random);
            }
            Msg::Beat(ping) => {
                n.client.heard(generation, now);
                if ping && open {
                    self.send(connection, true, Msg::Beat(false));
                }
            }
            Msg::Refused(status, retry_after) => {
                if let Some(hint) = retry_after
                    && listened
                {
                    n.delays.retry_after(hint);
                }
                let end = End::Refused {
                    status,
                    retry_after,
                };
                return self.client_ended(connection, end);
            }
            Msg::Closed(code) => return self.client_ended(connection, End::Closed(code)),
            Msg::Request(..) => {}
        }
        self.drive(node);
    }

    /// The client learns that its attempt or connection is over.
    fn client_ended(&mut self, connection: usize, end: End) {
        if !self.current_process(connection) {
            return;
        }
        let c = &mut self.connections[connection];
        let (node, generation) = (c.node, c.generation);
        c.client_open = false;
        let n = &mut self.nodes[node];
        if n.transport == Some(connection) {
            n.transport = None;
            n.delays.ended(self.now);
        }
        let before = n.client.state();
        let random = self.rng.next();
        n.client.ended(generation, end, self.now, random);
        if n.client.generation() == generation && before != State::Waiting {
            self.check_wait(node);
        }
        self.drive(node);
    }

    fn check_wait(&mut self, node: usize) {
        let n = &mut self.nodes[node];
        if n.client.state() == State::Waiting {
            let until = n.client.deadline().expect("a wait has an end");
            n.delays.waits(until - self.now);
        }
    }

    /// Does what the client says.
    fn drive(&mut self, node: usize) {
        while let Some(action) = self.nodes[node].client.next_action() {
            self.mix(fingerprint(&action));
            self.log(format_args!("{node} {action:?}"));
            let n = &mut self.nodes[node];
            assert!(!n.checks.finished, "I9: {action:?} after the end");
            match action {
                ClientAction::Connect(attempt) => {
                    assert!(n.transport.is_none(), "I1: a second transport");
                    assert!(attempt.generation > n.generation, "I1: generations grow");
                    n.generation = attempt.generation;
                    self.connect(node, attempt);
                }
                ClientAction::Text { generation, frame } => {
                    if let Some(connection) = self.transport(node, generation) {
                        self.send(connection, true, Msg::Text(frame));
                    }
                }
                ClientAction::Post { number, body } => {
                    let (process, body) = (n.process, String::from_utf8(body).unwrap());
                    let delay = self.rng.millis(1..100);
                    self.after(delay, Event::Post(node, process, number, body));
                }
                ClientAction::Deliver(event) => {
                    let n = &mut self.nodes[node];
                    if let ClientEvent::Missed(missed) = &event {
                        self.trace ^= missed.resumed.offset;
                    }
                    let opened = matches!(event, ClientEvent::Opened { .. });
                    if opened
                        && !core::mem::replace(&mut n.placed, true)
                        && let Start::After(position) = n.client.seen()
                        && let Some(end) = n.transport.and_then(|t| self.hub.ends.get(&t))
                    {
                        let topics = end.session.selectors().iter().map(TopicSelector::as_str);
                        n.checks.owes_from(topics, *position);
                    }
                    n.checks.deliver(event, &self.hub.history);
                    if !n.handled_later {
                        self.handle(node, usize::MAX);
                    }
                }
                ClientAction::Drop { generation } | ClientAction::Close { generation } => {
                    if let Some(connection) = self.transport(node, generation) {
                        self.connections[connection].client_open = false;
                        self.nodes[node].transport = None;
                        self.nodes[node].delays.ended(self.now);
                        self.send(connection, true, Msg::Closed(1000));
                        self.check_wait(node);
                    }
                }
                ClientAction::Finish { why, end } => {
                    assert!(n.transport.is_none(), "I9: a transport after the end");
                    assert!(
                        n.may_end || n.banned,
                        "I13: ended without reason: {why:?} {end:?}"
                    );
                    n.checks.finished = true;
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        self.wind(node);
    }

    fn transport(&self, node: usize, generation: u64) -> Option<usize> {
        let transport = self.nodes[node].transport?;
        (self.connections[transport].generation == generation).then_some(transport)
    }

    /// Sets the client's timer.
    fn wind(&mut self, node: usize) {
        let n = &mut self.nodes[node];
        let Some(deadline) = n.client.deadline() else {
            return;
        };
        assert!(!n.checks.finished, "I9: a timer after the end");
        let deadline = deadline.max(self.now);
        if n.timer_at.is_none_or(|at| at > deadline) {
            n.timer_at = Some(deadline);
            self.at(deadline, Event::Timer(node));
        }
    }

    fn handle(&mut self, node: usize, most: usize) {
        let n = &mut self.nodes[node];
        for _ in 0..most {
            let Some(receipt) = n.checks.next_handled() else {
                break;
            };
            n.client.handled(&receipt);
        }
        let kept = n.client.resume_from().clone();
        n.checks.kept(&kept, &self.hub.history);
    }

    fn connect(&mut self, node: usize, attempt: Attempt) {
        let connection = self.connections.len();
        let now = self.now;
        let n = &mut self.nodes[node];
        n.transport = Some(connection);
        if attempt.refresh || n.token_until <= now && self.rng.one_in(2) {
            n.token_until = now + self.rng.millis(20_000..200_000);
        }
        let authorized = now < n.token_until && !n.banned;
        let ping = Keepalive::pinging(Duration::from_secs(25), Duration::from_secs(10), now);
        self.connections.push(Connection {
            node,
            process: n.process,
            generation: attempt.generation,
            carrier: attempt.carrier,
            link: Link::Good,
            died_at: None,
            held: Vec::new(),
            last: [now; 2],
            client_open: true,
            hub_open: false,
            client_pulse: None,
            hub_pulse: ping.clone(),
            hub_sent: now,
        });
        if now < n.partitioned_until || self.door == Door::BlackHole {
            self.connections[connection].link = Link::Dead;
            return;
        }
        let delay = self.rng.millis(1..80);
        if self.door == Door::Shut {
            return self.after(delay, Event::Unreachable(connection));
        }
        if attempt.carrier == Carrier::WebSocket {
            self.connections[connection].client_pulse = Some(ping);
            self.after(Duration::from_secs(25), Event::Pulse(connection));
        }
        self.after(delay, Event::Reached(connection));
        let request = Msg::Request(attempt.query, attempt.last_event_id, authorized);
        self.send(connection, true, request);
    }

    /// The client's socket pings, and notices silence.
    fn client_pulse(&mut self, connection: usize) {
        if self.suspended(self.connections[connection].node, &Event::Pulse(connection)) {
            return;
        }
        let c = &mut self.connections[connection];
        let Some(pulse) = c.client_pulse.as_mut().filter(|_| c.client_open) else {
            return;
        };
        match pulse.poll(self.now) {
            Pulse::Ping => {
                let until = pulse.deadline();
                self.send(connection, true, Msg::Beat(true));
                self.at(until, Event::Pulse(connection));
            }
            Pulse::Wait { until } => self.at(until, Event::Pulse(connection)),
            _ => {
                if let Some(died) = self.connections[connection].died_at {
                    let took = self.now - died;
                    let suspended = self.nodes[self.connections[connection].node].suspended_until;
                    assert!(
                        took <= Duration::from_secs(37) || suspended > died,
                        "a half-open connection was noticed after {took:?}"
                    );
                }
                self.client_ended(connection, End::Silent);
            }
        }
    }

    /// The hub's end pings or comments, says where a quiet cursor is, and notices silence.
    fn hub_pulse(&mut self, connection: usize) {
        if !self.connections[connection].hub_open || !self.hub.ends.contains_key(&connection) {
            return;
        }
        for msg in self.hub.fill(connection) {
            self.send(connection, false, msg);
        }
        let c = &mut self.connections[connection];
        if c.carrier == Carrier::WebSocket {
            match c.hub_pulse.poll(self.now) {
                Pulse::Ping => self.send(connection, false, Msg::Beat(true)),
                Pulse::Wait { .. } => {}
                _ => {
                    self.hub.ends.remove(&connection);
                    self.connections[connection].hub_open = false;
                    return self.send(connection, false, Msg::Closed(1006));
                }
            }
        } else if self.now - c.hub_sent >= Duration::from_secs(15) {
            self.send(connection, false, Msg::Beat(false));
        }
        self.after(Duration::from_secs(5), Event::HubPulse(connection));
    }

    /// Everybody whom something new concerns is sent it.
    fn ring(&mut self) {
        let connections: Vec<usize> = self.hub.ends.keys().copied().collect();
        for connection in connections {
            for msg in self.hub.fill(connection) {
                self.send(connection, false, msg);
            }
        }
    }

    fn post(&mut self, node: usize, process: u32, number: u64, body: &str) {
        let reachable = self.door == Door::Open && self.now >= self.nodes[node].partitioned_until;
        let answer = if !reachable {
            None
        } else if self.refusing {
            Some((503, String::new(), String::new()))
        } else {
            let form = PublishForm::parse(body.as_bytes()).expect("clients publish rightly");
            let answer = self.hub.publish(form);
            self.ring();
            Some(match answer {
                Ok((id, position)) => (200, id, position.to_string()),
                Err(code) => (code.status(), String::new(), String::new()),
            })
        };
        // An answer may be lost after the event was published.
        let answer = answer.filter(|_| self.healing || !self.rng.one_in(8));
        let delay = if answer.is_some() {
            self.rng.millis(1..100)
        } else {
            self.rng.millis(100..10_000)
        };
        self.after(delay, Event::Posted(node, process, number, answer));
    }

    /// The application does something.
    fn app(&mut self, node: usize) {
        let again = self.rng.millis(300..6_000);
        self.after(again, Event::App(node));
        if self.nodes[node].checks.finished || self.now < self.nodes[node].suspended_until {
            return;
        }
        let most = self.rng.index(6);
        self.handle(node, if self.healing { usize::MAX } else { most });
        let choice = self.rng.below(12);
        let now = self.now;
        match choice {
            0..=3 if now < FAULTS + Duration::from_secs(60) => {
                let n = &mut self.nodes[node];
                n.published += 1;
                let data = format!("n{node}.{}.{}", n.process, n.published);
                let topic = TOPICS[self.rng.index(TOPICS.len())];
                let number = n
                    .client
                    .publish(PublishForm::text([topic], data.clone()), now);
                n.checks
                    .publish(number.expect("the queue is long enough"), data);
            }
            4 => {
                let topic = TOPICS[self.rng.index(TOPICS.len())].to_owned();
                let n = &mut self.nodes[node];
                if !n.topics.contains(&topic) && !n.removed.contains(&topic) && !self.healing {
                    let frames = n.only == Some(Carrier::WebSocket);
                    let known = self.hub.history.events.last().map_or(0, Vec::len) as u64;
                    let epoch = *self.hub.history.epochs.last().unwrap();
                    let from = if frames && self.rng.one_in(2) {
                        let offset = self.rng.below(known + 1);
                        Some(resume::Position::new(epoch, offset))
                    } else {
                        None
                    };
                    let start = from.map_or(Start::Live, Start::After);
                    let selector = TopicSelector::parse(&topic).unwrap();
                    n.client.subscribe([selector], start, now).unwrap();
                    n.checks.subscribe(&topic, from);
                    n.topics.insert(topic);
                    if let Some(connection) = n.transport
                        && from.is_some()
                        && self.rng.one_in(2)
                    {
                        // It may drop in the middle of the replay.
                        let delay = self.rng.millis(20..250);
                        self.after(delay, Event::ToClient(connection, Msg::Closed(1006)));
                    }
                }
            }
            5 if self.rng.one_in(3) && !self.healing => {
                let n = &mut self.nodes[node];
                if n.topics.len() > 1
                    && let Some(topic) = n.topics.pop_first()
                {
                    let selector = TopicSelector::parse(&topic).unwrap();
                    n.client.unsubscribe([&selector], now);
                    n.checks.unsubscribe(&topic);
                    n.removed.insert(topic);
                }
            }
            6..=8 => {
                let n = &mut self.nodes[node];
                n.stored = n.client.resume_from().clone();
                n.stored_carrier = n.client.remembered();
                n.checks.kept(&n.stored, &self.hub.history);
            }
            9 if self.rng.one_in(12) && !self.healing => self.crash(node),
            10 if self.rng.one_in(40) && !self.healing => {
                self.log(format_args!("{node} closes"));
                self.nodes[node].may_end = true;
                self.nodes[node].client.close(now);
                self.drive(node);
                assert!(
                    self.nodes[node].checks.finished,
                    "I9: closed, and not at the end"
                );
            }
            _ => {}
        }
        self.drive(node);
    }

    /// The process dies and another takes its place.
    fn crash(&mut self, node: usize) {
        self.log(format_args!("{node} crashes"));
        if let Some(connection) = self.nodes[node].transport.take() {
            self.connections[connection].client_open = false;
            self.send(connection, true, Msg::Closed(1006));
        }
        let n = &mut self.nodes[node];
        n.checks.results(&self.hub.history, false, true);
        n.process += 1;
        n.generation = 0;
        n.placed = false;
        let drawn = core::mem::take(&mut n.delays).drawn;
        self.drawn.0 += drawn.0;
        self.drawn.1 += drawn.1;
        n.removed.clear();
        n.waiting.clear();
        begin_process(n, &self.hub, node, self.now);
    }

    fn fault(&mut self) {
        let node = self.rng.index(self.nodes.len());
        let transport = self.nodes[node].transport;
        let choice = self.rng.below(14);
        self.log(format_args!("fault {choice} node {node}"));
        match (choice, transport) {
            (0, Some(connection)) => {
                // Reset: both ends learn it.
                self.hub.ends.remove(&connection);
                self.connections[connection].hub_open = false;
                self.send(connection, false, Msg::Closed(1006));
            }
            (1, Some(connection)) if self.connections[connection].link == Link::Good => {
                self.connections[connection].link = Link::Held;
                let delay = self.rng.millis(100..20_000);
                self.after(delay, Event::Release(connection));
            }
            (2, Some(connection)) => {
                let c = &mut self.connections[connection];
                c.link = Link::Dead;
                c.died_at.get_or_insert(self.now);
            }
            (3, _) => {
                // Partition: this client reaches nobody for a while, and its connection dies.
                self.nodes[node].partitioned_until = self.now + self.rng.millis(1_000..60_000);
                if let Some(connection) = transport {
                    let c = &mut self.connections[connection];
                    c.link = Link::Dead;
                    c.died_at.get_or_insert(self.now);
                }
            }
            (4..=6, _) if self.door == Door::Open => {
                let keep_log = self.rng.one_in(2);
                let code = if self.rng.one_in(2) { 1012 } else { 1006 };
                let ends: Vec<usize> = self.hub.ends.keys().copied().collect();
                for connection in ends {
                    self.connections[connection].hub_open = false;
                    self.send(connection, false, Msg::Closed(code));
                }
                self.hub.ends.clear();
                self.door = match self.rng.below(4) {
                    0 => Door::BlackHole,
                    1 => Door::Unavailable,
                    2 => Door::AcceptThenClose,
                    _ => Door::Shut,
                };
                if self.door == Door::AcceptThenClose || self.door == Door::Unavailable {
                    // A proxy answers; the hub behind it is the same.
                    let delay = self.rng.millis(500..60_000);
                    self.after(delay, Event::HubUp { keep_log: true });
                } else {
                    let delay = self.rng.millis(100..60_000);
                    self.after(delay, Event::HubUp { keep_log });
                }
            }
            (7, Some(connection)) if self.connections[connection].hub_open => {
                let code = if self.rng.one_in(2) { 4008 } else { 1011 };
                self.hub.ends.remove(&connection);
                self.connections[connection].hub_open = false;
                self.send(connection, false, Msg::Closed(code));
            }
            (8, Some(connection)) if self.connections[connection].hub_open => {
                // The token is no longer good.
                self.nodes[node].token_until = self.now;
                self.hub.ends.remove(&connection);
                self.connections[connection].hub_open = false;
                let code = match self.connections[connection].carrier {
                    Carrier::WebSocket => 4001,
                    _ => 1006,
                };
                self.send(connection, false, Msg::Closed(code));
            }
            (9, _) => {
                let until = self.now + self.rng.millis(500..60_000);
                self.nodes[node].suspended_until = until;
                self.at(until, Event::Resume(node));
            }
            (10, _) => {
                let jump = Duration::from_secs(self.rng.below(100));
                if self.rng.one_in(2) {
                    self.hub.clock += jump;
                } else {
                    self.hub.clock = self.hub.clock.saturating_sub(jump);
                }
            }
            (11, _) => {
                // A burst: those who are away fall off the edge of what is kept.
                for _ in 0..10 + self.rng.below(25) {
                    let form = self.external();
                    // Its id is new.
                    let _ = self.hub.publish(form);
                }
                self.hub.expire();
                self.ring();
            }
            (12, _) => {
                self.refusing = !self.refusing;
                self.ever_refused = true;
            }
            (13, Some(connection)) if self.rng.one_in(30) => {
                // A code that ends it for good.
                self.nodes[node].may_end = true;
                self.hub.ends.remove(&connection);
                self.connections[connection].hub_open = false;
                let code = [1000, 1008, 4003][self.rng.index(3)];
                self.send(connection, false, Msg::Closed(code));
            }
            _ => {}
        }
    }

    /// All faults end.
    fn heal(&mut self) {
        self.log(format_args!("heal"));
        self.healing = true;
        self.refusing = false;
        self.door = Door::Open;
        for connection in 0..self.connections.len() {
            self.release(connection);
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].partitioned_until = self.now;
            self.nodes[node].token_until = Duration::MAX;
        }
    }

    fn finish(&mut self) {
        for index in 0..self.nodes.len() {
            self.handle(index, usize::MAX);
            let n = &self.nodes[index];
            let history = &self.hub.history;
            if n.checks.finished {
                n.checks.results(history, true, true);
                continue;
            }
            assert_eq!(
                n.client.state(),
                State::Open,
                "node {index} did not come back"
            );
            let transport = n.transport.expect("open");
            let session = &self.hub.ends[&transport].session;
            assert_eq!(*session.selectors(), n.client.topics(), "I10: the topics");
            n.checks.complete(history);
            let streams = n.only != Some(Carrier::WebSocket);
            n.checks.results(history, true, streams);
            if n.in_flight == 1 || !self.ever_refused {
                n.checks.order(history);
            }
            assert_eq!(n.client.queued(), 0, "I14: something was never sent");
        }
        // Nothing comes of a client that is closed.
        for index in 0..self.nodes.len() {
            self.nodes[index].may_end = true;
            self.nodes[index].client.close(self.now);
            self.drive(index);
            let n = &mut self.nodes[index];
            n.client.timer(self.now + END, 0);
            n.client.text(n.generation, "{}", self.now, 0);
            n.client.ended(n.generation, End::Unreachable, self.now, 0);
            assert_eq!(n.client.next_action(), None, "I9: after close");
            assert_eq!(n.client.deadline(), None, "I9: after close");
        }
    }
}

/// Whether the client knows a place: until then it begins wherever the hub is when it hears of it.
fn stands(client: &Client) -> bool {
    !matches!(client.seen(), Start::Live | Start::Earliest)
}

fn begin_process(node: &mut Node, hub: &Hub, index: usize, now: Duration) {
    let mut config = ClientConfig::new()
        .start(node.stored.clone())
        .remembered(node.stored_carrier)
        .in_flight(node.in_flight);
    if let Some(only) = node.only {
        config = config.only(only);
    }
    let mut seed = [0; 12];
    seed[0] = u8::try_from(index).unwrap();
    seed[1..5].copy_from_slice(&node.process.to_be_bytes());
    node.client = Client::new(config, seed);
    node.checks = Process::new(node.stored.clone(), &node.topics, &hub.history);
    let selectors = node
        .topics
        .iter()
        .map(|topic| TopicSelector::parse(topic).unwrap());
    node.client
        .subscribe(selectors, node.stored.clone(), now)
        .unwrap();
    node.client.start(now);
}

/// A number that differs where actions differ in what matters.
fn fingerprint(action: &ClientAction) -> u64 {
    match action {
        ClientAction::Connect(attempt) => attempt.generation << 8 | 1,
        ClientAction::Text { frame, .. } => (frame.len() as u64) << 8 | 2,
        ClientAction::Post { number, .. } => number << 8 | 3,
        ClientAction::Deliver(ClientEvent::Message(message)) => {
            message.position.map_or(0, |position| position.offset) << 8 | 4
        }
        ClientAction::Deliver(_) => 5,
        ClientAction::Drop { generation } | ClientAction::Close { generation } => {
            generation << 8 | 6
        }
        _ => 7,
    }
}

/// Frames are JSON, and their kind stands first.
#[test]
fn the_kind_of_a_frame_can_be_seen() {
    let gap = r#"{"type":"gap","resumed":"#.to_owned()
        + "\"#010101010101010101010101-1\",\"reason\":\"epoch\","
        + "\"earliest\":\"#010101010101010101010101-2\",\"head\":\"#010101010101010101010101-2\"}";
    let Ok(ServerFrame::Gap(frame)) = ServerFrame::decode(gap.as_bytes()) else {
        panic!("a gap")
    };
    let mut out = Vec::new();
    ServerFrame::Gap(frame).encode(&mut out);
    assert!(out.starts_with(br#"{"type":"gap""#));
}
