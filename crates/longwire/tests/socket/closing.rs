//! How connections end, and what says so.

use longwire::Error;
use longwire::ws::{self, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, Instant};
use ws_frame::{CloseCode, OpCode, Rsv};

use super::raw::{self, frame};

#[tokio::test]
async fn each_end_is_reported() {
    for (payload, code, reason) in [
        (&b"\x03\xe8"[..], CloseCode::NORMAL, ""),
        (b"\x03\xe9bye", CloseCode::GOING_AWAY, "bye"),
        (b"", CloseCode::NO_STATUS, ""),
    ] {
        let (mut socket, mut peer) = raw::server(Config::default(), "", 1024).await;
        let close = frame(true, Rsv::NONE, OpCode::Close, payload);
        peer.write_all(&close).await.unwrap();
        peer.shutdown().await.unwrap();
        assert!(socket.recv().await.is_none());
        assert_eq!(socket.closed().code(), code);
        assert_eq!(socket.closed().reason(), reason);
        assert!(matches!(socket.send("late").await, Err(Error::Closed)));
        assert!(socket.recv().await.is_none(), "it stays over");
    }
    let (mut socket, peer) = raw::server(Config::default(), "", 1024).await;
    drop(peer);
    assert!(socket.recv().await.is_none());
    assert_eq!(socket.closed().code(), CloseCode::ABNORMAL);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
//= type=test
//# After both sending and receiving a Close message, an endpoint considers the WebSocket connection
//# closed and MUST close the underlying TCP connection.
//= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
//= type=test
//# The server MUST close the underlying TCP connection immediately; the client SHOULD wait for the
//# server to close the connection but MAY close the connection at any time after sending and
//# receiving a Close message, e.g., if it has not received a TCP Close from the server in a
//# reasonable time period.
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
//= type=test
//# The underlying TCP connection, in most normal cases, SHOULD be closed first by the server, so
//# that it holds the TIME_WAIT state and not the client (as this would prevent it from re-opening
//# the connection for 2 maximum segment lifetimes (2MSL), while there is no corresponding server
//# impact as a TIME_WAIT connection is immediately reopened upon a new SYN with a higher seq
//# number).
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
//= type=test
//# As such, when a server is instructed to _Close the WebSocket Connection_ it SHOULD initiate a
//# TCP Close immediately, and when a client is instructed to do the same, it SHOULD wait for a TCP
//# Close from the server.
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.2
//= type=test
//# Once an endpoint has both sent and received a Close control frame, that endpoint SHOULD _Close
//# the WebSocket Connection_ as defined in Section 7.1.1.
#[tokio::test]
async fn the_server_closes_the_stream_once_both_have_closed() {
    let (mut socket, mut peer) = raw::server(Config::default(), "", 1024).await;
    let close = frame(true, Rsv::NONE, OpCode::Close, b"\x03\xe8");
    peer.write_all(&close).await.unwrap();
    // The peer leaves its own side open, and still reads the end behind the answer.
    let mut answer = Vec::new();
    let (ended, read) = tokio::join!(socket.recv(), peer.read_to_end(&mut answer));
    assert!(ended.is_none());
    assert_eq!((read.unwrap(), &*answer), (4, &b"\x88\x02\x03\xe8"[..]));
}

#[tokio::test]
async fn a_close_waits_behind_what_was_sent() {
    let (mut client, mut server) = ws::pair(Config::default(), 4096);
    client.feed(vec![1; 200_000]).await.unwrap();
    client.close(CloseCode::NORMAL, "").unwrap();
    assert!(matches!(client.feed("late").await, Err(Error::Closed)));
    let (end, message) = tokio::join!(client.recv(), async {
        let message = server.recv().await.unwrap().unwrap();
        assert!(server.recv().await.is_none());
        message
    });
    assert!(end.is_none());
    assert_eq!(message, vec![1; 200_000].into());
    assert_eq!(server.closed().code(), CloseCode::NORMAL);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_a_close_is_left() {
    let (mut socket, _peer) = raw::server(Config::default(), "", 1024).await;
    socket.close(CloseCode::NORMAL, "").unwrap();
    let begun = Instant::now();
    assert!(matches!(socket.recv().await, Some(Err(Error::Silent))));
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert!(socket.recv().await.is_none(), "an error is said once");
}

#[tokio::test(start_paused = true)]
async fn a_send_to_a_peer_that_does_not_read_is_given_up() {
    let (mut socket, _peer) = raw::server(Config::default(), "", 1024).await;
    let begun = Instant::now();
    let sent = socket.send(vec![0; 10_000]).await;
    assert!(matches!(sent, Err(Error::Stalled)), "{sent:?}");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7
//= type=test
//# Except as indicated above or as specified by the application layer (e.g., a script using the
//# WebSocket API), clients SHOULD NOT close the connection.
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.2.1
//= type=test
//# Except as indicated above or as specified by the application layer (e.g., a script using the
//# WebSocket API), clients SHOULD NOT close the connection.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_where_asked() {
    let config = Config::default().idle_within(Some(Duration::from_secs(90)));
    let (mut client, mut server) = ws::pair(config, 1024);
    let begun = Instant::now();
    let (_, _) = tokio::join!(client.recv(), server.recv());
    assert_eq!(begun.elapsed().as_secs(), 90, "pings are no messages");
    let codes = [client.closed().code(), server.closed().code()];
    assert!(codes.contains(&CloseCode::GOING_AWAY));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_takes_too_long_is_refused() {
    let (mut socket, mut peer) = raw::server(Config::default(), "", 1024).await;
    let begun = Instant::now();
    let drip = async {
        let mut opcode = OpCode::Text;
        loop {
            let piece = frame(false, Rsv::NONE, opcode, b"x");
            if peer.write_all(&piece).await.is_err() {
                break;
            }
            opcode = OpCode::Continuation;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    let serve = async {
        let error = socket.recv().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Overdue), "{error}");
        drop(socket);
    };
    tokio::join!(serve, drip);
    assert!(begun.elapsed() >= Duration::from_secs(60));
}
