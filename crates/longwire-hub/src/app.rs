//! The hub over HTTP: who asks for what, on the bare socket and through hyper.

mod publish;
mod refused;
mod subscriptions;

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LINK,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hub_protocol::{SUBPROTOCOL, SubscribeQuery, SubscriptionPath, query_parameter};
use hyper::body::{Body as _, Incoming};
use longwire::http::{Handler, Permit, Reply, Take};
use longwire::{sse, ws};
use tracing::debug;
use ws_handshake::{Accept, Reject, RequestHead, Scheme};

use refused::Refused;

use crate::access::{Access, cors, preflight};
use crate::client::Client;
use crate::hub::Hub;
use crate::limits::{Full as Crowd, Limits, Seated};
use crate::logging::Untrusted;
use crate::metrics::{Failure, TurnedAway, Wire};
use crate::observing::{METRICS, Observing, is_observed};
use crate::page;
use crate::presence::{Identity, Validators};
use crate::publishing::Refusal;
use crate::rights::Grant;
use crate::subscriber::{Subscriber, WebSocketSubscriber};
use crate::token::unix_time;

/// Where the hub publishes and subscribes (draft-dunglas-mercure, section 4).
const ENDPOINT: &str = "/.well-known/mercure";
/// Where a token becomes a ticket.
const TICKET: &str = "/.well-known/longwire/ticket";
/// Bytes of a refused body that are read nevertheless, and for how long.
const DISCARDED: usize = 64 * 1024;
const DISCARD_DEADLINE: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const LONGWIRE_POSITION: HeaderName = HeaderName::from_static("longwire-position");

/// Where the hub is, for whoever found a page of it.
//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-2
//# The publisher SHOULD include at least one Link Header [RFC5988] with rel=mercure (a hub link
//# header).
const HUB_LINK: HeaderValue = HeaderValue::from_static("</.well-known/mercure>; rel=\"mercure\"");

/// Header fields of a request, those of which HTTP/2 makes several counted one by one.
const MAX_FIELDS: usize = 100;

pub(crate) type Body = Either<Full<Bytes>, sse::Body<Subscriber>>;

/// The hub as a [`Handler`].
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) hub: Arc<Hub>,
    pub(crate) access: Arc<Access>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) observing: Observing,
    /// What clients speak to this program.
    pub(crate) scheme: Scheme,
    pub(crate) timing: sse::Timing,
    pub(crate) web_socket: Arc<ws::Config>,
    /// Whether subscriptions can be seen.
    pub(crate) subscriptions: bool,
    pub(crate) validators: Validators,
}

impl Handler for App {
    type EventStream = Subscriber;
    type WebSocket = WebSocketSubscriber;
    type Body = Body;

    fn admit(&self, peer: SocketAddr) -> Option<Permit> {
        let place = self.limits.connect(peer).map_err(|full| match full {
            Crowd::Address | Crowd::Subject => TurnedAway::Address,
            Crowd::Total => TurnedAway::Total,
        });
        place
            .inspect_err(|why| self.hub.metrics.turn_away(*why))
            .map(Permit::new)
            .ok()
    }

    fn first(
        &self,
        head: &RequestHead<'_>,
        peer: SocketAddr,
    ) -> Take<Subscriber, WebSocketSubscriber> {
        if self.limits.is_crowded() && !is_observed(head.path()) {
            return self.refuse(head, peer, &Refused::crowded());
        }
        match (head.method(), head.path()) {
            ("GET", ENDPOINT) => {}
            ("POST", ENDPOINT) => return Take::Brief,
            _ => return Take::Http,
        }
        let client = self.client(peer, head);
        if !head.wants_upgrade() {
            return match self.event_stream(head, &client) {
                Ok((headers, subscriber)) => {
                    seen(peer, head.method(), head.path(), 200);
                    Take::EventStream(headers, subscriber)
                }
                Err(refused) => self.refuse(head, peer, &refused),
            };
        }
        match ws_handshake::Request::from_head(head.clone()) {
            Err(error) => {
                self.hub.metrics.refuse(error.status());
                seen(peer, head.method(), head.path(), error.status());
                let mut out = Vec::new();
                error.reject().encode(&mut out);
                Take::Refuse(out)
            }
            Ok(request) => match self.web_socket(request.accept(), &client) {
                Ok((accept, subscriber)) => {
                    seen(peer, head.method(), head.path(), 101);
                    let answer = ws::Answer::new(accept, self.web_socket.clone());
                    Take::WebSocket(answer, subscriber)
                }
                Err(refused) => self.refuse(head, peer, &refused),
            },
        }
    }

    fn brief(&self, head: &RequestHead<'_>, body: &[u8], peer: SocketAddr) -> Reply {
        self.publish_brief(head, body, peer)
    }

    async fn http(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let answer = self.answer(parts, body, peer).await;
        answered(&self.hub, peer, (method.as_str(), &path), answer.status());
        answer
    }

    fn failed(&self, peer: Option<SocketAddr>, error: longwire::Error) {
        use longwire::Error;

        let metrics = &self.hub.metrics;
        match &error {
            Error::Displaced => metrics.turn_away(TurnedAway::Displaced),
            _ if peer.is_none() => metrics.fail(Failure::Accept),
            Error::HeadDeadline | Error::Handshake(_) | Error::Eof => metrics.fail(Failure::Head),
            Error::Connect(_) => metrics.fail(Failure::Tls),
            Error::Stalled => metrics.fail(Failure::Stalled),
            Error::Silent => metrics.fail(Failure::Silent),
            Error::Io(_) => metrics.fail(Failure::Io),
            _ => metrics.fail(Failure::Protocol),
        }
        match peer {
            Some(peer) => debug!(%peer, %error, "a connection ended"),
            None => tracing::warn!(%error, "no connection could be accepted"),
        }
    }
}

impl App {
    /// Answers a request that hyper has read.
    async fn answer(
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

    /// Checks a subscription over Server-Sent Events; gives the header fields of the answer that
    /// are not those of every event stream.
    fn event_stream(
        &self,
        head: &RequestHead<'_>,
        client: &Client,
    ) -> Result<(HeaderMap, Subscriber), Refused> {
        let grant = self.access.check(head, client.scheme)?;
        self.access
            .policy
            .subscribe(grant.as_deref(), unix_time())?;
        let query = SubscribeQuery::parse(head.query().unwrap_or_default(), last_event_id(head))
            .map_err(|error| Refused::new(error.status(), error))?;
        let seated = self.seat(client, grant.as_deref())?;
        let wire = Wire::EventStream;
        let identity = self.identity(head, grant.as_deref());
        let (subscriber, before) =
            Subscriber::open(self.hub.clone(), query, grant, (seated, wire), identity);
        let mut headers = HeaderMap::new();
        headers.insert(LAST_EVENT_ID, value(&before));
        let position = subscriber.position().to_string();
        headers.insert(LONGWIRE_POSITION, value(&position));
        cors(head, &mut headers);
        if has_token_in_url(head) {
            headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
        }
        Ok((headers, subscriber))
    }

    /// Checks a subscription over WebSocket.
    fn web_socket<'b>(
        &self,
        accept: Accept<'b>,
        client: &Client,
    ) -> Result<(Accept<'b>, WebSocketSubscriber), Refused> {
        let head = accept.request().head();
        let grant = self.access.check(head, client.scheme)?;
        self.access
            .policy
            .subscribe(grant.as_deref(), unix_time())?;
        let query = head.query().unwrap_or_default();
        let query = SubscribeQuery::parse_upgrade(query, last_event_id(head))
            .map_err(|error| Refused::new(error.status(), error))?;
        let identity = self.identity(head, grant.as_deref());
        let offers = accept.request().protocols().next().is_some();
        let accept = if offers {
            accept
                .protocol(SUBPROTOCOL)
                .map_err(|_| Refused::new(400, "the subprotocol of this endpoint is longwire.v1"))?
        } else {
            accept
        };
        let seated = self.seat(client, grant.as_deref())?;
        let wire = Wire::WebSocket;
        let (subscriber, _) =
            Subscriber::open(self.hub.clone(), query, grant, (seated, wire), identity);
        let (access, limits) = (self.access.clone(), self.limits.clone());
        Ok((accept, WebSocketSubscriber::new(subscriber, access, limits)))
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
        cors(head, headers);
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
        cors(head, response.headers_mut());
        preflight(methods, response.headers_mut());
        Ok(response)
    }

    /// Lets a page that may ask read why it is refused.
    fn cors_of_refusal(&self, head: &RequestHead<'_>, scheme: Scheme, headers: &mut HeaderMap) {
        if self.access.check_origin(head, scheme).is_ok() {
            cors(head, headers);
        }
    }

    /// A name for a subscriber, where subscriptions can be seen. HEAD subscribes to nothing.
    fn identity(&self, head: &RequestHead<'_>, grant: Option<&Grant>) -> Option<Identity> {
        if !self.subscriptions || head.method() == "HEAD" {
            return None;
        }
        Identity::new(grant)
    }

    /// The numbers, for whoever may do everything here or has a token that grants to receive them.
    fn metrics(&self, head: &RequestHead<'_>, client: &Client) -> Result<Response<Body>, Refused> {
        let grant = self.access.check(head, client.scheme)?;
        let policy = self.access.policy;
        policy.observe(grant.as_deref(), METRICS, unix_time())?;
        Ok(self.observing.answer(METRICS).map(Either::Left))
    }

    fn client(&self, peer: SocketAddr, head: &RequestHead<'_>) -> Client {
        Client::new(peer, self.scheme, head, self.limits.proxies())
    }

    fn seat(&self, client: &Client, grant: Option<&Grant>) -> Result<Option<Box<Seated>>, Refused> {
        let subject = grant.and_then(|grant| grant.subject.as_ref());
        Ok(self.limits.subscribe(client, subject)?)
    }

    fn refuse(
        &self,
        head: &RequestHead<'_>,
        peer: SocketAddr,
        refused: &Refused,
    ) -> Take<Subscriber, WebSocketSubscriber> {
        self.hub.metrics.refuse(refused.status);
        seen(peer, head.method(), head.path(), refused.status);
        let mut headers = HeaderMap::new();
        let scheme = self.client(peer, head).scheme;
        self.cors_of_refusal(head, scheme, &mut headers);
        let mut out = Vec::new();
        refused.encode(&headers, &mut out);
        Take::Refuse(out)
    }
}

/// What is noted of a request that was answered on a connection which may go on.
fn answered(hub: &Hub, peer: SocketAddr, (method, path): (&str, &str), status: StatusCode) {
    if status.is_client_error() || status.is_server_error() {
        hub.metrics.refuse(status.as_u16());
    }
    seen(peer, method, path, status.as_u16());
}

/// A line about a request: of the target nothing but the path, which no secret belongs in.
fn seen(peer: SocketAddr, method: &str, path: &str, status: u16) {
    let method = Untrusted(method.as_bytes());
    let path = Untrusted(path.as_bytes());
    debug!(%peer, %method, %path, status, "request");
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

/// Whether what the request is answered with is for the holder of something in its URL.
fn has_token_in_url(head: &RequestHead<'_>) -> bool {
    let query = head.query().unwrap_or_default();
    ["authorization", "ticket"]
        .iter()
        .any(|name| query_parameter(query, name).is_some())
}

fn last_event_id<'b>(head: &RequestHead<'b>) -> Option<&'b [u8]> {
    head.header(LAST_EVENT_ID.as_str())
}

/// The text of a position is always a header value.
fn value(position: &str) -> HeaderValue {
    HeaderValue::from_str(position).unwrap_or(HeaderValue::from_static(""))
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
