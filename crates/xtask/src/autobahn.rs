//! The Autobahn test suite against echo programs, each case compared with its pinned result.
//!
//! The suite is a program for Python 2.7. It is installed into `target/autobahn`, where its
//! reports go too.

mod results;
mod suite;

use crate::command::{self, cargo, program, run};
use crate::stop::Stop;
use clap::Args;
use core::net::SocketAddr;
use results::Results;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
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
    /// Only this pair of programs
    #[arg(long)]
    testee: Option<String>,
}

/// Programs that the suite is run against.
struct Testee {
    name: &'static str,
    package: &'static str,
    features: &'static str,
    /// An example that takes `--deflate` and an address, and prints `listening on ADDRESS`.
    server: &'static str,
    /// An example that takes `--deflate` and URLs, and echoes on each until it ends.
    client: &'static str,
    /// The folder with the pinned results.
    conformance: &'static str,
    /// How the server is reached.
    transports: &'static [Transport],
}

/// What carries the WebSockets of the suite to a server. The pinned results are the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    /// Sections 1 to 10 only: what is compressed does not depend on what carries it.
    Tls,
    /// Likewise; behind nghttpx, which makes an extended CONNECT (RFC 8441) of each upgrade.
    Http2,
}

const TESTEES: [Testee; 2] = [
    Testee {
        name: "ws-frame",
        package: "ws-frame",
        features: "",
        server: "echo_server",
        client: "echo_client",
        conformance: "crates/ws-frame/conformance",
        transports: &[Transport::Tcp],
    },
    Testee {
        name: "longwire",
        package: "longwire",
        features: "deflate,http2,tls",
        server: "ws_echo",
        client: "ws_autobahn_client",
        conformance: "crates/longwire/conformance",
        transports: &[Transport::Tcp, Transport::Tls, Transport::Http2],
    },
];

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
    let wanted = |testee: &&Testee| options.testee.as_ref().is_none_or(|t| t == testee.name);
    for testee in TESTEES.iter().filter(wanted) {
        match check(testee, &cases, options.pin, true) {
            Ok(()) => {}
            Err(Stop::Skipped(reason)) => return Err(format!("not run: {reason}")),
            Err(Stop::Failed(reason)) => return Err(reason),
        }
    }
    Ok(())
}

/// The step of `cargo xtask ci`: sections 1 to 10 in both roles.
///
/// # Errors
///
/// As [`run_cases`]; [`Stop::Skipped`] without Python 2.7, or without the suite and `install`.
pub(crate) fn step(install: bool) -> Result<(), Stop> {
    TESTEES
        .iter()
        .try_for_each(|testee| check(testee, &SECTIONS, false, install))
}

fn check(testee: &Testee, cases: &[&str], pin: bool, install: bool) -> Result<(), Stop> {
    suite::install(install)?;
    run(&mut cargo(&format!(
        "build --release --package {} --features={} --example {} --example {}",
        testee.package, testee.features, testee.server, testee.client
    )))?;
    // Both roles side by side: the suite uses one core.
    let (server, client) = thread::scope(|scope| {
        let server = scope.spawn(|| server_role(testee, Transport::Tcp, cases));
        let client = client_role(testee, cases);
        (server.join(), client)
    });
    let server = server.map_err(|_| "the server role panicked".to_owned())??;
    let mut differences = 0;
    for (role, results) in [("server", server), ("client", client?)] {
        let file = pinned(testee, role);
        if pin {
            results::write(&file, &results)?;
        } else {
            differences += results::compare(role, &results, &results::read(&file)?, cases);
        }
        println!("{} {role}: {}", testee.name, results::summary(&results));
    }
    for transport in &testee.transports[1..] {
        let results = server_role(testee, *transport, &SECTIONS)?;
        let expected = results::read(&pinned(testee, "server"))?;
        let role = format!("server over {transport:?}");
        differences += results::compare(&role, &results, &expected, &SECTIONS);
        println!("{} {role}: {}", testee.name, results::summary(&results));
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

fn pinned(testee: &Testee, role: &str) -> PathBuf {
    command::root()
        .join(testee.conformance)
        .join(format!("expected-{role}.json"))
}

/// The suite as a client against our server.
fn server_role(testee: &Testee, transport: Transport, cases: &[&str]) -> Result<Results, String> {
    let run = format!("{}-server-{transport:?}", testee.name);
    let log = suite::log(&run)?;
    let (flags, scheme): (&[&str], _) = match transport {
        Transport::Tcp => (&[], "ws"),
        Transport::Tls => (&["--tls"], "wss"),
        Transport::Http2 => (&["--h2"], "ws"),
    };
    let mut server = example(testee.server)
        .args(flags)
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
    let (_proxy, address) = match transport {
        Transport::Http2 => {
            let (proxy, front) = nghttpx(address)?;
            (Some(proxy), front)
        }
        Transport::Tcp | Transport::Tls => (
            None,
            address.parse().map_err(|e| format!("{address}: {e}"))?,
        ),
    };
    let url = format!("{scheme}://{address}");
    // Whatever else it prints must be read, or it would wait.
    thread::spawn(move || lines.for_each(drop));

    let servers = serde_json::json!([{"agent": AGENT, "url": url}]);
    let spec = suite::spec(&run, cases, "servers", servers)?;
    let mut wstest = suite::start("fuzzingclient", &spec)
        .stdout(log.1)
        .spawn()
        .map(Running)
        .map_err(|e| format!("wstest: {e}"))?;
    wstest.wait()?;
    results::found(&suite::reports(&run))
}

/// A proxy in front of `backend`, and where it listens.
fn nghttpx(backend: &str) -> Result<(Running, SocketAddr), String> {
    let address = free_address()?;
    let front = format!("--frontend={},{};no-tls", address.ip(), address.port());
    let back = format!("--backend={};;proto=h2", backend.replace(':', ","));
    let proxy = program("nghttpx", "--single-process --conf=/dev/null")
        .args(["--accesslog-file=/dev/null", &front, &back])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .map_err(|e| format!("nghttpx: {e}"))?;
    until_it_listens("nghttpx", address)?;
    Ok((proxy, address))
}

fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0");
    let address = listener.and_then(|listener| listener.local_addr());
    address.map_err(|e| e.to_string())
}

fn until_it_listens(name: &str, address: SocketAddr) -> Result<(), String> {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if started.elapsed() > Duration::from_secs(30) {
            return Err(format!("{name} does not listen"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The suite as a server for our client.
fn client_role(testee: &Testee, cases: &[&str]) -> Result<Results, String> {
    let run = format!("{}-client", testee.name);
    let log = suite::log(&run)?;
    let address = free_address()?;
    let url = format!("ws://{address}");
    let spec = suite::spec(&run, cases, "url", url.as_str().into())?;
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
    until_it_listens("wstest", address)?;
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
    results::found(&suite::reports(&run))
}

fn example(name: &str) -> Command {
    Command::new(command::target().join("release/examples").join(name))
}
