//! The book: built with mdbook, every link followed.

use crate::command::{self, program, run as execute};
use crate::links;
use crate::stop::Stop;
use crate::tools::MDBOOK;
use clap::Args;

/// What `cargo xtask book` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Install mdbook if it is missing
    #[arg(long)]
    install: bool,
}

/// Checks the links of all pages and builds the book into `target/book`.
///
/// # Errors
///
/// A link leads nowhere, a page is missing, or mdbook is.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    if options.install && !MDBOOK.is_installed() {
        MDBOOK.install()?;
    }
    check().map_err(|stop| match stop {
        Stop::Failed(reason) | Stop::Skipped(reason) => reason,
    })
}

/// Checks the links; builds the book where mdbook is installed.
pub(crate) fn check() -> Result<(), Stop> {
    links::check()?;
    if !MDBOOK.is_installed() {
        return Err(Stop::Skipped("links hold; mdbook is not installed".into()));
    }
    let mut mdbook = program("mdbook", "build docs --dest-dir");
    Ok(execute(mdbook.arg(command::target().join("book")))?)
}
