//! What slow subscribers do to the others.

use std::time::Duration;

use super::Size;
use super::fanout::SILENCE;
use super::load::Load;
use super::memory::Stalled;
use super::server::{Carrier, Server};
use super::table::{Reach, Row, percentile};

/// Whether those who stall make others wait: the delay of 500 healthy subscribers of 50 events a
/// second, beside 100 that read nothing, and without.
pub(crate) fn row(hub: &Server, size: &Size) -> Row {
    const PACE: Duration = Duration::from_millis(20);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..size.rounds {
        for stalled in [false, true] {
            let topic = format!("slow-{round}-{stalled}");
            let mut load = Load::new(hub, &topic);
            load = load.subscribe(size.subscribers, Carrier::EventStream, hub.address);
            let stalled_ones = stalled.then(|| Stalled::new(hub, &topic, size));
            load = load.publishers(1, 1, hub.address);
            let outcome = load.paced(size.events / 2, PACE, SILENCE);
            let p99 = percentile(&outcome.delays, 99) / 1e6;
            assert_eq!((outcome.lost, outcome.twice), (0, 0));
            eprintln!(
                "{:<40} delay p50 {:.2} ms, p99 {p99:.2} ms, {:.2} µs of CPU each",
                if stalled {
                    "beside stalled ones"
                } else {
                    "without stalled ones"
                },
                percentile(&outcome.delays, 50) / 1e6,
                outcome.cpu.as_secs_f64() * 1e6 / outcome.delivered as f64
            );
            if let Some(stalled) = stalled_ones {
                stalled.check();
                with.push(p99);
            } else {
                without.push(p99);
            }
        }
    }
    Row {
        name: "delay of healthy subscribers, p99".into(),
        unit: "ms",
        ours: with,
        other: Some(("without stalled ones", without)),
        reach: Reach::TimesAtMost(1.2),
    }
}
