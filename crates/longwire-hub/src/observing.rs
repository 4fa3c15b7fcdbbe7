//! What shows how the hub is: `/healthz`, `/readyz` and `/metrics`.

use core::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use longwire::http::{Handler, Take};
use ws_handshake::RequestHead;

use crate::hub::Hub;
use crate::metrics::{CONTENT_TYPE as METRICS_TYPE, Scrape};
use crate::subscriber::{Subscriber, WebSocketSubscriber};

/// Whether the process answers at all.
const HEALTH: &str = "/healthz";
/// Whether it is worth sending somebody here.
const READY: &str = "/readyz";
/// The numbers; to receive this topic is the right to see them.
pub(crate) const METRICS: &str = "/metrics";

/// Whether a path is one of these.
pub(crate) fn is_observed(path: &str) -> bool {
    matches!(path, HEALTH | READY | METRICS)
}

/// Answers those who watch the hub.
#[derive(Clone, Debug)]
pub(crate) struct Observing {
    hub: Arc<Hub>,
    scrape: Scrape,
}

impl Observing {
    pub(crate) const fn new(hub: Arc<Hub>, scrape: Scrape) -> Self {
        Self { hub, scrape }
    }

    /// The answer to a GET of one of the paths.
    pub(crate) fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        match path {
            METRICS => text(StatusCode::OK, METRICS_TYPE, self.scrape.text()),
            READY if self.hub.is_draining() => unavailable("the hub is stopping\n"),
            READY if !self.hub.is_writable() => unavailable("the log cannot be written\n"),
            HEALTH | READY => text(StatusCode::OK, PLAIN, "ok\n"),
            _ => text(StatusCode::NOT_FOUND, PLAIN, "there is nothing here\n"),
        }
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn unavailable(reason: &'static str) -> Response<Full<Bytes>> {
    text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, reason)
}

fn text(
    status: StatusCode,
    content_type: &'static str,
    text: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// On an address of its own, for whoever can reach that.
impl Handler for Observing {
    type EventStream = Subscriber;
    type WebSocket = WebSocketSubscriber;
    type Body = Full<Bytes>;

    fn take(&self, _: &RequestHead<'_>, _: SocketAddr) -> Take<Subscriber, WebSocketSubscriber> {
        Take::Http
    }

    async fn http(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            let reason = "the method is not allowed here\n";
            return text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, reason);
        }
        self.answer(request.uri().path())
    }
}
