//! Messages in pieces.

use longwire::Error;
use longwire::ws::{self, Config, Message};
use tokio::io::AsyncWriteExt;
use ws_frame::{CloseCode, DataKind, Limits, OpCode, Rsv};

use super::raw;

#[tokio::test]
async fn a_message_larger_than_the_limit_of_memory_passes_through() {
    const PIECES: usize = 640;
    let limits = Limits::default()
        .with_max_message(u64::MAX)
        .with_max_frame(u64::MAX);
    let config = Config::default().frames(ws_frame::Config::default().with_limits(limits));
    let (mut client, mut server) = ws::pair(config, 64 * 1024);
    let send = async {
        let mut writer = client.send_streamed(DataKind::Binary);
        for i in 0..PIECES {
            let byte = (i % 256).to_le_bytes()[0];
            writer.write(vec![byte; 20_000]).await.unwrap();
        }
        writer.finish().await.unwrap();
        client.send("after").await.unwrap();
        client
    };
    let receive = async {
        let mut reader = server.recv_streamed().await.unwrap().unwrap();
        assert_eq!(reader.kind(), DataKind::Binary);
        let mut at = 0_usize;
        while let Some(piece) = reader.piece().await {
            for byte in piece.unwrap() {
                assert_eq!(*byte, (at / 20_000 % 256).to_le_bytes()[0]);
                at += 1;
            }
        }
        assert_eq!(at, PIECES * 20_000);
        drop(reader);
        assert_eq!(
            server.recv().await.unwrap().unwrap(),
            Message::from("after")
        );
    };
    let (_client, ()) = tokio::join!(send, receive);
}

#[tokio::test]
async fn what_a_reader_leaves_is_skipped_by_all() {
    for by_pieces in [false, true] {
        let (mut client, mut server) = ws::pair(Config::default(), 1 << 20);
        let mut writer = client.send_streamed(DataKind::Text);
        for piece in ["one ", "two ", "three"] {
            writer.write(piece).await.unwrap();
        }
        writer.finish().await.unwrap();
        client.send("next").await.unwrap();
        let mut reader = server.recv_streamed().await.unwrap().unwrap();
        assert_eq!(reader.piece().await.unwrap().unwrap(), b"one ");
        drop(reader);
        if by_pieces {
            let mut reader = server.recv_streamed().await.unwrap().unwrap();
            assert_eq!(reader.piece().await.unwrap().unwrap(), b"next");
            assert!(reader.piece().await.is_none());
        } else {
            assert_eq!(server.recv().await.unwrap().unwrap(), Message::from("next"));
        }
    }
}

#[tokio::test]
async fn text_in_pieces_must_be_text_as_a_whole() {
    let (mut client, mut server) = ws::pair(Config::default(), 1 << 20);
    let mut writer = client.send_streamed(DataKind::Text);
    writer.write(&b"gr\xc3"[..]).await.unwrap();
    let bad = writer.write(&b"\xff"[..]).await;
    assert!(matches!(bad, Err(Error::NotText)));
    writer.write(&b"\xbc"[..]).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(
        server.recv().await.unwrap().unwrap(),
        Message::from("gr\u{fc}")
    );
}

#[tokio::test]
async fn an_unfinished_message_stops_all_but_the_close() {
    let (mut client, mut server) = ws::pair(Config::default(), 1 << 20);
    client
        .send_streamed(DataKind::Binary)
        .write(&b"begun"[..])
        .await
        .unwrap();
    assert!(matches!(client.send("other").await, Err(Error::Unfinished)));
    assert!(matches!(client.try_send("other"), Err(Error::Unfinished)));
    client.close(CloseCode::NORMAL, "").unwrap();
    let (end, mut reader) = tokio::join!(client.recv(), async {
        let mut reader = server.recv_streamed().await.unwrap().unwrap();
        assert_eq!(reader.piece().await.unwrap().unwrap(), b"begun");
        let end = reader.piece().await.unwrap();
        assert!(matches!(end, Err(Error::Closed)));
        reader
    });
    assert!(end.is_none());
    assert!(reader.piece().await.is_none());
}

/// A cancelled call loses nothing: what it had gathered of a message is its first piece.
#[tokio::test]
async fn a_message_that_was_to_come_whole_can_be_had_in_pieces() {
    let (mut server, mut peer) = raw::server(Config::default(), "", 1 << 16).await;
    for part in ["one ", "two "] {
        let opcode = if part == "one " {
            OpCode::Text
        } else {
            OpCode::Continuation
        };
        let frame = raw::frame(false, Rsv::NONE, opcode, part.as_bytes());
        peer.write_all(&frame).await.unwrap();
        tokio::select! {
            biased;
            message = server.recv() => panic!("{message:?} is not whole"),
            // All that is in the pipe was read before it waits.
            () = tokio::task::yield_now() => {}
        }
    }
    let last = raw::frame(true, Rsv::NONE, OpCode::Continuation, b"three");
    let next = raw::frame(true, Rsv::NONE, OpCode::Text, b"next");
    peer.write_all(&[last, next].concat()).await.unwrap();
    let mut reader = server.recv_streamed().await.unwrap().unwrap();
    assert_eq!(reader.kind(), DataKind::Text);
    let mut pieces = Vec::new();
    while let Some(piece) = reader.piece().await {
        pieces.push(piece.unwrap().to_vec());
    }
    assert_eq!(pieces, [&b"one two "[..], b"three"]);
    drop(reader);
    assert_eq!(server.recv().await.unwrap().unwrap(), Message::from("next"));
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_midway_ends_its_reader() {
    let (mut server, mut peer) = raw::server(Config::default(), "", 1 << 16).await;
    let begun = raw::frame(false, Rsv::NONE, OpCode::Text, b"begun");
    let other = raw::frame(true, Rsv::NONE, OpCode::Text, b"another");
    peer.write_all(&[begun, other].concat()).await.unwrap();
    let peer = tokio::spawn(async move { raw::next(&mut peer).await.0 });
    let mut reader = server.recv_streamed().await.unwrap().unwrap();
    assert_eq!(reader.piece().await.unwrap().unwrap(), b"begun");
    let error = reader.piece().await.unwrap().unwrap_err();
    let rule = ws_frame::ConnectionError::ExpectedContinuation;
    assert!(
        matches!(error, Error::WebSocket(broken) if broken == rule),
        "{error}"
    );
    assert!(reader.piece().await.is_none());
    drop(reader);
    assert!(server.recv().await.is_none());
    assert_eq!(peer.await.unwrap(), OpCode::Close);
}
