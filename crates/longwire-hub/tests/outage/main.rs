//! An outage: clients behind a proxy that fails for a while, publishing goes on, and everybody
//! comes back. Attempts are compared with the theory of full jitter.
//!
//! `cargo xtask outage` runs it with 2,000 clients and 60 seconds, and draws the plot of the book.
//! As an ordinary test it is small.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "helpers of tests, outside of #[test]"
)]

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "../reconnect/hub.rs"]
mod hub;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "../reconnect/proxy.rs"]
mod proxy;
mod theory;

use core::fmt::Write as _;
use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hub::Hub;
use longwire::hub::{Carrier, Data, Event, Target};
use proxy::{Mode, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(120), future).await {
        Ok(value) => value,
        Err(_) => panic!("nothing came in 120 s: {what}"),
    }
}

const TOPICS: usize = 10;
/// Between two events that are published.
const EVERY: Duration = Duration::from_millis(50);
/// After an outage everybody tries within the longest delay; a little is for this machine.
const RECOVERY: Duration = Duration::from_secs(32);

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// What one client saw.
#[derive(Debug, Default)]
struct Seen {
    numbers: Vec<u64>,
    gaps: usize,
    /// When the outage was noticed.
    dropped: Option<Instant>,
    recovered: Option<Instant>,
}

#[derive(Debug, Default)]
struct Shared {
    /// When attempts were made.
    attempts: Mutex<Vec<Instant>>,
    /// When the outage ends, once that is known.
    ended: Mutex<Option<Instant>>,
}

async fn client(url: String, nth: usize, shared: Arc<Shared>, seen: Arc<Mutex<Seen>>) {
    let carrier = if nth.is_multiple_of(2) {
        Carrier::WebSocket
    } else {
        Carrier::EventStream
    };
    let noted = shared.clone();
    let client = longwire::connect(url.as_str())
        .topic(format!("topic-{}", nth / 2 % TOPICS))
        .only(carrier)
        .before_attempt(move |_| {
            noted.attempts.lock().unwrap().push(Instant::now());
            core::future::ready(Ok(Target::new(url.as_str())))
        });
    let mut client = client.open().unwrap();
    while let Some(event) = client.next().await {
        let mut seen = seen.lock().unwrap();
        match event {
            Event::Message(message) => {
                let Data::Text(text) = message.data else {
                    panic!("only text is published")
                };
                seen.numbers.push(text.parse().unwrap());
            }
            Event::Missed(_) => seen.gaps += 1,
            Event::Interrupted(_) => {
                seen.dropped.get_or_insert_with(Instant::now);
            }
            Event::Opened { .. } if shared.ended.lock().unwrap().is_some() => {
                seen.recovered.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }
}

/// What this machine adds: how long a failed attempt takes, second by second, and how late the
/// latest task was.
#[derive(Debug, Default)]
struct Machine {
    took: Vec<(f64, u32)>,
    late: Duration,
}

const PAUSE: Duration = Duration::from_millis(50);

/// Notes how late a task is, as long as it is polled.
async fn lateness(machine: Arc<Mutex<Machine>>) {
    loop {
        let asleep = Instant::now();
        tokio::time::sleep(PAUSE).await;
        let late = asleep.elapsed().saturating_sub(PAUSE);
        let mut machine = machine.lock().unwrap();
        machine.late = machine.late.max(late);
    }
}

/// Makes attempts of its own, as long as it is polled.
async fn probe(address: core::net::SocketAddr, mode: Mode, machine: Arc<Mutex<Machine>>) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        let attempt = Instant::now();
        if mode != Mode::BlackHole
            && let Ok(mut stream) = tokio::net::TcpStream::connect(address).await
        {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        let mut machine = machine.lock().unwrap();
        let second = attempt.duration_since(began).as_secs() as usize;
        if machine.took.len() <= second {
            machine.took.resize(second + 1, (0.0, 0));
        }
        machine.took[second].0 += attempt.elapsed().as_secs_f64();
        machine.took[second].1 += 1;
    }
}

async fn outage(mode: Mode, name: &str) {
    let clients = number("LONGWIRE_OUTAGE_CLIENTS", 100);
    let seconds = number("LONGWIRE_OUTAGE_SECONDS", 5) as u64;
    let hub = Arc::new(Hub::start("127.0.0.1:0", &[]).await);
    let mut proxy = Proxy::start(hub.address).await;
    let shared = Arc::<Shared>::default();
    let seen: Vec<Arc<Mutex<Seen>>> = (0..clients).map(|_| Arc::default()).collect();
    let tasks: Vec<_> = (0..clients)
        .map(|nth| {
            let task = client(proxy.url(), nth, shared.clone(), seen[nth].clone());
            tokio::spawn(task)
        })
        .collect();

    // Publishing goes on all the time, past the proxy. Everybody hears it before the outage.
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let publisher = {
        let hub = hub.clone();
        tokio::spawn(async move {
            let mut counts = vec![0_u64; TOPICS];
            let mut tick = tokio::time::interval(EVERY);
            for nth in (0..TOPICS).cycle() {
                tokio::select! {
                    _ = stopped.changed() => break,
                    _ = tick.tick() => {}
                }
                counts[nth] += 1;
                hub.publish(&format!("topic-{nth}"), &counts[nth].to_string())
                    .await;
            }
            counts
        })
    };
    within("everybody hears something", async {
        while seen
            .iter()
            .any(|seen| seen.lock().unwrap().numbers.is_empty())
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;

    proxy.set(mode).await;
    shared.attempts.lock().unwrap().clear();
    let began = Instant::now();
    proxy.cut();
    let machine = Arc::<Mutex<Machine>>::default();
    // Until everybody is back: attempts are late after the outage as well.
    let lateness = tokio::spawn(lateness(machine.clone()));
    let probing = probe(proxy.address, mode, machine.clone());
    // It has no end.
    let _ = tokio::time::timeout(Duration::from_secs(seconds), probing).await;
    *shared.ended.lock().unwrap() = Some(Instant::now());
    proxy.set(Mode::Pass).await;
    let ended = Instant::now();
    within("everybody comes back", async {
        while seen
            .iter()
            .any(|seen| seen.lock().unwrap().recovered.is_none())
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    lateness.abort();
    stop.send(true).unwrap();
    let counts = publisher.await.unwrap();
    // Everybody catches up, or never will.
    let caught_up = async {
        for (nth, seen) in seen.iter().enumerate() {
            while seen.lock().unwrap().numbers.last() != Some(&counts[nth / 2 % TOPICS]) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let caught_up = tokio::time::timeout(RECOVERY, caught_up).await.is_ok();
    for task in tasks {
        task.abort();
    }

    let outage = ended - began;
    let attempts = shared.attempts.lock().unwrap().clone();
    let bins = theory::bins(attempts.iter().map(|at| *at - began));
    // A busy machine needs a while to tell everybody.
    let dropped = |seen: &Arc<Mutex<Seen>>| seen.lock().unwrap().dropped.unwrap() - began;
    let dropped: Vec<Duration> = seen.iter().map(dropped).collect();
    let machine = core::mem::take(&mut *machine.lock().unwrap());
    let took = machine
        .took
        .iter()
        .map(|(sum, count)| sum / f64::from((*count).max(1)));
    let theory = theory::Theory::new(mode, outage, &dropped, &took.collect::<Vec<_>>());
    let expected = theory.seconds();
    let mut rows = String::from("second,attempts,expected,bound\n");
    let mut over = Vec::new();
    for second in 0..bins.len().max(expected.len()) {
        let seen = bins.get(second).copied().unwrap_or(0);
        let mean = expected.get(second).copied().unwrap_or(0.0);
        let bound = theory.bound(second, machine.late);
        writeln!(rows, "{second},{seen},{mean:.1},{bound:.1}").unwrap();
        if seen as f64 > bound {
            over.push((second, seen, bound));
        }
    }
    let mut recovery: Vec<Duration> = seen
        .iter()
        .map(|seen| {
            seen.lock()
                .unwrap()
                .recovered
                .unwrap()
                .saturating_duration_since(ended)
        })
        .collect();
    recovery.sort();
    let percentile = |p: usize| recovery[(recovery.len() - 1) * p / 100].as_secs_f64();
    let (mut lost, mut repeated, mut silent, mut gaps) = (0, 0, 0, 0);
    for (nth, seen) in seen.iter().enumerate() {
        let seen = seen.lock().unwrap();
        let mut last = seen.numbers[0] - 1;
        for &number in &seen.numbers {
            lost += number.saturating_sub(last + 1);
            silent += usize::from(number > last + 1 && seen.gaps == 0);
            repeated += usize::from(number <= last);
            last = last.max(number);
        }
        lost += counts[nth / 2 % TOPICS] - last;
        gaps += seen.gaps;
    }
    println!(
        "{name}: {clients} clients, {:.1} s of outage, {} attempts ({:.2} a client, expected \
         {:.2}), most in a second {} of at most {:.0}, recovery p50 {:.1} s, p99 {:.1} s, max \
         {:.1} s; tasks were up to {:.0} ms late; published {}, lost {lost}, repeated {repeated}, gaps {gaps}, silent {silent}",
        outage.as_secs_f64(),
        attempts.len(),
        attempts.len() as f64 / clients as f64,
        expected.iter().sum::<f64>() / clients as f64,
        bins.iter().max().unwrap(),
        theory
            .bound(0, machine.late)
            .max(theory.bound(1, machine.late)),
        percentile(50),
        percentile(99),
        percentile(100),
        machine.late.as_secs_f64() * 1e3,
        counts.iter().sum::<u64>(),
    );
    if let Some(folder) = std::env::var_os("LONGWIRE_OUTAGE_RECORD") {
        let path = std::path::Path::new(&folder).join(format!("{name}.csv"));
        std::fs::write(path, rows).unwrap();
    }
    assert!(caught_up, "not everybody caught up");
    assert_eq!((lost, repeated, silent, gaps), (0, 0, 0, 0));
    assert_eq!(over, [], "seconds with more attempts than theory allows");
}

fn run(mode: Mode, name: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(outage(mode, name));
}

#[test]
fn reset() {
    run(Mode::Refuse, "reset");
}

#[test]
fn black_hole() {
    run(Mode::BlackHole, "black-hole");
}

#[test]
fn unavailable() {
    run(Mode::Unavailable, "503");
}

#[test]
fn accept_then_close() {
    run(Mode::AcceptThenClose, "accept-then-close");
}
