//! What either end does when the other goes its own way.

use core::future::poll_fn;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use h2::Reason;
use h2::ext::Protocol;
use http::{Method, Request, Response};
use longwire::Error;
use longwire::http::Config;
use longwire::ws::h2::Connection;
use longwire::ws::{self, CloseCode, Message};
use tokio::io::duplex;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::server::Server;
use crate::support::within;

const WITHIN: Duration = Duration::from_secs(10);

async fn start() -> Server {
    Server::start(Config::default(), ws::Config::default()).await
}

type Opened = (Response<h2::RecvStream>, h2::SendStream<Bytes>);

/// Another client of HTTP/2, whose windows are opened only as it reads.
async fn client(server: &Server) -> h2::client::SendRequest<Bytes> {
    let io = TcpStream::connect(server.address).await.unwrap();
    // What one stream does not read must not stop the others; and so many small frames may wait to
    // be read here as in the server.
    let (requests, connection) = h2::client::Builder::new()
        .initial_connection_window_size(1 << 23)
        .handshake(io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut requests = requests.ready().await.unwrap();
    // The server's SETTINGS come before any response.
    let page = Request::get("http://a.example/").body(()).unwrap();
    requests.send_request(page, true).unwrap().0.await.unwrap();
    assert!(requests.is_extended_connect_protocol_enabled());
    requests.ready().await.unwrap()
}

async fn open(
    requests: &mut h2::client::SendRequest<Bytes>,
    protocol: &'static str,
    fields: &[(&str, &str)],
) -> Opened {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri("http://a.example/");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).unwrap();
    request
        .extensions_mut()
        .insert(Protocol::from_static(protocol));
    let (response, send) = requests.send_request(request, false).unwrap();
    (within("a response", response).await.unwrap(), send)
}

const VERSION: &[(&str, &str)] = &[("sec-websocket-version", "13")];

#[tokio::test]
async fn a_handshake_that_breaks_the_rules_is_refused() {
    let server = start().await;
    let mut requests = client(&server).await;
    for (protocol, fields, status) in [
        ("websocket", VERSION, 200),
        ("connect-udp", VERSION, 501),
        ("websocket", &[][..], 426),
        ("websocket", &[("sec-websocket-version", "8")], 426),
        (
            "websocket",
            &[
                ("sec-websocket-version", "13"),
                ("sec-websocket-extensions", "a;;"),
            ],
            400,
        ),
        (
            "websocket",
            &[
                ("sec-websocket-version", "13"),
                ("origin", "https://evil.example"),
            ],
            403,
        ),
    ] {
        let (response, _) = open(&mut requests, protocol, fields).await;
        assert_eq!(response.status(), status, "{protocol} {fields:?}");
    }
    // A tunnel to elsewhere is nothing we have.
    let connect = Request::connect("b.example:443").body(()).unwrap();
    let (response, _) = requests.send_request(connect, false).unwrap();
    assert_eq!(within("a response", response).await.unwrap().status(), 426);
    assert_eq!(server.methods.lock().unwrap().len(), 1);
}

//= https://www.rfc-editor.org/rfc/rfc8441#section-5
//= type=test
//# Orderly TCP-level closures are represented as END_STREAM flags ([RFC7540], Section 6.1).  RST
//# exceptions are represented with the RST_STREAM frame ([RFC7540], Section 6.4) with the CANCEL
//# error code ([RFC7540], Section 7).
#[tokio::test]
async fn the_end_of_a_stream_is_the_end_of_a_connection() {
    let mut server = start().await;
    let mut requests = client(&server).await;
    // In the middle of a frame; after it; a reset.
    let (_response, mut send) = open(&mut requests, "websocket", VERSION).await;
    send.send_data(Bytes::from_static(b"\x81\x85\0\0"), true)
        .unwrap();
    assert_eq!(server.end().await, "1006");
    let (response, mut send) = open(&mut requests, "websocket", VERSION).await;
    send.send_data(Bytes::from_static(b"\x88\x80\0\0\0\0"), true)
        .unwrap();
    assert_eq!(server.end().await, "1005");
    let mut body = response.into_body();
    assert_eq!(
        body.data().await.unwrap().unwrap(),
        Bytes::from_static(b"\x88\0")
    );
    while let Some(data) = within("the end", body.data()).await {
        assert!(data.unwrap().is_empty());
    }
    let (_response, mut send) = open(&mut requests, "websocket", VERSION).await;
    send.send_reset(Reason::CANCEL);
    assert_eq!(server.end().await, "1006");
    // The connection has room for more.
    open(&mut requests, "websocket", VERSION).await;
}

/// On one stream, and on many at once.
#[tokio::test]
async fn small_messages_in_frames_of_their_own_are_no_attack() {
    let server = start().await;
    let mut requests = client(&server).await;
    for (streams, messages) in [(1, 50_000), (50, 5_000)] {
        let mut talks = JoinSet::new();
        for _ in 0..streams {
            let (response, send) = open(&mut requests, "websocket", VERSION).await;
            // Of all together fewer than may wait to be read, since nobody knows when a busy machine
            // begins with that.
            let ahead = Arc::new(Semaphore::new(10_000 / streams));
            talks.spawn(empty_messages(send, messages, ahead.clone()));
            talks.spawn(empty_echoes(response.into_body(), messages, ahead));
        }
        within("all echoes", talks.join_all()).await;
    }
}

/// Six bytes each, and a DATA frame each; no more than so many before their echoes.
async fn empty_messages(mut send: h2::SendStream<Bytes>, messages: usize, ahead: Arc<Semaphore>) {
    for _ in 0..messages {
        ahead.acquire().await.unwrap().forget();
        send.reserve_capacity(6);
        while send.capacity() < 6 {
            let room = poll_fn(|cx| send.poll_capacity(cx)).await;
            room.expect("no end").expect("no reset");
        }
        let message = Bytes::from_static(b"\x82\x80\0\0\0\0");
        send.send_data(message, false).unwrap();
    }
}

/// Two bytes each.
async fn empty_echoes(mut body: h2::RecvStream, messages: usize, ahead: Arc<Semaphore>) {
    let mut echoed = 0;
    while echoed < 2 * messages {
        let data = body.data().await.expect("no end").expect("no reset");
        body.flow_control().release_capacity(data.len()).unwrap();
        let before = echoed / 2;
        echoed += data.len();
        ahead.add_permits(echoed / 2 - before);
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_loses_its_stream_and_no_more() {
    let config = ws::Config::default().write_deadline(Duration::from_millis(300));
    let mut server = Server::start(Config::default(), config).await;
    let mut requests = client(&server).await;
    let (_unread, mut stalled) = open(&mut requests, "websocket", VERSION).await;
    // Echoes that fill this client's window of 64 KiB and the server's buffers; then, since the
    // server reads no further, small messages that fill its window.
    let large = [b"\x82\xfe\xff\xff\0\0\0\0".to_vec(), vec![0; 65_535]].concat();
    for _ in 0..4 {
        stalled
            .send_data(Bytes::from(large.clone()), false)
            .unwrap();
    }
    for _ in 0..20_000 {
        let small = Bytes::from_static(b"\x82\x80\0\0\0\0");
        stalled.send_data(small, false).unwrap();
    }
    assert_eq!(server.end().await, "the peer took nothing for too long");
    let (response, mut send) = open(&mut requests, "websocket", VERSION).await;
    let hello = Bytes::from_static(b"\x81\x82\0\0\0\0hi");
    send.send_data(hello, false).unwrap();
    let echo = within("an echo", response.into_body().data()).await;
    assert_eq!(echo.unwrap().unwrap(), Bytes::from_static(b"\x81\x02hi"));
    // What hyper still holds of the stream is let go after 30 s.
    tokio::time::pause();
    let reset = poll_fn(|cx| stalled.poll_reset(cx));
    let reset = tokio::select! {
        reset = within("a reset", reset) => reset.unwrap(),
        () = time_passes(&mut requests) => unreachable!("for ever"),
    };
    assert_eq!(reset, Reason::CANCEL);
}

/// Moves the paused clock, second by second. What was sent before has come by then: it was sent on
/// the same connection as a request and its answer.
async fn time_passes(requests: &mut h2::client::SendRequest<Bytes>) {
    // The runtime is never idle: or else it would move the clock itself.
    let mut busy = JoinSet::new();
    busy.spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    loop {
        tokio::time::advance(Duration::from_secs(1)).await;
        poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
        let page = Request::get("http://a.example/").body(()).unwrap();
        requests.send_request(page, true).unwrap().0.await.unwrap();
    }
}

#[tokio::test]
async fn a_response_that_nobody_takes_is_reset_and_the_connection_goes_on() {
    let server = start().await;
    let mut requests = client(&server).await;
    let page = || Request::get("http://a.example/large").body(()).unwrap();
    let (response, _) = requests.send_request(page(), true).unwrap();
    let mut unread = response.await.unwrap().into_body();
    tokio::time::pause();
    // It has all the bytes that its window of 64 KiB allowed, and then the reset.
    let mut len = 0;
    let reset = async {
        loop {
            match within("a reset", unread.data()).await.expect("no end") {
                Ok(data) => len += data.len(),
                Err(error) => return error,
            }
        }
    };
    let reset = tokio::select! {
        reset = reset => reset,
        () = time_passes(&mut requests) => unreachable!("for ever"),
    };
    assert_eq!((len, reset.reason()), (65_535, Some(Reason::CANCEL)));
    tokio::time::resume();
    let (response, _) = requests.send_request(page(), true).unwrap();
    let mut read = response.await.unwrap().into_body();
    let mut len = 0;
    while let Some(data) = within("the rest", read.data()).await {
        let data = data.unwrap();
        read.flow_control().release_capacity(data.len()).unwrap();
        len += data.len();
    }
    assert_eq!(len, 1 << 20);
}

/// Who looks at many things and finishes none is no attacker: the connection goes on.
#[tokio::test]
async fn a_thousand_responses_given_up_are_no_attack() {
    let server = start().await;
    let mut requests = client(&server).await;
    let page = || Request::get("http://a.example/large").body(()).unwrap();
    for _ in 0..1_000 {
        let (response, _) = requests.send_request(page(), true).unwrap();
        drop(within("a response", response).await.unwrap().into_body());
        requests = requests.ready().await.unwrap();
    }
    let (response, _) = requests.send_request(page(), true).unwrap();
    let mut body = within("a response", response).await.unwrap().into_body();
    assert!(within("data", body.data()).await.unwrap().is_ok());
}

/// A server of HTTP/2 on a pipe, that does with each stream what it is told to.
async fn serve<F>(
    announce: bool,
    act: impl FnOnce(h2::server::Connection<tokio::io::DuplexStream, Bytes>) -> F + Send + 'static,
) -> Result<Connection, Error>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (client, io) = duplex(1 << 16);
    tokio::spawn(async move {
        let mut builder = h2::server::Builder::new();
        if announce {
            builder.enable_connect_protocol();
        }
        act(builder.handshake(io).await.unwrap()).await;
    });
    Connection::handshake(client, WITHIN).await
}

//= https://www.rfc-editor.org/rfc/rfc8441#section-3
//= type=test
//# Upon receipt of SETTINGS_ENABLE_CONNECT_PROTOCOL with a value of 1, a client MAY use the
//# Extended CONNECT as defined in this document when creating new streams.
#[tokio::test]
async fn nothing_is_asked_of_a_server_that_did_not_announce_it() {
    let error = serve(false, |mut connection| async move {
        assert!(
            connection
                .accept()
                .await
                .is_none_or(|request| request.is_err())
        );
    })
    .await
    .unwrap_err();
    assert!(matches!(error, Error::NotAnnounced), "{error}");
}

#[tokio::test(start_paused = true)]
async fn settings_that_never_come_are_not_waited_for() {
    let (client, _server) = duplex(1 << 16);
    let error = Connection::handshake(client, WITHIN).await.unwrap_err();
    assert!(matches!(error, Error::HeadDeadline), "{error}");
}

#[tokio::test]
async fn a_stream_that_the_server_resets_is_a_connection_reset() {
    let connection = serve(true, |mut connection| async move {
        let mut streams = Vec::new();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let mut send = respond.send_response(Response::new(()), false).unwrap();
            if streams.is_empty() {
                tokio::spawn(async move {
                    request.into_body().data().await.unwrap().unwrap();
                    send.send_reset(Reason::CANCEL);
                });
                streams.push(None);
                continue;
            } else {
                send.send_data(Bytes::from_static(b"\x81\x02hi\x81\x02h"), true)
                    .unwrap();
            }
            streams.push(Some(send));
        }
    })
    .await
    .unwrap();
    let mut reset = connection.open("ws://a.example/").await.unwrap();
    reset.send("hello").await.unwrap();
    let error = within("an end", reset.recv()).await.unwrap().unwrap_err();
    let Error::Io(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(reset.recv().await.is_none());
    assert_eq!(reset.closed().code(), CloseCode::ABNORMAL);

    let mut ended = connection.open("ws://a.example/").await.unwrap();
    assert_eq!(ended.recv().await.unwrap().unwrap(), Message::from("hi"));
    assert!(within("an end", ended.recv()).await.is_none());
    assert_eq!(ended.closed().code(), CloseCode::ABNORMAL);
}

#[tokio::test]
async fn after_goaway_nothing_is_opened_and_what_is_open_goes_on() {
    let connection = serve(true, |mut connection| async move {
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        let mut send = respond.send_response(Response::new(()), false).unwrap();
        connection.graceful_shutdown();
        send.send_data(Bytes::from_static(b"\x81\x04last"), false)
            .unwrap();
        assert!(connection.accept().await.is_none());
        drop(send);
    })
    .await
    .unwrap();
    let mut socket = connection.open("ws://a.example/").await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::from("last"));
    let error = connection.open("ws://a.example/").await.unwrap_err();
    assert!(matches!(error, Error::H2(_)), "{error}");
}
