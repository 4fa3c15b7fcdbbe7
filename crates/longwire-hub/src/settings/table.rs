//! The one table of settings, which the command line, the environment, files, the help, the example
//! and the book all follow.

use super::value::{address, age, host, number, origin, size, switch, sync};
use super::{Format, Settings};

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its key in files. A list is called in the plural.
    pub(crate) name: &'static str,
    /// Its flag on the command line, where one value is one flag.
    pub(crate) flag: &'static str,
    pub(crate) variable: &'static str,
    pub(crate) kind: Kind,
    /// As it would be written; empty if there is none, or if it depends on others.
    pub(crate) default: &'static str,
    /// A default that depends on others, in words.
    pub(crate) otherwise: &'static str,
    pub(crate) help: &'static str,
    pub(crate) group: &'static str,
    /// A value that makes sense.
    pub(crate) example: &'static str,
    /// Takes the values: one, unless it is a list.
    pub(super) set: fn(&mut Settings, &str) -> Result<(), String>,
}

/// What values a setting has, with their name in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text(&'static str),
    /// Written without quotes in files, too.
    Number(&'static str),
    List(&'static str),
    Switch,
}

const LISTENING: &str = "Listening";
const RIGHTS: &str = "Rights";
const LOG: &str = "Log";
const LIMITS: &str = "Limits";
const OBSERVING: &str = "Observing";

const NONE: Setting = Setting {
    name: "",
    flag: "",
    variable: "",
    kind: Kind::Switch,
    default: "",
    otherwise: "",
    help: "",
    group: "",
    example: "",
    set: |_, _| Ok(()),
};

/// All settings, in the order of the help.
pub(crate) static SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        flag: "listen",
        variable: "LONGWIRE_LISTEN",
        kind: Kind::Text("ADDR"),
        default: "127.0.0.1:8080",
        help: "Address to listen on; without a key, a loopback address",
        group: LISTENING,
        example: "127.0.0.1:8080",
        set: |settings, text| address(text).map(|address| settings.listen = address),
        ..NONE
    },
    Setting {
        name: "tls-cert",
        flag: "tls-cert",
        variable: "LONGWIRE_TLS_CERT",
        kind: Kind::Text("FILE"),
        help: "Certificate chain in PEM, its own first: speaks TLS, HTTP/2 as well; read again on \
               SIGHUP",
        group: LISTENING,
        example: "/etc/longwire/tls/fullchain.pem",
        set: |settings, text| {
            settings.tls_cert = Some(text.into());
            Ok(())
        },
        ..NONE
    },
    Setting {
        name: "tls-key",
        flag: "tls-key",
        variable: "LONGWIRE_TLS_KEY",
        kind: Kind::Text("FILE"),
        help: "Private key of the certificate, in PEM",
        group: LISTENING,
        example: "/etc/longwire/tls/privkey.pem",
        set: |settings, text| {
            settings.tls_key = Some(text.into());
            Ok(())
        },
        ..NONE
    },
    Setting {
        name: "hosts",
        flag: "host",
        variable: "LONGWIRE_HOSTS",
        kind: Kind::List("NAME"),
        otherwise: "loopback names while listening on loopback, any name otherwise",
        help: "Name that the hub answers to, as clients write it in URLs (repeatable)",
        group: LISTENING,
        example: "hub.example",
        set: |settings, text| host(text).map(|host| settings.hosts.push(host)),
        ..NONE
    },
    Setting {
        name: "trusted-proxies",
        flag: "trusted-proxy",
        variable: "LONGWIRE_TRUSTED_PROXIES",
        kind: Kind::List("CIDR"),
        help: "Network of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed \
               (repeatable)",
        group: LISTENING,
        example: "127.0.0.1",
        set: |settings, text| {
            text.parse()
                .map(|network| settings.trusted_proxies.push(network))
        },
        ..NONE
    },
    Setting {
        name: "origins",
        flag: "origin",
        variable: "LONGWIRE_ORIGINS",
        kind: Kind::List("ORIGIN"),
        help: "Origin of web pages that may publish and subscribe, besides the hub's own \
               (repeatable)",
        group: RIGHTS,
        example: "https://app.example",
        set: |settings, text| origin(text).map(|origin| settings.origins.push(origin)),
        ..NONE
    },
    Setting {
        name: "keys",
        flag: "key",
        variable: "LONGWIRE_KEYS",
        kind: Kind::List("ALG:FILE"),
        help: "Key that tokens are verified with: HS256, RS256, ES256 or EdDSA, a colon, and the \
               file with the secret or the public key in PEM (repeatable)",
        group: RIGHTS,
        example: "HS256:/etc/longwire/secret",
        set: |settings, text| {
            if !text.contains(':') {
                return Err("not ALGORITHM:FILE, such as HS256:/etc/longwire/secret".to_owned());
            }
            settings.keys.push(text.to_owned());
            Ok(())
        },
        ..NONE
    },
    Setting {
        name: "anonymous",
        flag: "anonymous",
        variable: "LONGWIRE_ANONYMOUS",
        default: "false",
        help: "Let everybody subscribe to what is public",
        group: RIGHTS,
        example: "true",
        set: |settings, text| switch(text).map(|on| settings.anonymous = on),
        ..NONE
    },
    Setting {
        name: "query-tokens",
        flag: "query-tokens",
        variable: "LONGWIRE_QUERY_TOKENS",
        default: "false",
        help: "Take tokens from the query parameter `authorization` too: URLs end up in the logs of \
               others",
        group: RIGHTS,
        example: "true",
        set: |settings, text| switch(text).map(|on| settings.query_tokens = on),
        ..NONE
    },
    Setting {
        name: "endless-tokens",
        flag: "endless-tokens",
        variable: "LONGWIRE_ENDLESS_TOKENS",
        default: "false",
        help: "Take tokens without `exp` too, which never end and cannot be taken back",
        group: RIGHTS,
        example: "true",
        set: |settings, text| switch(text).map(|on| settings.endless_tokens = on),
        ..NONE
    },
    Setting {
        name: "subscriptions",
        flag: "subscriptions",
        variable: "LONGWIRE_SUBSCRIPTIONS",
        default: "false",
        help: "Show who is subscribed to what, to tokens that grant it: subscription events, and the \
               list under /.well-known/mercure/subscriptions",
        group: RIGHTS,
        example: "true",
        set: |settings, text| switch(text).map(|on| settings.subscriptions = on),
        ..NONE
    },
    Setting {
        name: "data",
        flag: "data",
        variable: "LONGWIRE_DATA",
        kind: Kind::Text("DIR"),
        otherwise: "the platform's directory for the state of programs",
        help: "Directory of the log",
        group: LOG,
        example: "/var/lib/longwire",
        set: |settings, text| {
            settings.data = Some(text.into());
            Ok(())
        },
        ..NONE
    },
    Setting {
        name: "memory",
        flag: "memory",
        variable: "LONGWIRE_MEMORY",
        default: "false",
        help: "Keep the log in memory: it ends with the hub",
        group: LOG,
        example: "true",
        set: |settings, text| switch(text).map(|on| settings.memory = on),
        ..NONE
    },
    Setting {
        name: "fsync",
        flag: "fsync",
        variable: "LONGWIRE_FSYNC",
        kind: Kind::Text("WHEN"),
        default: "always",
        help: "When to wait for the disk: `always` before an event is acknowledged, `interval:MS` \
               that often in milliseconds, or `never`; without `always`, a crash begins a new epoch, and \
               with `never` a loss of power may leave a log that cannot be opened",
        group: LOG,
        example: "interval:100",
        set: |settings, text| sync(text).map(|sync| settings.fsync = sync),
        ..NONE
    },
    Setting {
        name: "keep-events",
        flag: "keep-events",
        variable: "LONGWIRE_KEEP_EVENTS",
        kind: Kind::Number("N"),
        otherwise: "1000000, or 100000 in memory",
        help: "Events kept for replay",
        group: LOG,
        example: "1000000",
        set: |settings, text| {
            number(text, 1..=100_000_000).map(|count| settings.keep_events = Some(count))
        },
        ..NONE
    },
    Setting {
        name: "keep-bytes",
        flag: "keep-bytes",
        variable: "LONGWIRE_KEEP_BYTES",
        kind: Kind::Text("SIZE"),
        otherwise: "1g, or 64m in memory",
        help: "Bytes kept for replay, or with k, m or g",
        group: LOG,
        example: "4g",
        set: |settings, text| size(text).map(|bytes| settings.keep_bytes = Some(bytes)),
        ..NONE
    },
    Setting {
        name: "keep-age",
        flag: "keep-age",
        variable: "LONGWIRE_KEEP_AGE",
        kind: Kind::Text("TIME"),
        default: "1d",
        help: "How long events are kept for replay: seconds, or with m, h or d",
        group: LOG,
        example: "7d",
        set: |settings, text| age(text).map(|age| settings.keep_age = age),
        ..NONE
    },
    Setting {
        name: "recent-bytes",
        flag: "recent-bytes",
        variable: "LONGWIRE_RECENT_BYTES",
        kind: Kind::Text("SIZE"),
        default: "64m",
        help: "Memory for recent events, which need not be read from disk: bytes, or with k, m or g",
        group: LOG,
        example: "256m",
        set: |settings, text| size(text).map(|bytes| settings.recent_bytes = bytes),
        ..NONE
    },
    Setting {
        name: "max-connections",
        flag: "max-connections",
        variable: "LONGWIRE_MAX_CONNECTIONS",
        kind: Kind::Number("N"),
        otherwise: "what the descriptors of the process allow",
        help: "Connections at once; a tenth of them may be before their first request",
        group: LIMITS,
        example: "20000",
        set: |settings, text| {
            number(text, 10..=10_000_000).map(|count| settings.max_connections = Some(count))
        },
        ..NONE
    },
    Setting {
        name: "max-per-ip",
        flag: "max-per-ip",
        variable: "LONGWIRE_MAX_PER_IP",
        kind: Kind::Number("N"),
        default: "100",
        help: "Connections, and subscriptions, of one IPv4 address or one IPv6 network of 64 bits; \
               loopback is exempt",
        group: LIMITS,
        example: "100",
        set: |settings, text| number(text, 1..=10_000_000).map(|count| settings.max_per_ip = count),
        ..NONE
    },
    Setting {
        name: "max-per-subject",
        flag: "max-per-subject",
        variable: "LONGWIRE_MAX_PER_SUBJECT",
        kind: Kind::Number("N"),
        default: "20",
        help: "Subscriptions of one token subject (the claim `sub`)",
        group: LIMITS,
        example: "20",
        set: |settings, text| {
            number(text, 1..=10_000_000).map(|count| settings.max_per_subject = count)
        },
        ..NONE
    },
    Setting {
        name: "publish-rate",
        flag: "publish-rate",
        variable: "LONGWIRE_PUBLISH_RATE",
        kind: Kind::Number("N"),
        default: "1000",
        help: "Events that one address, and one token subject, may publish per second, with twice \
               as many at once; loopback without a subject is exempt",
        group: LIMITS,
        example: "1000",
        set: |settings, text| {
            number(text, 1..=10_000_000).map(|count| settings.publish_rate = count)
        },
        ..NONE
    },
    Setting {
        name: "max-memory",
        flag: "max-memory",
        variable: "LONGWIRE_MAX_MEMORY",
        kind: Kind::Text("SIZE"),
        otherwise: "no limit",
        help: "Memory of the process: beyond four fifths of it, no new connections",
        group: LIMITS,
        example: "2g",
        set: |settings, text| size(text).map(|bytes| settings.max_memory = Some(bytes)),
        ..NONE
    },
    Setting {
        name: "metrics-listen",
        flag: "metrics-listen",
        variable: "LONGWIRE_METRICS_LISTEN",
        kind: Kind::Text("ADDR"),
        otherwise: "none",
        help: "Address for /metrics, /healthz and /readyz alone, where nobody is asked for a token",
        group: OBSERVING,
        example: "127.0.0.1:9090",
        set: |settings, text| address(text).map(|address| settings.metrics_listen = Some(address)),
        ..NONE
    },
    Setting {
        name: "log-format",
        flag: "log-format",
        variable: "LONGWIRE_LOG_FORMAT",
        kind: Kind::Text("FORMAT"),
        default: "text",
        help: "Lines of the log on standard error: text or json",
        group: OBSERVING,
        example: "json",
        set: |settings, text| Format::parse(text).map(|format| settings.log_format = format),
        ..NONE
    },
    Setting {
        name: "log-level",
        flag: "log-level",
        variable: "LONGWIRE_LOG_LEVEL",
        kind: Kind::Text("LEVEL"),
        default: "info",
        help: "What is worth a line: error, warn, info, debug (each request) or trace",
        group: OBSERVING,
        example: "debug",
        set: |settings, text| {
            let level = text
                .parse()
                .map_err(|_| "not error, warn, info, debug or trace");
            settings.log_level = level?;
            Ok(())
        },
        ..NONE
    },
];

impl Setting {
    /// Whether a value is one for this setting.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn check(&self, text: &str) -> Result<(), String> {
        (self.set)(&mut Settings::blank(), text)
    }

    /// The default as people read it.
    pub(crate) fn default_text(&self) -> &'static str {
        if self.default.is_empty() {
            self.otherwise
        } else {
            self.default
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_follow_one_rule() {
        let mut seen = HashSet::new();
        for setting in SETTINGS {
            let name = setting.name;
            let variable = format!("LONGWIRE_{}", name.replace('-', "_").to_uppercase());
            assert_eq!(setting.variable, variable);
            if matches!(setting.kind, Kind::List(_)) {
                let singular = name.strip_suffix("ies").map(|stem| format!("{stem}y"));
                let singular = singular.unwrap_or_else(|| name.strip_suffix('s').unwrap().into());
                assert_eq!(setting.flag, singular);
            } else {
                assert_eq!(setting.flag, name);
            }
            assert!(seen.insert(name), "{name} is there twice");
            assert!(!setting.help.is_empty() && !setting.help.ends_with('.'));
        }
    }

    #[test]
    fn defaults_and_examples_are_values() {
        for setting in SETTINGS {
            assert_eq!(setting.check(setting.example), Ok(()), "{}", setting.name);
            if !setting.default.is_empty() {
                assert_eq!(setting.check(setting.default), Ok(()), "{}", setting.name);
            }
        }
    }
}
