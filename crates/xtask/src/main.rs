//! Developer commands of the Longwire workspace: `cargo xtask --help`.

mod alone;
mod arrows;
mod autobahn;
mod bench;
mod book;
mod ci;
mod citations;
mod command;
mod coverage;
mod fuzz;
mod handover;
mod hostile;
mod kills;
mod links;
mod metadata;
mod mutants;
mod no_std;
mod outage;
mod readme;
mod recovery;
mod simulate;
mod stop;
mod tools;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Developer commands of the Longwire workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every check, or only the steps named, and print what ran, failed or was skipped
    Ci(ci::Options),
    /// Prove that the crates depend on each other as the design says, and on nothing else
    Arrows,
    /// Run the Autobahn test suite in both roles, and compare each case with its pinned result
    Autobahn(autobahn::Options),
    /// Run benchmarks with the cases of each group taking turns
    Bench(bench::Options),
    /// Build the book into `target/book` and check its links
    Book(book::Options),
    /// List the rules of the specifications with the code and the tests that cite them
    Citations(citations::Options),
    /// Count the lines that tests run, and compare with the floor of each crate
    Coverage(coverage::Options),
    /// Fuzz one target, or all in turn, with the nightly toolchain; or prove that they find faults
    Fuzz(fuzz::Options),
    /// Subscribe while events are published, and prove that none is missed or repeated
    Handover(handover::Options),
    /// Run the hostile-input tests at full size, in release
    Hostile(hostile::Options),
    /// Kill a hub under load, and prove that it lost nothing it acknowledged
    Kills(kills::Options),
    /// Prove that the tests notice each small fault in the parsers
    Mutants(mutants::Options),
    /// Let real clients of a real hub live through an outage, and compare their attempts with theory
    Outage(outage::Options),
    /// Compare the README of each library with its documentation, or write it
    Readme(readme::Options),
    /// Measure how long a hub that was killed with a large log takes to be back
    Recovery(recovery::Options),
    /// Run clients and a hub on a simulated network that fails, from seeds
    Simulate(simulate::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Ci(options) => ci::run(&options),
        Task::Arrows => arrows::run(),
        Task::Autobahn(options) => autobahn::run_cases(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Book(options) => book::run(&options),
        Task::Citations(options) => citations::run(&options),
        Task::Coverage(options) => coverage::run(&options),
        Task::Fuzz(options) => fuzz::run_targets(&options),
        Task::Handover(options) => handover::run(&options),
        Task::Hostile(options) => hostile::run(&options),
        Task::Kills(options) => kills::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Outage(options) => outage::run(&options),
        Task::Readme(options) => readme::run(&options),
        Task::Recovery(options) => recovery::run(&options),
        Task::Simulate(options) => simulate::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
