//! `longwire serve`.

use core::net::SocketAddr;
use core::time::Duration;
use std::ffi::OsString;
use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::runtime::Builder;

use super::{fail, misused};
use crate::store::{Retention, Sync};

/// How the hub runs.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Address to listen on; without a key, a loopback address
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:8080",
        env = "LONGWIRE_LISTEN"
    )]
    #[arg(value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// Origin of web pages that may publish and subscribe, besides the hub's own
    /// (repeatable), such as <https://app.example>
    #[arg(
        long = "origin",
        value_name = "ORIGIN",
        env = "LONGWIRE_ORIGINS",
        value_delimiter = ','
    )]
    #[arg(value_parser = origin)]
    pub(crate) origins: Vec<String>,

    /// Key that tokens are verified with: HS256, RS256, ES256 or `EdDSA`, a colon, and the file with
    /// the secret or the public key in PEM (repeatable)
    #[arg(
        long = "key",
        value_name = "ALG:FILE",
        env = "LONGWIRE_KEYS",
        value_delimiter = ','
    )]
    pub(crate) keys: Vec<String>,

    /// Let everybody subscribe to what is public
    #[arg(long, requires = "keys", env = "LONGWIRE_ANONYMOUS")]
    pub(crate) anonymous: bool,

    /// Take tokens from the query parameter `authorization` too: URLs end up in the logs of others
    #[arg(long, requires = "keys", env = "LONGWIRE_QUERY_TOKENS")]
    pub(crate) query_tokens: bool,

    /// Directory of the log; by default in the platform's directory for the state of programs
    #[arg(long, value_name = "DIR", env = "LONGWIRE_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// Keep the log in memory: it ends with the hub
    #[arg(long, conflicts_with = "data", env = "LONGWIRE_MEMORY")]
    pub(crate) memory: bool,

    /// When to wait for the disk: `always` before an event is acknowledged, `interval:MS` that
    /// often in milliseconds, or `never`; without `always`, a crash begins a new epoch
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "always",
        env = "LONGWIRE_FSYNC"
    )]
    #[arg(value_parser = sync)]
    pub(crate) fsync: Sync,

    /// Events kept for replay [default: 1000000, or 100000 with --memory]
    #[arg(long, value_name = "N", env = "LONGWIRE_KEEP_EVENTS")]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000_000))]
    pub(super) keep_events: Option<usize>,

    /// Bytes kept for replay, or with k, m or g [default: 1g, or 64m with --memory]
    #[arg(long, value_name = "SIZE", env = "LONGWIRE_KEEP_BYTES")]
    #[arg(value_parser = size)]
    keep_bytes: Option<usize>,

    /// Memory for recent events, which need not be read from disk: bytes, or with k, m or g
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "64m",
        env = "LONGWIRE_RECENT_BYTES"
    )]
    #[arg(value_parser = size)]
    pub(crate) recent_bytes: usize,

    /// How long events are kept for replay: seconds, or with m, h or d
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1d",
        env = "LONGWIRE_KEEP_AGE"
    )]
    #[arg(value_parser = age)]
    keep_age: Duration,
}

impl Serve {
    /// Runs the hub.
    pub(super) fn run(self) -> ExitCode {
        if let Err(reason) = self.check() {
            misused(reason);
        }
        tracing_subscriber::fmt()
            .with_target(false)
            .with_ansi(stderr().is_terminal())
            .with_writer(stderr)
            .init();
        let runtime = match Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("the runtime did not start: {error}")),
        };
        match runtime.block_on(crate::serve::run(self)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }

    /// Whether the options make sense together.
    fn check(&self) -> Result<(), String> {
        if self.keys.is_empty() && !self.listen.ip().is_loopback() {
            return Err(format!(
                "without a key everybody could publish: give one with --key, or --listen on a \
                 loopback address instead of {}",
                self.listen
            ));
        }
        Ok(())
    }

    /// How much is kept.
    pub(crate) fn retention(&self) -> Retention {
        let (count, bytes) = if self.memory {
            (100_000, 64 << 20)
        } else {
            (1_000_000, 1 << 30)
        };
        Retention {
            count: self.keep_events.unwrap_or(count),
            bytes: self.keep_bytes.unwrap_or(bytes),
            age: self.keep_age,
        }
    }
}

/// Where programs keep their state, by the platform's convention.
pub(crate) fn state_directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| {
        let value = variable(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    if cfg!(target_os = "macos") {
        return Some(folder("HOME")?.join("Library/Application Support/Longwire"));
    }
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    Some(state?.join("longwire"))
}

fn sync(text: &str) -> Result<Sync, String> {
    let interval = |text: &str| {
        let milliseconds = text.strip_prefix("interval:")?.parse().ok()?;
        (1..=60_000)
            .contains(&milliseconds)
            .then(|| Duration::from_millis(milliseconds))
    };
    match text {
        "always" => Ok(Sync::Always),
        "never" => Ok(Sync::Never),
        _ => interval(text)
            .map(Sync::Interval)
            .ok_or_else(|| "not always, never or interval:MS (1 to 60000)".to_owned()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let example = "not an address and port such as 127.0.0.1:8080 or [::1]:8080";
    text.parse().map_err(|_| example.to_owned())
}

fn origin(text: &str) -> Result<String, String> {
    match ws_handshake::OriginPolicy::listed().allow(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn size(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, u64); 3] = [("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30)];
    with_unit(text, &UNITS)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "not a size such as 65536, 64m or 2g".to_owned())
}

fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];
    with_unit(text, &UNITS)
        .map(Duration::from_secs)
        .ok_or_else(|| "not a time such as 90, 15m, 12h or 7d".to_owned())
}

/// A number, perhaps with one of the units behind it.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (unit, factor) = units
        .iter()
        .find(|(unit, _)| text.ends_with(unit))
        .copied()
        .unwrap_or(("", 1));
    text.strip_suffix(unit)?
        .parse::<u64>()
        .ok()?
        .checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn sizes_and_times() {
        assert_eq!(size("65536"), Ok(65_536));
        assert_eq!(size("64m"), Ok(64 << 20));
        assert!(size("m").is_err());
        assert!(size("-1").is_err());
        assert!(size("99999999999g").is_err());
        assert_eq!(age("90"), Ok(Duration::from_secs(90)));
        assert_eq!(age("7d"), Ok(Duration::from_secs(7 * 24 * 60 * 60)));
        assert!(age("1y").is_err());
    }

    #[test]
    fn when_to_wait_for_the_disk() {
        assert_eq!(sync("always"), Ok(Sync::Always));
        assert_eq!(sync("never"), Ok(Sync::Never));
        assert_eq!(
            sync("interval:5"),
            Ok(Sync::Interval(Duration::from_millis(5)))
        );
        for bad in [
            "",
            "sometimes",
            "interval",
            "interval:",
            "interval:0",
            "interval:60001",
        ] {
            assert!(sync(bad).is_err(), "{bad}");
        }
    }

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn the_state_directory_is_that_of_the_platform() {
        let directory = |set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(n, _)| *n == name);
            state_directory(|name| value(name).map(|(_, value)| value.into()))
        };
        let home = ("HOME", "/home/me");
        let own = directory(&[home]);
        assert_eq!(own, Some("/home/me/.local/state/longwire".into()));
        let chosen = directory(&[("XDG_STATE_HOME", "/state"), home]);
        assert_eq!(chosen, Some("/state/longwire".into()));
        // A relative path is invalid and to be ignored, says the XDG specification.
        assert_eq!(directory(&[("XDG_STATE_HOME", "state"), home]), own);
        assert_eq!(directory(&[]), None);
    }

    #[test]
    fn without_a_key_only_loopback() {
        let parse = |arguments: &[&str]| {
            let cli = Cli::parse_from([&["longwire"], arguments].concat());
            cli.serve.check()
        };
        assert_eq!(parse(&["--listen", "127.0.0.1:0"]), Ok(()));
        assert_eq!(parse(&["--listen", "[::1]:80"]), Ok(()));
        assert!(
            parse(&["--listen", "0.0.0.0:80"])
                .unwrap_err()
                .contains("loopback")
        );
        assert_eq!(
            parse(&["--listen", "0.0.0.0:80", "--key", "HS256:x"]),
            Ok(())
        );
        assert!(address("localhost").unwrap_err().contains("127.0.0.1:8080"));
    }
}
