//! The command line: one file per command.

mod config;
mod given;
mod serve;

use core::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use config::Config;
use serve::Serve;

use crate::command::{Publish, Subscribe};

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
    /// Check and explain the settings of the hub
    #[command(subcommand)]
    Config(Config),
    Pub(Publish),
    Sub(Subscribe),
}

impl Cli {
    /// Does what was asked for.
    pub(crate) fn run(self) -> ExitCode {
        match self.command() {
            Command::Serve(serve) => serve.run(),
            Command::Config(config) => config.run(),
            Command::Pub(publish) => publish.run(),
            Command::Sub(subscribe) => subscribe.run(),
        }
    }

    /// `longwire` means `longwire serve`.
    fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// The program was asked for what cannot be: the status that a mistake on the command line has.
fn misused(reason: impl Display) -> ExitCode {
    eprintln!("longwire: {reason}");
    ExitCode::from(2)
}

/// The program failed.
fn fail(reason: impl Display) -> ExitCode {
    eprintln!("longwire: {reason}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::settings::{SETTINGS, Settings};

    #[test]
    fn bare_longwire_serves() {
        let parse = |arguments: &[&str]| {
            let Command::Serve(serve) = Cli::parse_from(arguments).command() else {
                panic!("not serve");
            };
            let (settings, _) = Settings::choose(&serve.given.0, None).unwrap();
            settings.keep_events
        };
        assert_eq!(parse(&["longwire", "--keep-events", "7"]), Some(7));
        assert_eq!(parse(&["longwire", "serve", "--keep-events=7"]), Some(7));
        assert!(Cli::try_parse_from(["longwire", "--keep-events", "0"]).is_err());
    }

    #[test]
    fn switches_can_be_put_off() {
        for (flag, on) in [
            ("--memory", true),
            ("--memory=true", true),
            ("--memory=no", false),
        ] {
            let cli = Cli::parse_from(["longwire", flag]);
            let (settings, _) = Settings::choose(&cli.serve.given.0, None).unwrap();
            assert_eq!(settings.memory, on);
        }
    }

    #[test]
    fn the_help_has_every_setting() {
        <Cli as CommandFactory>::command().debug_assert();
        let help = <Cli as CommandFactory>::command()
            .render_long_help()
            .to_string();
        for setting in SETTINGS {
            assert!(help.contains(&format!("--{}", setting.flag)), "{help}");
            assert!(
                help.contains(&format!("[env: {}]", setting.variable)),
                "{help}"
            );
        }
    }
}
