//! The command line: one file per command.

mod serve;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

pub(crate) use serve::{Serve, state_directory};

/// The Longwire real-time hub: publish over HTTP, subscribe over Server-Sent Events or WebSocket.
#[derive(Debug, Parser)]
#[command(name = "longwire", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the hub (what `longwire` alone does)
    Serve(Serve),
}

impl Cli {
    /// Does what was asked for.
    pub(crate) fn run(self) -> ExitCode {
        match self.command() {
            Command::Serve(serve) => serve.run(),
        }
    }

    /// `longwire` means `longwire serve`.
    fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// Ends the program as a mistake on the command line does.
fn misused(reason: impl core::fmt::Display) -> ! {
    Cli::command()
        .error(ErrorKind::ArgumentConflict, reason)
        .exit()
}

/// Says why the program failed.
fn fail(reason: impl core::fmt::Display) -> ExitCode {
    eprintln!("longwire: {reason}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_longwire_serves() {
        let parse = |arguments: &[&str]| {
            let Command::Serve(serve) = Cli::parse_from(arguments).command();
            serve.keep_events
        };
        assert_eq!(parse(&["longwire", "--keep-events", "7"]), Some(7));
        assert_eq!(parse(&["longwire", "serve", "--keep-events", "7"]), Some(7));
        assert!(Cli::try_parse_from(["longwire", "--keep-events", "0"]).is_err());
    }
}
