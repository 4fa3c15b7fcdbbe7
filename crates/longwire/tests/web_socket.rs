//! A server's end of a WebSocket on a pipe in memory, against a client made of raw frames.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use core::time::Duration;

use longwire::Error;
use longwire::ws::{self, Config, Message, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;
use ws_frame::{CloseCode, ConnectionError, FrameHeader, MaskKey, OpCode, mask};
use ws_handshake::{Accept, Reject};

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, other\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn frame(fin: bool, opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let key = MaskKey::new([1, 2, 3, 4]);
    let mut header = FrameHeader::new(opcode, payload.len() as u64);
    header.fin = fin;
    header.mask = Some(key);
    let mut payload = payload.to_vec();
    mask(key, 0, &mut payload);
    [header.encode().as_ref(), &payload].concat()
}

fn yes<'b>(accept: Accept<'b>) -> Result<Accept<'b>, Reject<'b>> {
    Ok(accept)
}

/// A connection after the handshake, with `first` sent right behind the request.
async fn open(first: &[u8], pipe: usize) -> (Socket<DuplexStream>, DuplexStream) {
    let (server, mut client) = duplex(pipe);
    let request = [REQUEST, first].concat();
    let (socket, client) = tokio::join!(
        ws::accept(server, Config::default(), |accept| Ok(accept
            .protocol("chat")
            .unwrap())),
        async {
            client.write_all(&request).await.unwrap();
            client
        },
    );
    (socket.unwrap(), client)
}

/// Reads the 101, which goes out with the first poll of the socket.
async fn read_response(client: &mut DuplexStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(
        head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{head}"
    );
    assert!(head.contains("Sec-WebSocket-Protocol: chat\r\n"), "{head}");
}

async fn expect(client: &mut DuplexStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    client.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, expected);
}

fn text(message: Option<Result<Message, Error>>) -> String {
    match message {
        Some(Ok(Message::Text(text))) => text,
        other => panic!("{other:?}"),
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
//= type=test
//# The frame(s) that have been formed MUST be transmitted over the underlying network connection.
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.2
//= type=test
//# To _Start the WebSocket Closing Handshake_ with a status code (Section 7.4) /code/ and an
//# optional close reason (Section 7.1.6) /reason/, an endpoint MUST send a Close control frame, as
//# described in Section 5.5.1, whose status code is set to /code/ and whose close reason is set to
//# /reason/.
#[tokio::test]
async fn messages_both_ways_fragments_pings_and_the_closing_handshake() {
    let first = [
        frame(true, OpCode::Text, b"whole"),
        frame(false, OpCode::Text, "gr\u{fc}\u{df}e".as_bytes()),
        frame(true, OpCode::Ping, b"between"),
        frame(true, OpCode::Continuation, b" joined"),
        frame(true, OpCode::Binary, b""),
    ]
    .concat();
    let (mut socket, mut client) = open(&first, 1 << 16).await;
    assert_eq!(text(socket.recv().await), "whole");
    assert_eq!(text(socket.recv().await), "gr\u{fc}\u{df}e joined");
    let empty = socket.recv().await.unwrap().unwrap();
    assert_eq!(empty, Message::Binary(bytes::Bytes::new()));
    socket.send("answer").await.unwrap();
    read_response(&mut client).await;
    expect(&mut client, b"\x8a\x07between\x81\x06answer").await;

    client
        .write_all(&frame(true, OpCode::Close, b"\x03\xe9bye"))
        .await
        .unwrap();
    drop(client.shutdown().await);
    assert!(socket.recv().await.is_none());
    let closed = socket.closed();
    assert_eq!(
        (closed.code(), closed.reason()),
        (CloseCode::GOING_AWAY, "bye")
    );
    expect(&mut client, b"\x88\x02\x03\xe9").await;
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    assert!(matches!(socket.send("late").await, Err(Error::Closed)));
}

#[tokio::test]
async fn every_split_of_the_handshake_and_the_first_frames() {
    let bytes = [
        REQUEST,
        &frame(true, OpCode::Text, b"one"),
        &frame(true, OpCode::Text, b"two"),
    ]
    .concat();
    for at in 1..bytes.len() {
        let (server, mut client) = duplex(1 << 16);
        let (early, late) = bytes.split_at(at);
        let serve = async {
            let mut socket = ws::accept(server, Config::default(), yes).await.unwrap();
            (text(socket.recv().await), text(socket.recv().await))
        };
        let send = async {
            client.write_all(early).await.unwrap();
            tokio::task::yield_now().await;
            client.write_all(late).await.unwrap();
            client
        };
        let ((one, two), _client) = tokio::join!(serve, send);
        assert_eq!(
            (one.as_str(), two.as_str()),
            ("one", "two"),
            "split at {at}"
        );
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7
//= type=test
//# Similarly, to do so, the server MUST _Close the WebSocket Connection_, and SHOULD log the
//# problem.
#[tokio::test]
async fn a_broken_rule_is_answered_with_its_close_code() {
    let (mut socket, mut client) = open(b"\x81\x01a", 1 << 16).await;
    let serve = tokio::spawn(async move {
        let error = socket.recv().await.unwrap().unwrap_err();
        assert!(
            matches!(error, Error::WebSocket(ConnectionError::Unmasked)),
            "{error}"
        );
        assert!(socket.recv().await.is_none());
    });
    read_response(&mut client).await;
    expect(&mut client, b"\x88\x02\x03\xea").await;
    drop(client);
    serve.await.unwrap();
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# If the server does not wish to accept this connection, it MUST return an appropriate HTTP error
//# code (e.g., 403 Forbidden) and abort the WebSocket handshake described in this section.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
//= type=test
//# If the requested service is not available, the server MUST send an appropriate HTTP error code
//# (such as 404 Not Found) and abort the WebSocket handshake.
#[tokio::test]
async fn refusals_say_why() {
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], "426"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        (REQUEST, "401"),
    ] {
        let (server, mut client) = duplex(1 << 16);
        client.write_all(request).await.unwrap();
        let accepted = ws::accept(server, Config::default(), |_| Err(Reject::new(401)));
        let mut answer = String::new();
        let read = async {
            client.read_to_string(&mut answer).await.unwrap();
            drop(client);
        };
        assert!(tokio::join!(accepted, read).0.is_err());
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.contains("Connection: close"), "{answer}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.2.2
//= type=test
//# To do so, the server MUST simply _Close the WebSocket Connection_ (Section 7.1.1).
#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_then_given_up() {
    let (mut socket, mut client) = open(b"", 1 << 16).await;
    let begun = Instant::now();
    let error = socket.recv().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Silent), "{error}");
    let waited = begun.elapsed();
    assert!(
        waited >= Duration::from_secs(35) && waited < Duration::from_secs(37),
        "{waited:?}"
    );
    read_response(&mut client).await;
    expect(&mut client, b"\x89\x00").await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept() {
    let (mut socket, mut client) = open(b"", 1 << 16).await;
    let serve = tokio::spawn(async move { text(socket.recv().await) });
    read_response(&mut client).await;
    for _ in 0..10 {
        expect(&mut client, b"\x89\x00").await;
        client
            .write_all(&frame(true, OpCode::Pong, b""))
            .await
            .unwrap();
    }
    client
        .write_all(&frame(true, OpCode::Text, b"still here"))
        .await
        .unwrap();
    assert_eq!(serve.await.unwrap(), "still here");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_cannot_make_the_server_grow() {
    let (mut socket, mut client) = open(b"", 1024).await;
    let config = ws_frame::Limits::DEFAULT_CONTROL_BUDGET;
    let serve = tokio::spawn(async move {
        let ended = socket.recv().await.unwrap().unwrap_err();
        (ended, socket.buffered_amount())
    });
    // 125 bytes of payload each: more than the pipe and the soft limit take.
    let ping = frame(true, OpCode::Ping, &[b'p'; 125]);
    for _ in 0..config {
        client.write_all(&ping).await.unwrap();
    }
    let (ended, buffered) = serve.await.unwrap();
    assert!(matches!(ended, Error::Stalled), "{ended}");
    assert!(buffered <= 128 * config as usize, "{buffered} bytes wait");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_is_given_up() {
    let (server, mut client) = duplex(1024);
    client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let begun = Instant::now();
    let refused = ws::accept(server, Config::default(), yes).await;
    assert!(matches!(refused, Err(Error::HeadDeadline)));
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_cancelled_recv_loses_nothing() {
    let bytes = [
        frame(false, OpCode::Text, b"in "),
        frame(true, OpCode::Ping, b"p"),
        frame(true, OpCode::Continuation, b"pieces"),
        frame(true, OpCode::Text, b"second"),
    ]
    .concat();
    let (mut socket, mut client) = open(b"", 1 << 16).await;
    let mut received = Vec::new();
    for byte in bytes {
        client.write_all(&[byte]).await.unwrap();
        // Polled once, then dropped.
        tokio::select! {
            biased;
            message = socket.recv() => received.push(text(message)),
            () = core::future::ready(()) => {}
        }
    }
    assert_eq!(received, ["in pieces", "second"]);
    read_response(&mut client).await;
    expect(&mut client, b"\x8a\x01p").await;
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_goes_out_late_still_has_its_time_to_be_answered() {
    let (mut socket, mut client) = open(b"", 1 << 16).await;
    // The process was suspended: nobody looked at the socket for a minute.
    tokio::time::advance(Duration::from_secs(60)).await;
    let serve = tokio::spawn(async move { text(socket.recv().await) });
    read_response(&mut client).await;
    expect(&mut client, b"\x89\x00").await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    let answer = frame(true, OpCode::Text, b"still here");
    client.write_all(&answer).await.unwrap();
    assert_eq!(serve.await.unwrap(), "still here");
}

#[tokio::test(start_paused = true)]
async fn messages_put_the_ping_off_and_then_it_comes() {
    let (mut socket, mut client) = open(b"", 1 << 16).await;
    let serve = tokio::spawn(async move {
        loop {
            match socket.recv().await.unwrap() {
                Ok(message) => socket.feed(message).await.unwrap(),
                Err(error) => return error,
            }
        }
    });
    read_response(&mut client).await;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let message = frame(true, OpCode::Text, b"tick");
        client.write_all(&message).await.unwrap();
        expect(&mut client, b"\x81\x04tick").await;
    }
    let quiet = Instant::now();
    expect(&mut client, b"\x89\x00").await;
    let waited = quiet.elapsed();
    assert!(
        waited >= Duration::from_secs(25) && waited < Duration::from_secs(27),
        "{waited:?}"
    );
    assert!(matches!(serve.await.unwrap(), Error::Silent));
    assert!(quiet.elapsed() < Duration::from_secs(37));
}

#[tokio::test(start_paused = true)]
async fn an_answered_ping_brings_the_next_one_nearer() {
    let (server, mut client) = duplex(1 << 16);
    client.write_all(REQUEST).await.unwrap();
    // Sooner than an answer would be given up, for which the timer is set meanwhile.
    let config = Config::default().ping_after(Duration::from_secs(1));
    let accept = ws::accept(server, config, |accept| {
        Ok(accept.protocol("chat").unwrap())
    });
    let mut socket = accept.await.unwrap();
    let serve = tokio::spawn(async move { text(socket.recv().await) });
    read_response(&mut client).await;
    let begun = Instant::now();
    for _ in 0..10 {
        expect(&mut client, b"\x89\x00").await;
        let pong = frame(true, OpCode::Pong, b"");
        client.write_all(&pong).await.unwrap();
    }
    assert!(
        begun.elapsed() < Duration::from_secs(21),
        "{:?}",
        begun.elapsed()
    );
    let end = frame(true, OpCode::Text, b"still here");
    client.write_all(&end).await.unwrap();
    assert_eq!(serve.await.unwrap(), "still here");
}

#[tokio::test(start_paused = true)]
async fn the_clock_wakes_whoever_polled_last() {
    let (mut socket, _client) = open(b"", 1 << 16).await;
    for _ in 0..3 {
        let mut received = core::pin::pin!(socket.recv());
        let mut nobody = core::task::Context::from_waker(core::task::Waker::noop());
        assert!(received.as_mut().poll(&mut nobody).is_pending());
    }
    let begun = Instant::now();
    let ended = tokio::spawn(async move { socket.recv().await.unwrap().unwrap_err() });
    assert!(matches!(ended.await.unwrap(), Error::Silent));
    assert!(begun.elapsed() < Duration::from_secs(37));
}
