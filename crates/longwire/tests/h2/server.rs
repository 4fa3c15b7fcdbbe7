//! An echo server over both carriers.

use core::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use longwire::Batch;
use longwire::http::{Config, Handler, Take, serve};
use longwire::sse::{Fill, Source};
use longwire::ws::{self, Outbox, Received, Session};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use ws_frame::CloseCode;
use ws_handshake::{Accept, Reject, RequestHead};

/// Echoes, and closes when asked to.
pub(crate) struct Echo;

impl Session for Echo {
    fn poll_fill(
        &mut self,
        _: &mut core::task::Context<'_>,
        _: &mut Outbox<'_>,
    ) -> core::task::Poll<()> {
        core::task::Poll::Pending
    }

    fn receive(&mut self, message: Received<'_>, out: &mut Outbox<'_>) {
        let _ = match message {
            Received::Text("close") => out.close(CloseCode::GOING_AWAY, "asked to"),
            Received::Text(text) => out.text(text),
            Received::Binary(bytes) => out.binary(bytes),
        };
    }
}

pub(crate) struct NoEvents;

impl Source for NoEvents {
    fn poll_fill(
        &mut self,
        _: &mut core::task::Context<'_>,
        _: &mut Batch,
    ) -> core::task::Poll<Fill> {
        core::task::Poll::Pending
    }
}

struct App {
    web_socket: Arc<ws::Config>,
    /// The methods of the handshakes that hyper read.
    methods: Arc<Mutex<Vec<Method>>>,
    ended: mpsc::UnboundedSender<String>,
}

/// The same for both carriers: `/private` needs a token, and only `chat` is spoken.
fn choose(accept: Accept<'_>) -> Result<Accept<'_>, Reject<'_>> {
    let request = accept.request();
    if request.header("origin") == Some(b"https://evil.example") {
        return Err(Reject::new(403));
    }
    if request.head().path() == "/private" && request.header("authorization").is_none() {
        let reject = Reject::new(401).body(&b"a token is needed"[..]);
        return Err(reject.header("www-authenticate", &b"Bearer"[..]).unwrap());
    }
    if request.protocols().any(|protocol| protocol == "chat") {
        return Ok(accept.protocol("chat").unwrap());
    }
    Ok(accept)
}

impl Handler for App {
    type EventStream = NoEvents;
    type WebSocket = Echo;
    type Body = Full<Bytes>;

    fn take(&self, _: &RequestHead<'_>, _: SocketAddr) -> Take<NoEvents, Echo> {
        Take::Http
    }

    async fn http(&self, mut request: Request<Incoming>, _: SocketAddr) -> Response<Full<Bytes>> {
        if request.method() == Method::GET && request.headers().get("upgrade").is_none() {
            return Response::new(match request.uri().path() {
                "/large" => Full::from(vec![0; 1 << 20]),
                _ => Full::from("<!doctype html><title>page</title>"),
            });
        }
        match ws::upgrade(&mut request, self.web_socket.clone(), choose) {
            Ok((response, upgrade)) => {
                self.methods.lock().unwrap().push(request.method().clone());
                let ended = self.ended.clone();
                tokio::spawn(async move {
                    let served = async { upgrade.socket().await?.run(Echo).await };
                    let how = match served.await {
                        Ok(reason) => reason.code().get().to_string(),
                        Err(error) => error.to_string(),
                    };
                    // The test may be over.
                    let _ = ended.send(how);
                });
                response.map(|()| Full::default())
            }
            Err(response) => response.map(Full::new),
        }
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) methods: Arc<Mutex<Vec<Method>>>,
    /// How each WebSocket ended: its close code, or an error.
    pub(crate) ended: mpsc::UnboundedReceiver<String>,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(config: Config, web_socket: ws::Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, ended) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let methods = Arc::default();
        let app = Arc::new(App {
            web_socket: Arc::new(web_socket),
            methods: Arc::clone(&methods),
            ended: sender,
        });
        let serving = tokio::spawn(serve(listener, app, config, async {
            // Dropped at the end of a test that does not stop the server.
            let _ = stopped.await;
        }));
        Self {
            address,
            methods,
            ended,
            stop,
            serving,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// How the next WebSocket ended.
    pub(crate) async fn end(&mut self) -> String {
        crate::support::within("a WebSocket ends", self.ended.recv())
            .await
            .unwrap()
    }
}
