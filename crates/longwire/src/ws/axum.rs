//! An extractor for axum.

use std::borrow::Cow;
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::header::{COOKIE, ORIGIN};
use http::request::Parts;
use http::{Request, Uri};
use hyper::upgrade::OnUpgrade;
use ws_handshake::{
    Accept, Forbidden, HandshakeError, Initiator, OriginPolicy, Reject, RequestHead, Scheme,
};

use super::upgrade::{protocol, rejected};
use super::{Config, Socket, Upgraded, upgrade};

/// The WebSocket handshake of a request, as an extractor for axum: a GET that upgrades HTTP/1.1, or
/// an extended CONNECT over HTTP/2 (RFC 8441). Route both with `axum::routing::any`.
///
/// Over HTTP/2 such requests come only if the server announces that it takes them, as
/// [`enable_connect_protocol`](hyper::server::conn::http2::Builder::enable_connect_protocol) and
/// `axum::serve` do.
///
/// Pages of other origins are refused unless [`origin`](Self::origin) lets them in.
///
/// # Example
///
/// ```
/// use axum::{Router, response::Response, routing::any};
/// use longwire::ws::{Socket, Upgraded, WebSocketUpgrade};
///
/// async fn echo(upgrade: WebSocketUpgrade) -> Response {
///     upgrade.protocols(["echo.v1"]).on_upgrade(|mut socket: Socket<Upgraded>| async move {
///         while let Some(Ok(message)) = socket.recv().await {
///             if socket.send(message).await.is_err() {
///                 break;
///             }
///         }
///     })
/// }
///
/// let app: Router = Router::new().route("/echo", any(echo));
/// ```
#[derive(Debug)]
#[must_use = "without `on_upgrade` the handshake is not answered"]
pub struct WebSocketUpgrade {
    request: Request<()>,
    config: Arc<Config>,
    origin: OriginPolicy,
    protocols: Vec<Cow<'static, str>>,
}

impl WebSocketUpgrade {
    /// Limits and clocks of the socket; default [`Config::default`]. An `Arc<Config>` is shared.
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// Whose pages may connect; default [`OriginPolicy::same_origin`].
    ///
    /// A server of HTTP/1.1 does not see whether there was TLS in front of it: there, pages of the
    /// same host and port count as its own with either scheme. A list says exactly who may.
    pub fn origin(mut self, policy: OriginPolicy) -> Self {
        self.origin = policy;
        self
    }

    /// The subprotocols that are spoken here; default none. The first one that the client offers
    /// is chosen; if it offers no such one, the connection opens without.
    pub fn protocols<P>(mut self, protocols: impl IntoIterator<Item = P>) -> Self
    where
        P: Into<Cow<'static, str>>,
    {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// The subprotocol that will be chosen.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        let request = ws_handshake::Request::from_http(&self.request, protocol(&self.request));
        chosen(&request.ok()?, &self.protocols)
    }

    /// Answers the handshake: the response is to be returned, and `speak` gets the socket once it
    /// is sent, in a task of its own. If the origin may not connect, the response says so with 403,
    /// and `speak` is dropped.
    #[must_use = "the response is to be returned from the handler"]
    pub fn on_upgrade<F, Speaking>(self, speak: F) -> Response
    where
        F: FnOnce(Socket<Upgraded>) -> Speaking + Send + 'static,
        Speaking: Future<Output = ()> + Send + 'static,
    {
        let Self {
            mut request,
            config,
            origin,
            protocols,
        } = self;
        let uri = request.uri().clone();
        let answered = upgrade(&mut request, config, |accept| {
            check(&origin, accept.request().head(), &uri)
                .map_err(|forbidden| Reject::new(forbidden.status()))?;
            Ok(choose(accept, &protocols))
        });
        match answered {
            Ok((response, upgrade)) => {
                tokio::spawn(async move {
                    // A connection that is gone before it is a WebSocket is nobody's.
                    if let Ok(socket) = upgrade.socket().await {
                        speak(socket).await;
                    }
                });
                response.map(|()| Body::empty())
            }
            Err(response) => response.map(Body::from),
        }
    }
}

/// Over HTTP/2 the scheme is known, else the one that the page claims is taken for ours.
fn check(policy: &OriginPolicy, head: &RequestHead<'_>, uri: &Uri) -> Result<(), Forbidden> {
    let claimed = head.header(ORIGIN.as_str()).unwrap_or_default();
    let is_secure = uri.scheme_str().map_or_else(
        || claimed.len() >= 6 && claimed[..6].eq_ignore_ascii_case(b"https:"),
        |scheme| scheme == "https",
    );
    let scheme = if is_secure {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let initiator: Initiator<'_> = head.initiator(scheme);
    policy.check(&initiator.with_cookie(head.header(COOKIE.as_str()).is_some()))
}

fn choose<'b>(accept: Accept<'b>, spoken: &[Cow<'static, str>]) -> Accept<'b> {
    match chosen(accept.request(), spoken) {
        Some(protocol) => accept.clone().protocol(protocol).unwrap_or(accept),
        None => accept,
    }
}

fn chosen<'b>(
    request: &ws_handshake::Request<'b>,
    spoken: &[Cow<'static, str>],
) -> Option<&'b str> {
    request
        .protocols()
        .find(|offered| spoken.iter().any(|protocol| protocol == offered))
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebSocketRejection> {
        let request = Request::from_parts(parts.clone(), ());
        ws_handshake::Request::from_http(&request, protocol(&request))
            .map_err(WebSocketRejection::Handshake)?;
        // There is one, and it is ours now.
        if parts.extensions.remove::<OnUpgrade>().is_none() {
            return Err(WebSocketRejection::NotUpgradable);
        }
        Ok(Self {
            request,
            config: Arc::default(),
            origin: OriginPolicy::same_origin(),
            protocols: Vec::new(),
        })
    }
}

/// Why a request is not a WebSocket handshake that can be answered. As a response it says so with
/// the status and the fields that the specifications ask for (`Allow`, `Upgrade`,
/// `Sec-WebSocket-Version`), and the reason as plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketRejection {
    /// The request breaks a rule of the handshake, or is no handshake at all.
    Handshake(HandshakeError),
    /// The server hands no connection over: it is not hyper, or something took it already. 500.
    NotUpgradable,
}

impl core::fmt::Display for WebSocketRejection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::NotUpgradable => f.write_str("the connection cannot be handed over"),
        }
    }
}

impl core::error::Error for WebSocketRejection {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Handshake(error) => Some(error),
            Self::NotUpgradable => None,
        }
    }
}

impl IntoResponse for WebSocketRejection {
    fn into_response(self) -> Response {
        let reject = match self {
            Self::Handshake(error) => error.reject(),
            Self::NotUpgradable => Reject::new(500).body(self.to_string().into_bytes()),
        };
        rejected(&reject).map(Body::from)
    }
}
