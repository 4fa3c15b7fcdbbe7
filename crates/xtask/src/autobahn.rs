//! The Autobahn test suite against echo programs, each case compared with its pinned result.
//!
//! The suite is a program for Python 2.7. It is installed into `target/autobahn`, where its
//! reports go too.

mod results;
mod suite;

use crate::command::{self, cargo, run};
use crate::stop::Stop;
use clap::Args;
use results::Results;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use suite::Running;

/// What `cargo xtask autobahn` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// All 517 cases, compression included: some 15 minutes; without it sections 1 to 10
    #[arg(long)]
    all: bool,
    /// Only these cases, as `7.*` or `12.1.3`
    #[arg(long, conflicts_with = "all")]
    cases: Vec<String>,
    /// Write the results to the pinned ones instead of comparing them
    #[arg(long, requires = "all")]
    pin: bool,
}

/// Programs that the suite is run against.
struct Testee {
    package: &'static str,
    /// An example that takes `--deflate` and an address, and prints `listening on ADDRESS`.
    server: &'static str,
    /// An example that takes `--deflate` and URLs, and echoes on each until it ends.
    client: &'static str,
    /// The folder with the pinned results.
    conformance: &'static str,
}

const TESTEE: Testee = Testee {
    package: "ws-frame",
    server: "echo_server",
    client: "echo_client",
    conformance: "crates/ws-frame/conformance",
};

/// The name in the reports.
const AGENT: &str = "longwire";
/// All sections but 12 and 13, compression; there is no section 8 or 11.
const SECTIONS: [&str; 9] = [
    "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*",
];

/// Installs the suite if it is missing, and runs it in both roles.
///
/// # Errors
///
/// A result differs from the pinned one, or the suite cannot be installed or run.
pub(crate) fn run_cases(options: &Options) -> Result<(), String> {
    let cases: Vec<&str> = if options.all {
        vec!["*"]
    } else if options.cases.is_empty() {
        SECTIONS.to_vec()
    } else {
        options.cases.iter().map(String::as_str).collect()
    };
    match check(&TESTEE, &cases, options.pin, true) {
        Ok(()) => Ok(()),
        Err(Stop::Skipped(reason)) => Err(format!("not run: {reason}")),
        Err(Stop::Failed(reason)) => Err(reason),
    }
}

/// The step of `cargo xtask ci`: sections 1 to 10 in both roles.
///
/// # Errors
///
/// As [`run_cases`]; [`Stop::Skipped`] without Python 2.7, or without the suite and `install`.
pub(crate) fn step(install: bool) -> Result<(), Stop> {
    check(&TESTEE, &SECTIONS, false, install)
}

fn check(testee: &Testee, cases: &[&str], pin: bool, install: bool) -> Result<(), Stop> {
    suite::install(install)?;
    run(&mut cargo(&format!(
        "build --release --package {} --example {} --example {}",
        testee.package, testee.server, testee.client
    )))?;
    // Both roles side by side: the suite uses one core.
    let (server, client) = thread::scope(|scope| {
        let server = scope.spawn(|| server_role(testee, cases));
        let client = client_role(testee, cases);
        (server.join(), client)
    });
    let server = server.map_err(|_| "the server role panicked".to_owned())??;
    let mut differences = 0;
    for (role, results) in [("server", server), ("client", client?)] {
        let file = command::root()
            .join(testee.conformance)
            .join(format!("expected-{role}.json"));
        if pin {
            results::write(&file, &results)?;
        } else {
            differences += results::compare(role, &results, &results::read(&file)?, cases);
        }
        println!("{role}: {}", results::summary(&results));
    }
    if differences == 0 {
        return Ok(());
    }
    Err(Stop::Failed(format!(
        "{differences} results differ from {}; reports are in {}",
        testee.conformance,
        suite::folder().join("reports").display()
    )))
}

/// The suite as a client against our server.
fn server_role(testee: &Testee, cases: &[&str]) -> Result<Results, String> {
    let log = suite::log("server")?;
    let mut server = example(testee.server)
        .args(["--deflate", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(log.0)
        .spawn()
        .map(Running)
        .map_err(|e| format!("{}: {e}", testee.server))?;
    let stdout = server.0.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = lines.next().and_then(Result::ok).unwrap_or_default();
    let address = line
        .strip_prefix("listening on ")
        .ok_or_else(|| format!("{}: {line}", testee.server))?;
    let url = format!("ws://{address}");
    // Whatever else it prints must be read, or it would wait.
    thread::spawn(move || lines.for_each(drop));

    let servers = serde_json::json!([{"agent": AGENT, "url": url}]);
    let spec = suite::spec("server", cases, "servers", servers)?;
    let mut wstest = suite::start("fuzzingclient", &spec)
        .stdout(log.1)
        .spawn()
        .map(Running)
        .map_err(|e| format!("wstest: {e}"))?;
    wstest.wait()?;
    results::found(&suite::reports("server"))
}

/// The suite as a server for our client.
fn client_role(testee: &Testee, cases: &[&str]) -> Result<Results, String> {
    let log = suite::log("client")?;
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let address = port.map_err(|e| e.to_string())?;
    let url = format!("ws://{address}");
    let spec = suite::spec("client", cases, "url", url.as_str().into())?;
    let mut wstest = suite::start("fuzzingserver", &spec)
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .map_err(|e| format!("wstest: {e}"))?;
    let stdout = wstest.0.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    // `Ok, will run 301 test cases for any clients connecting`
    let count: usize = lines
        .find_map(|line| {
            line.strip_prefix("Ok, will run ")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        .ok_or("wstest does not say how many cases it has")?;
    thread::spawn(move || lines.for_each(drop));
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if started.elapsed() > Duration::from_secs(30) {
            return Err("wstest does not listen".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let mut client = example(testee.client);
    client.arg("--deflate").stdout(log.0).stderr(log.1);
    client.args((1..=count).map(|case| format!("{url}/runCase?case={case}&agent={AGENT}")));
    client.arg(format!("{url}/updateReports?agent={AGENT}"));
    let mut client = client
        .spawn()
        .map(Running)
        .map_err(|e| format!("{}: {e}", testee.client))?;
    // Some cases end without a close frame on purpose; what counts is in the report.
    client.wait()?;
    results::found(&suite::reports("client"))
}

fn example(name: &str) -> Command {
    Command::new(command::target().join("release/examples").join(name))
}
