//! One attempt: what is asked of the hub, and what its answer means.

use core::time::Duration;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Request, header};
use http_body::Body as _;
use hub_protocol::{Attempt, Carrier, End, SUBPROTOCOL};
use tokio::time::timeout;

use super::Target;
use crate::Error;
use crate::http::{Body, Client, retry_after};
use crate::net::{ConnectError, Connector, Stream};
use crate::sse::decode::FromBody;
use crate::ws::{self, Socket};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const POSITION: HeaderName = HeaderName::from_static("longwire-position");
/// Bytes of an answer to a POST that are read.
const ANSWER_MAX: usize = 64 * 1024;
/// Time for a POST.
const POST_WITHIN: Duration = Duration::from_secs(30);
/// The largest message that a hub sends, and more.
const MESSAGE_MAX: u64 = 4 << 20;

/// A connection to the hub.
#[expect(clippy::large_enum_variant, reason = "taken apart at once")]
pub(super) enum Opened {
    WebSocket(Socket<Stream, ws::Client>),
    /// With the header `Longwire-Position`, or else `Last-Event-ID`.
    EventStream(FromBody<Body>, Option<String>),
}

/// How the network is reached within the time of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    connector: Connector,
    http: Client,
    half: Duration,
}

impl Reach {
    pub(super) fn new(connector: Connector, attempt_within: Duration) -> Self {
        let half = attempt_within / 2;
        let connector = connector.connect_within(half).tls_within(half);
        Self {
            http: Client::with_connector(connector.clone()),
            connector,
            half,
        }
    }

    pub(super) async fn open(self, attempt: Attempt, target: Target) -> Result<Opened, End> {
        let url = with_query(&target.url, &attempt.query);
        match attempt.carrier {
            Carrier::WebSocket => self.web_socket(&url, &attempt, &target).await,
            _ => self.event_stream(&url, &attempt, &target).await,
        }
    }

    async fn web_socket(
        self,
        url: &str,
        attempt: &Attempt,
        target: &Target,
    ) -> Result<Opened, End> {
        let limits = ws_frame::Limits::default().with_max_message(MESSAGE_MAX);
        let config = ws::Config::default()
            .handshake_within(self.half)
            .frames(ws_frame::Config::default().with_limits(limits));
        let mut connect = ws::connect(url)
            .protocol(SUBPROTOCOL)
            .config(config)
            .connector(self.connector);
        if let Some(id) = &attempt.last_event_id {
            connect = connect.header(LAST_EVENT_ID.as_str(), id.as_bytes());
        }
        if let Some(token) = &target.token {
            connect = connect.header("Authorization", format!("Bearer {token}"));
        }
        for (name, value) in &target.headers {
            connect = connect.header(name.as_str(), value.as_bytes());
        }
        let (socket, response) = connect.with_response().await.map_err(|error| end(&error))?;
        let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        if chosen.is_none_or(|chosen| chosen != SUBPROTOCOL) {
            return Err(refused(101)); // no hub
        }
        Ok(Opened::WebSocket(socket))
    }

    async fn event_stream(
        self,
        url: &str,
        attempt: &Attempt,
        target: &Target,
    ) -> Result<Opened, End> {
        let mut request = request(url, target, Bytes::new())?;
        let headers = request.headers_mut();
        let accept = HeaderValue::from_static("text/event-stream");
        headers.insert(header::ACCEPT, accept);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let id = attempt.last_event_id.as_deref();
        if let Some(Ok(id)) = id.map(|id| HeaderValue::from_bytes(id.as_bytes())) {
            headers.insert(LAST_EVENT_ID, id);
        }
        // What takes longer than to connect had a connection.
        let response = timeout(2 * self.half, self.http.send(request))
            .await
            .map_err(|_| End::Silent)?
            .map_err(|_| End::Unreachable)?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let verdict = sse_parse::Verdict::of(status, content_type.map(HeaderValue::as_bytes));
        if verdict != sse_parse::Verdict::Open {
            return Err(End::Refused {
                status,
                retry_after: retry_after(response.headers(), SystemTime::now()),
            });
        }
        let headers = response.headers();
        let begins = headers.get(POSITION).or_else(|| headers.get(LAST_EVENT_ID));
        let begins = begins.and_then(|begins| begins.to_str().ok().map(str::to_owned));
        Ok(Opened::EventStream(
            FromBody::new(response.into_body()),
            begins,
        ))
    }

    /// Publishes; `None` if no answer came.
    pub(super) async fn post(self, target: Target, body: Vec<u8>) -> Option<Answer> {
        timeout(POST_WITHIN, self.answer(target, body)).await.ok()?
    }

    async fn answer(self, target: Target, body: Vec<u8>) -> Option<Answer> {
        let mut request = request(&target.url, &target, body.into()).ok()?;
        *request.method_mut() = http::Method::POST;
        request.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let response = self.http.send(request).await.ok()?;
        let (head, mut body) = response.into_parts();
        let mut text = BytesMut::new();
        while text.len() < ANSWER_MAX {
            let next = core::future::poll_fn(|cx| core::pin::Pin::new(&mut body).poll_frame(cx));
            match next.await {
                None => break,
                Some(frame) => {
                    if let Ok(data) = frame.ok()?.into_data() {
                        text.extend_from_slice(&data);
                    }
                }
            }
        }
        let position = head.headers.get(POSITION);
        Some(Answer {
            status: head.status.as_u16(),
            body: String::from_utf8_lossy(&text).into_owned(),
            position: position.and_then(|text| text.to_str().ok().map(str::to_owned)),
        })
    }
}

/// The answer to a POST.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) position: Option<String>,
}

const fn refused(status: u16) -> End {
    End::Refused {
        status,
        retry_after: None,
    }
}

fn with_query(url: &str, query: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    if query.is_empty() {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{query}")
}

fn request(url: &str, target: &Target, body: Bytes) -> Result<Request<Bytes>, End> {
    let url = match url.split_once(':') {
        Some(("ws", rest)) => format!("http:{rest}"),
        Some(("wss", rest)) => format!("https:{rest}"),
        _ => url.to_owned(),
    };
    let mut request = Request::get(url);
    if let Some(token) = &target.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    // What cannot be sent now cannot be sent later.
    request.body(body).map_err(|_| End::NoCredentials)
}

/// What the failure of a WebSocket attempt means.
fn end(error: &Error) -> End {
    match error {
        Error::Status(response) => End::Refused {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers(), SystemTime::now()),
        },
        Error::Answer(_) => refused(101),
        Error::HeadDeadline => End::Silent,
        Error::Connect(ConnectError::NoTls) | Error::Url(_) | Error::Header { .. } => {
            End::NoCredentials
        }
        _ => End::Unreachable,
    }
}

/// What the failure of an open WebSocket means.
pub(super) fn ended(error: &Error) -> End {
    match error {
        Error::Silent | Error::Stalled | Error::Overdue => End::Silent,
        Error::WebSocket(_) => End::Protocol,
        #[cfg(feature = "deflate")]
        Error::Inflate(_) => End::Protocol,
        _ => End::Closed(1006),
    }
}
