//! Just enough HTTP/1.1 to see every byte that the hub sends.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io::ErrorKind;

use bytes::BufMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{ENDPOINT, within};

/// A request; `Host` and, with a body, `Content-Length` are added unless they are given.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'a str, target: &'a str) -> Self {
        Self {
            method,
            target,
            headers: Vec::new(),
            body: "",
        }
    }

    /// A publish with this form as its body.
    pub(crate) fn publish(form: &'a str) -> Self {
        let mut request =
            Self::new("POST", ENDPOINT).header("Content-Type", "application/x-www-form-urlencoded");
        request.body = form;
        request
    }

    /// To another target.
    pub(crate) fn to(mut self, target: &'a str) -> Self {
        self.target = target;
        self
    }

    pub(crate) fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn encode(&self, host: SocketAddr, out: &mut Vec<u8>) {
        let Self {
            method,
            target,
            headers,
            body,
        } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(body.as_bytes());
    }
}

/// A response. Of a stream it is the head.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    fn parse(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        Self {
            status: status[..3].parse().unwrap(),
            headers: headers
                .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
                .collect(),
            body: Vec::new(),
        }
    }
}

/// A connection to the hub.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) io: TcpStream,
    address: SocketAddr,
    /// Received and not yet used.
    pub(crate) unused: Vec<u8>,
    /// Bytes received since the connection was opened.
    pub(crate) received: usize,
    /// Bytes that are read in a second, if there is a limit.
    pub(crate) pace: Option<usize>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let io = within("a connection", TcpStream::connect(address))
            .await
            .unwrap();
        Self::new(io, address)
    }

    /// Opens a connection from another address of this machine.
    pub(crate) async fn open_from(local: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((local, 0).into()).unwrap();
        let io = within("a connection", socket.connect(address)).await;
        Self::new(io.unwrap(), address)
    }

    /// Opens a connection that holds little of what is not read.
    pub(crate) async fn open_small(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let io = within("a connection", socket.connect(address))
            .await
            .unwrap();
        Self::new(io, address)
    }

    fn new(io: TcpStream, address: SocketAddr) -> Self {
        io.set_nodelay(true).unwrap();
        Self {
            io,
            address,
            unused: Vec::new(),
            received: 0,
            pace: None,
        }
    }

    /// As [`open`](Self::open); `None` if nobody listens there.
    pub(crate) async fn try_open(address: SocketAddr) -> Option<Self> {
        let io = TcpStream::connect(address).await.ok()?;
        Some(Self::new(io, address))
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        within("the hub to read", self.io.write_all(bytes))
            .await
            .unwrap();
    }

    pub(crate) async fn send(&mut self, request: &Request<'_>) {
        let mut bytes = Vec::new();
        request.encode(self.address, &mut bytes);
        self.write(&bytes).await;
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn request(&mut self, request: Request<'_>) -> Response {
        self.send(&request).await;
        self.response(request.method == "HEAD").await
    }

    /// Sends a request and reads the whole response; `None` if the hub goes away meanwhile.
    pub(crate) async fn try_request(&mut self, request: Request<'_>) -> Option<Response> {
        let mut bytes = Vec::new();
        request.encode(self.address, &mut bytes);
        self.io.write_all(&bytes).await.ok()?;
        let end = loop {
            if let Some(end) = self.unused.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.read().await == 0 {
                return None;
            }
        };
        let head: Vec<u8> = self.unused.drain(..end + 4).collect();
        let mut response = Response::parse(str::from_utf8(&head[..end]).unwrap());
        let length = response.header("content-length").unwrap().parse().unwrap();
        while self.unused.len() < length {
            if self.read().await == 0 {
                return None;
            }
        }
        response.body = self.unused.drain(..length).collect();
        Some(response)
    }

    /// Reads a response to its end.
    pub(crate) async fn response(&mut self, to_head: bool) -> Response {
        let mut response = self.head().await;
        if to_head || matches!(response.status, 204 | 304) {
            return response;
        }
        if let Some(length) = response.header("content-length") {
            let length = length.parse().unwrap();
            while self.unused.len() < length {
                assert!(self.read().await > 0, "the connection ended in a body");
            }
            response.body = self.unused.drain(..length).collect();
        } else {
            let mut chunks = Chunks::default();
            while chunks.read(self, &mut response.body).await == Body::Goes {}
        }
        response
    }

    /// Reads the head of a response.
    pub(crate) async fn head(&mut self) -> Response {
        loop {
            if let Some(end) = self.unused.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.unused.drain(..end + 4).collect();
                return Response::parse(str::from_utf8(&head[..end]).unwrap());
            }
            assert!(self.read().await > 0, "the connection ended in a head");
        }
    }

    /// Receives more, and gives how much: nothing when the hub ended the connection.
    pub(crate) async fn read(&mut self) -> usize {
        let read = match self.pace {
            None => self.io.read_buf(&mut self.unused).await,
            Some(pace) => {
                let mut limited = (&mut self.unused).limit(pace);
                let read = self.io.read_buf(&mut limited).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                read
            }
        };
        let received = match read {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            received => received.unwrap(),
        };
        self.received += received;
        received
    }
}

/// A chunked body in progress (RFC 9112 §7.1).
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    /// Of the chunk that was begun; the line end after its data counts as well.
    left: usize,
}

/// How a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Goes,
    /// It ended as it should.
    Ended,
    /// The connection ended before it.
    Broken,
}

impl Chunks {
    /// Appends what has come, at least one byte while it goes on, to `body`.
    pub(crate) async fn read(&mut self, connection: &mut Connection, body: &mut Vec<u8>) -> Body {
        loop {
            let unused = &mut connection.unused;
            if self.left > 2 && !unused.is_empty() {
                let take = unused.len().min(self.left - 2);
                body.extend(unused.drain(..take));
                self.left -= take;
                return Body::Goes;
            }
            if self.left <= 2 && unused.len() >= self.left {
                let end: Vec<u8> = unused.drain(..self.left).collect();
                assert!(end.is_empty() || end == b"\r\n", "after a chunk: {end:?}");
                self.left = 0;
                if let Some(line) = unused.windows(2).position(|two| two == b"\r\n") {
                    let size: Vec<u8> = unused.drain(..line + 2).collect();
                    let size = usize::from_str_radix(str::from_utf8(&size[..line]).unwrap(), 16);
                    self.left = size.unwrap() + 2;
                    if self.left == 2 {
                        return after_last_chunk(connection).await;
                    }
                    continue;
                }
            }
            if connection.read().await == 0 {
                return Body::Broken;
            }
        }
    }
}

/// Reads the empty line after the last chunk.
async fn after_last_chunk(connection: &mut Connection) -> Body {
    while connection.unused.len() < 2 {
        if connection.read().await == 0 {
            return Body::Broken;
        }
    }
    let end: Vec<u8> = connection.unused.drain(..2).collect();
    assert_eq!(end, b"\r\n", "after the last chunk");
    Body::Ended
}
