//! Servers of event streams, one a process, whose idle memory is measured.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use longwire::http::{Config, Handler, Take};
use longwire::sse::{Broadcast, Channel, Events, Fields, Reply, Sender, Source, Subscription};
use longwire::ws::{Outbox, Received, Session};
use longwire::{Batch, sse};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

/// What there is, and how it is called in the table.
pub(crate) const SERVERS: [(&str, &str); 5] = [
    ("broadcast", "SSE, broadcast, bare socket"),
    ("channel", "SSE, channel, bare socket"),
    ("under-hyper", "SSE, broadcast, http::serve's hyper"),
    ("hyper", "SSE, broadcast, hyper alone"),
    ("plain", "hyper alone, tokio's broadcast"),
];

/// Serves until killed: a stream for every path but `/publish`, which sends them an event.
pub(crate) fn serve(name: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}/", listener.local_addr().unwrap());
        let app = Arc::new(App {
            bare: name == "broadcast" || name == "channel",
            channels: name == "channel",
            ticks: Broadcast::new(),
            senders: std::sync::Mutex::default(),
        });
        match name {
            "hyper" => {
                alone(listener, move |path| {
                    let body = app.broadcast();
                    if path == "/publish" {
                        app.publish();
                    }
                    body
                })
                .await;
            }
            "plain" => {
                let sender = broadcast::Sender::new(16);
                alone(listener, move |path| {
                    if path == "/publish" {
                        let _ = sender.send(Bytes::from(event()));
                        return Plain(None);
                    }
                    let mut receiver = sender.subscribe();
                    Plain(Some(Box::pin(async move {
                        let event = receiver.recv().await;
                        (event, receiver)
                    })))
                })
                .await;
            }
            _ => {
                let stop = std::future::pending();
                longwire::http::serve(listener, app, Config::default(), stop).await;
            }
        }
    });
}

fn event() -> Vec<u8> {
    format!("data: {}\n\n", "x".repeat(1024)).into_bytes()
}

struct App {
    bare: bool,
    channels: bool,
    ticks: Broadcast,
    senders: std::sync::Mutex<Vec<Sender>>,
}

impl App {
    fn publish(&self) {
        let data = "x".repeat(1024);
        self.ticks.publish(&Fields::new(&data)).unwrap();
        for sender in &*self.senders.lock().unwrap() {
            let _ = sender.try_send(&Fields::new(&data));
        }
    }

    fn broadcast(&self) -> sse::Body<Subscription> {
        Reply::new(self.ticks.subscribe())
            .into_response()
            .into_body()
    }

    fn stream(&self) -> Either {
        if !self.channels {
            return Either::Broadcast(self.ticks.subscribe());
        }
        let (sender, events) = Channel::new().open();
        self.senders.lock().unwrap().push(sender);
        Either::Channel(events)
    }
}

enum Either {
    Broadcast(Subscription),
    Channel(Events),
}

impl Source for Either {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<sse::Fill> {
        match self {
            Self::Broadcast(source) => source.poll_fill(cx, batch),
            Self::Channel(source) => source.poll_fill(cx, batch),
        }
    }
}

struct NoSocket;

impl Session for NoSocket {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Outbox<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn receive(&mut self, _: Received<'_>, _: &mut Outbox<'_>) {}
}

impl Handler for App {
    type EventStream = Either;
    type WebSocket = NoSocket;
    type Body = sse::Body<Either>;

    fn take(&self, head: &ws_handshake::RequestHead<'_>, _: SocketAddr) -> Take<Either, NoSocket> {
        if head.path() == "/publish" {
            self.publish();
            return Take::Refuse(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec());
        }
        if self.bare {
            return Take::EventStream(HeaderMap::new(), self.stream());
        }
        Take::Http
    }

    async fn http(&self, _: Request<Incoming>, _: SocketAddr) -> Response<sse::Body<Either>> {
        Reply::new(self.stream()).into_response()
    }
}

/// hyper without anything around it.
async fn alone<B>(listener: TcpListener, body: impl Fn(&str) -> B + Clone + Send + Sync + 'static)
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let body = body.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let body = body(request.uri().path());
                async { Ok::<_, Infallible>(Response::new(body)) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Receiving = Pin<
    Box<
        dyn Future<
                Output = (
                    Result<Bytes, broadcast::error::RecvError>,
                    broadcast::Receiver<Bytes>,
                ),
            > + Send,
    >,
>;

/// Frames from tokio's channel, without a heartbeat.
struct Plain(Option<Receiving>);

impl http_body::Body for Plain {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let Some(receiving) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let (event, mut receiver) = std::task::ready!(receiving.as_mut().poll(cx));
        self.0 = Some(Box::pin(async move {
            let event = receiver.recv().await;
            (event, receiver)
        }));
        Poll::Ready(event.ok().map(|event| Ok(http_body::Frame::data(event))))
    }
}
