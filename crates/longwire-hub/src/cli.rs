//! The command line.

use core::net::SocketAddr;
use core::time::Duration;

use clap::{Args, Parser, Subcommand};

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
    /// The hub to run: `longwire` means `longwire serve`.
    pub(crate) fn into_serve(self) -> Serve {
        match self.command {
            Some(Command::Serve(serve)) => serve,
            None => self.serve,
        }
    }
}

/// How the hub runs.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Address to listen on; loopback only, because the hub has no tokens yet
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:8080",
        env = "LONGWIRE_LISTEN"
    )]
    #[arg(value_parser = loopback)]
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

    /// Events kept for replay
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        env = "LONGWIRE_KEEP_EVENTS"
    )]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000_000))]
    pub(crate) keep_events: usize,

    /// Memory for replay: bytes, or with k, m or g
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "64m",
        env = "LONGWIRE_KEEP_BYTES"
    )]
    #[arg(value_parser = size)]
    pub(crate) keep_bytes: usize,

    /// How long events are kept for replay: seconds, or with m, h or d
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1d",
        env = "LONGWIRE_KEEP_AGE"
    )]
    #[arg(value_parser = age)]
    pub(crate) keep_age: Duration,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "not an address and port such as 127.0.0.1:8080 or [::1]:8080".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the hub has no tokens yet, so it listens on loopback addresses only".to_owned())
    }
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
    use super::*;

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
    fn only_loopback() {
        assert!(loopback("127.0.0.1:0").is_ok());
        assert!(loopback("[::1]:80").is_ok());
        assert!(loopback("0.0.0.0:80").unwrap_err().contains("no tokens"));
        assert!(
            loopback("localhost")
                .unwrap_err()
                .contains("127.0.0.1:8080")
        );
    }

    #[test]
    fn bare_longwire_serves() {
        let bare = Cli::parse_from(["longwire", "--keep-events", "7"]).into_serve();
        let named = Cli::parse_from(["longwire", "serve", "--keep-events", "7"]).into_serve();
        assert_eq!((bare.keep_events, named.keep_events), (7, 7));
        assert!(Cli::try_parse_from(["longwire", "--keep-events", "0"]).is_err());
    }
}
