//! The load: subscribers and publishers on one thread, which does as little as it can.
//!
//! Each event carries a mark, and the time it was sent at. Subscribers count marks in what they
//! read, whatever the protocol around them is, so a read costs little more than a search.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

use super::server::{Carrier, Kind, Server};

/// Begins the data of every event, and does not occur anywhere else.
const MARK: &[u8; 4] = b"~.~-";
/// Digits of the time behind it.
const DIGITS: usize = 16;
/// Nothing comes any more when nothing came for this long.
const SILENCE: Duration = Duration::from_secs(10);
const READ: usize = 256 * 1024;

pub(crate) struct Load<'s> {
    server: &'s Server,
    topic: String,
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Publisher>,
    buffer: Vec<u8>,
    marks: Finder<'static>,
    acks: Finder<'static>,
    begun: Instant,
    delivered: u64,
    /// Nanoseconds from sending an event to reading it, for one event of each read.
    delays: Vec<u64>,
}

#[derive(Debug)]
struct Subscriber {
    stream: TcpStream,
    /// The end of what was read last, in which a mark may have begun.
    tail: [u8; MARK.len() - 1],
    events: u64,
}

#[derive(Debug)]
struct Publisher {
    stream: TcpStream,
    /// Publishes and their data's place in `request`.
    request: Vec<u8>,
    data: Vec<usize>,
    answer: Vec<u8>,
    sent: Instant,
    waits: bool,
}

/// What a run of publishes came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Server CPU time.
    pub(crate) cpu: Duration,
    /// Until the last answer, and until the last delivery.
    pub(crate) published_in: Duration,
    pub(crate) delivered_in: Duration,
    pub(crate) expected: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) twice: u64,
    /// In nanoseconds, sorted.
    pub(crate) delays: Vec<u64>,
    pub(crate) answers: Vec<u64>,
}

impl<'s> Load<'s> {
    pub(crate) fn new(server: &'s Server, topic: &str) -> Self {
        Self {
            server,
            topic: topic.to_owned(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(),
            ready: Vec::with_capacity(1024),
            subscribers: Vec::new(),
            publishers: Vec::new(),
            buffer: vec![0; MARK.len() - 1 + READ],
            marks: Finder::new(MARK),
            acks: Finder::new(br#""type":"ack""#),
            begun: Instant::now(),
            delivered: 0,
            delays: Vec::new(),
        }
    }

    /// Subscribes, and waits until everybody has had an event.
    pub(crate) fn subscribe(mut self, count: usize, carrier: Carrier, publish: SocketAddr) -> Self {
        let request = self.server.subscribe(&self.topic, carrier);
        let greeting = self.server.greet(&self.topic);
        for _ in 0..count {
            let mut stream = TcpStream::connect(self.server.address).unwrap();
            stream.write_all(&request).unwrap();
            read_head(&mut stream);
            if !greeting.is_empty() {
                stream.write_all(&greeting).unwrap();
            }
            stream.set_nonblocking(true).unwrap();
            let data = epoll::EventData::new_u64(self.subscribers.len() as u64);
            epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN).unwrap();
            self.subscribers.push(Subscriber {
                stream,
                tail: [0; MARK.len() - 1],
                events: 0,
            });
        }
        if count > 0 {
            self = self.publishers(1, 1, publish);
            // A subscription that a server has not made yet may miss the first ones.
            for _ in 0..50 {
                self.run(1, Duration::from_millis(300));
                if self
                    .subscribers
                    .iter()
                    .all(|subscriber| subscriber.events > 0)
                {
                    break;
                }
            }
            self.run(4, SILENCE);
            self.publishers.clear();
        }
        self
    }

    /// Connects those who publish to the hub over WebSocket, each `window` events before it waits
    /// for the answers.
    pub(crate) fn sockets(mut self, count: usize, window: usize) -> Self {
        let frame = self.server.publish_frame(&self.topic, &data());
        let place = self.marks.find(&frame).unwrap() + MARK.len();
        for _ in 0..count {
            let mut stream = TcpStream::connect(self.server.address).unwrap();
            let upgrade = self.server.subscribe("nothing", Carrier::WebSocket);
            stream.write_all(&upgrade).unwrap();
            read_head(&mut stream);
            self.publisher(
                stream,
                frame.repeat(window),
                (0..window).map(|nth| nth * frame.len() + place),
            );
        }
        self
    }

    /// Connects those who publish, each `window` events before it waits for an answer.
    pub(crate) fn publishers(mut self, count: usize, window: usize, address: SocketAddr) -> Self {
        let data = data();
        let (before, after) = match self.server.kind {
            Kind::Nats => (
                &b"CONNECT {\"verbose\":false}\r\nPING\r\n"[..],
                &b"PING\r\n"[..],
            ),
            _ => (&b""[..], &b""[..]),
        };
        let one = match self.server.kind {
            Kind::Nats => format!("PUB {} {}\r\n{data}\r\n", self.topic, data.len()).into_bytes(),
            _ => self.server.publish(&self.topic, &data),
        };
        let place = self.marks.find(&one).unwrap() + MARK.len();
        let mut request = one.repeat(window);
        request.extend_from_slice(after);
        for _ in 0..count {
            let mut stream = TcpStream::connect(address).unwrap();
            if !before.is_empty() {
                stream.write_all(before).unwrap();
                let mut answer = Vec::new();
                while !answer.ends_with(b"PONG\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    answer.extend_from_slice(&byte);
                }
            }
            let places = (0..window).map(|nth| nth * one.len() + place);
            self.publisher(stream, request.clone(), places);
        }
        self
    }

    fn publisher(
        &mut self,
        stream: TcpStream,
        request: Vec<u8>,
        data: impl Iterator<Item = usize>,
    ) {
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let id = (PUBLISHER + self.publishers.len()) as u64;
        let event = epoll::EventData::new_u64(id);
        epoll::add(&self.epoll, &stream, event, epoll::EventFlags::IN).unwrap();
        self.publishers.push(Publisher {
            stream,
            request,
            data: data.collect(),
            answer: Vec::new(),
            sent: self.begun,
            waits: false,
        });
    }

    /// Publishes `count` events as fast as the answers come, and waits until all were delivered or
    /// nothing came for `silence`.
    pub(crate) fn run(&mut self, count: usize, silence: Duration) -> Outcome {
        self.paced(count, Duration::ZERO, silence)
    }

    /// As [`run`](Self::run), with this much time between two events.
    pub(crate) fn paced(&mut self, count: usize, pace: Duration, silence: Duration) -> Outcome {
        let window = self.publishers[0].data.len();
        let requests = count.div_ceil(window);
        let events = (requests * window) as u64;
        let before: Vec<u64> = self.subscribers.iter().map(|s| s.events).collect();
        let expected = events * self.subscribers.len() as u64;
        let mut outcome = Outcome {
            expected,
            ..Outcome::default()
        };
        self.delays.clear();
        let goal = self.delivered + expected;
        let cpu = self.server.process.cpu();
        let begun = Instant::now();
        let (mut sent, mut answered) = (0, 0);
        let mut last = Instant::now();
        if pace.is_zero() {
            for nth in 0..self.publishers.len().min(requests) {
                self.send(nth);
                sent += 1;
            }
        }
        while answered < requests || self.delivered < goal {
            let mut timeout = silence.saturating_sub(last.elapsed());
            if !pace.is_zero() && sent < requests {
                let due = pace * u32::try_from(sent).unwrap();
                let now = begun.elapsed();
                if now >= due
                    && let Some(nth) = self.publishers.iter().position(|p| !p.waits)
                {
                    self.send(nth);
                    sent += 1;
                    continue;
                }
                timeout = timeout.min(due.saturating_sub(now).max(Duration::from_micros(100)));
            }
            self.wait(timeout);
            let ready = std::mem::take(&mut self.ready);
            if ready.is_empty() && last.elapsed() >= silence {
                self.ready = ready;
                break;
            }
            if !ready.is_empty() {
                last = Instant::now();
            }
            let mut done = Vec::new();
            for event in &ready {
                let data = event.data;
                match usize::try_from(data.u64()).unwrap() {
                    nth if nth >= PUBLISHER => done.push(nth - PUBLISHER),
                    nth => self.read(nth),
                }
            }
            self.ready = ready;
            if outcome.delivered_in.is_zero() && self.delivered >= goal {
                outcome.delivered_in = begun.elapsed();
            }
            for nth in done {
                if !self.answered(nth) {
                    continue;
                }
                let took = self.publishers[nth].sent.elapsed();
                outcome.answers.push(took.as_nanos() as u64);
                answered += 1;
                if answered == requests {
                    outcome.published_in = begun.elapsed();
                }
                if pace.is_zero() && sent < requests {
                    self.send(nth);
                    sent += 1;
                }
            }
        }
        outcome.cpu = self.server.process.cpu() - cpu;
        for (subscriber, before) in self.subscribers.iter().zip(before) {
            let got = subscriber.events - before;
            outcome.delivered += got;
            outcome.lost += events.saturating_sub(got);
            outcome.twice += got.saturating_sub(events);
        }
        outcome.delays = std::mem::take(&mut self.delays);
        outcome.delays.sort_unstable();
        outcome.answers.sort_unstable();
        outcome
    }

    fn wait(&mut self, timeout: Duration) {
        self.ready.clear();
        let timeout = Timespec::try_from(timeout).unwrap();
        let waited = epoll::wait(&self.epoll, spare_capacity(&mut self.ready), Some(&timeout));
        waited.unwrap();
    }

    fn send(&mut self, nth: usize) {
        let now = self.begun.elapsed().as_nanos();
        let publisher = &mut self.publishers[nth];
        let time = format!("{now:0>DIGITS$x}");
        for at in &publisher.data {
            publisher.request[*at..*at + DIGITS].copy_from_slice(time.as_bytes());
        }
        publisher.sent = Instant::now();
        publisher.waits = true;
        // At most one window waits, which fits the buffer of a socket.
        publisher.stream.write_all(&publisher.request).unwrap();
    }

    /// Reads from a publisher's socket; whether its answer is complete now.
    fn answered(&mut self, nth: usize) -> bool {
        let publisher = &mut self.publishers[nth];
        let Some(len) = read(&mut publisher.stream, &mut self.buffer) else {
            return false;
        };
        assert_ne!(len, 0, "the server has closed a publisher's connection");
        publisher.answer.extend_from_slice(&self.buffer[..len]);
        let complete = match self.server.kind {
            Kind::Nats => publisher.answer.ends_with(b"PONG\r\n"),
            _ if publisher.answer.starts_with(b"HTTP") => is_complete(&publisher.answer),
            _ => self.acks.find_iter(&publisher.answer).count() == publisher.data.len(),
        };
        if complete {
            publisher.answer.clear();
            publisher.waits = false;
        }
        complete
    }

    fn read(&mut self, nth: usize) {
        let subscriber = &mut self.subscribers[nth];
        let tail = subscriber.tail.len();
        let Some(len) = read(&mut subscriber.stream, &mut self.buffer[tail..]) else {
            return;
        };
        assert_ne!(len, 0, "the server has closed a subscriber's connection");
        self.buffer[..tail].copy_from_slice(&subscriber.tail);
        let bytes = &self.buffer[..tail + len];
        let mut events = 0;
        for at in self.marks.find_iter(bytes) {
            events += 1;
            let time = bytes.get(at + MARK.len()..at + MARK.len() + DIGITS);
            if events == 1
                && let Some(time) = time.and_then(|time| str::from_utf8(time).ok())
                && let Ok(time) = u64::from_str_radix(time, 16)
            {
                self.delays
                    .push(self.begun.elapsed().as_nanos() as u64 - time);
            }
        }
        subscriber.events += events;
        self.delivered += events;
        subscriber.tail.copy_from_slice(&bytes[len..]);
    }
}

/// Of every event, with the mark and room for the time.
fn data() -> String {
    let mark = str::from_utf8(MARK).unwrap();
    let data = format!("{mark}{:0>DIGITS$}{:x<80}", 0, "");
    assert_eq!(data.len(), 100);
    data
}

/// Publishers count from here.
const PUBLISHER: usize = 1 << 32;

fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> Option<usize> {
    match stream.read(buffer) {
        Ok(len) => Some(len),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("a connection failed: {error}"),
    }
}

/// Reads the head of an answer byte by byte, so that nothing behind it is lost.
pub(crate) fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let status = head.get(9..12);
    assert!(
        status == Some(b"200") || status == Some(b"101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
}

/// Whether an answer is there with its whole body.
fn is_complete(answer: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else {
        return false;
    };
    let head = str::from_utf8(&answer[..end]).unwrap();
    assert!(head.starts_with("HTTP/1.1 20"), "{head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let found = name.eq_ignore_ascii_case("content-length");
        found.then(|| value.parse::<usize>().unwrap())
    });
    answer.len() >= end + 4 + length.expect("an answer with its length")
}
