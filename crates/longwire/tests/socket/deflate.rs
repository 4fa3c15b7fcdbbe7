//! Compressed messages.

use longwire::Error;
use longwire::ws::{self, Config, Deflate, Message, Outbound};
use tokio::io::AsyncWriteExt;
use ws_deflate::{Deflater, InflateError, Level, WindowBits};
use ws_frame::{CloseCode, ConnectionError, OpCode, Rsv};

use super::raw;

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

fn config() -> Config {
    Config::default().deflate(Some(Deflate::new()))
}

fn compressed(message: &[u8]) -> Vec<u8> {
    let context = ws_deflate::Context::without_takeover(WindowBits::MAX);
    let mut out = Vec::new();
    Deflater::new(context).deflate(message, true, &mut out);
    out
}

#[tokio::test]
async fn only_what_is_worth_it_is_compressed_and_nothing_that_must_not() {
    let (mut socket, mut peer) = raw::server(config(), OFFER, 1 << 20).await;
    let long = "again and ".repeat(200);
    socket.feed(long.as_str()).await.unwrap();
    socket.feed("short").await.unwrap();
    socket
        .feed(Outbound::uncompressed(long.as_str()))
        .await
        .unwrap();
    socket.flush().await.unwrap();
    let (_, _, payload) = raw::next(&mut peer).await;
    assert!(payload.len() < 100, "{}", payload.len());
    assert_eq!(raw::next(&mut peer).await.2, b"short");
    assert_eq!(raw::next(&mut peer).await.2, long.as_bytes());
}

#[tokio::test]
async fn what_is_worth_it_is_the_application_s_to_say() {
    let repeats = "again and ".repeat(10);
    for (threshold, level, shorter) in [(100, Level::BEST, true), (101, Level::BEST, false)] {
        let deflate = Deflate::new().threshold(threshold).level(level);
        let config = Config::default().deflate(Some(deflate));
        let (mut socket, mut peer) = raw::server(config, OFFER, 1 << 20).await;
        socket.send(repeats.as_str()).await.unwrap();
        let (_, _, payload) = raw::next(&mut peer).await;
        assert_eq!(payload.len() < 100, shorter, "{threshold}");
        assert_eq!(payload == repeats.as_bytes(), !shorter, "{threshold}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.8
//= type=test
//# The endpoints of a connection MUST negotiate the use of any extensions during the opening
//# handshake.
//= https://www.rfc-editor.org/rfc/rfc6455#section-9.1
//= type=test
//# Note that the client is only offering to use any advertised extensions and MUST NOT use them
//# unless the server indicates that it wishes to use the extension.
#[tokio::test]
async fn off_unless_both_ask_for_it() {
    for (config, offer) in [(config(), ""), (Config::default(), OFFER)] {
        let (mut socket, mut peer) = raw::server(config, offer, 1 << 20).await;
        let long = "again and ".repeat(200);
        socket.send(long.as_str()).await.unwrap();
        assert_eq!(raw::next(&mut peer).await.2, long.as_bytes());
        let frame = raw::frame(true, Rsv::RSV1, OpCode::Text, &compressed(long.as_bytes()));
        peer.write_all(&frame).await.unwrap();
        let error = socket.recv().await.unwrap().unwrap_err();
        assert!(
            matches!(error, Error::WebSocket(ConnectionError::ReservedBits)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_inflated_is_refused_by_its_code() {
    let bomb = compressed(&vec![0; 5 << 20]);
    assert!(bomb.len() < 60_000);
    for (payload, code) in [
        (bomb, CloseCode::TOO_LARGE),
        (vec![0xff; 40], CloseCode::INVALID_PAYLOAD),
        (
            compressed(b"text that is \xff not"),
            CloseCode::INVALID_PAYLOAD,
        ),
    ] {
        let (mut socket, mut peer) = raw::server(config(), OFFER, 1 << 20).await;
        let frame = raw::frame(true, Rsv::RSV1, OpCode::Text, &payload);
        peer.write_all(&frame).await.unwrap();
        let read = async {
            let (opcode, _, payload) = raw::next(&mut peer).await;
            assert_eq!(
                (opcode, payload),
                (OpCode::Close, code.get().to_be_bytes().to_vec())
            );
            drop(peer);
        };
        let (received, ()) = tokio::join!(socket.recv(), read);
        match received.unwrap().unwrap_err() {
            Error::Inflate(InflateError::TooLarge { limit }) => assert_eq!(limit, 4 << 20),
            Error::Inflate(InflateError::InvalidData)
            | Error::WebSocket(ConnectionError::InvalidUtf8) => {}
            other => panic!("{other}"),
        }
        assert!(socket.recv().await.is_none());
    }
}

#[tokio::test]
async fn fragments_of_a_compressed_message_are_joined() {
    let text = "again and ".repeat(200);
    let payload = compressed(text.as_bytes());
    let (mut socket, mut peer) = raw::server(config(), OFFER, 1 << 20).await;
    let (one, two) = payload.split_at(7);
    let frames = [
        raw::frame(false, Rsv::RSV1, OpCode::Text, one),
        raw::frame(true, Rsv::NONE, OpCode::Ping, b""),
        raw::frame(true, Rsv::NONE, OpCode::Continuation, two),
    ];
    peer.write_all(&frames.concat()).await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::from(text));
}

#[tokio::test]
async fn both_ways_with_and_without_takeover() {
    let full = ws_deflate::Context::with_takeover(WindowBits::MAX);
    let takeover = ws_deflate::Config::new().own(full).peer(full);
    for deflate in [Deflate::new(), Deflate::new().negotiable(takeover)] {
        let (mut client, mut server) = ws::pair(Config::default().deflate(Some(deflate)), 4096);
        for len in [0, 1, 1023, 1024, 100_000] {
            let message = Message::from("0123456789abcdef".repeat(len / 16 + 1)[..len].to_owned());
            let echo = async {
                let message = server.recv().await.unwrap().unwrap();
                server.send(&message).await.unwrap();
            };
            let ask = async {
                client.send(&message).await.unwrap();
                client.recv().await.unwrap().unwrap()
            };
            let ((), answer) = tokio::join!(echo, ask);
            assert_eq!(answer, message);
        }
    }
}
