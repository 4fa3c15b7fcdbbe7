//! What subscribers take of the server's memory: idle ones, and such as do not read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use benches::process::Process;

use super::Size;
use super::fanout::SILENCE;
use super::load::{Load, read_head};
use super::server::{Carrier, Server};
use super::table::{Reach, Row};

/// What a server needs only once is not counted.
const WARM: usize = 100;
/// Programs that hold the idle subscribers: each may have 20,000 descriptors.
const HOLDERS: usize = 2;

/// Idle subscribers of either carrier.
pub(crate) fn idle(binary: &str, size: &Size) -> Vec<Row> {
    let mut rows = Vec::new();
    for (carrier, name) in [
        (Carrier::EventStream, "event streams"),
        (Carrier::WebSocket, "WebSockets"),
    ] {
        let hub = Server::hub(binary, &["--memory"]);
        let (_warm, _) = hold(&hub, carrier, WARM);
        let before = hub.process.resident();
        let held: Vec<_> = (0..HOLDERS)
            .map(|_| hold(&hub, carrier, size.idle / HOLDERS))
            .collect();
        let total = hub.process.resident();
        drop(held);
        let each = (total - before) as f64 / size.idle as f64;
        eprintln!(
            "{} idle {name}: {each:.0} bytes each, {total} in all",
            size.idle
        );
        rows.push(Row {
            name: format!("an idle one of {} {name}", size.idle),
            unit: "bytes",
            ours: vec![each],
            other: None,
            reach: Reach::AtMost(2_560.0),
        });
        rows.push(Row {
            name: format!("the hub with {} idle {name}", size.idle + WARM),
            unit: "MB",
            ours: vec![total as f64 / 1e6],
            other: None,
            reach: Reach::AtMost(40.0),
        });
    }
    rows
}

/// Another process that holds subscribers; they are there when this returns.
fn hold(hub: &Server, carrier: Carrier, count: usize) -> (Process, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let request = String::from_utf8(hub.subscribe("idle", carrier)).unwrap();
    command.args([
        "--hold",
        &hub.address.to_string(),
        &count.to_string(),
        &request,
    ]);
    let (process, line) = Process::listening(command.stdin(Stdio::piped()));
    assert_eq!(line, "there\n");
    sleep(Duration::from_secs(1));
    (process, line)
}

/// What that process does.
pub(crate) fn holder(address: SocketAddr, count: usize, request: &str) {
    let _streams: Vec<_> = (0..count)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            read_head(&mut stream);
            stream
        })
        .collect();
    println!("there");
    // Until the other process ends.
    let _ = BufReader::new(std::io::stdin()).read_line(&mut String::new());
}

/// Subscribers that read nothing while more was published than fits in between.
pub(crate) struct Stalled {
    streams: Vec<TcpStream>,
    published: usize,
}

impl Stalled {
    /// They ask for `topic`, too.
    pub(crate) fn new(hub: &Server, topic: &str, size: &Size) -> Self {
        let other = format!("{topic}-much");
        let request = hub.subscribe(&format!("{topic}&topic={other}"), Carrier::EventStream);
        let streams = (0..size.stalled).map(|_| open(hub, &request)).collect();
        let publish = hub.publish(&other, &"x".repeat(FLOOD_DATA));
        let mut publisher = TcpStream::connect(hub.address).unwrap();
        for _ in 0..FLOOD {
            publisher.write_all(&publish).unwrap();
            read_head(&mut publisher);
            let mut rest = [0; 1024];
            let _ = publisher.read(&mut rest).unwrap();
        }
        Self {
            streams,
            published: FLOOD * FLOOD_DATA,
        }
    }

    /// Makes sure that they did stall: less came than was published, if that was enough.
    pub(crate) fn check(mut self) {
        if self.published < HELD {
            return;
        }
        // Whoever is read from before it was sent away gets the rest.
        sleep(SENT_AWAY);
        let mut buffer = vec![0; 1 << 20];
        for stream in &mut self.streams {
            let mut got = 0;
            // One that was sent away is reset, or at its end.
            while let Ok(len @ 1..) = stream.read(&mut buffer) {
                got += len;
            }
            assert!(got < self.published, "{got} bytes came to one that stalls");
        }
    }
}

/// The hub sends one away that takes nothing for five seconds.
const SENT_AWAY: Duration = Duration::from_secs(6);
/// More than the sockets on both sides hold; less may not stall anybody.
const HELD: usize = 8 << 20;
/// Events of so many bytes each: more than a socket takes on both sides.
const FLOOD: usize = 512;
const FLOOD_DATA: usize = 16 << 10;

/// What one takes that has much to read and does not, with events of 100 bytes.
pub(crate) fn stalled(binary: &str, size: &Size) -> Row {
    let hub = Server::hub(binary, &["--memory"]);
    // One reads it all: what its events take in the log is taken before.
    let mut load = Load::new(&hub, "stalled")
        .subscribe(1, Carrier::EventStream, hub.address)
        .publishers(64, 1, hub.address);
    load.run(size.flood, SILENCE);
    drop(load);
    sleep(Duration::from_secs(1));
    let before = hub.process.resident();
    let request = hub.subscribe("stalled&lastEventID=earliest", Carrier::EventStream);
    let stalled = Stalled {
        streams: (0..size.stalled).map(|_| open(&hub, &request)).collect(),
        published: size.flood * 100,
    };
    // Who stalls for five is sent away.
    sleep(Duration::from_secs(2));
    let each = (hub.process.resident() - before) as f64 / size.stalled as f64 / 1024.0;
    eprintln!("{} that read nothing: {each:.1} KiB each", size.stalled);
    stalled.check();
    Row {
        name: "a subscriber that reads nothing".into(),
        unit: "KiB",
        ours: vec![each],
        other: None,
        reach: Reach::AtMost(64.0),
    }
}

/// A subscriber, once the head of its answer has come.
fn open(hub: &Server, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(hub.address).unwrap();
    stream.write_all(request).unwrap();
    read_head(&mut stream);
    stream.set_nonblocking(true).unwrap();
    stream
}
