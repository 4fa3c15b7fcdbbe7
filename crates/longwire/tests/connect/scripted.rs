//! Servers that say what a test has them say.

use core::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Reads the head of a request, byte by byte: nothing behind it.
pub(crate) async fn read_head(io: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The value of a header field of `head`.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The head that accepts this request, with more lines.
pub(crate) fn accept(head: &str, lines: &str) -> String {
    let key = field(head, "Sec-WebSocket-Key").unwrap();
    let accept = ws_handshake::accept_key(key.as_bytes());
    let accept = str::from_utf8(&accept).unwrap();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{lines}\r\n"
    )
}

/// What each connection is answered, and what its request was.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    pub(crate) asked: JoinHandle<Vec<String>>,
}

impl Scripted {
    /// Answers as many connections as there are answers, then keeps them until the client has
    /// ended them. An empty answer stands for acceptance.
    pub(crate) async fn start(answers: &[&str]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers)
    }

    /// The same, with this listener.
    pub(crate) fn on(listener: TcpListener, answers: &[&str]) -> Self {
        let port = listener.local_addr().unwrap().port();
        let answers: Vec<_> = answers.iter().map(|&answer| answer.to_owned()).collect();
        let asked = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut io, _) = listener.accept().await.unwrap();
                let head = read_head(&mut io).await;
                let answer = match answer.as_str() {
                    "" => accept(&head, ""),
                    answer => answer.to_owned(),
                };
                asked.push(head);
                io.write_all(answer.as_bytes()).await.unwrap();
                tokio::spawn(async move { io.read_to_end(&mut Vec::new()).await });
            }
            asked
        });
        Self { port, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }

    /// The requests, once each connection had its answer.
    pub(crate) async fn asked(self) -> Vec<String> {
        self.asked.await.unwrap()
    }
}

/// Sends `answer` one byte at a time, with a pause before each.
pub(crate) async fn drip(mut io: TcpStream, answer: &str, pause: Duration) {
    for byte in answer.bytes() {
        tokio::time::sleep(pause).await;
        if io.write_all(&[byte]).await.is_err() {
            return;
        }
    }
}
