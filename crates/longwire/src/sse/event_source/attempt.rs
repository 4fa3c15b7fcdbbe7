//! One attempt: the request, the redirects it meets, and what the response means.

use core::time::Duration;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, Request, Response, response};
use bytes::{Bytes, BytesMut};
use sse_parse::Verdict;
use tokio::time::{Instant, timeout, timeout_at};
use ws_handshake::Url;

use super::body::Incoming;
use super::{EventSourceError, RedirectError, Refusal};
use crate::http::{self, Body, Client, RequestError};
use crate::sse::decode::{Chunks, Coding};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What an attempt needs to know.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) client: Client,
    /// As the user gave it.
    pub(super) request: Request<Bytes>,
    /// The value of `Last-Event-ID`, if it is to be sent.
    pub(super) last_event_id: Option<String>,
    pub(super) compressed: bool,
    pub(super) max_redirects: u32,
    pub(super) head_deadline: Duration,
}

/// A stream that is open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) head: Box<response::Parts>,
    pub(super) body: Box<Incoming>,
}

impl Attempt {
    /// Makes it.
    pub(super) async fn run(mut self) -> Result<Opened, EventSourceError> {
        self.complete()?;
        let deadline = Instant::now() + self.head_deadline;
        let response = timeout_at(deadline, self.follow())
            .await
            .map_err(|_| EventSourceError::HeadDeadline)??;
        let (head, body) = response.into_parts();
        let verdict = judge(&head);
        let body = Incoming::new(&head.headers, body);
        if verdict == Verdict::Open {
            return Ok(Opened {
                head: Box::new(head),
                body: Box::new(body?),
            });
        }
        let mut start = BytesMut::new();
        if let Ok(body) = body {
            // What has come when the time is over is what there is to show.
            let _ = timeout(self.head_deadline, read_start(body, &mut start)).await;
        }
        Err(EventSourceError::Refused(Box::new(Refusal {
            verdict,
            status: head.status,
            headers: head.headers,
            body: start.freeze(),
        })))
    }

    /// Adds the fields that an event source sends.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
    //# User agents may set (`Accept`, `text/event-stream`) in request's header list.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
    //# Set request's cache mode to "no-store".
    fn complete(&mut self) -> Result<(), EventSourceError> {
        let url = self.request.uri().to_string();
        let url = Url::parse(&url).map_err(|_| EventSourceError::Request(RequestError::Url))?;
        let headers = self.request.headers_mut();
        let mut add = |name: HeaderName, value: HeaderValue| {
            headers.entry(name).or_insert(value);
        };
        add(
            header::ACCEPT,
            HeaderValue::from_static("text/event-stream"),
        );
        add(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.compressed && !Coding::ALL.is_empty() {
            let names: Vec<_> = Coding::ALL.iter().map(|coding| coding.name()).collect();
            if let Ok(value) = HeaderValue::try_from(names.join(", ")) {
                add(header::ACCEPT_ENCODING, value);
            }
        }
        let secret = |text: String| {
            let mut value = HeaderValue::try_from(text).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        if let Some(value) = url.authorization().and_then(secret) {
            add(header::AUTHORIZATION, value);
        }
        // The id is text in UTF-8, and goes out as it is.
        //= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
        //# Let lastEventIDValue be the EventSource object's last event ID string, encoded as UTF-8.
        let id = self.last_event_id.take();
        if let Some(value) = id.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()) {
            headers.insert(LAST_EVENT_ID, value);
        }
        Ok(())
    }

    /// Sends the request, and those that redirects ask for.
    async fn follow(&mut self) -> Result<Response<Body>, EventSourceError> {
        let mut left = self.max_redirects;
        let mut response = self.client.send(self.request.clone()).await?;
        loop {
            let status = response.status().as_u16();
            let location = response.headers().get(header::LOCATION);
            let Some(location) = location.filter(|_| http::redirects(status)) else {
                return Ok(response);
            };
            //= https://fetch.spec.whatwg.org/#http-redirect-fetch
            //# If request's redirect count is 20, then return a network error.
            if left == 0 {
                return Err(EventSourceError::Redirect(RedirectError::TooMany));
            }
            left -= 1;
            self.redirect(status, location.as_bytes())?;
            // This response is held until the next one is there: that may come on the same
            // connection, if somebody still holds it.
            response = self.client.send(self.request.clone()).await?;
        }
    }

    /// Turns the request into the next one.
    fn redirect(&mut self, status: u16, location: &[u8]) -> Result<(), EventSourceError> {
        let nowhere = EventSourceError::Redirect(RedirectError::Location);
        let base = self.request.uri().to_string();
        let Some(redirect) = http::follow(&base, location) else {
            return Err(nowhere);
        };
        *self.request.uri_mut() = redirect.url.parse().map_err(|_| nowhere)?;
        //= https://fetch.spec.whatwg.org/#http-redirect-fetch
        //# internalResponse's status is 301 or 302 and request's method is `POST`
        //= https://fetch.spec.whatwg.org/#http-redirect-fetch
        //# internalResponse's status is 303 and request's method is not `GET` or `HEAD`
        let method = self.request.method();
        let becomes_get = match status {
            301 | 302 => method == Method::POST,
            303 => method != Method::GET && method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            *self.request.method_mut() = Method::GET;
            *self.request.body_mut() = Bytes::new();
            for name in [
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
                header::CONTENT_LENGTH,
                header::CONTENT_LOCATION,
                header::CONTENT_TYPE,
            ] {
                self.request.headers_mut().remove(name);
            }
        }
        if !redirect.is_same_origin {
            keep_what_travels(self.request.headers_mut());
            self.client = self.client.anonymous();
        }
        Ok(())
    }
}

/// Leaves the fields that another origin may see: of the user's those that hold no secret, and what
/// the body or the response needs to be understood.
fn keep_what_travels(headers: &mut HeaderMap) {
    let kept: HeaderMap = headers
        .iter()
        .filter(|(name, _)| {
            let form = [header::ACCEPT_ENCODING, header::CONTENT_TYPE];
            http::travels(name.as_str()) || form.contains(name)
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    *headers = kept;
}

fn judge(head: &response::Parts) -> Verdict {
    let values = head.headers.get_all(header::CONTENT_TYPE);
    let values: Vec<_> = values.iter().map(HeaderValue::as_bytes).collect();
    let list = (!values.is_empty()).then(|| values.join(&b","[..]));
    Verdict::of(head.status.as_u16(), list.as_deref())
}

/// Appends the body to `start`, up to [`Refusal::BODY_MAX`] bytes.
async fn read_start(mut body: Incoming, start: &mut BytesMut) {
    while let Some(Ok(())) = core::future::poll_fn(|cx| body.poll_fill(cx)).await {
        let room = Refusal::BODY_MAX - start.len();
        let chunk = body.chunk();
        start.extend_from_slice(&chunk[..chunk.len().min(room)]);
        body.keep(0);
        if start.len() == Refusal::BODY_MAX {
            return;
        }
    }
}

impl From<RequestError> for EventSourceError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}
