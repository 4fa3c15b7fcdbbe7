//! How many events are published a second: into memory beside a peer, onto the disk beside what
//! the database can do.

use std::path::Path;
use std::time::Instant;

use redb::{Database, TableDefinition};

use super::Size;
use super::fanout::SILENCE;
use super::load::Load;
use super::server::Server;
use super::table::{Reach, Row, percentile};

/// Connections that publish at once into memory.
const CONNECTIONS: usize = 8;
/// Publishers that share commits.
const TOGETHER: usize = 64;
/// WebSockets on which as many events are under way.
const SOCKETS: usize = 4;
/// What the hub writes for each event beside its data, with a topic of one letter.
const RECORD: usize = 100 + 18;

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");

/// Into memory, where nobody subscribes.
pub(crate) fn memory(hub: &Server, nchan: Option<&Server>, size: &Size) -> Row {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..size.rounds {
        let topic = format!("publish-{round}");
        for (server, rates) in [(Some(hub), &mut ours), (nchan, &mut theirs)] {
            let Some(server) = server else { continue };
            let load = Load::new(server, &topic);
            let mut load = load.publishers(CONNECTIONS, 1, server.address);
            load.run(size.publishes / 10, SILENCE);
            let outcome = load.run(size.publishes, SILENCE);
            let rate = size.publishes as f64 / outcome.published_in.as_secs_f64();
            eprintln!(
                "{:?}, 8 connections {:>24.0} publishes/s, {:.1} µs of CPU each",
                server.kind,
                rate,
                outcome.cpu.as_secs_f64() * 1e6 / size.publishes as f64
            );
            rates.push(rate);
        }
    }
    Row {
        name: format!("publish into memory, {CONNECTIONS} connections"),
        unit: "1/s",
        ours,
        other: nchan.map(|_| ("Nchan", theirs)),
        reach: Reach::TimesAtLeast(1.0),
    }
}

/// Onto the disk: with 64 publishers beside commits of 64 records, with 64 events under way on a few
/// WebSockets, and one publisher beside commits of one: all of it, and what it takes more than one
/// into memory does, which has the same way to the hub and back.
pub(crate) fn durable(binary: &str, directory: &Path, size: &Size) -> [Row; 4] {
    let log = directory.join("log");
    let hub = Server::hub(binary, &["--data", log.to_str().unwrap()]);
    let memory = Server::hub(binary, &["--memory"]);
    let mut bare = Bare::new(&directory.join("bare.redb"));
    let mut together = Load::new(&hub, "t").publishers(TOGETHER, 1, hub.address);
    let mut alone = Load::new(&hub, "t").publishers(1, 1, hub.address);
    let mut way = Load::new(&memory, "t").publishers(1, 1, memory.address);
    let mut sockets = Load::new(&hub, "t").sockets(SOCKETS, TOGETHER / SOCKETS);
    let [
        mut ours,
        mut framed,
        mut theirs,
        mut one,
        mut more,
        mut commit,
    ] = [const { Vec::new() }; 6];
    together.run(TOGETHER * 8, SILENCE);
    sockets.run(TOGETHER * 8, SILENCE);
    bare.commit(TOGETHER);
    for _ in 0..size.rounds {
        let count = TOGETHER * size.commits;
        let outcome = together.run(count, SILENCE);
        ours.push(count as f64 / outcome.published_in.as_secs_f64());
        let outcome = sockets.run(count, SILENCE);
        framed.push(count as f64 / outcome.published_in.as_secs_f64());
        let begun = Instant::now();
        (0..size.commits).for_each(|_| bare.commit(TOGETHER));
        theirs.push(count as f64 / begun.elapsed().as_secs_f64());
        let outcome = alone.run(size.commits, SILENCE);
        one.push(percentile(&outcome.answers, 50) / 1e3);
        let outcome = way.run(size.commits, SILENCE);
        let way = percentile(&outcome.answers, 50) / 1e3;
        more.push(one[one.len() - 1] - way);
        let mut took: Vec<u64> = (0..size.commits)
            .map(|_| {
                let begun = Instant::now();
                bare.commit(1);
                begun.elapsed().as_nanos() as u64
            })
            .collect();
        took.sort_unstable();
        commit.push(percentile(&took, 50) / 1e3);
        eprintln!(
            "durable: {:.0} publishes/s, {:.0} over {SOCKETS} WebSockets, beside {:.0}; one in {:.0} \
             µs, {way:.0} of them the way, beside {:.0}",
            ours[ours.len() - 1],
            framed[framed.len() - 1],
            theirs[theirs.len() - 1],
            one[one.len() - 1],
            commit[commit.len() - 1]
        );
    }
    [
        Row {
            name: format!("durable, {TOGETHER} publishers"),
            unit: "1/s",
            ours,
            other: Some(("redb, 64 a commit", theirs.clone())),
            reach: Reach::TimesAtLeast(0.9),
        },
        Row {
            name: format!("durable, {TOGETHER} under way on {SOCKETS} WebSockets"),
            unit: "1/s",
            ours: framed,
            other: Some(("redb, 64 a commit", theirs)),
            reach: Reach::TimesAtLeast(0.9),
        },
        Row {
            name: "durable, one publisher, median".into(),
            unit: "µs",
            ours: one,
            other: Some(("redb, one a commit", commit.clone())),
            reach: Reach::TimesAtMost(1.2),
        },
        Row {
            name: "of which beyond one into memory".into(),
            unit: "µs",
            ours: more,
            other: Some(("redb, one a commit", commit)),
            reach: Reach::TimesAtMost(1.2),
        },
    ]
}

/// The database alone, with records of the same size under the same keys.
struct Bare {
    database: Database,
    next: u64,
}

impl Bare {
    fn new(file: &Path) -> Self {
        let mut builder = Database::builder();
        let builder = builder.set_cache_size(32 << 20);
        Self {
            database: builder.create(file).unwrap(),
            next: 1,
        }
    }

    fn commit(&mut self, records: usize) {
        let transaction = self.database.begin_write().unwrap();
        let mut table = transaction.open_table(TABLE).unwrap();
        for _ in 0..records {
            table.insert(self.next, [b'x'; RECORD].as_slice()).unwrap();
            self.next += 1;
        }
        drop(table);
        transaction.commit().unwrap();
    }
}
