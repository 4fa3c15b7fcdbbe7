//! Requests that hyper has read: everything over HTTP/2, and what is not served on the bare socket.

use core::net::SocketAddr;
use core::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LINK,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hub_protocol::SubscriptionPath;
use hyper::body::{Body as _, Incoming};
use longwire::http::Permit;
use longwire::{sse, ws};
use tracing::debug;
use ws_handshake::{Reject, RequestHead};

use super::refused::Refused;
use super::{App, Body, ENDPOINT};
use crate::access::{cors, origin, preflight};
use crate::client::Client;
use crate::observing::{METRICS, is_observed};
use crate::page;
use crate::publishing::Refusal;
use crate::token::unix_time;

/// Where a token becomes a ticket.
const TICKET: &str = "/.well-known/longwire/ticket";
/// Bytes of a refused body that are read nevertheless, and for how long.
const DISCARDED: usize = 64 * 1024;
const DISCARD_DEADLINE: Duration = Duration::from_secs(1);

/// Where the hub is, for whoever found a page of it.
//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-2
//# The publisher SHOULD include at least one Link Header [RFC5988] with rel=mercure (a hub link
//# header).
pub(super) const HUB_LINK: HeaderValue =
    HeaderValue::from_static("</.well-known/mercure>; rel=\"mercure\"");

/// Header fields of a request, those of which HTTP/2 makes several counted one by one.
const MAX_FIELDS: usize = 100;

impl App {
    /// Answers a request that hyper has read.
    pub(super) async fn answer(
        &self,
        parts: http::request::Parts,
        mut body: Incoming,
        peer: SocketAddr,
    ) -> Response<Body> {
        // Probes may say nothing but the path, in HTTP/1.0, not even to whom.
        let path = parts.uri.path();
        if parts.method == Method::GET && is_observed(path) && path != METRICS {
            return self.observing.answer(path).map(Either::Left);
        }
        if parts.headers.len() > MAX_FIELDS {
            return Refused::new(431, "the request has too many header fields").into();
        }
        let head = match head(&parts) {
            Ok(head) => head,
            Err(error) => return Refused::new(error.status(), error).into(),
        };
        if self.limits.is_crowded() && !is_observed(head.path()) {
            return Refused::crowded().into();
        }
        let client = self.client(peer, &head);
        let permit = parts.extensions.get::<Permit>().cloned();
        let answer = match (&parts.method, parts.uri.path()) {
            (&Method::GET, ENDPOINT) if head.wants_upgrade() => {
                return self.upgrade(Request::from_parts(parts, ()), client, permit);
            }
            // Over HTTP/2 (RFC 8441).
            (&Method::CONNECT, ENDPOINT) => {
                return self.upgrade(Request::from_parts(parts, ()), client, permit);
            }
            (&Method::GET | &Method::HEAD, ENDPOINT) => {
                self.event_stream(&head, &client)
                    .map(|(headers, subscriber)| {
                        let cached = headers.get(CACHE_CONTROL).cloned();
                        let response = sse::response(headers, subscriber, self.timing);
                        let mut response = response.map(Either::Right);
                        // Beside that of every event stream, as on the bare socket.
                        if let Some(cached) = cached {
                            response.headers_mut().append(CACHE_CONTROL, cached);
                        }
                        response
                    })
            }
            (&Method::POST, ENDPOINT) => self.publish(&head, &client, &mut body).await,
            (&Method::POST, TICKET) => self.ticket(&head, &client),
            (&Method::OPTIONS, ENDPOINT | TICKET) => {
                self.preflight(&head, &client, "GET, HEAD, POST")
            }
            (method, path)
                if self.subscriptions
                    && let Some(path) = SubscriptionPath::parse(path) =>
            {
                match *method {
                    Method::GET | Method::HEAD => self.subscriptions(&head, &client, &path),
                    Method::OPTIONS => self.preflight(&head, &client, "GET, HEAD"),
                    _ => Ok(not_allowed("GET, HEAD, OPTIONS")),
                }
            }
            (&Method::GET | &Method::HEAD, METRICS) => self.metrics(&head, &client),
            (&Method::GET | &Method::HEAD, path) if is_observed(path) => {
                Ok(self.observing.answer(path).map(Either::Left))
            }
            (_, TICKET) => Ok(not_allowed("OPTIONS, POST")),
            (_, ENDPOINT) => Ok(not_allowed("GET, HEAD, OPTIONS, POST")),
            (method, path) => match page::file(path) {
                Some(file) if matches!(*method, Method::GET | Method::HEAD) => {
                    let mut response = shown(file);
                    if path == "/" {
                        response.headers_mut().insert(LINK, HUB_LINK);
                    }
                    Ok(response)
                }
                Some(_) => Ok(not_allowed("GET, HEAD")),
                None => Err(Refused::new(404, "there is nothing here")),
            },
        };
        discard(body).await;
        answer.unwrap_or_else(|refused| {
            let mut response = Response::from(refused);
            self.cors_of_refusal(&head, client.scheme, response.headers_mut());
            response
        })
    }

    /// Answers a WebSocket handshake that hyper has read, over HTTP/1.1 or HTTP/2.
    fn upgrade(
        &self,
        mut request: Request<()>,
        client: Client,
        permit: Option<Permit>,
    ) -> Response<Body> {
        let mut subscriber = None;
        let mut refused = None;
        let upgraded = ws::upgrade(&mut request, self.web_socket.clone(), |accept| {
            match self.web_socket(accept, &client) {
                Ok((accept, session)) => {
                    subscriber = Some(session);
                    Ok(accept)
                }
                Err(error) => {
                    let status = refused.insert(error).status;
                    Err(Reject::new(status))
                }
            }
        });
        match (upgraded, subscriber, refused) {
            (Ok((response, upgrade)), Some(session), _) => {
                tokio::spawn(async move {
                    // Hyper's connection ends here, the place of it does not.
                    let _permit = permit;
                    let served = async { upgrade.socket().await?.run(session).await };
                    if let Err(error) = served.await {
                        debug!(%error, "a connection ended");
                    }
                });
                response.map(|()| Either::Left(Full::default()))
            }
            (_, _, Some(refused)) => refused.into(),
            (Err(response), ..) => response.map(|body| Either::Left(Full::new(body))),
            (Ok(_), None, None) => Refused::new(500, "the upgrade was not answered").into(),
        }
    }

    /// A ticket for whoever has a token.
    fn ticket(&self, head: &RequestHead<'_>, client: &Client) -> Result<Response<Body>, Refused> {
        let grant = self
            .access
            .check(head, client.scheme)?
            .ok_or(Refusal::Unauthorized)?;
        let ticket = self.access.ticket(&grant).ok_or(Refusal::Busy)?;
        let mut response = Response::new(Either::Left(Full::from(ticket)));
        let headers = response.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        cors(origin(head).as_ref(), headers);
        Ok(response)
    }

    fn preflight(
        &self,
        head: &RequestHead<'_>,
        client: &Client,
        methods: &'static str,
    ) -> Result<Response<Body>, Refused> {
        self.access.check_origin(head, client.scheme)?;
        let mut response = Response::new(Either::Left(Full::default()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        cors(origin(head).as_ref(), response.headers_mut());
        preflight(methods, response.headers_mut());
        Ok(response)
    }

    /// The numbers, for whoever may do everything here or has a token that grants to receive them.
    fn metrics(&self, head: &RequestHead<'_>, client: &Client) -> Result<Response<Body>, Refused> {
        let grant = self.access.check(head, client.scheme)?;
        let policy = self.access.policy;
        policy.observe(grant.as_deref(), METRICS, unix_time())?;
        Ok(self.observing.answer(METRICS).map(Either::Left))
    }
}

/// A request that hyper has read, in the terms of the checks that both paths share.
fn head(parts: &http::request::Parts) -> Result<RequestHead<'_>, ws_handshake::HandshakeError> {
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let fields = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    // HTTP/2 has `:authority` instead of the field `host`.
    let authority = parts
        .uri
        .authority()
        .map(|authority| ("host", authority.as_str().as_bytes()));
    let authority = authority.filter(|_| !parts.headers.contains_key(http::header::HOST));
    RequestHead::from_parts(
        parts.method.as_str(),
        target,
        authority.into_iter().chain(fields),
    )
}

/// Reads what is left of a small body that nobody wants: there are clients that lose an answer
/// which comes while they are still sending.
async fn discard(body: Incoming) {
    if !body.is_end_stream() && body.size_hint().lower() <= DISCARDED as u64 {
        let rest = Limited::new(body, DISCARDED).collect();
        // However it ends, the answer is the same.
        let _ = tokio::time::timeout(DISCARD_DEADLINE, rest).await;
    }
}

/// A file of the page.
fn shown((content_type, text): (&'static str, Bytes)) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::from(text)));
    let mut add = |name, value| {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value))
    };
    add(CONTENT_TYPE, content_type);
    add(CACHE_CONTROL, "no-cache");
    // A page of another origin may use the module.
    add(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    add(
        CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    );
    response
}

fn not_allowed(methods: &'static str) -> Response<Body> {
    let mut response = Response::from(Refused::new(405, "the method is not allowed here"));
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(methods));
    response
}
