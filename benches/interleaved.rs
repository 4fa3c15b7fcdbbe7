//! Rounds that take every case in turn, so that a noisy minute hits all of them.

use crate::{Group, Kind};
use rustix::time::{ClockId, clock_gettime};

/// Rounds per group; the median of them is printed.
const ROUNDS: usize = 21;
/// Each case runs at least this long per round, in nanoseconds of CPU time.
const ROUND_NS: u64 = 4_000_000;

/// CPU time of this thread in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

fn time(run: &mut dyn FnMut(), iterations: u64) -> u64 {
    let start = thread_cpu_ns();
    for _ in 0..iterations {
        run();
    }
    thread_cpu_ns() - start
}

/// Runs and prints each group whose name contains `filter`.
pub fn run(groups: Vec<Group<'_>>, filter: Option<&str>) {
    for mut group in groups {
        if filter.is_some_and(|f| !group.name.contains(f)) {
            continue;
        }
        let iterations: Vec<u64> = group
            .cases
            .iter_mut()
            .map(|case| {
                let mut n = 1;
                loop {
                    let spent = time(&mut case.run, n);
                    if spent >= ROUND_NS / 4 {
                        return (n * ROUND_NS).div_ceil(spent.max(1)).max(1);
                    }
                    n *= 2;
                }
            })
            .collect();
        let mut samples = vec![Vec::with_capacity(ROUNDS); group.cases.len()];
        for round in 0..ROUNDS {
            for i in 0..group.cases.len() {
                // A different case goes first each round.
                let i = (i + round) % group.cases.len();
                let spent = time(&mut group.cases[i].run, iterations[i]);
                samples[i].push(spent as f64 / iterations[i] as f64);
            }
        }
        let medians: Vec<f64> = samples
            .iter_mut()
            .map(|s| {
                s.sort_by(f64::total_cmp);
                s[s.len() / 2]
            })
            .collect();
        print_group(&group, &medians);
    }
}

fn print_group(group: &Group<'_>, medians: &[f64]) {
    let best_peer = group
        .cases
        .iter()
        .zip(medians)
        .filter(|(case, _)| case.kind == Kind::Peer)
        .map(|(_, ns)| *ns)
        .min_by(f64::total_cmp);
    println!(
        "\n{} ({} bytes, {} events)",
        group.name, group.bytes, group.events
    );
    println!(
        "  {:<24} {:<6} {:>12} {:>10} {:>14}",
        "case", "", "ns/event", "MB/s", "x best peer"
    );
    for (case, ns) in group.cases.iter().zip(medians) {
        let ratio = best_peer.map_or("-".into(), |best| format!("{:.2}", best / ns));
        println!(
            "  {:<24} {:<6} {:>12.1} {:>10.0} {:>14}",
            case.name,
            match case.kind {
                Kind::Ours => "ours",
                Kind::Peer => "peer",
                Kind::Limit => "limit",
            },
            ns / group.events as f64,
            group.bytes as f64 * 1000.0 / ns,
            ratio,
        );
    }
}
