//! Sockets and halves where a stream and a sink are asked for.

use core::future::poll_fn;
use core::pin::Pin;

use futures_core::Stream;
use futures_sink::Sink;
use longwire::Error;
use longwire::ws::{self, Config, Message, WhenFull};
use ws_frame::CloseCode;

trait Sends: Sink<Message, Error = Error> + Unpin {}
impl<T: Sink<Message, Error = Error> + Unpin> Sends for T {}

async fn send(sink: &mut impl Sends, message: &str) -> Result<(), Error> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await?;
    Pin::new(&mut *sink).start_send(message.into())?;
    poll_fn(|cx| Pin::new(&mut *sink).poll_flush(cx)).await
}

async fn close(sink: &mut impl Sends) -> Result<(), Error> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_close(cx)).await
}

async fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

/// Sends back what it gets until the other end closes; how it was closed.
async fn echo(mut server: ws::Socket<tokio::io::DuplexStream>) -> u16 {
    while let Some(message) = next(&mut server).await {
        let Message::Text(text) = message.unwrap() else {
            panic!("only text is sent");
        };
        send(&mut server, text.as_str()).await.unwrap();
    }
    server.closed().code().get()
}

#[tokio::test]
async fn a_socket_that_is_closed_as_a_sink_goes_on_as_a_stream_until_the_answer() {
    let (mut client, server) = ws::pair(Config::default(), 64);
    let talk = async {
        send(&mut client, "one").await.unwrap();
        assert_eq!(next(&mut client).await.unwrap().unwrap(), "one".into());
        close(&mut client).await.unwrap();
        // That it has begun is no reason to fail.
        close(&mut client).await.unwrap();
        assert!(matches!(
            send(&mut client, "late").await,
            Err(Error::Closed)
        ));
        assert!(next(&mut client).await.is_none());
        assert_eq!(client.closed().code(), CloseCode::NORMAL);
    };
    let (code, ()) = tokio::join!(echo(server), talk);
    assert_eq!(code, 1000);
}

#[tokio::test]
async fn so_do_its_halves() {
    let (client, server) = ws::pair(Config::default(), 64);
    let (mut receiver, mut sender) = client.into_split();
    let talk = async {
        send(&mut sender, "one").await.unwrap();
        assert_eq!(next(&mut receiver).await.unwrap().unwrap(), "one".into());
        close(&mut sender).await.unwrap();
        close(&mut sender).await.unwrap();
        assert!(matches!(
            send(&mut sender, "late").await,
            Err(Error::Closed)
        ));
        assert!(next(&mut receiver).await.is_none());
        assert_eq!(sender.closed().code(), CloseCode::NORMAL);
    };
    let (code, ()) = tokio::join!(echo(server), talk);
    assert_eq!(code, 1000);
}

#[tokio::test]
async fn the_half_that_sends_has_the_bounds_of_the_socket() {
    const KIB: usize = 1024;
    for policy in [WhenFull::Wait, WhenFull::Fail, WhenFull::Drop] {
        let config = Config::default().when_full(policy);
        let (client, mut server) = ws::pair(config, KIB);
        let (_receiver, mut sender) = client.into_split();
        sender.feed(vec![0; 100 * KIB]).await.unwrap();
        assert!(sender.buffered_amount() >= 100 * KIB);
        let (mut arrive, mut dropped) = (1, 0);
        match policy {
            WhenFull::Fail => {
                let sent = sender.send("refused").await;
                assert!(matches!(sent, Err(Error::Full)));
            }
            WhenFull::Drop => {
                sender.send("dropped").await.unwrap();
                dropped = 1;
            }
            _ => {}
        }
        // Whatever the policy, up to 256 KiB.
        while sender.try_send(vec![1; KIB]).is_ok() {
            arrive += 1;
        }
        assert!(matches!(sender.try_send("more"), Err(Error::Full)));
        assert!((150..165).contains(&arrive), "{arrive}");
        let (flushed, ()) = tokio::join!(sender.flush(), async {
            for _ in 0..arrive {
                let message = server.recv().await.unwrap().unwrap();
                assert!(matches!(message, Message::Binary(_)));
            }
        });
        flushed.unwrap();
        assert_eq!((sender.buffered_amount(), sender.dropped()), (0, dropped));
    }
}

#[test]
fn halves_of_two_sockets_come_back() {
    let (one, _) = ws::pair(Config::default(), 64);
    let (other, _) = ws::pair(Config::default(), 64);
    let error = one
        .into_split()
        .0
        .reunite(other.into_split().1)
        .unwrap_err();
    assert_eq!(error.to_string(), "the halves are not of the same socket");
}

/// A relay copies a message only once: into what waits to be written.
#[tokio::test]
async fn what_one_socket_lends_another_sends() {
    let (mut asks, mut from) = ws::pair(Config::default(), 1 << 20);
    let (mut to, mut gets) = ws::pair(Config::default(), 1 << 20);
    for message in [
        Message::from("text"),
        Message::from(vec![0, 159]),
        Message::from("long ".repeat(40_000)),
    ] {
        let (sent, relayed) = tokio::join!(asks.send(message.clone()), async {
            let lent = from.recv_ref().await.unwrap().unwrap();
            to.feed(lent).await
        });
        sent.unwrap();
        relayed.unwrap();
        let (flushed, got) = tokio::join!(to.flush(), gets.recv());
        flushed.unwrap();
        assert!(got.unwrap().unwrap() == message);
    }
    asks.close(CloseCode::NORMAL, "").unwrap();
    let (end, lent) = tokio::join!(asks.recv(), async { from.recv_ref().await.is_none() });
    assert!(end.is_none() && lent);
}
