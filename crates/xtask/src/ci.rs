//! Every check in the order that finds mistakes soonest, and a table of what happened.

use crate::command::{self, cargo, run as execute};
use crate::stop::Stop;
use crate::tools;
use crate::{alone, arrows, autobahn, book, fuzz, no_std};
use clap::Args;
use std::time::{Duration, Instant};

/// What `cargo xtask ci` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Install the missing tools first (apt, npm, cargo, rustup), and say what was installed
    #[arg(long)]
    install: bool,
    /// Run only these steps; `cargo xtask ci --list` names them
    steps: Vec<String>,
    /// Print the names of the steps and stop
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    run: fn(&Options) -> Result<(), Stop>,
}

/// CONTRIBUTING.md says why each is there.
const STEPS: &[Step] = &[
    Step {
        name: "tools",
        run: |options| tools(options.install),
    },
    Step {
        name: "fmt",
        run: |_| all(&["fmt --all --check"]),
    },
    Step {
        name: "clippy",
        run: |_| {
            all(&[
                "clippy --workspace --all-targets --all-features -- -D warnings",
                // The default members with their default features, as users build them; and the
                // library without what the hub asks of it.
                "clippy -- -D warnings",
                "clippy -p longwire -- -D warnings",
            ])
        },
    },
    Step {
        name: "arrows",
        run: |_| Ok(arrows::run()?),
    },
    Step {
        name: "deny",
        run: |_| deny(),
    },
    Step {
        name: "advisories",
        run: |_| advisories(),
    },
    Step {
        name: "build",
        run: |_| build(),
    },
    Step {
        name: "tests",
        run: |_| tests("--workspace --all-features"),
    },
    Step {
        name: "tests-no-std",
        run: |_| tests(&format!("--no-default-features {}", cores())),
    },
    Step {
        name: "doctests",
        run: |_| all(&["test --workspace --all-features --doc"]),
    },
    Step {
        name: "docs",
        run: |_| docs(),
    },
    Step {
        name: "no-std",
        run: |options| no_std::check(options.install),
    },
    Step {
        name: "alone",
        run: |_| Ok(alone::check()?),
    },
    Step {
        name: "autobahn",
        run: |options| autobahn::step(options.install),
    },
    Step {
        name: "benches",
        run: |_| all(&["test --workspace --all-features --bench * -- --test"]),
    },
    Step {
        name: "book",
        run: |_| book::check(),
    },
];

/// Runs the steps asked for, all of them even if one fails, and prints the table.
///
/// # Errors
///
/// A step failed, or a name is not that of a step.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{}", step.name));
        return Ok(());
    }
    if let Some(name) = options
        .steps
        .iter()
        .find(|name| STEPS.iter().all(|s| s.name != **name))
    {
        return Err(format!(
            "no step is called `{name}`; `cargo xtask ci --list` names them"
        ));
    }
    let asked: Vec<&Step> = STEPS
        .iter()
        .filter(|s| options.steps.is_empty() || options.steps.iter().any(|name| name == s.name))
        .collect();
    let start = Instant::now();
    let mut rows = Vec::new();
    for (i, step) in asked.iter().enumerate() {
        println!("\n==> {}/{} {}", i + 1, asked.len(), step.name);
        let start = Instant::now();
        let outcome = (step.run)(options);
        println!("<== {} {}", step.name, seconds(start.elapsed()));
        rows.push((step.name, start.elapsed(), outcome));
    }
    println!();
    let mut failed = 0;
    for (name, time, outcome) in rows {
        let (word, reason) = match outcome {
            Ok(()) => ("ran", String::new()),
            Err(Stop::Skipped(reason)) => ("skipped", reason),
            Err(Stop::Failed(reason)) => {
                failed += 1;
                ("FAILED", reason)
            }
        };
        println!("{name:<14} {word:<8} {:>8}  {reason}", seconds(time));
    }
    println!("{:<14} {:<8} {:>8}", "all", "", seconds(start.elapsed()));
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} of {} steps failed", asked.len()))
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Runs cargo with each of the argument lists, and stops at the first that fails.
fn all(arguments: &[&str]) -> Result<(), Stop> {
    for arguments in arguments {
        execute(&mut cargo(arguments))?;
    }
    Ok(())
}

/// The crates that build without `std`, as `-p` arguments.
fn cores() -> String {
    arrows::no_std_crates()
        .map(|name| format!("-p {name} "))
        .collect()
}

fn tools(install: bool) -> Result<(), Stop> {
    if install {
        return Ok(tools::install()?);
    }
    let missing = tools::missing();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    Err(Stop::Skipped(format!(
        "not installed (--install does it): {}",
        names.join(", ")
    )))
}

fn deny() -> Result<(), Stop> {
    if !command::on_path("cargo-deny") {
        return Err(Stop::Skipped("cargo-deny is not installed".into()));
    }
    // The benchmarks' peers bring their own versions of everything; they ship nowhere.
    all(&[
        "deny --config .deny.toml check licenses sources",
        "deny --config .deny.toml --exclude benches check bans",
    ])
}

fn advisories() -> Result<(), Stop> {
    let reason = "the RustSec database comes from github.com; the workflow `advisories` checks it";
    Err(Stop::Skipped(reason.into()))
}

/// Builds the hub, which tests of other packages start, and the fuzz targets.
fn build() -> Result<(), Stop> {
    let bins: String = fuzz::targets()?
        .iter()
        .map(|target| format!(" --bin {target}"))
        .collect();
    // The whole workspace with all features, so that the tests find the libraries built.
    all(&[&format!(
        "build --workspace --all-features --bin longwire{bins}"
    )])
}

/// Runs the tests that `packages` names, with nextest where it is installed.
fn tests(packages: &str) -> Result<(), Stop> {
    let mut cargo = if command::on_path("cargo-nextest") {
        cargo(&format!("nextest run {packages}"))
    } else {
        cargo(&format!(
            "test --lib --bins --tests --no-fail-fast {packages}"
        ))
    };
    if !tools::missing().is_empty() {
        // Tests that need a program that is not there say so and pass; `tools` names the programs.
        cargo.env("LONGWIRE_SKIP_MISSING_TOOLS", "1");
    }
    Ok(execute(&mut cargo)?)
}

fn docs() -> Result<(), Stop> {
    let mut cargo = cargo("doc --workspace --no-deps --all-features");
    Ok(execute(cargo.env("RUSTDOCFLAGS", "-D warnings"))?)
}
