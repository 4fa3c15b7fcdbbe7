//! `longwire config`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::given::Given;
use super::{fail, misused};
use crate::settings::{File, Settings, effective, example};

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Check the settings that `longwire serve` would run with, and the files they name; print them
    Check(Check),
    /// Print a file that explains every setting and sets none
    Example,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// File with settings, in TOML
    #[arg(value_name = "FILE", env = "LONGWIRE_CONFIG")]
    file: Option<PathBuf>,

    #[command(flatten)]
    given: Given,
}

impl Config {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Check(check) => check.run(),
            Self::Example => {
                print!("{}", example());
                ExitCode::SUCCESS
            }
        }
    }
}

impl Check {
    fn run(self) -> ExitCode {
        let file = match self.file.as_deref().map(File::read).transpose() {
            Ok(file) => file,
            Err(error) => return misused(error),
        };
        let (settings, chosen) = match Settings::choose(&self.given.0, file.as_ref()) {
            Ok(chosen) => chosen,
            Err(error) => return misused(error),
        };
        print!("{}", effective(&chosen));
        match settings.check_files() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}
