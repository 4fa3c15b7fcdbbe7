//! From a host and a port to a stream.

use core::net::SocketAddr;
use core::time::Duration;

use tokio::time::timeout;

#[cfg(feature = "tls")]
use super::Tls;
use super::{ConnectError, Proxies, Proxy, ProxyError, Stream, dial, tunnel};

/// Where to connect to.
///
/// ```
/// use longwire::net::Endpoint;
///
/// let endpoint = Endpoint::tls("example.com", 443).alpn(&["h2", "http/1.1"]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) secure: bool,
    pub(super) alpn: &'a [&'a str],
}

impl<'a> Endpoint<'a> {
    /// A host, by name or address (an IPv6 address without its brackets), over bare TCP.
    #[must_use]
    pub const fn tcp(host: &'a str, port: u16) -> Self {
        Self {
            host,
            port,
            secure: false,
            alpn: &[],
        }
    }

    /// A host, by name or address, over TLS.
    #[must_use]
    pub const fn tls(host: &'a str, port: u16) -> Self {
        Self {
            secure: true,
            ..Self::tcp(host, port)
        }
    }

    /// The protocols offered during the TLS handshake, the preferred one first; default none.
    /// [`Stream::alpn`] tells which one the server chose.
    #[must_use]
    pub const fn alpn(mut self, protocols: &'a [&'a str]) -> Self {
        self.alpn = protocols;
        self
    }
}

/// Opens connections: looks names up, tries the addresses (Happy Eyeballs, RFC 8305), speaks to
/// proxies, and shakes hands for TLS.
///
/// ```no_run
/// use longwire::net::{Connector, Endpoint};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = Connector::new();
/// let stream = connector.connect(Endpoint::tcp("example.com", 80)).await?;
/// # Ok(())
/// # }
/// ```
///
/// Every connection has `TCP_NODELAY`, a `TCP_USER_TIMEOUT` of 30 s (Linux) and keepalive probes
/// after 30 s, every 10 s, three times.
#[derive(Clone, Debug)]
#[must_use]
pub struct Connector {
    #[cfg(feature = "tls")]
    tls: Tls,
    connect_within: Duration,
    tls_within: Duration,
    proxies: Proxies,
    addresses: Vec<(Box<str>, Vec<SocketAddr>)>,
}

impl Connector {
    /// A connector with the defaults; reads the environment for [proxies](Proxies::from_env).
    pub fn new() -> Self {
        Self {
            #[cfg(feature = "tls")]
            tls: Tls::new(),
            connect_within: Duration::from_secs(10),
            tls_within: Duration::from_secs(10),
            proxies: Proxies::from_env(),
            addresses: Vec::new(),
        }
    }

    /// Whom to trust, and who we are; default [`Tls::new`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// How long looking the name up, TCP and the proxy may take together; default 10 s.
    pub const fn connect_within(mut self, after: Duration) -> Self {
        self.connect_within = after;
        self
    }

    /// How long the TLS handshake may take in [`connect`](Self::connect); default 10 s.
    /// [`ws::connect`](crate::ws) has one deadline for it and the head of the answer.
    pub const fn tls_within(mut self, after: Duration) -> Self {
        self.tls_within = after;
        self
    }

    /// Which proxies to use for whom; default [`Proxies::from_env`].
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Uses these addresses for `host` (as it stands in the URL, without port) instead of looking
    /// the name up. A proxy is told the name all the same.
    pub fn addresses(
        mut self,
        host: &str,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Self {
        self.addresses
            .push((host.into(), addresses.into_iter().collect()));
        self
    }

    /// Connects, through the proxy and with TLS as asked for.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Stream, ConnectError> {
        let stream = self.dial(endpoint).await?;
        timeout(self.tls_within, self.secure(endpoint, stream))
            .await
            .map_err(|_| ConnectError::TlsDeadline)?
    }

    /// The same without the certificate that says who we are; the proxies stay.
    pub(crate) fn anonymous(&self) -> Self {
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "nothing to hide"))]
        let mut anonymous = self.clone();
        #[cfg(feature = "tls")]
        {
            anonymous.tls = self.tls.anonymous();
        }
        anonymous
    }

    /// Whether there is no certificate that says who we are.
    pub(crate) fn is_anonymous(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_anonymous();
        #[cfg(not(feature = "tls"))]
        true
    }

    /// TCP and the proxy, within [`connect_within`](Self::connect_within).
    pub(crate) async fn dial(&self, endpoint: Endpoint<'_>) -> Result<Stream, ConnectError> {
        timeout(self.connect_within, self.reach(endpoint))
            .await
            .map_err(|_| ConnectError::Deadline)?
    }

    async fn reach(&self, endpoint: Endpoint<'_>) -> Result<Stream, ConnectError> {
        let Endpoint {
            host, port, secure, ..
        } = endpoint;
        let proxy = self.proxies.select(host, port, secure);
        match proxy.map_err(ConnectError::Proxy)? {
            None => self.tcp(host, port).await,
            Some(proxy) => self
                .through(proxy, host, port)
                .await
                .map_err(ConnectError::Proxy),
        }
    }

    async fn through(&self, proxy: &Proxy, host: &str, port: u16) -> Result<Stream, ProxyError> {
        let reached = async {
            let stream = self.tcp(&proxy.host, proxy.port).await?;
            self.anonymous().secure(proxy.endpoint(), stream).await
        };
        let mut stream = reached
            .await
            .map_err(|error| ProxyError::Connect(Box::new(error)))?;
        tunnel::open(&mut stream, proxy, host, port).await?;
        Ok(stream)
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<Stream, ConnectError> {
        let known = self
            .addresses
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(host));
        let addresses = match known {
            Some((_, addresses)) => addresses.clone(),
            None => dial::resolve(host, port).await?,
        };
        dial::dial(addresses).await.map(Stream::from)
    }

    /// The TLS handshake, if `endpoint` wants one; without a deadline.
    pub(crate) async fn secure(
        &self,
        endpoint: Endpoint<'_>,
        stream: Stream,
    ) -> Result<Stream, ConnectError> {
        if !endpoint.secure {
            return Ok(stream);
        }
        #[cfg(feature = "tls")]
        return self.tls.connect(endpoint, stream).await;
        #[cfg(not(feature = "tls"))]
        Err(ConnectError::NoTls)
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}
