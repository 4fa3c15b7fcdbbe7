//! A small HTTP client: one request, and a response whose body is read as it comes.
//!
//! It stands on hyper's connections, not on a pooling client such as hyper-util's. An event stream
//! lasts: over HTTP/1.1 it has its connection to itself until that ends, and there is nothing to
//! pool. What a pool costs is ownership: it spawns a task for each connection and timers for idle
//! ones, which outlive whoever asked. Here an HTTP/1.1 connection is polled by the one who reads
//! its body, without a task; dropped with the body, it is gone. HTTP/2 wants tasks; those of a
//! connection belong to the responses on it, and end with the last of them. What a pool is good
//! for, several streams on one HTTP/2 connection, is a map from origins to connections.

#[cfg(feature = "http2")]
mod shared;

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::net::{ConnectError, Connector, Endpoint, Stream};

/// Bytes that hyper keeps of what was read from an HTTP/1.1 connection; a response head must fit.
const READ_MAX: usize = 64 * 1024;
/// Fields of a response head.
const FIELDS_MAX: usize = 100;

/// Sends requests over HTTP/1.1, and over HTTP/2 (feature `http2`) where the server agrees to it.
///
/// Clones share their HTTP/2 connections: give one client to several event sources, and those of
/// one origin share a connection for as long as one of them needs it.
///
/// ```no_run
/// use bytes::Bytes;
/// use longwire::http::Client;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let request = http::Request::get("http://example.com/").body(Bytes::new())?;
/// let response = Client::new().send(request).await?;
/// println!("{}", response.status());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Client {
    shared: Arc<Shared>,
    #[cfg(feature = "http2")]
    prior_knowledge: bool,
}

#[derive(Debug, Default)]
struct Shared {
    connector: Connector,
    #[cfg(feature = "http2")]
    connections: shared::Connections,
}

impl Client {
    /// With a [`Connector`] of defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this connector: whom to trust, through which proxy, how long to wait.
    #[must_use]
    pub fn with_connector(connector: Connector) -> Self {
        Self {
            shared: Arc::new(Shared {
                connector,
                ..Shared::default()
            }),
            ..Self::default()
        }
    }

    /// Speaks HTTP/2 on `http:` URLs too, to servers that are known to expect it; by default these
    /// are asked over HTTP/1.1. (RFC 9113 §3.3.)
    #[cfg(feature = "http2")]
    #[must_use]
    pub const fn prior_knowledge(mut self) -> Self {
        self.prior_knowledge = true;
        self
    }

    /// Sends `request`, whose URI is absolute, and waits for the head of the response. Fields that
    /// HTTP itself wants are added (`Host`, `Content-Length`), userinfo is left out. There is no
    /// deadline but those of the [`Connector`], and redirects are not followed.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the request, and the connection if nobody shares it.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, RequestError> {
        let target = Target::of(request.uri()).ok_or(RequestError::Url)?;
        #[cfg(feature = "http2")]
        if let Some(connection) = self.shared.connections.find(&target) {
            return connection.send(&target, request).await;
        }
        let stream = self.shared.connector.connect(target.endpoint()).await?;
        #[cfg(feature = "http2")]
        if stream.alpn() == Some(b"h2") || (self.prior_knowledge && !target.secure) {
            let connection = self.shared.connections.open(&target, stream).await?;
            return connection.send(&target, request).await;
        }
        send(stream, &target, request).await
    }
}

/// The parts of an absolute URI that say where a request goes.
#[derive(Debug)]
struct Target {
    secure: bool,
    /// Without userinfo.
    authority: Authority,
    path: PathAndQuery,
}

impl Target {
    fn of(uri: &Uri) -> Option<Self> {
        let secure = match uri.scheme()?.as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        let authority = match authority.as_str().rsplit_once('@') {
            Some((_, host)) => host.parse().ok()?,
            None => authority.clone(),
        };
        let path = uri.path_and_query().cloned();
        Some(Self {
            secure,
            authority,
            path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }

    fn host(&self) -> &str {
        let host = self.authority.host();
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        address.unwrap_or(host)
    }

    fn port(&self) -> u16 {
        let default = if self.secure { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    fn endpoint(&self) -> Endpoint<'_> {
        if !self.secure {
            return Endpoint::tcp(self.host(), self.port());
        }
        let alpn: &[&str] = if cfg!(feature = "http2") {
            &["h2", "http/1.1"]
        } else {
            &["http/1.1"]
        };
        Endpoint::tls(self.host(), self.port()).alpn(alpn)
    }

    /// The target as HTTP/2 has it.
    #[cfg_attr(
        not(feature = "http2"),
        expect(dead_code, reason = "HTTP/1.1 has the path alone")
    )]
    fn absolute(&self) -> Result<Uri, RequestError> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if self.secure {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        });
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(self.path.clone());
        Uri::from_parts(parts).map_err(|_| RequestError::Url)
    }
}

/// Over HTTP/1.1, on a connection of its own.
async fn send(
    stream: Stream,
    target: &Target,
    mut request: Request<Bytes>,
) -> Result<Response<Body>, RequestError> {
    *request.uri_mut() = Uri::from(target.path.clone());
    if !request.headers().contains_key(header::HOST) {
        let host = HeaderValue::from_str(target.authority.as_str());
        let host = host.map_err(|_| RequestError::Url)?;
        request.headers_mut().insert(header::HOST, host);
    }
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(READ_MAX)
        .max_headers(FIELDS_MAX)
        .handshake(TokioIo::new(stream))
        .await?;
    let mut connection = Some(Box::pin(connection));
    let mut response = pin!(sender.send_request(request.map(Once::new)));
    let response = poll_fn(|cx| {
        if let Poll::Ready(response) = response.as_mut().poll(cx) {
            return Poll::Ready(response);
        }
        // How the connection ended is told to the request, too.
        if connection
            .as_mut()
            .is_some_and(|c| c.as_mut().poll(cx).is_ready())
        {
            connection = None;
        }
        response.as_mut().poll(cx)
    });
    let (parts, incoming) = response.await?.into_parts();
    let connection = Connection::Own(connection);
    Ok(Response::from_parts(
        parts,
        Body {
            incoming,
            connection,
        },
    ))
}

/// The body of a response. Dropping it ends its part of the connection.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    connection: Connection,
}

/// What brings the bytes of a body.
#[derive(Debug)]
enum Connection {
    /// Polled by the reader of the body, to its end.
    Own(Option<Pin<Box<http1::Connection<TokioIo<Stream>, Once>>>>),
    /// Run by tasks of its own, as long as somebody holds it.
    #[cfg(feature = "http2")]
    Shared(#[expect(dead_code, reason = "held for its drop")] Arc<shared::Connection>),
}

impl Connection {
    /// Moves bytes; ready when it has ended.
    fn poll(&mut self, cx: &mut Context<'_>) {
        match self {
            Self::Own(own) => {
                if own.as_mut().is_some_and(|c| c.as_mut().poll(cx).is_ready()) {
                    *own = None;
                }
            }
            #[cfg(feature = "http2")]
            Self::Shared(_) => {}
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        this.connection.poll(cx);
        let frame = ready!(Pin::new(&mut this.incoming).poll_frame(cx));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// A request's body: all of it at once.
#[derive(Debug)]
struct Once(Option<Bytes>);

impl Once {
    fn new(body: Bytes) -> Self {
        Self((!body.is_empty()).then_some(body))
    }
}

impl http_body::Body for Once {
    type Data = Bytes;
    type Error = core::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |body| body.len() as u64))
    }
}

/// Why there is no response.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// The connection could not be made.
    Connect(ConnectError),
    /// The connection failed, or what came on it is not HTTP.
    Http(hyper::Error),
    /// The request's URI is not an absolute one of `http` or `https`.
    Url,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Http(error) => write!(f, "http failed: {error}"),
            Self::Url => f.write_str("the url is not an absolute one of http or https"),
        }
    }
}

impl core::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Http(error) => Some(error),
            Self::Url => None,
        }
    }
}

impl From<ConnectError> for RequestError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl From<hyper::Error> for RequestError {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error)
    }
}
