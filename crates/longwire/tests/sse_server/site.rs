//! A server whose routes a test makes up, on the bare socket and, below `/hyper`, through hyper.

use core::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use longwire::http::{Config, Handler, Take, serve};
use longwire::sse::{self, Events, Reply, Timing};
use longwire::ws::{Outbox, Received, Session};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use ws_handshake::RequestHead;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Without `/hyper`.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }
}

/// What a test answers.
pub(crate) enum Answer {
    Stream(HeaderMap, Events),
    Page(&'static str),
    Status(u16),
}

impl Answer {
    /// A stream of what `send` sends.
    pub(crate) fn sent<F: Future<Output = ()> + Send + 'static>(
        send: impl FnOnce(sse::Sender) -> F,
    ) -> Self {
        let (sender, events) = sse::channel();
        tokio::spawn(send(sender));
        Self::Stream(HeaderMap::new(), events)
    }
}

pub(crate) struct Site {
    answer: Box<dyn Fn(&Asked) -> Answer + Send + Sync>,
    timing: Timing,
    failures: mpsc::UnboundedSender<String>,
}

/// Says and hears nothing.
pub(crate) struct Mute;

impl Session for Mute {
    fn poll_fill(
        &mut self,
        _: &mut core::task::Context<'_>,
        _: &mut Outbox<'_>,
    ) -> core::task::Poll<()> {
        core::task::Poll::Pending
    }

    fn receive(&mut self, _: Received<'_>, _: &mut Outbox<'_>) {}
}

impl Handler for Site {
    type EventStream = Events;
    type WebSocket = Mute;
    type Body = Either<Full<Bytes>, sse::Body<Events>>;

    fn take(&self, head: &RequestHead<'_>, _: SocketAddr) -> Take<Events, Mute> {
        if head.path().starts_with("/hyper") {
            return Take::Http;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in head.headers() {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, http::HeaderValue::from_bytes(value).unwrap());
        }
        let asked = Asked {
            path: head.path().into(),
            headers,
        };
        match (self.answer)(&asked) {
            Answer::Stream(headers, events) => Take::EventStream(headers, events),
            _ => Take::Http,
        }
    }

    async fn http(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Self::Body> {
        let path = request.uri().path();
        let asked = Asked {
            path: path.strip_prefix("/hyper").unwrap_or(path).into(),
            headers: request.headers().clone(),
        };
        match (self.answer)(&asked) {
            Answer::Stream(headers, events) => Reply::new(events)
                .headers(headers)
                .timing(self.timing)
                .into_response()
                .map(Either::Right),
            Answer::Page(page) => {
                let mut response = Response::new(Either::Left(Full::from(page)));
                let html = http::HeaderValue::from_static("text/html; charset=utf-8");
                response.headers_mut().insert("content-type", html);
                response
            }
            Answer::Status(status) => {
                let mut response = Response::new(Either::Left(Full::default()));
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                response
            }
        }
    }

    fn failed(&self, _: Option<SocketAddr>, error: longwire::Error) {
        let _ = self.failures.send(error.to_string());
    }
}

/// A site that runs; it stops when told, and ends once its streams have.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) serving: JoinHandle<()>,
    pub(crate) failures: mpsc::UnboundedReceiver<String>,
}

impl Running {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(Timing::default(), answer).await
    }

    pub(crate) async fn start_with(
        timing: Timing,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::configured(timing, Config::default(), answer).await
    }

    pub(crate) async fn configured(
        timing: Timing,
        config: Config,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (failed, failures) = mpsc::unbounded_channel();
        let site = Site {
            answer: Box::new(answer),
            timing,
            failures: failed,
        };
        let (stop, stopped) = oneshot::channel();
        let config = config.event_stream(timing);
        let serving = tokio::spawn(serve(listener, Arc::new(site), config, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop,
            serving,
            failures,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
