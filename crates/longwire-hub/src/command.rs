//! `longwire pub` and `longwire sub`: clients of a hub on the command line.

mod counter;
mod input;
mod publish;
mod record;
mod subscribe;

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use http::Uri;
use longwire::hub::{Connect, End, Finished, NoTarget, Reconnecting, Target};

pub(crate) use publish::Publish;
pub(crate) use subscribe::Subscribe;

/// The hub's endpoint, for URLs that name none.
const ENDPOINT: &str = "/.well-known/mercure";

/// Which hub, and who asks.
#[derive(Args)]
struct Hub {
    /// URL of the hub (http, https, ws or wss); without a path, that of its endpoint is added
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        env = "LONGWIRE_URL"
    )]
    #[arg(value_parser = url)]
    url: String,

    /// Token (JWT) that says who asks; arguments are seen by everybody on this machine, so prefer
    /// the variable or --token-file
    #[arg(
        long,
        value_name = "TOKEN",
        env = "LONGWIRE_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,

    /// File with the token, used in place of --token; it is read again before each attempt
    #[arg(long, value_name = "FILE", env = "LONGWIRE_TOKEN_FILE")]
    token_file: Option<PathBuf>,

    /// Say nothing on standard error but what went wrong
    #[arg(long, short)]
    quiet: bool,
}

/// Without the token.
impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// A client of this hub, and how many attempts it has made.
    fn connect(&self) -> Result<(Connect, Arc<AtomicU64>), Failure> {
        if let Some(file) = &self.token_file {
            // One that is not there now is a mistake; later it may be about to be replaced.
            read_token(file)?;
        }
        let attempts = Arc::new(AtomicU64::new(0));
        let (made, url) = (attempts.clone(), self.url.clone());
        let (token, file) = (self.token.clone(), self.token_file.clone());
        let connect = longwire::connect(&self.url).before_attempt(move |ask| {
            made.store(ask.attempt, Ordering::Relaxed);
            let target = Target::new(url.as_str());
            core::future::ready(match (&file, &token) {
                (Some(file), _) => read_token(file)
                    .map(|token| target.token(token))
                    .map_err(|_| NoTarget::Later),
                (None, Some(token)) => Ok(target.token(token.as_str())),
                (None, None) => Ok(target),
            })
        });
        Ok((connect, attempts))
    }

    /// Says something to whoever reads standard error, unless that is not wanted.
    fn say(&self, what: impl fmt::Display) {
        if !self.quiet {
            complain(what);
        }
    }

    /// Why the client ended by itself.
    fn ended(&self, client: &Reconnecting) -> Failure {
        let (why, end) = client.finished().unwrap_or((Finished::Stopped, None));
        let exit = match (why, end) {
            (Finished::Unauthorized, _)
            | (
                _,
                Some(End::Refused {
                    status: 401 | 403, ..
                }),
            ) => Exit::Unauthorized,
            (_, Some(End::Closed(3000 | 3003 | 4001 | 4003))) => Exit::Unauthorized,
            _ => Exit::Unreachable,
        };
        Failure::new(exit, format_args!("{} {}", self.url, Described(end)))
    }

    /// That the hub was not heard in time.
    fn unreachable(&self, client: &Reconnecting) -> Failure {
        let end = Described(client.last_end().or(Some(End::Unreachable)));
        Failure::new(Exit::Unreachable, format_args!("{} {end}", self.url))
    }
}

/// How a command ends, as the number that it exits with. The texts of `--help` list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Success = 0,
    /// Something was refused, or cannot be read or written.
    Failed = 1,
    Usage = 2,
    Unreachable = 3,
    Unauthorized = 4,
    /// The time is over.
    TimedOut = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends before its work is done.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    reason: String,
}

impl Failure {
    fn new(exit: Exit, reason: impl fmt::Display) -> Self {
        let reason = reason.to_string();
        Self { exit, reason }
    }
}

fn complain(what: impl fmt::Display) {
    eprintln!("longwire: {what}");
}

/// How an attempt failed or a connection ended, as the end of a sentence that begins with its URL.
struct Described(Option<End>);

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            None => "was left",
            Some(End::Unreachable) => "cannot be reached",
            Some(End::Silent) => "was silent for too long",
            Some(End::Protocol) => "does not speak longwire.v1",
            Some(End::NoCredentials) => "cannot be asked: there is no usable URL or token",
            Some(End::Refused { status, .. }) => match status {
                101 | 200 => "is no hub",
                401 => "wants a valid token (401)",
                403 => "refuses this client (403)",
                404 => "has no hub there (404)",
                status => return write!(f, "answers {status}"),
            },
            Some(End::Closed(code)) => match code {
                1006 => "broke the connection",
                1012 => "restarts",
                4001 => "ended the connection: the token has ended",
                4008 => "ended the connection: it was read too slowly",
                code => return write!(f, "closed the connection with code {code}"),
            },
            Some(_) => "ended the connection",
        })
    }
}

fn read_token(file: &Path) -> Result<String, Failure> {
    let failure = |why: &dyn fmt::Display| {
        Failure::new(Exit::Usage, format_args!("{}: {why}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| failure(&error))?;
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(failure(&"there is no token in it"));
    }
    Ok(token.to_owned())
}

fn url(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let known = uri
        .scheme_str()
        .is_some_and(|scheme| ["http", "https", "ws", "wss"].contains(&scheme));
    if !known || uri.authority().is_none() {
        return Err("not a URL such as https://hub.example".into());
    }
    let text = text.split('#').next().unwrap_or_default();
    Ok(match uri.path_and_query().map(|target| target.as_str()) {
        None | Some("" | "/") => format!("{}{ENDPOINT}", text.trim_end_matches('/')),
        Some(_) => text.to_owned(),
    })
}

/// A time such as `500ms`, `90`, `15m` or `12h`.
fn time(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1_000));
    let milliseconds = number.parse::<u64>().ok();
    milliseconds
        .and_then(|number| number.checked_mul(factor))
        .filter(|milliseconds| *milliseconds > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| "not a time such as 500ms, 90, 15m or 12h".to_owned())
}

/// Ready when the program is told to stop.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| Failure::new(Exit::Failed, error));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Runs a command to its end: it has one connection, and needs one thread.
fn run(command: impl Future<Output = Result<Exit, Failure>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => {
            let reason = format_args!("the runtime did not start: {error}");
            Err(Failure::new(Exit::Failed, reason))
        }
    };
    let exit = ended.unwrap_or_else(|failure| {
        complain(failure.reason);
        failure.exit
    });
    exit.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_get_the_path_of_the_endpoint() {
        for (given, meant) in [
            ("http://a:1", "http://a:1/.well-known/mercure"),
            ("wss://a/", "wss://a/.well-known/mercure"),
            ("https://a/hub", "https://a/hub"),
            ("https://a/hub?x=1#y", "https://a/hub?x=1"),
        ] {
            assert_eq!(url(given).as_deref(), Ok(meant));
        }
        for bad in ["", "a", "a:1", "ftp://a", "/path", "http://"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_have_units() {
        let milliseconds = Duration::from_millis;
        assert_eq!(time("1500ms"), Ok(milliseconds(1_500)));
        assert_eq!(time("2"), Ok(milliseconds(2_000)));
        assert_eq!(time("3s"), Ok(milliseconds(3_000)));
        assert_eq!(time("1h"), Ok(milliseconds(3_600_000)));
        for bad in ["", "s", "0", "1d", "-1", "1.5"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
