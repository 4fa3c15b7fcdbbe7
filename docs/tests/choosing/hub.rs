//! The hub, and raw sockets to it.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::tools;

/// A running hub, ended with the test.
pub(crate) struct Hub {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.child.kill().expect("it is not waited for yet");
        self.child.wait().expect("and waited for");
    }
}

impl Hub {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(tools::hub())
            .args(["serve", "--memory", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let address = BufReader::new(stdout).lines().find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("http://")?;
            address.trim_end_matches('/').parse().ok()
        });
        let address = address.expect("it says where it listens");
        Self { child, address }
    }

    /// A connection on which `bytes` are sent.
    pub(crate) fn connect(&self, bytes: &[u8]) -> Raw {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(bytes).unwrap();
        Raw(stream)
    }

    /// Publishes to the topic `t`, and returns the position of the event.
    pub(crate) fn publish(&self, data: &str) -> String {
        let body = format!("topic=t&data={data}");
        let request = format!(
            "POST /.well-known/mercure HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut answer = String::new();
        let mut raw = self.connect(request.as_bytes());
        raw.0.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let (_, id) = answer.split_once("\r\n\r\n").unwrap();
        id.to_owned()
    }
}

/// A socket that is read byte by byte.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// What comes up to and including `end`.
    pub(crate) fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end) {
            bytes.extend(self.bytes(1));
        }
        bytes
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }
}
