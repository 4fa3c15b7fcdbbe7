//! The hub over HTTP: who asks for what, on the bare socket and through hyper.

mod publish;
mod refused;
mod subscriptions;
mod through_hyper;

use core::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hub_protocol::{SUBPROTOCOL, SubscribeQuery, query_parameter};
use hyper::body::Incoming;
use longwire::http::{Handler, Permit, Reply, Take};
use longwire::{sse, ws};
use tracing::debug;
use ws_handshake::{Accept, RequestHead, Scheme};

use refused::Refused;

use crate::access::{Access, cors, origin};
use crate::client::Client;
use crate::hub::Hub;
use crate::limits::{Full as Crowd, Limits, Seated};
use crate::logging::Untrusted;
use crate::metrics::{Failure, TurnedAway, Wire};
use crate::observing::{Observing, is_observed};
use crate::presence::{Identity, Validators};
use crate::rights::Grant;
use crate::subscriber::{Subscriber, WebSocketSubscriber};
use crate::token::unix_time;

/// Where the hub publishes and subscribes (draft-dunglas-mercure, section 4).
const ENDPOINT: &str = "/.well-known/mercure";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const LONGWIRE_POSITION: HeaderName = HeaderName::from_static("longwire-position");

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

    fn take(
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
        cors(origin(head).as_ref(), &mut headers);
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

    /// Lets a page that may ask read why it is refused.
    fn cors_of_refusal(&self, head: &RequestHead<'_>, scheme: Scheme, headers: &mut HeaderMap) {
        if self.access.check_origin(head, scheme).is_ok() {
            cors(origin(head).as_ref(), headers);
        }
    }

    /// A name for a subscriber, where subscriptions can be seen. HEAD subscribes to nothing.
    fn identity(&self, head: &RequestHead<'_>, grant: Option<&Grant>) -> Option<Identity> {
        if !self.subscriptions || head.method() == "HEAD" {
            return None;
        }
        Identity::new(grant)
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
