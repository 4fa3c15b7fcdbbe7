//! What waits to be written is bounded, in order, and lets pongs through.

use longwire::Error;
use longwire::ws::{self, Config, Message, Outbound, WhenFull};
use tokio::io::AsyncWriteExt;
use tokio::time::{Duration, timeout};
use ws_frame::{CloseCode, OpCode, Rsv};

use super::raw;
use crate::support::size;

const KIB: usize = 1024;

fn block(len: usize, byte: u8) -> Vec<u8> {
    vec![byte; len]
}

#[tokio::test(start_paused = true)]
async fn feeding_waits_above_64_kib_and_trying_fails_above_256() {
    let (mut client, mut server) = ws::pair(Config::default(), KIB);
    let mut sent = 0;
    while let Ok(fed) = timeout(Duration::from_secs(1), client.feed(block(KIB, 1))).await {
        fed.unwrap();
        sent += 1;
    }
    assert!(client.buffered_amount() >= 64 * KIB);
    assert!(client.buffered_amount() <= 66 * KIB);
    loop {
        match client.try_send(block(KIB, 3)) {
            Ok(()) => sent += 1,
            Err(error) => break assert!(matches!(error, Error::Full), "{error}"),
        }
    }
    assert!(client.buffered_amount() >= 256 * KIB);
    assert!(client.buffered_amount() <= 258 * KIB);
    let (flushed, ()) = tokio::join!(client.flush(), async {
        for _ in 0..sent {
            server.recv().await.unwrap().unwrap();
        }
    });
    flushed.unwrap();
    assert_eq!(client.buffered_amount(), 0);
}

#[tokio::test]
async fn a_full_buffer_follows_its_policy() {
    for (policy, kept, dropped) in [
        (WhenFull::Fail, vec![], 0),
        (WhenFull::Drop, vec![], 3),
        (WhenFull::Latest, vec![3], 2),
    ] {
        let config = Config::default().when_full(policy);
        let (mut client, mut server) = ws::pair(config, KIB);
        client.feed(block(100 * KIB, 0)).await.unwrap();
        for number in 1..=3 {
            match client.send(block(5, number)).await {
                Ok(()) => {}
                Err(error) => assert!(policy == WhenFull::Fail && matches!(error, Error::Full)),
            }
        }
        assert_eq!(client.dropped(), dropped, "{policy:?}");
        client.close(CloseCode::NORMAL, "").unwrap();
        let (_, received) = tokio::join!(client.recv(), async {
            let mut received = Vec::new();
            while let Some(message) = server.recv().await {
                match message.unwrap() {
                    Message::Binary(bytes) if bytes.len() == 5 => received.push(bytes[0]),
                    other => assert_eq!(other, Message::from(block(100 * KIB, 0))),
                }
            }
            received
        });
        assert_eq!(received, kept, "{policy:?}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2
//= type=test
//# It SHOULD respond with Pong frame as soon as is practical.
#[tokio::test]
async fn a_ping_amid_a_large_message_is_answered_within_one_fragment_hostile() {
    let (mut socket, mut peer) = raw::server(Config::default(), "", 16 * KIB).await;
    let large = block(size(100 << 20, 8 << 20), 7);
    let send = async { socket.send(large.clone()).await.unwrap() };
    let read = async {
        let mut whole = Vec::new();
        let mut pinged_at = None;
        let mut ponged = false;
        loop {
            match raw::next(&mut peer).await {
                (OpCode::Pong, true, payload) => {
                    assert_eq!(payload, b"now");
                    ponged = true;
                    // The fragment that was being written when the ping came, and no other.
                    assert!(whole.len() - pinged_at.unwrap() <= 64 * KIB);
                }
                (opcode, fin, payload) => {
                    assert_eq!(opcode == OpCode::Binary, whole.is_empty());
                    assert!(payload.len() <= 64 * KIB);
                    whole.extend_from_slice(&payload);
                    if fin {
                        break;
                    }
                }
            }
            if whole.len() > (1 << 20) && pinged_at.is_none() {
                pinged_at = Some(whole.len());
                let ping = raw::frame(true, Rsv::NONE, OpCode::Ping, b"now");
                peer.write_all(&ping).await.unwrap();
            }
        }
        assert!(ponged);
        whole
    };
    let ((), whole) = tokio::join!(send, read);
    assert!(whole == large);
}

#[tokio::test]
async fn a_clients_large_message_is_masked_and_its_callers_bytes_are_not() {
    let shared = bytes::Bytes::from(block(200 * KIB, 9));
    let (mut client, mut server) = ws::pair(Config::default(), 64 * KIB);
    for message in [Outbound::from(shared.clone()), block(200 * KIB, 9).into()] {
        let (sent, received) = tokio::join!(client.send(message), server.recv());
        sent.unwrap();
        assert_eq!(received.unwrap().unwrap(), Message::Binary(shared.clone()));
    }
    assert!(shared.iter().all(|byte| *byte == 9));
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
//= type=test
//# Sections 4.1 and 4.2.2.) If at any point the state of the WebSocket connection changes, the
//# endpoint MUST abort the following steps.
#[tokio::test]
async fn a_peer_that_goes_leaves_a_large_send_with_an_error() {
    let (mut socket, peer) = raw::server(Config::default(), "", KIB).await;
    let (sent, ()) = tokio::join!(socket.send(block(1 << 20, 1)), async { drop(peer) });
    assert!(sent.is_err());
    assert_eq!(socket.buffered_amount(), 0);
    assert!(socket.recv().await.is_none());
    assert_eq!(socket.closed().code(), CloseCode::ABNORMAL);
}
