//! Servers that stop while streams are open: with hyper's own graceful shutdown, and ours.

use core::convert::Infallible;
use core::time::Duration;
use std::pin::pin;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use longwire::sse::{self, Broadcast, Drain, Fields, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::reading::parse;
use super::site::{Answer, Running};
use super::support::within;

const RETRY: core::ops::Range<Duration> = Duration::from_secs(2)..Duration::from_secs(3);

/// Without the drain hyper waits for streams that never end, and so does this test.
#[tokio::test]
async fn hypers_graceful_shutdown_does_not_wait_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (io, _) = listener.accept().await.unwrap();
    let (drain, ticks) = (Drain::new(), Broadcast::new());
    let service = service_fn(|_| {
        let reply = Reply::new(drain.watch(ticks.subscribe()));
        async { Ok::<_, Infallible>(reply.into_response()) }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(io), service));
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut head = [0; 12];
    tokio::select! {
        _ = connection.as_mut() => panic!("the stream ended by itself"),
        read = client.read_exact(&mut head) => assert_eq!(read.unwrap(), 12),
    }
    ticks.publish(&Fields::new("due")).unwrap();
    connection.as_mut().graceful_shutdown();
    drain.begin(RETRY, 1);
    within("the connection to end", connection).await.unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    let body = rest
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let (events, retry) = parse(&rest[body..]);
    assert_eq!(events.len(), 1, "what was due was sent");
    assert!(RETRY.contains(&retry.unwrap()));
}

#[tokio::test]
async fn axums_graceful_shutdown_does_not_wait_for_ever() {
    let drain = Drain::new();
    let watching = drain.clone();
    let app = axum::Router::new().route(
        "/",
        axum::routing::get(move || async move {
            let (sender, events) = sse::channel();
            tokio::spawn(async move { sender.closed().await });
            Reply::new(watching.watch(events))
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        axum::serve(listener, app)
            .with_graceful_shutdown(async {
                let _ = stopped.await;
            })
            .await
    });
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        client.read_exact(&mut [0; 12]).await.unwrap();
        clients.push(client);
    }
    assert_eq!(drain.open(), 10);
    stop.send(()).unwrap();
    drain.begin(RETRY, 1);
    within("the server to end", serving).await.unwrap().unwrap();
    assert_eq!(drain.open(), 0);
    for mut client in clients {
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert!(
            rest.contains("retry: 2") && rest.ends_with("0\r\n\r\n"),
            "{rest}"
        );
    }
}

/// [`longwire::http::serve`] waits too, whoever serves the stream; its sources end themselves.
#[tokio::test]
async fn our_server_ends_once_its_streams_have() {
    let (opened, mut streams) = tokio::sync::mpsc::unbounded_channel();
    let server = Running::start(move |_| {
        let (sender, events) = sse::channel();
        opened.send(sender).unwrap();
        Answer::Stream(http::HeaderMap::new(), events)
    })
    .await;
    let mut clients = Vec::new();
    for path in ["/", "/hyper"] {
        let mut client = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        client.read_exact(&mut [0; 12]).await.unwrap();
        clients.push((client, streams.recv().await.unwrap()));
    }
    server.stop.send(()).unwrap();
    for (mut client, sender) in clients {
        sender.send(&Fields::new("still served")).await.unwrap();
        sender.end(Some(Duration::from_secs(2)));
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert!(rest.contains("still served"), "{rest}");
        assert!(rest.ends_with("retry: 2000\n\n\r\n0\r\n\r\n"), "{rest}");
    }
    within("the server to end", server.serving).await.unwrap();
}

/// Always has more.
struct Flood;

impl sse::Source for Flood {
    fn poll_fill(
        &mut self,
        _: &mut core::task::Context<'_>,
        batch: &mut longwire::Batch,
    ) -> core::task::Poll<sse::Fill> {
        while !batch.is_full() {
            batch.push(&[b':'; 1024]);
        }
        core::task::Poll::Ready(sse::Fill::More)
    }
}

#[tokio::test]
async fn a_source_that_always_has_more_ends_too() {
    let drain = Drain::new();
    let mut body = sse::Body::new(drain.watch(Flood), sse::Timing::default());
    super::reading::frame(&mut body).await.unwrap().unwrap();
    drain.begin(RETRY, 1);
    let rest = super::reading::rest(&mut body).await.unwrap();
    assert!(rest.len() < 18 * 65 * 1024, "{}", rest.len());
    assert!(rest.ends_with(b"\n\n"));
}
