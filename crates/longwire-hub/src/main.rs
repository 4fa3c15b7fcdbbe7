//! `longwire`: the real-time hub.

mod access;
mod app;
mod appender;
mod cli;
mod event;
mod expiries;
mod fanout;
mod hub;
mod log;
mod publishing;
mod reader;
mod rights;
mod serve;
mod store;
mod subscriber;
mod tickets;
mod token;
mod writer;

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

fn main() -> ExitCode {
    let options = cli::Cli::parse().into_serve();
    if let Err(reason) = options.check() {
        let mut command = cli::Cli::command();
        command
            .error(clap::error::ErrorKind::ArgumentConflict, reason)
            .exit();
    }
    tracing_subscriber::fmt()
        .with_target(false)
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime did not start: {error}")),
    };
    match runtime.block_on(serve::run(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("longwire: {reason}");
    ExitCode::FAILURE
}
