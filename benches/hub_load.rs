//! The hub under load, beside its peers and limits: what a delivery costs, what subscribers take of
//! its memory, how fast it takes events in, and what slow subscribers do to the others.
//!
//! ```sh
//! cargo bench -p benches --no-default-features --features hub-load --bench hub_load [-- ROW…]
//! ```
//!
//! The hub is `longwire serve`, built for release; Nchan and nats-server are measured in the same
//! rounds where they are installed (Debian's `libnginx-mod-nchan` and `nats-server`). All of them
//! are processes of their own, and this one is the load: its thread reads what 500 subscribers get
//! and publishes events of 100 bytes. A row is `fanout`, `idle`, `stalled`, `publish`, `durable` or
//! `slow`; without one, all are measured, in about ten minutes. `--hub=PATH` takes a hub that was
//! built before. The figures are medians of the
//! rounds, the ratios medians of the ratios of each round.

#[path = "hub_load/fanout.rs"]
mod fanout;
#[path = "hub_load/load.rs"]
mod load;
#[path = "hub_load/memory.rs"]
mod memory;
#[path = "hub_load/publish.rs"]
mod publish;
#[path = "hub_load/server.rs"]
mod server;
#[path = "hub_load/slow.rs"]
mod slow;
#[path = "hub_load/table.rs"]
mod table;

use std::env;
use std::path::Path;

use benches::process::build_hub;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use server::Server;

/// How much of everything.
#[derive(Debug)]
struct Size {
    rounds: usize,
    subscribers: usize,
    /// Published by one publisher in a round.
    events: usize,
    /// Published into memory in a round.
    publishes: usize,
    /// Made on the disk in a round.
    commits: usize,
    idle: usize,
    stalled: usize,
    /// Published for those who do not read: more than fits between.
    flood: usize,
}

const FULL: Size = Size {
    rounds: 9,
    subscribers: 500,
    events: 400,
    publishes: 60_000,
    commits: 60,
    idle: 15_000,
    stalled: 100,
    flood: 90_000,
};

/// Run once, to see that it runs.
const TEST: Size = Size {
    rounds: 1,
    subscribers: 5,
    events: 16,
    publishes: 100,
    commits: 2,
    idle: 20,
    stalled: 2,
    flood: 500,
};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    allow_descriptors();
    if let ["--hold", address, count, request] = args[..] {
        let (address, count) = (address.parse().unwrap(), count.parse().unwrap());
        return memory::holder(address, count, request);
    }
    let test = args.contains(&"--test");
    let (size, profile) = if test {
        (TEST, "dev")
    } else {
        (FULL, "release")
    };
    let rows: Vec<&str> = args
        .iter()
        .filter(|arg| !arg.starts_with('-'))
        .copied()
        .collect();
    let wanted = |row| rows.is_empty() || rows.contains(&row);
    let built = args.iter().find_map(|arg| arg.strip_prefix("--hub="));
    let binary = built.map_or_else(|| build_hub(profile), str::to_owned);
    let directory =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hub-load-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();

    let mut table = Vec::new();
    let hub = Server::hub(&binary, &["--memory"]);
    let nchan = Server::nchan(&directory);
    let nats = Server::nats(&directory);
    if nchan.is_none() || nats.is_none() {
        eprintln!(
            "without libnginx-mod-nchan and nats-server some figures have nothing beside them"
        );
    }
    if wanted("fanout") {
        table.extend(fanout::rows(&hub, nchan.as_ref(), nats.as_ref(), &size));
    }
    if wanted("publish") {
        table.push(publish::memory(&hub, nchan.as_ref(), &size));
    }
    if wanted("slow") {
        table.push(slow::row(&hub, &size));
    }
    drop((hub, nchan, nats));
    if wanted("durable") {
        table.extend(publish::durable(&binary, &directory, &size));
    }
    if wanted("idle") {
        table.extend(memory::idle(&binary, &size));
    }
    if wanted("stalled") {
        table.push(memory::stalled(&binary, &size));
    }
    std::fs::remove_dir_all(&directory).unwrap();
    table::print(&table);
}

/// Lets this process and its children open as many files as they may.
fn allow_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
}
