//! Other people's programs.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::within;

/// A program that a test needs and that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Chromium,
    Curl,
    Firefox,
    Haproxy,
    Nginx,
    /// The program in `tests/mercure/publisher`, built.
    Mercure,
    /// With the packages that `tests/node/package.json` names.
    Node,
    /// With the packages that `tests/python/requirements.txt` names.
    Python,
    SystemdAnalyze,
}

impl Tool {
    /// Where each of `tools` is; `None`, with a line that says so, if one is missing and
    /// `LONGWIRE_SKIP_MISSING_TOOLS` is 1.
    ///
    /// # Panics
    ///
    /// If one is missing otherwise: a test that was not run has not passed.
    pub(crate) fn find<const N: usize>(tools: [Self; N]) -> Option<[PathBuf; N]> {
        let found = tools.map(Self::path);
        let missing: Vec<_> = tools
            .iter()
            .zip(&found)
            .filter_map(|(tool, path)| path.is_none().then_some(tool))
            .collect();
        if missing.is_empty() {
            return Some(found.map(Option::unwrap));
        }
        let reason = format!("missing, `cargo xtask ci --install` installs it: {missing:?}");
        assert_eq!(
            env::var("LONGWIRE_SKIP_MISSING_TOOLS").as_deref(),
            Ok("1"),
            "{reason}"
        );
        eprintln!("NOT RUN: {reason}");
        None
    }

    fn path(self) -> Option<PathBuf> {
        if self == Self::Mercure {
            return Some(mercure()).filter(|program| program.is_file());
        }
        if self == Self::Python {
            return Some(python()).filter(|program| program.is_file());
        }
        let names: &[&str] = match self {
            Self::Chromium => &["chromium", "chromium-browser", "google-chrome"],
            Self::Curl => &["curl"],
            Self::Firefox => &["firefox-esr", "firefox"],
            Self::Haproxy => &["haproxy"],
            Self::Nginx => &["nginx"],
            Self::Node => &["node"],
            Self::SystemdAnalyze => &["systemd-analyze"],
            Self::Mercure | Self::Python => &[],
        };
        if self == Self::Node && !npm_packages().join("undici").is_dir() {
            return None;
        }
        let path = env::var_os("PATH")?;
        // Debian keeps servers where only root looks.
        let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
        let mut programs =
            folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
        programs.find(|program| program.is_file())
    }
}

/// The folder of the packages that `tests/node/package.json` names.
pub(crate) fn npm_packages() -> PathBuf {
    env::var_os("LONGWIRE_NPM")
        .expect("LONGWIRE_NPM, which .cargo/config.toml sets")
        .into()
}

/// The program that publishes with the crate `mercure`.
fn mercure() -> PathBuf {
    let folder = env::var_os("LONGWIRE_MERCURE");
    let folder = folder.expect("LONGWIRE_MERCURE, which .cargo/config.toml sets");
    PathBuf::from(folder).join("debug/mercure-publisher")
}

/// The interpreter that has the packages of `tests/python/requirements.txt`.
fn python() -> PathBuf {
    let folder = env::var_os("LONGWIRE_PYTHON");
    let folder = folder.expect("LONGWIRE_PYTHON, which .cargo/config.toml sets");
    PathBuf::from(folder).join("bin/python")
}

/// A program that runs, read line by line; killed when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start<I>(program: impl AsRef<OsStr>, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            input: child.stdin.take(),
            lines,
            child,
        }
    }

    /// A script of `tests`, such as `node/subscribe.mjs`, and the interpreter that runs it.
    pub(crate) fn script<I>(interpreter: impl AsRef<OsStr>, script: &str, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let script = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
        let arguments = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned());
        Self::start(
            interpreter,
            core::iter::once(script.into()).chain(arguments),
        )
    }

    /// The next line of standard output.
    pub(crate) async fn line(&mut self) -> Option<String> {
        within("a line of output", self.lines.next_line())
            .await
            .unwrap()
    }

    /// Lines up to and including the first that `last` accepts.
    pub(crate) async fn lines_until(&mut self, last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            let found = last(&line);
            lines.push(line);
            if found {
                return lines;
            }
        }
        panic!("the output ended: {lines:#?}");
    }

    pub(crate) async fn write_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("standard input is open");
        input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }

    /// Ends it without a word.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Reads to the end: the rest of the output, and whether the program was content.
    pub(crate) async fn finish(mut self) -> (Vec<String>, bool) {
        drop(self.input.take());
        let mut rest = Vec::new();
        while let Some(line) = self.line().await {
            rest.push(line);
        }
        (
            rest,
            within("the end of a program", self.child.wait())
                .await
                .unwrap()
                .success(),
        )
    }
}
