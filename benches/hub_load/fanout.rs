//! What a delivery costs the server, and whether any is lost.

use std::net::SocketAddr;
use std::time::Duration;

use super::Size;
use super::load::{Load, Outcome};
use super::server::{Carrier, Server};
use super::table::{Reach, Row, percentile};

/// Nothing comes any more when nothing came for this long.
pub(crate) const SILENCE: Duration = Duration::from_secs(10);
/// Publishers at once, and events that nats-server gets without waiting.
const TOGETHER: usize = 64;

/// A server, whom its publishers connect to, and how they publish.
struct Case<'s> {
    name: &'static str,
    server: &'s Server,
    publish: SocketAddr,
    carrier: Carrier,
    publishers: usize,
    window: usize,
    events: usize,
    /// Microseconds per delivery.
    cpu: Vec<f64>,
}

impl<'s> Case<'s> {
    fn new(name: &'static str, server: &'s Server, carrier: Carrier, events: usize) -> Self {
        Self {
            name,
            server,
            publish: server.address,
            carrier,
            publishers: 1,
            window: 1,
            events,
            cpu: Vec::new(),
        }
    }

    fn round(&mut self, round: usize, size: &Size) {
        let (carrier, publishers) = (self.carrier, self.publishers);
        let topic = format!("fan-out-{round}-{carrier:?}-{publishers}");
        let mut load = Load::new(self.server, &topic)
            .subscribe(size.subscribers, carrier, self.publish)
            .publishers(publishers, self.window, self.publish);
        let outcome = load.run(self.events, SILENCE);
        let each = outcome.cpu.as_secs_f64() * 1e6 / outcome.delivered as f64;
        self.cpu.push(each);
        eprintln!(
            "{:<40} {each:>7.3} µs each of {}, {:.0} K/s, delay p50 {:.1} ms, p99 {:.1} ms",
            self.name,
            outcome.delivered,
            outcome.delivered as f64 / outcome.delivered_in.as_secs_f64() / 1e3,
            percentile(&outcome.delays, 50) / 1e6,
            percentile(&outcome.delays, 99) / 1e6,
        );
        complete(self.name, &outcome);
    }
}

fn complete(name: &str, outcome: &Outcome) {
    let Outcome {
        expected,
        lost,
        twice,
        ..
    } = outcome;
    assert_eq!(
        (*lost, *twice),
        (0, 0),
        "{name}: lost and repeated of {expected}"
    );
}

/// The hub beside its peers, in turn: one publisher, then 64.
pub(crate) fn rows(
    hub: &Server,
    nchan: Option<&Server>,
    nats: Option<&(Server, SocketAddr)>,
    size: &Size,
) -> Vec<Row> {
    let (stream, socket) = (Carrier::EventStream, Carrier::WebSocket);
    let mut ours = [
        Case::new("event stream, one publisher", hub, stream, size.events),
        Case::new("WebSocket, one publisher", hub, socket, size.events),
        Case::new("event stream, 64 publishers", hub, stream, 8 * size.events),
        Case::new("WebSocket, 64 publishers", hub, socket, 8 * size.events),
    ];
    for case in &mut ours[2..] {
        case.publishers = TOGETHER;
    }
    let mut peers = Vec::new();
    if let Some(nchan) = nchan {
        peers.push(Case::new("Nchan, event stream", nchan, stream, size.events));
        peers.push(Case::new("Nchan, WebSocket", nchan, socket, size.events));
    }
    if let Some((server, publish)) = nats {
        let mut case = Case::new(
            "nats-server, windows of 64",
            server,
            socket,
            8 * size.events,
        );
        (case.window, case.publish) = (TOGETHER, *publish);
        peers.push(case);
    }
    for round in 0..size.rounds {
        for case in ours.iter_mut().chain(&mut peers) {
            case.round(round, size);
        }
    }
    let peer = |name: &str| {
        let peer = peers.iter().find(|case| case.name.starts_with(name))?;
        Some((peer.name, peer.cpu.clone()))
    };
    let others = [
        peer("Nchan, event stream"),
        peer("Nchan, WebSocket"),
        peer("nats"),
        peer("nats"),
    ];
    // 4.3 µs are to be reached where Nchan takes as much; 0.7 where nats-server takes 0.67.
    let reach = [(1.0, 4.3), (1.0, 4.3), (1.05, 0.7), (1.05, 0.7)];
    let rows = ours.into_iter().zip(others).zip(reach);
    rows.map(|((case, other), (times, alone))| Row {
        name: format!("fan-out to {}, {}", size.subscribers, case.name),
        unit: "µs of CPU each",
        ours: case.cpu,
        reach: match other {
            Some(_) => Reach::TimesAtMost(times),
            None => Reach::AtMost(alone),
        },
        other,
    })
    .collect()
}
