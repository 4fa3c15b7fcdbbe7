//! Two halves, of which neither waits for the other.

use longwire::Error;
use longwire::ws::{self, Config, Message};
use tokio::io::AsyncWriteExt;
use ws_frame::{CloseCode, OpCode, Rsv};

use super::raw;

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_holds_up_no_receiving() {
    let (socket, mut peer) = raw::server(Config::default(), "", 4096).await;
    let (mut receiver, mut sender) = socket.into_split();
    let stuck = tokio::spawn(async move { sender.send(vec![1; 50_000]).await });
    for _ in 0..10 {
        let hello = raw::frame(true, Rsv::NONE, OpCode::Text, b"hello");
        peer.write_all(&hello).await.unwrap();
        assert_eq!(
            receiver.recv().await.unwrap().unwrap(),
            Message::from("hello")
        );
    }
    // Given up after 10 s, by whichever half waits; both say that it is over.
    assert!(matches!(stuck.await.unwrap(), Err(Error::Stalled)));
    assert!(receiver.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_nothing_holds_up_no_sending() {
    let (socket, mut peer) = raw::server(Config::default(), "", 4096).await;
    let (mut receiver, mut sender) = socket.into_split();
    let waits = tokio::spawn(async move { (receiver.recv().await, receiver) });
    for number in 0..100_u8 {
        let (sent, (_, _, payload)) =
            tokio::join!(sender.send(vec![number; 3000]), raw::next(&mut peer));
        sent.unwrap();
        assert_eq!(payload, vec![number; 3000]);
    }
    // What one half begins the other finishes.
    sender.close(CloseCode::GOING_AWAY, "").unwrap();
    assert_eq!(raw::next(&mut peer).await.0, OpCode::Close);
    let close = raw::frame(true, Rsv::NONE, OpCode::Close, b"\x03\xe9");
    peer.write_all(&close).await.unwrap();
    drop(peer);
    let (end, receiver) = waits.await.unwrap();
    assert!(end.is_none());
    assert_eq!(receiver.closed().code(), CloseCode::GOING_AWAY);
    assert!(matches!(sender.send("late").await, Err(Error::Closed)));
}

const COUNT: usize = 200;

type Halves<S> = (
    ws::Receiver<tokio::io::DuplexStream, S>,
    ws::Sender<tokio::io::DuplexStream, S>,
);

/// Sends and receives at once, on tasks of their own.
async fn talk<S: ws::Side + Send + 'static>((mut receiver, mut sender): Halves<S>) -> Halves<S> {
    let receive = tokio::spawn(async move {
        for number in 0..COUNT {
            let message = receiver.recv().await.unwrap().unwrap();
            assert_eq!(message, Message::from(format!("{number:01000}")));
        }
        receiver
    });
    let send = tokio::spawn(async move {
        for number in 0..COUNT {
            sender.send(format!("{number:01000}")).await.unwrap();
        }
        sender
    });
    (receive.await.unwrap(), send.await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_ways_at_once_on_threads_and_together_again() {
    let (client, server) = ws::pair(Config::default(), 2048);
    let (client, server) = tokio::join!(talk(client.into_split()), talk(server.into_split()));
    let mut client = client.0.reunite(client.1).unwrap();
    let mut server = server.0.reunite(server.1).unwrap();
    client.send("whole again").await.unwrap();
    assert_eq!(
        server.recv().await.unwrap().unwrap(),
        Message::from("whole again")
    );

    let (one, _) = ws::pair(Config::default(), 64);
    let (other, _) = ws::pair(Config::default(), 64);
    assert!(one.into_split().0.reunite(other.into_split().1).is_err());
}
