//! What a session sends: pulled, in one write, shared where it can be.

use core::task::{Context, Poll};

use bytes::Bytes;
use longwire::ws::{self, Config, Message, Outbox, Received, Session};
use ws_frame::{CloseCode, SendError};

/// Answers as it is told by the text that it receives.
struct Answers {
    shared: Bytes,
}

impl Session for Answers {
    fn poll_fill(&mut self, _: &mut Context<'_>, _: &mut Outbox<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn receive(&mut self, message: Received<'_>, out: &mut Outbox<'_>) {
        let Received::Text(command) = message else {
            panic!("bytes are no command");
        };
        match command {
            "text" => out.text_shared("own, ", &self.shared).unwrap(),
            "binary" => out.binary_shared(b"own, ", &self.shared).unwrap(),
            "behind a large one" => {
                out.binary(&vec![7; 200_000]).unwrap();
                out.text_shared("own, ", &self.shared).unwrap();
                out.text("last").unwrap();
            }
            "fill" => {
                assert_eq!(out.unsent(), 0);
                out.text("12345").unwrap();
                // With its header.
                assert_eq!(out.unsent(), 7);
                assert!(!out.is_full());
                out.binary(&[0; 64 * 1024]).unwrap();
                assert!(out.is_full());
                assert!(out.unsent() >= 64 * 1024);
            }
            _ => {
                out.close(CloseCode::GOING_AWAY, "as asked").unwrap();
                let late = [
                    out.text("late"),
                    out.binary(b"late"),
                    out.text_shared("late", &self.shared),
                    out.binary_shared(b"late", &self.shared),
                    out.close(CloseCode::NORMAL, ""),
                ];
                assert_eq!(late, [Err(SendError::Closed); 5]);
            }
        }
    }
}

/// Whatever its size, a message of two parts arrives as one; and what is behind it, behind it.
#[tokio::test]
async fn what_many_share_is_one_message_with_what_is_its_own() {
    for len in [0, 10, 5_000, 65_536, 200_000] {
        let text = "shared ".repeat(len / 7);
        let shared = Bytes::from(text.clone());
        let (mut client, server) = ws::pair(Config::default(), 1024);
        let whole = format!("own, {text}");
        let ask = async {
            client.send("text").await.unwrap();
            let message = client.recv().await.unwrap().unwrap();
            assert!(message == Message::from(whole.as_str()), "text of {len}");
            client.send("binary").await.unwrap();
            let message = client.recv().await.unwrap().unwrap();
            assert!(
                message == Message::from(whole.clone().into_bytes()),
                "{len} bytes"
            );
            client.send("behind a large one").await.unwrap();
            let message = client.recv().await.unwrap().unwrap();
            assert!(message == Message::from(vec![7; 200_000]));
            let message = client.recv().await.unwrap().unwrap();
            assert!(message == Message::from(whole.as_str()), "{len} behind");
            let message = client.recv().await.unwrap().unwrap();
            assert_eq!(message, Message::from("last"));
            client.send("close").await.unwrap();
            assert!(client.recv().await.is_none());
            assert_eq!(client.closed().code(), CloseCode::GOING_AWAY);
            assert_eq!(client.closed().reason(), "as asked");
        };
        let (ended, ()) = tokio::join!(server.run(Answers { shared }), ask);
        assert_eq!(ended.unwrap().code(), CloseCode::GOING_AWAY);
    }
}

#[tokio::test]
async fn a_session_sees_what_waits_and_when_it_is_too_much() {
    let shared = Bytes::new();
    let (mut client, server) = ws::pair(Config::default(), 1024);
    let ask = async {
        client.send("fill").await.unwrap();
        let message = client.recv().await.unwrap().unwrap();
        assert_eq!(message, Message::from("12345"));
        assert!(client.recv().await.unwrap().is_ok());
        client.send("close").await.unwrap();
        assert!(client.recv().await.is_none());
    };
    let (ended, ()) = tokio::join!(server.run(Answers { shared }), ask);
    assert_eq!(ended.unwrap().code(), CloseCode::GOING_AWAY);
}
