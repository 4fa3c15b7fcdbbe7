//! One set of workloads, two ways to time them.
//!
//! `cargo bench` is criterion. `cargo bench --bench NAME -- --interleaved [FILTER]` runs the cases
//! of each group in turn, round after round, and prints the median thread CPU time of each with
//! its ratio to the best peer: on a shared machine only figures of the same minutes compare.
//! `--test` runs every case once.

pub mod interleaved;
pub mod process;
pub mod workload;

/// What is measured against what: cases that do the same work on the same input.
pub struct Group<'a> {
    /// Crate, operation and size, as `sse-parse/tokens/16KiB`.
    pub name: String,
    /// Input bytes that one run consumes.
    pub bytes: u64,
    /// Events, messages or requests that one run handles.
    pub events: u64,
    /// The first is ours or a limit; order is the order of the printed rows.
    pub cases: Vec<Case<'a>>,
}

/// One contender of a [`Group`].
pub struct Case<'a> {
    /// The crate or limit that runs.
    pub name: &'static str,
    /// Whether it is ours, a peer, or a limit such as `memcpy`.
    pub kind: Kind,
    /// Does the whole work once; the caller passes results through `black_box`.
    pub run: Box<dyn FnMut() + 'a>,
}

/// Who a [`Case`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Peer,
    /// Cannot be beaten, or does less than the task asks: printed, never ranked.
    Limit,
}

impl<'a> Group<'a> {
    pub fn new(name: impl Into<String>, bytes: u64, events: u64) -> Self {
        Self {
            name: name.into(),
            bytes,
            events,
            cases: Vec::new(),
        }
    }

    pub fn ours(self, name: &'static str, run: impl FnMut() + 'a) -> Self {
        self.case(name, Kind::Ours, run)
    }

    pub fn peer(self, name: &'static str, run: impl FnMut() + 'a) -> Self {
        self.case(name, Kind::Peer, run)
    }

    pub fn limit(self, name: &'static str, run: impl FnMut() + 'a) -> Self {
        self.case(name, Kind::Limit, run)
    }

    fn case(mut self, name: &'static str, kind: Kind, run: impl FnMut() + 'a) -> Self {
        self.cases.push(Case {
            name,
            kind,
            run: Box::new(run),
        });
        self
    }
}

/// Runs the groups in the mode the command line asks for.
pub fn run(groups: Vec<Group<'_>>) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|a| a == "--interleaved") {
        let filter = args.iter().find(|a| !a.starts_with("--"));
        interleaved::run(groups, filter.map(String::as_str));
        return;
    }
    let mut criterion = criterion::Criterion::default().configure_from_args();
    for group in groups {
        let mut bench = criterion.benchmark_group(&group.name);
        bench.throughput(criterion::Throughput::Bytes(group.bytes));
        for mut case in group.cases {
            bench.bench_function(case.name, |b| b.iter(&mut case.run));
        }
        bench.finish();
    }
    criterion.final_summary();
}
