//! A server that says what it is told to, one connection after the other, and keeps what it was
//! asked.

use core::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::within;

/// Listens on a loopback port.
pub(crate) struct Site {
    listener: TcpListener,
}

/// A request, and the connection it came on.
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) io: TcpStream,
}

/// The head of an event stream that ends with its connection.
pub(crate) const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

impl Site {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address())
    }

    /// The next connection, with nothing read from it.
    pub(crate) async fn connection(&self) -> TcpStream {
        let (io, _) = within("a connection", self.listener.accept())
            .await
            .unwrap();
        io.set_nodelay(true).unwrap();
        io
    }

    /// The next request, on the next connection.
    pub(crate) async fn request(&self) -> Exchange {
        within("a request", Exchange::read(self.connection().await)).await
    }

    /// Answers the next request with these bytes, and closes.
    pub(crate) async fn answer(&self, bytes: impl AsRef<[u8]>) -> Exchange {
        let mut exchange = self.request().await;
        exchange.send(bytes).await;
        exchange.io.shutdown().await.unwrap();
        exchange
    }

    /// Answers the next requests, one with each of these texts, and gives them back.
    pub(crate) async fn answers<T: AsRef<[u8]>, const N: usize>(
        &self,
        texts: [T; N],
    ) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        for text in texts {
            exchanges.push(self.answer(text).await);
        }
        exchanges
    }

    /// Whether somebody is waiting to be accepted.
    pub(crate) fn is_quiet(&self) -> bool {
        let waker = core::task::Waker::noop();
        let mut cx = core::task::Context::from_waker(waker);
        self.listener.poll_accept(&mut cx).is_pending()
    }
}

impl Exchange {
    async fn read(mut io: TcpStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(io.read_u8().await.unwrap());
        }
        let mut lines = head.split(|&byte| byte == b'\n');
        let line = String::from_utf8(lines.next().unwrap().to_vec()).unwrap();
        let mut words = line.split(' ').map(String::from);
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let headers: Vec<_> = lines
            .filter_map(|line| {
                let colon = line.iter().position(|&byte| byte == b':')?;
                let name = String::from_utf8(line[..colon].to_vec()).unwrap();
                let value = line[colon + 1..].trim_ascii().to_vec();
                Some((name.to_ascii_lowercase(), value))
            })
            .collect();
        let mut exchange = Self {
            method,
            target,
            headers,
            body: Vec::new(),
            io,
        };
        let length = exchange
            .header("content-length")
            .map(|length| length.parse().unwrap());
        exchange.body = vec![0; length.unwrap_or(0)];
        exchange.io.read_exact(&mut exchange.body).await.unwrap();
        exchange
    }

    /// The value of a field.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = self.raw(name)?;
        Some(String::from_utf8(value.to_vec()).unwrap())
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }

    /// Names of all fields.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| &**name).collect()
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // Whoever has heard enough may be gone.
        let _ = self.io.write_all(bytes.as_ref()).await;
    }

    /// Begins an event stream.
    pub(crate) async fn open(mut self) -> Self {
        self.send(STREAM).await;
        self
    }

    /// Waits until the peer has closed.
    pub(crate) async fn until_closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = within("the end of a connection", self.io.read_to_end(&mut rest)).await;
    }
}

/// A stream of these events, whole.
pub(crate) fn stream(events: &str) -> String {
    format!("{STREAM}{events}")
}
