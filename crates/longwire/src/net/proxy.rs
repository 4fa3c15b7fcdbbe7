//! Proxies: what they are, and who is reached through which.

use core::fmt;
use core::net::IpAddr;
use std::env;

use ws_handshake::{Url, UrlError};

use super::no_proxy::NoProxy;
use super::{Endpoint, ProxyError};

/// A proxy through which connections are made.
///
/// ```
/// use longwire::net::Proxy;
///
/// let office = Proxy::parse("http://user:password@proxy.example.com:3128")?;
/// let tunnel = Proxy::parse("socks5://127.0.0.1:1080")?;
/// # Ok::<(), ws_handshake::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(super) kind: Kind,
    pub(super) host: String,
    pub(super) port: u16,
    /// For `Proxy-Authorization`.
    pub(super) authorization: Option<String>,
    /// The same for SOCKS: name and password.
    pub(super) user_info: Option<(Vec<u8>, Vec<u8>)>,
}

/// How one speaks to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Http,
    Https,
    Socks5,
}

impl Proxy {
    /// Reads the URL of a proxy; one without a scheme is `http`.
    ///
    /// - `http://` and `https://`: HTTP's CONNECT method, over TCP or TLS; user information is
    ///   sent by the Basic scheme. Ports 80 and 443 by default. The proxy's certificate is judged
    ///   as a server's is; ours is not shown to it.
    /// - `socks5://` and `socks5h://`: SOCKS version 5, with user information as name and
    ///   password. Port 1080 by default. Either way the proxy looks names up.
    ///
    /// Path and query are ignored.
    ///
    /// # Errors
    ///
    /// [`UrlError`].
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => Kind::Http,
            "https" => Kind::Https,
            "socks5" | "socks5h" => Kind::Socks5,
            _ => return Err(UrlError::Scheme),
        };
        let plain = ["http://", rest].concat();
        let secure = ["https://", rest].concat();
        let (parsed, as_secure) = (Url::parse(&plain)?, Url::parse(&secure)?);
        let port = match kind {
            // Both schemes give their own port: there is none in the URL.
            _ if parsed.port() == as_secure.port() => parsed.port(),
            Kind::Http => 80,
            Kind::Https => 443,
            Kind::Socks5 => 1080,
        };
        Ok(Self {
            kind,
            host: parsed.host().to_owned(),
            port,
            authorization: parsed.authorization(),
            user_info: parsed.user_info(),
        })
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> Endpoint<'_> {
        match self.kind {
            Kind::Https => Endpoint::tls(&self.host, self.port).alpn(&["http/1.1"]),
            Kind::Http | Kind::Socks5 => Endpoint::tcp(&self.host, self.port),
        }
    }
}

impl fmt::Debug for Proxy {
    /// Without user information.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("kind", &self.kind)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Which connections go through which proxy.
///
/// ```
/// use longwire::net::{Connector, Proxies, Proxy};
///
/// let proxy = Proxy::parse("http://proxy.example.com:3128")?;
/// let connector = Connector::new().proxies(Proxies::all(proxy).except("localhost, 10.0.0.0/8"));
/// # Ok::<(), ws_handshake::UrlError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Proxies {
    http: Option<Result<Proxy, UrlError>>,
    https: Option<Result<Proxy, UrlError>>,
    except: NoProxy,
    /// Whether this host itself is reached directly.
    except_loopback: bool,
}

impl Proxies {
    /// None: every connection is direct.
    pub fn none() -> Self {
        Self::default()
    }

    /// This one, for every connection.
    pub fn all(proxy: Proxy) -> Self {
        Self {
            http: Some(Ok(proxy.clone())),
            https: Some(Ok(proxy)),
            ..Self::default()
        }
    }

    /// As the environment says, read now.
    ///
    /// - `http_proxy` for connections without TLS, `https_proxy` for those with it, `all_proxy` for
    ///   those of the two that are not set; each also in upper case, which counts if the one in
    ///   lower case is not set. Empty means not set. A value is what [`Proxy::parse`] reads; a
    ///   connection for which it is none fails with [`ProxyError::Url`].
    /// - `no_proxy` or `NO_PROXY`: see [`except`](Self::except).
    /// - `localhost`, `127.0.0.0/8` and `::1` are reached directly, whatever the variables say.
    /// - Where `REQUEST_METHOD` is set, `HTTP_PROXY` is ignored: to a CGI program, that is what a
    ///   client sent as the header field `Proxy`.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let either = |lower: &str| {
            variable(lower).or_else(|| {
                let upper = lower.to_ascii_uppercase();
                variable(&upper).filter(|_| !(is_cgi && upper == "HTTP_PROXY"))
            })
        };
        let proxy = |name| {
            let url = either(name).or_else(|| either("all_proxy"))?;
            Some(Proxy::parse(url.trim()))
        };
        Self {
            http: proxy("http_proxy"),
            https: proxy("https_proxy"),
            except: NoProxy::parse(&either("no_proxy").unwrap_or_default()),
            except_loopback: true,
        }
    }

    /// Reaches these hosts directly: a list with commas or spaces between its entries, added to
    /// the entries there are. An entry is
    ///
    /// - a domain, for itself and all below it, with or without a dot or `*.` in front;
    /// - an address, or a range of them such as `10.0.0.0/8`; names are not looked up for that;
    /// - one of these (but a range) and a port, `example.com:8080`, for that port only;
    /// - `*` for every host.
    pub fn except(mut self, list: &str) -> Self {
        self.except.extend(list);
        self
    }

    /// The proxy for a connection.
    pub(super) fn select(
        &self,
        host: &str,
        port: u16,
        secure: bool,
    ) -> Result<Option<&Proxy>, ProxyError> {
        let proxy = if secure { &self.https } else { &self.http };
        if self.except.matches(host, port) || self.except_loopback && is_loopback(host) {
            return Ok(None);
        }
        match proxy {
            None => Ok(None),
            Some(Ok(proxy)) => Ok(Some(proxy)),
            Some(Err(error)) => Err(ProxyError::Url(*error)),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// The port of the proxy for `http` or `https://example.com`; 0 without one.
    fn ports(variables: &[(&str, &str)]) -> [u16; 2] {
        let proxies = proxies(variables);
        [(80, false), (443, true)].map(|(port, secure)| {
            let proxy = proxies.select("example.com", port, secure).unwrap();
            proxy.map_or(0, |proxy| proxy.port)
        })
    }

    #[test]
    fn the_variables_of_the_environment() {
        for (variables, expected) in [
            (&[][..], [0, 0]),
            (&[("http_proxy", "http://p:1")], [1, 0]),
            (&[("HTTP_PROXY", "http://p:1")], [1, 0]),
            (
                &[("HTTP_PROXY", "http://p:1"), ("http_proxy", "p:2")],
                [2, 0],
            ),
            (&[("HTTPS_PROXY", "socks5://p:3")], [0, 3]),
            (&[("ALL_PROXY", "p:4")], [4, 4]),
            (&[("all_proxy", " p:4 "), ("https_proxy", "p:5")], [4, 5]),
            (&[("all_proxy", "p:4"), ("https_proxy", "")], [4, 4]),
            (&[("HTTP_PROXY", "p:1"), ("REQUEST_METHOD", "GET")], [0, 0]),
            (&[("http_proxy", "p:1"), ("REQUEST_METHOD", "GET")], [1, 0]),
            (&[("HTTPS_PROXY", "p:1"), ("REQUEST_METHOD", "GET")], [0, 1]),
            (&[("all_proxy", "p:4"), ("no_proxy", "*")], [0, 0]),
            (
                &[("all_proxy", "p:4"), ("NO_PROXY", "example.com:80")],
                [0, 4],
            ),
            (
                &[("all_proxy", "p:4"), ("NO_PROXY", "*"), ("no_proxy", "x")],
                [4, 4],
            ),
        ] {
            assert_eq!(ports(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn this_host_is_reached_directly_as_far_as_the_environment_goes() {
        let from_env = proxies(&[("all_proxy", "p:1")]);
        let by_hand = Proxies::all(Proxy::parse("p:1").unwrap());
        for host in [
            "localhost",
            "LOCALHOST.",
            "127.0.0.2",
            "::1",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(from_env.select(host, 80, false).unwrap(), None, "{host}");
            assert!(by_hand.select(host, 80, false).unwrap().is_some(), "{host}");
        }
        assert!(from_env.select("192.0.2.1", 80, false).unwrap().is_some());
        let excepted = by_hand.except("localhost").except("192.0.2.0/24");
        assert_eq!(excepted.select("localhost", 80, false).unwrap(), None);
        assert_eq!(excepted.select("192.0.2.7", 80, true).unwrap(), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_not_passed_over() {
        let broken = proxies(&[("https_proxy", "gopher://p:70")]);
        assert!(matches!(
            broken.select("example.com", 443, true),
            Err(ProxyError::Url(UrlError::Scheme))
        ));
        assert_eq!(broken.select("example.com", 80, false).unwrap(), None);
    }

    #[test]
    fn urls_of_proxies() {
        for (url, kind, host, port) in [
            ("proxy", Kind::Http, "proxy", 80),
            ("proxy:3128", Kind::Http, "proxy", 3128),
            ("http://proxy", Kind::Http, "proxy", 80),
            ("HTTP://proxy:443/", Kind::Http, "proxy", 443),
            ("https://proxy", Kind::Https, "proxy", 443),
            ("https://proxy:80", Kind::Https, "proxy", 80),
            ("socks5://proxy", Kind::Socks5, "proxy", 1080),
            ("socks5h://proxy:80", Kind::Socks5, "proxy", 80),
            ("socks5://[::1]:9050", Kind::Socks5, "::1", 9050),
        ] {
            let proxy = Proxy::parse(url).unwrap();
            assert_eq!(
                (proxy.kind, &*proxy.host, proxy.port),
                (kind, host, port),
                "{url}"
            );
            assert_eq!(proxy.authorization, None);
        }
        let proxy = Proxy::parse("us%65r:p%40ss@proxy:1").unwrap();
        assert_eq!(proxy.authorization.as_deref(), Some("Basic dXNlcjpwQHNz"));
        assert_eq!(proxy.user_info, Some((b"user".to_vec(), b"p@ss".to_vec())));
        assert!(!format!("{proxy:?}").contains("dXN"), "{proxy:?}");
        assert_eq!(Proxy::parse("socks4://p"), Err(UrlError::Scheme));
        assert_eq!(Proxy::parse("http://"), Err(UrlError::Host));
    }
}
