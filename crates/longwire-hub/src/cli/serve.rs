//! `longwire serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::runtime::Builder;

use super::given::Given;
use super::{fail, misused};
use crate::logging;
use crate::settings::{File, Settings};

/// How the hub runs.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// File with settings, in TOML; flags and the environment come first
    #[arg(long, value_name = "FILE", env = "LONGWIRE_CONFIG")]
    config: Option<PathBuf>,

    #[command(flatten)]
    pub(super) given: Given,
}

impl Serve {
    /// Runs the hub.
    pub(super) fn run(self) -> ExitCode {
        let file = match self.config.as_deref().map(File::read).transpose() {
            Ok(file) => file,
            Err(error) => return misused(error),
        };
        let settings = match Settings::choose(&self.given.0, file.as_ref()) {
            Ok((settings, _)) => settings,
            Err(error) => return misused(error),
        };
        logging::start(settings.log_format, settings.log_level);
        let runtime = match Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("the runtime did not start: {error}")),
        };
        match runtime.block_on(crate::serve::run(settings)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}
