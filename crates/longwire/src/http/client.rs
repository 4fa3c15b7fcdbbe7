//! A small HTTP client: one request, and a response whose body is read as it comes.
//!
//! It stands on hyper's connections, not on a pooling client such as hyper-util's. An event stream
//! lasts: over HTTP/1.1 it has its connection to itself until that ends, and there is nothing to
//! pool. What a pool costs is ownership: it spawns a task for each connection and timers for idle
//! ones, which outlive whoever asked. Here an HTTP/1.1 connection is polled by the one who reads
//! its body, without a task; dropped with the body, it is gone. HTTP/2 wants tasks; those of a
//! connection belong to the responses on it, and end with the last of them. What a pool is good
//! for, several streams on one HTTP/2 connection, is a map from origins to connections.

mod error;
#[cfg(feature = "http2")]
mod shared;
mod target;

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, Uri};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

pub use self::error::RequestError;
use self::target::Target;
use crate::net::{Connector, Stream};

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
    #[cfg_attr(
        not(feature = "http2"),
        expect(clippy::needless_update, reason = "only HTTP/2 adds fields")
    )]
    pub fn with_connector(connector: Connector) -> Self {
        Self {
            shared: Arc::new(Shared {
                connector,
                ..Shared::default()
            }),
            ..Self::default()
        }
    }

    /// The same without a client certificate; if there is one, with connections of its own.
    pub(crate) fn anonymous(&self) -> Self {
        let mut anonymous = self.clone();
        if !self.shared.connector.is_anonymous() {
            let connector = self.shared.connector.anonymous();
            anonymous.shared = Self::with_connector(connector).shared;
        }
        anonymous
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

type Own = http1::Connection<TokioIo<Stream>, Once>;

/// What brings the bytes of a body.
#[derive(Debug)]
enum Connection {
    /// Polled by the reader of the body, to its end.
    Own(Option<Pin<Box<Own>>>),
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
