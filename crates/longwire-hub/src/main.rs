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

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
