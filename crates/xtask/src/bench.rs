//! The benchmarks, one table of them, a record of a run, and its charts.

mod chart;
mod record;
mod results;

use self::results::Group;
use crate::command::{self, cargo};
use clap::Args;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// What `cargo xtask bench` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only groups whose name contains this, as `sse-parse/tokens`
    filter: Option<String>,
    /// Only this benchmark, as `sse_parse`; the names are those of `benches/*.rs`
    #[arg(long)]
    bench: Option<String>,
    /// Write `benches/record/DATE-CPU.md`, and the table and charts of the book; all benchmarks are
    /// run for it
    #[arg(long, conflicts_with_all = ["filter", "bench"])]
    record: bool,
}

/// A benchmark: its name, the features that it and its peers need, and how it is run.
struct Suite {
    bench: &'static str,
    features: &'static str,
    arguments: &'static str,
    /// What it compares, for the record.
    about: &'static str,
}

const INTERLEAVED: &str = "--interleaved";

/// Every benchmark. Those that print groups come first; the others measure programs.
const SUITES: &[Suite] = &[
    Suite {
        bench: "sse_parse",
        features: "sse-peers",
        arguments: INTERLEAVED,
        about: "Parsing and encoding event streams",
    },
    Suite {
        bench: "ws_frame",
        features: "ws-frame-peers",
        arguments: INTERLEAVED,
        about: "Decoding and echoing WebSocket frames in memory",
    },
    Suite {
        bench: "ws_deflate",
        features: "ws-deflate-peers",
        arguments: INTERLEAVED,
        about: "permessage-deflate",
    },
    Suite {
        bench: "ws_handshake",
        features: "ws-handshake-peers",
        arguments: INTERLEAVED,
        about: "The opening handshake",
    },
    Suite {
        bench: "hub_protocol",
        features: "hub-protocol-peers",
        arguments: INTERLEAVED,
        about: "The hub's forms and frames",
    },
    Suite {
        bench: "sse_client",
        features: "sse-client",
        arguments: INTERLEAVED,
        about: "Reading an event stream over loopback",
    },
    Suite {
        bench: "fanout",
        features: "fanout",
        arguments: INTERLEAVED,
        about: "Sending events to 500 event streams over loopback",
    },
    Suite {
        bench: "echo",
        features: "echo",
        arguments: "",
        about: "What an echo costs a WebSocket server over loopback",
    },
    Suite {
        bench: "idle_memory",
        features: "fanout,hub",
        arguments: "",
        about: "Memory of idle connections",
    },
    Suite {
        bench: "hub_load",
        features: "hub-load",
        arguments: "",
        about: "The hub under load, beside other hubs",
    },
];

/// What a suite said.
struct Run {
    suite: &'static Suite,
    command: String,
    groups: Vec<Group>,
    /// Its output, for those that print no groups.
    text: String,
}

/// Runs the benchmarks, prints one table of ratios to the best peer, and records it if asked to.
///
/// # Errors
///
/// A benchmark is not there, does not build or run, or the record cannot be written.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let named = |suite: &&Suite| {
        options
            .bench
            .as_ref()
            .is_none_or(|name| name == suite.bench)
    };
    let suites: Vec<&Suite> = SUITES.iter().filter(named).collect();
    if suites.is_empty() {
        let names: Vec<&str> = SUITES.iter().map(|suite| suite.bench).collect();
        return Err(format!("the benchmarks are {}", names.join(", ")));
    }
    let mut runs = Vec::new();
    for suite in suites {
        if options.filter.is_some() && suite.arguments != INTERLEAVED {
            continue;
        }
        runs.push(one(suite, options.filter.as_deref())?);
    }
    println!("\n{}", record::summary(&runs));
    if options.record {
        record::write(&runs)?;
    }
    Ok(())
}

/// Runs one suite, and shows what it says as it says it.
fn one(suite: &'static Suite, filter: Option<&str>) -> Result<Run, String> {
    let Suite {
        bench,
        features,
        arguments,
        ..
    } = suite;
    let line =
        format!("bench -p benches --no-default-features --features {features} --bench {bench}");
    let mut command = cargo(&line);
    let mut shown = format!("cargo {line}");
    if !arguments.is_empty() {
        command.args(["--", arguments]).args(filter);
        shown = format!("{shown} -- {arguments}");
    }
    println!("\n$ {shown}");
    let text = shown_output(&mut command).map_err(|error| format!("{bench}: {error}"))?;
    Ok(Run {
        suite,
        command: shown,
        groups: results::parse(&text),
        text,
    })
}

fn shown_output(command: &mut Command) -> Result<String, String> {
    let fail = |error: std::io::Error| error.to_string();
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(fail)?;
    let mut text = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(fail)?;
            println!("{line}");
            std::io::stdout().flush().map_err(fail)?;
            text.push_str(&line);
            text.push('\n');
        }
    }
    let status = child.wait().map_err(fail)?;
    status
        .success()
        .then_some(text)
        .ok_or_else(|| status.to_string())
}

/// The name of the processor, and a short form of it for a file name.
fn processor() -> (String, String) {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name)
        .to_owned();
    let lower = model.to_lowercase();
    let short = ["xeon", "epyc", "ryzen", "core", "neoverse"];
    let short = short.into_iter().find(|name| lower.contains(name));
    (model, short.unwrap_or("other").to_owned())
}

/// Today, as `2026-11-20`.
fn today() -> Result<String, String> {
    let date = command::output(&mut command::program("date", "+%F"))?;
    Ok(date.trim().to_owned())
}
