//! The hub over HTTP: who asks for what, on the bare socket and through hyper.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hub_protocol::{MAX_BODY, PublishError, PublishForm, SUBPROTOCOL, SubscribeQuery};
use hyper::body::{Body as _, Incoming};
use longwire::http::{Handler, Take};
use longwire::{sse, ws};
use tracing::debug;
use ws_handshake::{Accept, Reject, RequestHead};

use crate::access::{Access, Denied, cors, preflight};
use crate::hub::Hub;
use crate::publishing::Refusal;
use crate::subscriber::{Subscriber, WebSocketSubscriber};
use crate::token::unix_time;

/// Where the hub publishes and subscribes (draft-dunglas-mercure, section 4).
const ENDPOINT: &str = "/.well-known/mercure";
/// Where a token becomes a ticket.
const TICKET: &str = "/.well-known/longwire/ticket";
/// A body that is not complete by then is given up.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Bytes of a refused body that are read nevertheless, and for how long.
const DISCARDED: usize = 64 * 1024;
const DISCARD_DEADLINE: Duration = Duration::from_secs(1);

/// How to say who one is.
//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
//# The server generating a 401 response MUST send a WWW-Authenticate header field (Section 11.6.1)
//# containing at least one challenge applicable to the target resource.
const BEARER: &str = "Bearer";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const LONGWIRE_POSITION: HeaderName = HeaderName::from_static("longwire-position");

pub(crate) type Body = Either<Full<Bytes>, sse::Body<Subscriber>>;

/// The hub as a [`Handler`].
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) hub: Arc<Hub>,
    pub(crate) access: Arc<Access>,
    pub(crate) timing: sse::Timing,
    pub(crate) web_socket: Arc<ws::Config>,
}

/// An answer that says why not, in plain text.
#[derive(Debug)]
struct Refused {
    status: u16,
    reason: String,
}

impl Refused {
    fn new(status: u16, reason: impl ToString) -> Self {
        Self {
            status,
            reason: reason.to_string(),
        }
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::new(denied.status, denied.reason)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code().status(), refusal.reason())
    }
}

impl Handler for App {
    type EventStream = Subscriber;
    type WebSocket = WebSocketSubscriber;
    type Body = Body;

    fn first(
        &self,
        head: &RequestHead<'_>,
        _: SocketAddr,
    ) -> Take<Subscriber, WebSocketSubscriber> {
        if head.method() != "GET" || head.path() != ENDPOINT {
            return Take::Http;
        }
        let mut out = Vec::new();
        if head.wants_upgrade() {
            return match ws_handshake::Request::from_head(head.clone()) {
                Err(error) => {
                    error.reject().encode(&mut out);
                    Take::Refuse(out)
                }
                Ok(request) => match self.web_socket(request.accept()) {
                    Ok((accept, subscriber)) => {
                        let answer = ws::Answer::new(accept, self.web_socket.clone());
                        Take::WebSocket(answer, subscriber)
                    }
                    Err(refused) => {
                        refused.encode(&mut out);
                        Take::Refuse(out)
                    }
                },
            };
        }
        match self.event_stream(head) {
            Ok((headers, subscriber)) => Take::EventStream(headers, subscriber),
            Err(refused) => {
                refused.encode(&mut out);
                Take::Refuse(out)
            }
        }
    }

    async fn http(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Body> {
        let (parts, mut body) = request.into_parts();
        let head = match head(&parts) {
            Ok(head) => head,
            Err(error) => return Refused::new(error.status(), error).into(),
        };
        let answer = match (&parts.method, parts.uri.path()) {
            (&Method::GET | &Method::HEAD, "/") => Ok(file("text/html; charset=utf-8", PAGE)),
            (&Method::GET | &Method::HEAD, "/page.js") => Ok(file("text/javascript", PAGE_JS)),
            (&Method::GET | &Method::HEAD, "/page.css") => Ok(file("text/css", PAGE_CSS)),
            (&Method::GET, ENDPOINT) if head.wants_upgrade() => {
                return self.upgrade(Request::from_parts(parts, ()));
            }
            // Over HTTP/2 (RFC 8441).
            (&Method::CONNECT, ENDPOINT) => return self.upgrade(Request::from_parts(parts, ())),
            (&Method::GET | &Method::HEAD, ENDPOINT) => {
                self.event_stream(&head).map(|(headers, subscriber)| {
                    sse::response(headers, subscriber, self.timing).map(Either::Right)
                })
            }
            (&Method::POST, ENDPOINT) => self.publish(&head, &mut body).await,
            (&Method::POST, TICKET) => self.ticket(&head),
            (&Method::OPTIONS, ENDPOINT | TICKET) => self.preflight(&head),
            (_, TICKET) => Ok(not_allowed("OPTIONS, POST")),
            (_, ENDPOINT) => Ok(not_allowed("GET, HEAD, OPTIONS, POST")),
            (_, "/" | "/page.js" | "/page.css") => Ok(not_allowed("GET, HEAD")),
            _ => Err(Refused::new(404, "there is nothing here")),
        };
        discard(body).await;
        answer.unwrap_or_else(Response::from)
    }

    fn failed(&self, peer: Option<SocketAddr>, error: longwire::Error) {
        match peer {
            Some(peer) => debug!(%peer, %error, "a connection ended"),
            None => tracing::warn!(%error, "no connection could be accepted"),
        }
    }
}

impl App {
    /// Checks a subscription over Server-Sent Events; gives the header fields of the answer that
    /// are not those of every event stream.
    fn event_stream(&self, head: &RequestHead<'_>) -> Result<(HeaderMap, Subscriber), Refused> {
        let grant = self.access.check(head)?;
        self.access
            .policy
            .subscribe(grant.as_deref(), unix_time())?;
        let query = SubscribeQuery::parse(head.query().unwrap_or_default(), last_event_id(head))
            .map_err(|error| Refused::new(error.status(), error))?;
        let subscriber = Subscriber::open(self.hub.clone(), query, grant);
        let mut headers = HeaderMap::new();
        headers.insert(LAST_EVENT_ID, value(&subscriber.position().to_string()));
        cors(head, &mut headers);
        Ok((headers, subscriber))
    }

    /// Checks a subscription over WebSocket.
    fn web_socket<'b>(
        &self,
        accept: Accept<'b>,
    ) -> Result<(Accept<'b>, WebSocketSubscriber), Refused> {
        let head = accept.request().head();
        let grant = self.access.check(head)?;
        self.access
            .policy
            .subscribe(grant.as_deref(), unix_time())?;
        let query = head.query().unwrap_or_default();
        let query = SubscribeQuery::parse_upgrade(query, last_event_id(head))
            .map_err(|error| Refused::new(error.status(), error))?;
        let offers = accept.request().protocols().next().is_some();
        let accept = if offers {
            accept
                .protocol(SUBPROTOCOL)
                .map_err(|_| Refused::new(400, "the subprotocol of this endpoint is longwire.v1"))?
        } else {
            accept
        };
        let subscriber = Subscriber::open(self.hub.clone(), query, grant);
        Ok((
            accept,
            WebSocketSubscriber::new(subscriber, self.access.clone()),
        ))
    }

    /// Answers a WebSocket handshake that hyper has read, over HTTP/1.1 or HTTP/2.
    fn upgrade(&self, mut request: Request<()>) -> Response<Body> {
        let mut subscriber = None;
        let mut refused = None;
        let upgraded = ws::upgrade(&mut request, self.web_socket.clone(), |accept| {
            match self.web_socket(accept) {
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

    /// Publishes the form in `body`.
    async fn publish(
        &self,
        head: &RequestHead<'_>,
        body: &mut Incoming,
    ) -> Result<Response<Body>, Refused> {
        let grant = self.access.check(head)?;
        let form = head.header("content-type").is_some_and(is_form);
        if !form || head.header(CONTENT_ENCODING.as_str()).is_some() {
            let reason = "publish with content type application/x-www-form-urlencoded, unencoded";
            return Err(Refused::new(415, reason));
        }
        let too_large = PublishError::BodyTooLarge;
        if body.size_hint().lower() > MAX_BODY as u64 {
            return Err(Refused::new(too_large.status(), too_large));
        }
        let collected = Limited::new(body, MAX_BODY).collect();
        let body = tokio::time::timeout(BODY_DEADLINE, collected)
            .await
            .map_err(|_| Refused::new(408, "the body was not complete in time"))?
            .map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => Refused::new(too_large.status(), too_large),
                Err(error) => Refused::new(400, error),
            })?;
        let form = PublishForm::parse(&body.to_bytes())
            .map_err(|error| Refused::new(error.status(), error))?;
        let policy = self.access.policy;
        policy.publish(&form, grant.as_deref(), unix_time())?;
        let event = self.hub.publish(form).outcome().await?;
        let mut response = Response::new(Either::Left(Full::from(event.id())));
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(LONGWIRE_POSITION, value(&event.position.to_string()));
        cors(head, headers);
        Ok(response)
    }

    /// A ticket for whoever has a token.
    fn ticket(&self, head: &RequestHead<'_>) -> Result<Response<Body>, Refused> {
        let grant = self.access.check(head)?.ok_or(Refusal::Unauthorized)?;
        let ticket = self.access.ticket(&grant).ok_or(Refusal::Busy)?;
        let mut response = Response::new(Either::Left(Full::from(ticket)));
        let headers = response.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        cors(head, headers);
        Ok(response)
    }

    fn preflight(&self, head: &RequestHead<'_>) -> Result<Response<Body>, Refused> {
        self.access.check_origin(head)?;
        let mut response = Response::new(Either::Left(Full::default()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        cors(head, response.headers_mut());
        preflight(response.headers_mut());
        Ok(response)
    }
}

const PAGE: &str = include_str!("page/index.html");
const PAGE_JS: &str = include_str!("page/page.js");
const PAGE_CSS: &str = include_str!("page/page.css");

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

fn last_event_id<'b>(head: &RequestHead<'b>) -> Option<&'b [u8]> {
    head.header(LAST_EVENT_ID.as_str())
}

fn is_form(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// The text of a position is always a header value.
fn value(position: &str) -> HeaderValue {
    HeaderValue::from_str(position).unwrap_or(HeaderValue::from_static(""))
}

fn file(content_type: &'static str, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::from(text)));
    let mut add = |name, value| {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value))
    };
    add(CONTENT_TYPE, content_type);
    add(CACHE_CONTROL, "no-cache");
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

impl Refused {
    /// Writes the whole answer, after which the connection is closed.
    fn encode(&self, out: &mut Vec<u8>) {
        let mut reject = Reject::new(self.status);
        if self.status == 401
            && let Ok(challenged) = reject.clone().header("WWW-Authenticate", BEARER.as_bytes())
        {
            reject = challenged;
        }
        reject
            .body(format!("{}\n", self.reason).as_bytes())
            .encode(out);
    }
}

impl From<Refused> for Response<Body> {
    fn from(refused: Refused) -> Self {
        let body = Full::from(format!("{}\n", refused.reason));
        let mut response = Self::new(Either::Left(body));
        *response.status_mut() =
            StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        if refused.status == 401 {
            let bearer = HeaderValue::from_static(BEARER);
            response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
