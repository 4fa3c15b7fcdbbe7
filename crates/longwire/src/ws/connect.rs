//! The client's end: from a URL to a socket.

mod answer;
mod attempt;

use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::Pin;

use http::{HeaderMap, Request, Response, header};
use ws_handshake::{ClientRequest, HeaderError, Limits, Url};

use self::attempt::{Answered, attempt};
use super::{Client, Config, Socket};
use crate::Error;
use crate::http::{follow, redirects, travels};
use crate::net::{Connector, Stream};

/// Opens a WebSocket: awaited, it connects, shakes hands and gives the socket.
///
/// `to` is a URL, `ws:` or `wss:` (`http:` and `https:` mean the same), or a [`Request`] for one.
/// What it returns takes subprotocols, header fields, a connector and limits before it is awaited.
///
/// ```no_run
/// use longwire::ws;
///
/// # async fn example() -> Result<(), longwire::Error> {
/// let mut socket = ws::connect("wss://example.com/chat").await?;
/// socket.send("hello").await?;
/// while let Some(message) = socket.recv().await {
///     println!("{:?}", message?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// ```no_run
/// # use longwire::ws;
/// # async fn example() -> Result<(), longwire::Error> {
/// let socket = ws::connect("wss://user:password@example.com/chat")
///     .protocol("chat.v2")
///     .protocol("chat.v1")
///     .header("User-Agent", "example/1.0")
///     .max_redirects(3)
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Url`] and [`Error::Header`] for what cannot be sent, before anything is;
/// [`Error::Connect`]; [`Error::HeadDeadline`] and [`ConnectError::TlsDeadline`], since TLS and the
/// answer's head share [`Config::handshake_within`]; [`Error::Status`] with status, header fields
/// and body if the server refused, or redirected where that is not followed; [`Error::Answer`] if
/// its answer breaks the rules; [`Error::Eof`], [`Error::Io`].
///
/// # Cancel safety
///
/// Dropping the future drops the connection.
///
/// [`ConnectError::TlsDeadline`]: crate::net::ConnectError::TlsDeadline
pub fn connect(to: impl Into<Connect>) -> Connect {
    to.into()
}

/// An attempt to open a WebSocket, made by [`connect`]: await it.
///
/// User information in the URL becomes an `Authorization` field of the Basic scheme, percent-decoded.
#[derive(Clone)]
#[must_use = "nothing happens before it is awaited"]
pub struct Connect {
    pub(super) url: String,
    protocols: Vec<String>,
    origin: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    pub(super) connector: Connector,
    pub(super) config: Config,
    limits: Limits,
    max_redirects: usize,
}

impl Connect {
    fn new(url: String) -> Self {
        Self {
            url,
            protocols: Vec::new(),
            origin: None,
            headers: Vec::new(),
            connector: Connector::new(),
            config: Config::default(),
            limits: Limits::default(),
            max_redirects: 0,
        }
    }

    /// Offers a subprotocol, after those already offered. Which one the server chose stands in
    /// [the response](Self::with_response).
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Sets `Origin`, which browsers send and servers may ask for; by default there is none.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into().into_bytes());
        self
    }

    /// Adds a header field. `Authorization` replaces the URL's user information. The fields of the
    /// handshake itself are refused with [`Error::Header`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Takes over the fields of a map, `Origin` and `Sec-WebSocket-Protocol` among them.
    pub fn headers(mut self, headers: &HeaderMap) -> Self {
        for (name, value) in headers {
            let value = value.as_bytes();
            if name == header::ORIGIN {
                self.origin = Some(value.to_vec());
            } else if name == header::SEC_WEBSOCKET_PROTOCOL {
                let list = String::from_utf8_lossy(value);
                let protocols = list.split(',').map(|protocol| protocol.trim().to_owned());
                self.protocols.extend(protocols);
            } else {
                self.headers.push((name.as_str().into(), value.to_vec()));
            }
        }
        self
    }

    /// How the network is reached: TLS, proxies, deadlines. Default [`Connector::new`].
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    /// Limits and clocks of the socket; [`Config::handshake_within`] bounds TLS and the head of
    /// the answer together.
    pub const fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Limits of the answer's head; default [`Limits::default`].
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Follows so many redirects; default none. One that would give TLS up is never followed, and
    /// neither is one without a usable `Location`: then, and when there are more, the error is
    /// [`Error::Status`].
    ///
    /// From the first redirect to another origin (host, port or scheme) on, no header field goes
    /// along but `Accept`, `Accept-Language`, `Cache-Control` and `User-Agent`, no user information
    /// and no client certificate; subprotocols and `Origin` do. User information in a `Location` is ignored.
    pub const fn max_redirects(mut self, redirects: usize) -> Self {
        self.max_redirects = redirects;
        self
    }

    /// Connects, and gives the server's response too: the subprotocol that it chose, cookies.
    ///
    /// # Errors
    ///
    /// As [`connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn with_response(mut self) -> Result<(Socket<Stream, Client>, Response<()>), Error> {
        self.take_userinfo()?;
        let mut redirected = 0;
        loop {
            let refused = match attempt(&self).await? {
                Answered::Open(socket, response) => return Ok((socket, response)),
                Answered::Refused(refused) => refused,
            };
            let location = refused.head().headers().get(header::LOCATION);
            let redirect = location
                .filter(|_| redirects(refused.head().status().as_u16()))
                .filter(|_| redirected < self.max_redirects)
                .and_then(|location| follow(&self.url, location.as_bytes()));
            let Some(redirect) = redirect else {
                return Err(Error::Status(Box::new(refused.read_body().await)));
            };
            redirected += 1;
            self.url = redirect.url;
            if !redirect.is_same_origin {
                self.headers.retain(|(name, _)| travels(name));
                self.connector = self.connector.anonymous();
            }
        }
    }

    /// Makes a header field of the URL's user information, so that it stays with its origin.
    pub(super) fn take_userinfo(&mut self) -> Result<(), Error> {
        let url = Url::parse(&self.url)?;
        let Some(authorization) = url.authorization() else {
            return Ok(());
        };
        let scheme = if url.is_secure() { "wss" } else { "ws" };
        let plain = format!("{scheme}://{}{}", url.authority(), url.target());
        self.url = plain;
        let is_set = |(name, _): &(String, _)| name.eq_ignore_ascii_case("authorization");
        if !self.headers.iter().any(is_set) {
            let authorization = ("Authorization".into(), authorization.into_bytes());
            self.headers.push(authorization);
        }
        Ok(())
    }

    /// The request for the URL as it is now.
    pub(super) fn request<'a>(
        &'a self,
        extensions: Option<&'a str>,
    ) -> Result<ClientRequest<'a>, Error> {
        let mut request = ClientRequest::new(&self.url)?.limits(self.limits);
        for protocol in &self.protocols {
            request = request
                .protocol(protocol)
                .map_err(|error| Error::header("Sec-WebSocket-Protocol", error))?;
        }
        if let Some(extensions) = extensions {
            request = request
                .extension(extensions)
                .map_err(|error| Error::header("Sec-WebSocket-Extensions", error))?;
        }
        if let Some(origin) = &self.origin {
            request = str::from_utf8(origin)
                .map_err(|_| HeaderError::Value)
                .and_then(|origin| request.origin(origin))
                .map_err(|error| Error::header("Origin", error))?;
        }
        for (name, value) in &self.headers {
            request = request
                .header(name, value)
                .map_err(|error| Error::header(name, error))?;
        }
        Ok(request)
    }
}

impl IntoFuture for Connect {
    type Output = Result<Socket<Stream, Client>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.with_response().await.map(|(socket, _)| socket) })
    }
}

impl From<&str> for Connect {
    fn from(url: &str) -> Self {
        Self::new(url.into())
    }
}

impl From<String> for Connect {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for Connect {
    fn from(url: &String) -> Self {
        Self::new(url.clone())
    }
}

impl From<http::Uri> for Connect {
    fn from(url: http::Uri) -> Self {
        Self::new(url.to_string())
    }
}

impl From<Request<()>> for Connect {
    /// Its URL and header fields; its method and version are not looked at.
    fn from(request: Request<()>) -> Self {
        Self::new(request.uri().to_string()).headers(request.headers())
    }
}

impl fmt::Debug for Connect {
    /// Without user information, path, query and field values: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Connect")
            .field("url", &Url::parse(&self.url))
            .field("protocols", &self.protocols)
            .field("headers", &names)
            .field("connector", &self.connector)
            .field("config", &self.config)
            .field("max_redirects", &self.max_redirects)
            .finish_non_exhaustive()
    }
}
