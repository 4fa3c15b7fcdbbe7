//! What the hub is told: by flags, else by the environment, else by a file, else by nobody.

mod file;
mod table;
mod text;
mod value;

use core::fmt;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use longwire::net::ServerTls;
use tracing::level_filters::LevelFilter;

use crate::access::Access;
use crate::store::{Retention, Sync};
use crate::token::Keys;

pub(crate) use file::File;
pub(crate) use table::{Kind, SETTINGS, Setting};
pub(crate) use text::{effective, example};
pub(crate) use value::Network;

/// How the hub runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) hosts: Vec<String>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) origins: Vec<String>,
    pub(crate) keys: Vec<String>,
    pub(crate) anonymous: bool,
    pub(crate) query_tokens: bool,
    pub(crate) endless_tokens: bool,
    pub(crate) subscriptions: bool,
    pub(crate) data: Option<PathBuf>,
    pub(crate) memory: bool,
    pub(crate) fsync: Sync,
    pub(crate) keep_events: Option<usize>,
    pub(crate) keep_bytes: Option<usize>,
    pub(crate) keep_age: Duration,
    pub(crate) recent_bytes: usize,
    pub(crate) max_connections: Option<usize>,
    pub(crate) max_per_ip: usize,
    pub(crate) max_per_subject: usize,
    pub(crate) publish_rate: usize,
    pub(crate) max_memory: Option<usize>,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) log_format: Format,
    pub(crate) log_level: LevelFilter,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Text,
}

impl Format {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("not text or json".to_owned()),
        }
    }
}

/// Who said what a setting is, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Flag,
    Environment,
    /// In this line.
    File(usize),
    Default,
}

/// The values of one setting, and who gave them.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) source: Source,
    pub(crate) values: Vec<String>,
}

/// For each of [`SETTINGS`], what is said about it.
pub(crate) type Said = Vec<Option<Chosen>>;

impl Settings {
    /// Chooses among what the command line and the environment say, the file, and the defaults.
    ///
    /// # Errors
    ///
    /// A value is none, or two settings contradict each other.
    pub(crate) fn choose(
        said: &Said,
        file: Option<&File>,
    ) -> Result<(Self, Vec<Chosen>), InvalidSettings> {
        let mut chosen: Vec<Chosen> = SETTINGS
            .iter()
            .enumerate()
            .map(|(index, setting)| {
                let said = said.get(index).cloned().flatten();
                let in_file = || file.and_then(|file| file.said[index].clone());
                said.or_else(in_file).unwrap_or_else(|| nobody(setting))
            })
            .collect();
        contradict("memory", "data", &mut chosen)?;
        let mut settings = Self::blank();
        for (setting, chosen) in SETTINGS.iter().zip(&chosen) {
            for value in &chosen.values {
                (setting.set)(&mut settings, value).map_err(|reason| {
                    let name = setting.name;
                    match (chosen.source, file) {
                        (Source::File(line), Some(file)) => file.error(line, name, reason),
                        _ => InvalidSettings(format!("{name}: {reason}")),
                    }
                })?;
            }
        }
        settings.check().map_err(InvalidSettings)?;
        Ok((settings, chosen))
    }

    /// What every setting overwrites.
    const fn blank() -> Self {
        Self {
            listen: SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            tls_cert: None,
            tls_key: None,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            origins: Vec::new(),
            keys: Vec::new(),
            anonymous: false,
            query_tokens: false,
            endless_tokens: false,
            subscriptions: false,
            data: None,
            memory: false,
            fsync: Sync::Always,
            keep_events: None,
            keep_bytes: None,
            keep_age: Duration::ZERO,
            recent_bytes: 0,
            max_connections: None,
            max_per_ip: 0,
            max_per_subject: 0,
            publish_rate: 0,
            max_memory: None,
            metrics_listen: None,
            log_format: Format::Text,
            log_level: LevelFilter::INFO,
        }
    }

    /// Whether the settings make sense together.
    fn check(&self) -> Result<(), String> {
        if self.keys.is_empty() && !self.listen.ip().is_loopback() {
            return Err(format!(
                "without a key everybody could publish: give one with --key, or --listen on a \
                 loopback address instead of {}",
                self.listen
            ));
        }
        for (is_set, name) in [
            (self.anonymous, "anonymous"),
            (self.query_tokens, "query-tokens"),
            (self.endless_tokens, "endless-tokens"),
            (self.subscriptions, "subscriptions"),
        ] {
            if is_set && self.keys.is_empty() {
                return Err(format!(
                    "`{name}` says something about tokens: give a --key"
                ));
            }
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err("`tls-cert` and `tls-key` belong together: give both or none".to_owned());
        }
        Ok(())
    }

    /// The keys, read from their files.
    ///
    /// # Errors
    ///
    /// The reason, which has nothing of the key.
    pub(crate) fn keys(&self) -> Result<Keys, String> {
        let mut keys = Keys::default();
        for key in &self.keys {
            keys.add(key)?;
        }
        if self.endless_tokens {
            keys.take_endless();
        }
        if self.subscriptions {
            keys.keep_payloads();
        }
        Ok(keys)
    }

    /// The certificate and its key as they are in their files now; `None` without TLS.
    ///
    /// # Errors
    ///
    /// One of the files cannot be read.
    pub(crate) fn tls_files(&self) -> Result<Option<[Vec<u8>; 2]>, String> {
        let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Some([read(cert)?, read(key)?]))
    }

    /// TLS with that certificate.
    ///
    /// # Errors
    ///
    /// One of the files cannot be read, or they do not belong together.
    pub(crate) fn tls(&self) -> Result<Option<ServerTls>, String> {
        let Some([cert, key]) = self.tls_files()? else {
            return Ok(None);
        };
        let tls = ServerTls::from_pem(&cert, &key);
        tls.map(Some)
            .map_err(|error| format!("`tls-cert` and `tls-key` cannot be used: {error}"))
    }

    /// Whether the files that are named can be used, as far as that can be seen without serving.
    ///
    /// # Errors
    ///
    /// What cannot.
    pub(crate) fn check_files(&self) -> Result<(), String> {
        Access::new(self, self.keys()?).map_err(|error| error.to_string())?;
        self.tls().map(drop)
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

fn nobody(setting: &Setting) -> Chosen {
    let default = (!setting.default.is_empty()).then(|| setting.default.to_owned());
    Chosen {
        source: Source::Default,
        values: default.into_iter().collect(),
    }
}

/// Of two settings that exclude each other the stronger source decides.
fn contradict(
    switch: &'static str,
    other: &'static str,
    chosen: &mut [Chosen],
) -> Result<(), InvalidSettings> {
    let index = |name| SETTINGS.iter().position(|setting| setting.name == name);
    let (Some(switch_at), Some(other_at)) = (index(switch), index(other)) else {
        return Ok(());
    };
    let is_on = chosen[switch_at]
        .values
        .iter()
        .any(|value| value::switch(value) == Ok(true));
    if !is_on || chosen[other_at].values.is_empty() {
        return Ok(());
    }
    let rank = |source| match source {
        Source::Flag => 0,
        Source::Environment => 1,
        Source::File(_) => 2,
        Source::Default => 3,
    };
    let weaker = match rank(chosen[switch_at].source).cmp(&rank(chosen[other_at].source)) {
        core::cmp::Ordering::Less => other_at,
        core::cmp::Ordering::Greater => switch_at,
        core::cmp::Ordering::Equal => {
            let reason = format!("`{switch}` cannot be used with `{other}`");
            return Err(InvalidSettings(reason));
        }
    };
    chosen[weaker] = nobody(&SETTINGS[weaker]);
    Ok(())
}

/// Settings that cannot be used, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidSettings(String);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(values: &[(&str, Source, &str)]) -> Said {
        let find = |setting: &Setting| {
            let found = values.iter().find(|(name, ..)| *name == setting.name)?;
            Some(Chosen {
                source: found.1,
                values: vec![found.2.to_owned()],
            })
        };
        SETTINGS.iter().map(find).collect()
    }

    fn choose(values: &[(&str, Source, &str)], file: &str) -> Result<Settings, String> {
        let file = File::parse("hub.toml", file).unwrap();
        let chosen = Settings::choose(&said(values), Some(&file));
        chosen
            .map(|(settings, _)| settings)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_flag_comes_before_the_environment_before_a_file_before_the_default() {
        let file = "keep-events = 3\nkeep-age = \"3s\"\n";
        let given = [("keep-events", Source::Environment, "2")];
        let settings = choose(&given, file).unwrap();
        assert_eq!(settings.keep_events, Some(2));
        assert_eq!(settings.keep_age, Duration::from_secs(3));
        assert_eq!(settings.max_per_ip, 100);
        let given = [("keep-age", Source::Flag, "1s")];
        let settings = choose(&given, file).unwrap();
        assert_eq!(settings.keep_events, Some(3));
        assert_eq!(settings.keep_age, Duration::from_secs(1));
    }

    #[test]
    fn of_two_that_exclude_each_other_the_stronger_decides() {
        let settings = choose(&[("memory", Source::Flag, "true")], "data = \"d\"").unwrap();
        assert!(settings.memory && settings.data.is_none());
        let settings = choose(&[("data", Source::Environment, "d")], "memory = true").unwrap();
        assert!(!settings.memory && settings.data.is_some());
        let error = choose(&[], "data = \"d\"\nmemory = true").unwrap_err();
        assert!(error.contains("cannot be used with"), "{error}");
        assert!(choose(&[], "data = \"d\"\nmemory = false").is_ok());
    }

    #[test]
    fn without_a_key_only_loopback() {
        for loopback in ["127.0.0.1:0", "[::1]:80"] {
            assert!(choose(&[("listen", Source::Flag, loopback)], "").is_ok());
        }
        let listen = ("listen", Source::Flag, "0.0.0.0:80");
        assert!(choose(&[listen], "").unwrap_err().contains("loopback"));
        assert!(choose(&[listen], "keys = [\"HS256:x\"]").is_ok());
        for name in ["anonymous", "query-tokens"] {
            let error = choose(&[(name, Source::Flag, "true")], "").unwrap_err();
            assert!(error.contains(name) && error.contains("--key"), "{error}");
        }
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let error = choose(&[("tls-cert", Source::Flag, "x")], "").unwrap_err();
        assert!(error.contains("tls-key"), "{error}");
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
}
