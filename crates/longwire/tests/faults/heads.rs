//! Requests that are no opening handshake, and some that mean harm: each is answered once, and
//! nothing behind it is taken for a request.

use core::time::Duration;

use longwire::Error;
use longwire::ws::{self, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;

use crate::process::Server;
use crate::raw::{Bystander, REQUEST};
use crate::size;
use crate::support::within;

/// Sends `request` until the other side has had enough, and returns all that it says.
async fn answer(server: &Server, request: &[u8]) -> String {
    let (mut reader, mut writer) = TcpStream::connect(server.address)
        .await
        .unwrap()
        .into_split();
    // Refused before all of it is sent, it may not be taken.
    let send = async { drop(writer.write_all(request).await) };
    let mut answer = Vec::new();
    let receive = async { drop(reader.read_to_end(&mut answer).await) };
    within("the end of an answer", async {
        tokio::join!(send, receive)
    })
    .await;
    String::from_utf8(answer).unwrap()
}

/// The request with one line more, or another line in place of one.
fn with(line: &str) -> Vec<u8> {
    let name = line.split(':').next().unwrap();
    let mut lines: Vec<&str> = REQUEST.trim_end().split("\r\n").collect();
    lines.retain(|old| !old.starts_with(name));
    lines.push(line);
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_refused_and_what_follows_is_not_read_hostile() {
    let test = "heads::are_refused_and_what_follows_is_not_read_hostile";
    let mut server = Server::start(test, Config::default()).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = server.resident();
    server.forget_peak();
    let long = size(20 << 20, 200 << 10);
    let fields = |count: usize| -> String {
        let fields: Vec<_> = (0..count).map(|i| format!("X-{i}: y")).collect();
        fields.join("\r\n")
    };
    let pipelined = [
        &with("Sec-WebSocket-Version: 1337")[..],
        b"GET /internal HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];
    for (what, request, status) in [
        (
            "a long field",
            with(&format!("X: {}", "y".repeat(long))),
            431,
        ),
        (
            "a long target",
            format!("GET /{} HTTP/1.1\r\n", "y".repeat(long)).into(),
            414,
        ),
        ("100 fields beside its own", with(&fields(101)), 431),
        ("very many fields", with(&fields(size(100_000, 1_000))), 431),
        ("a request behind it", pipelined.concat(), 426),
        ("a body", with("Content-Length: 5"), 400),
        ("a body in chunks", with("Transfer-Encoding: chunked"), 400),
        ("a space before the colon", with("X : y"), 400),
        ("a folded field", with("X: y\r\n z"), 400),
        ("two hosts", with("X: y\r\nHost: other"), 400),
        (
            "a key that is too short",
            with("Sec-WebSocket-Key: dG9vIHNob3J0"),
            400,
        ),
    ] {
        let answer = answer(&server, &request).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{what}: {answer}");
        assert!(answer.contains("Connection: close"), "{what}: {answer}");
        let how = server.ended().await;
        assert!(how.starts_with("Handshake("), "{what}: {how}");
    }
    let grown = server.peak().saturating_sub(before);
    assert!(grown <= 2 << 20, "{grown} bytes");
    somebody.is_served().await;
    somebody.finish().await;
}

/// A peer that does not read why it was refused does not hold us up for ever.
#[tokio::test(start_paused = true)]
async fn are_refused_though_nobody_reads_it() {
    let (io, mut peer) = duplex(64);
    let asking = tokio::spawn(async move {
        peer.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        peer
    });
    let accepting = ws::accept(io, Config::default(), |accept| Ok(accept));
    let accepted = tokio::time::timeout(Duration::from_secs(60), accepting).await;
    assert!(
        matches!(accepted, Ok(Err(Error::Handshake(_)))),
        "{accepted:?}"
    );
    drop(asking.await.unwrap());
}
