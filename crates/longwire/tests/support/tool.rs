//! Programs that a test needs and that may be missing.

use std::env;
use std::path::PathBuf;

/// One of them. `crates/xtask/src/tools.rs` knows how each is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Chromium,
    Curl,
    /// The library that lies about the time.
    Faketime,
    Firefox,
    Haproxy,
    Microsocks,
    Nghttpx,
    Nginx,
    /// With the packages that `LONGWIRE_NPM` holds.
    Node,
    /// With the packages that the tests' `requirements.txt` names.
    Python,
    Squid,
    Strace,
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
        skip(&format!(
            "missing, `cargo xtask ci --install` installs it: {missing:?}"
        ));
        None
    }

    fn path(self) -> Option<PathBuf> {
        let names: &[&str] = match self {
            Self::Chromium => &["chromium", "chromium-browser", "google-chrome"],
            Self::Curl => &["curl"],
            Self::Faketime => {
                let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
                let mut paths = folders
                    .iter()
                    .map(|folder| PathBuf::from(folder).join("faketime/libfaketimeMT.so.1"));
                return paths.find(|path| path.is_file());
            }
            Self::Firefox => &["firefox-esr", "firefox"],
            Self::Haproxy => &["haproxy"],
            Self::Microsocks => &["microsocks"],
            Self::Nghttpx => &["nghttpx"],
            Self::Nginx => &["nginx"],
            Self::Node if !npm_packages().join("ws").is_dir() => &[],
            Self::Node => &["node"],
            Self::Python => return Some(python()).filter(|program| program.is_file()),
            Self::Squid => &["squid"],
            Self::Strace => &["strace"],
        };
        let path = env::var_os("PATH")?;
        // Debian keeps servers where only root looks.
        let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
        let mut programs =
            folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
        programs.find(|program| program.is_file())
    }
}

/// Says that a test is not run, where that is allowed.
///
/// # Panics
///
/// Unless `LONGWIRE_SKIP_MISSING_TOOLS` is 1.
pub(super) fn skip(reason: &str) {
    assert_eq!(
        env::var("LONGWIRE_SKIP_MISSING_TOOLS").as_deref(),
        Ok("1"),
        "{reason}"
    );
    eprintln!("NOT RUN: {reason}");
}

/// The folder of the tests' npm packages.
fn npm_packages() -> PathBuf {
    env::var_os("LONGWIRE_NPM")
        .expect("LONGWIRE_NPM, which .cargo/config.toml sets")
        .into()
}

/// The interpreter that has the tests' Python packages.
fn python() -> PathBuf {
    let folder = env::var_os("LONGWIRE_PYTHON");
    let folder = folder.expect("LONGWIRE_PYTHON, which .cargo/config.toml sets");
    PathBuf::from(folder).join("bin/python")
}
