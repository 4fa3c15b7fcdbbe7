//! `longwire`: the real-time hub.

mod access;
mod app;
mod appender;
mod cli;
mod client;
mod command;
mod ephemerals;
mod event;
mod expiries;
mod fanout;
mod hub;
mod limits;
mod log;
mod logging;
mod metrics;
mod observing;
mod page;
mod presence;
mod publishing;
mod reader;
mod rights;
mod serve;
mod settings;
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
