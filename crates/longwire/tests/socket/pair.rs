//! Two sockets joined in memory.

use longwire::Error;
use longwire::ws::{self, Config, Message};
use ws_frame::CloseCode;

#[tokio::test]
async fn messages_and_the_close_go_both_ways() {
    for pipe in [1, 7, 1 << 16] {
        let (mut client, mut server) = ws::pair(Config::default(), pipe);
        let long = "z".repeat(if pipe == 1 { 700 } else { 100_000 });
        let serve = async {
            while let Some(message) = server.recv().await {
                server.send(message.unwrap()).await.unwrap();
            }
            server.closed()
        };
        let ask = async {
            for text in ["", "one", "gr\u{fc}\u{df}e", &long] {
                client.send(text).await.unwrap();
                let answer = client.recv().await.unwrap().unwrap();
                assert_eq!(answer, Message::from(text));
            }
            client.close(CloseCode::GOING_AWAY, "done").unwrap();
            assert!(client.recv().await.is_none());
            assert!(matches!(client.send("late").await, Err(Error::Closed)));
            client.closed()
        };
        let (server_saw, client_saw) = tokio::join!(serve, ask);
        assert_eq!(server_saw.code(), CloseCode::GOING_AWAY);
        assert_eq!(server_saw.reason(), "done");
        assert_eq!(client_saw.code(), CloseCode::GOING_AWAY);
    }
}
