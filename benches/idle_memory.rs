//! What an idle connection costs: resident memory of each at 2,000 and 8,000 WebSockets of this
//! library, at 2,000 event streams of it and of hyper alone, and at 2,000 event streams and 2,000
//! WebSockets of the hub, beside a bare tokio task per socket.
//!
//! ```sh
//! cargo bench -p benches --no-default-features --features fanout,hub --bench idle_memory
//! ```
//!
//! With `--streams` only the event streams are measured, with `--sockets` only the WebSockets of
//! `ws::accept` and of `http::serve`. Each server is a process of its own. Its resident memory is read once 100
//! connections are there, so that what a server needs only once is not counted, again when the
//! others have joined, and again when each of these has received an event of 1 KiB, or has echoed a
//! message of as many bytes. Where compression was agreed, without context takeover, both are
//! compressed.

mod idle_sockets;
mod idle_streams;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const WARM: usize = 100;
const CONNECTIONS: usize = 2_000;
const MANY_CONNECTIONS: usize = 8_000;

const EVENT_STREAM: &str =
    "GET /.well-known/mercure?topic=idle HTTP/1.1\r\nHost: localhost\r\n\r\n";
const WEB_SOCKET: &str = "GET /.well-known/mercure?topic=idle HTTP/1.1\r\nHost: localhost\r\n\
    Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    allow_descriptors();
    if args.iter().any(|arg| arg == "--serve-bare") {
        return serve_bare();
    }
    if let Some(name) = args
        .iter()
        .find_map(|arg| arg.strip_prefix("--serve-streams="))
    {
        return idle_streams::serve(name);
    }
    if let Some(name) = args
        .iter()
        .find_map(|arg| arg.strip_prefix("--serve-sockets="))
    {
        return idle_sockets::serve(name);
    }
    // Run once, to see that it runs: a few connections, and the build that is at hand.
    let test = args.iter().any(|arg| arg == "--test");
    let only = |what| args.iter().any(|arg| arg == what);
    println!(
        "{:<36} {:>11} {:>8} {:>15}   over the bare task",
        "bytes each", "connections", "idle", "after an event"
    );
    if !only("--streams") {
        sockets(if test { 20 } else { CONNECTIONS });
        sockets(if test { 80 } else { MANY_CONNECTIONS });
    }
    if !only("--sockets") {
        streams(if test { 20 } else { CONNECTIONS }, test, only("--streams"));
    }
}

/// Lets this process open as many files as it may.
fn allow_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
}

fn row(name: &str, connections: usize, floor: f64, (idle, after): (f64, f64)) {
    println!(
        "{name:<36} {connections:>11} {idle:>8.0} {after:>15.0}   {:+.0}, {:+.0}",
        idle - floor,
        after - floor
    );
}

/// The floor, and its row.
fn bare(connections: usize) -> f64 {
    let bare = Server::start_this("--serve-bare");
    let (floor, _) = bare.growth(EVENT_STREAM, connections, |_, _| {});
    println!("{:<36} {connections:>11} {floor:>8.0}", "bare tokio task");
    floor
}

fn sockets(connections: usize) {
    let floor = bare(connections);
    for (name, title) in idle_sockets::SERVERS {
        let server = Server::start_this(&format!("--serve-sockets={name}"));
        let request = idle_sockets::request(name);
        let grown = server.growth(&request, connections, |_, streams| {
            idle_sockets::echo(name, streams);
            sleep(Duration::from_secs(1));
        });
        row(title, connections, floor, grown);
    }
}

fn streams(connections: usize, test: bool, without_hub: bool) {
    let floor = bare(connections);
    for (server, name) in idle_streams::SERVERS {
        let server = Server::start_this(&format!("--serve-streams={server}"));
        let grown = server.growth(EVENT_STREAM, connections, |server, _| server.tell());
        row(name, connections, floor, grown);
    }
    if without_hub {
        return;
    }
    let hub = build_hub(if test { "dev" } else { "release" });
    for (name, request) in [
        ("hub, event stream", EVENT_STREAM),
        ("hub, WebSocket", WEB_SOCKET),
    ] {
        let server = Server::start(&hub, &["--listen", "127.0.0.1:0", "--memory"]);
        let grown = server.growth(request, connections, |server, _| server.publish());
        row(name, connections, floor, grown);
    }
}

/// A server in a process of its own, which prints its address.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// This program as a server.
    fn start_this(role: &str) -> Self {
        let this = std::env::current_exe().unwrap();
        Self::start(this.to_str().unwrap(), &[role])
    }

    fn start(program: &str, args: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap();
        Self {
            child,
            address: address.parse().unwrap(),
        }
    }

    /// Bytes of resident memory for each further connection: idle, and after `traffic`.
    fn growth(
        &self,
        request: &str,
        count: usize,
        traffic: impl FnOnce(&Self, &mut [TcpStream]),
    ) -> (f64, f64) {
        let _warm = self.connect(request, WARM);
        let before = self.resident();
        let each = || self.resident().saturating_sub(before) as f64 / count as f64;
        let mut connections = self.connect(request, count);
        let idle = each();
        traffic(self, &mut connections);
        (idle, each())
    }

    /// Opens connections, and waits until each has had the head of its answer.
    fn connect(&self, request: &str, count: usize) -> Vec<TcpStream> {
        let mut streams: Vec<TcpStream> = (0..count)
            .map(|_| {
                let mut stream = TcpStream::connect(self.address).unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                stream
            })
            .collect();
        for stream in &mut streams {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            assert!(head.starts_with(b"HTTP/1.1 200") || head.starts_with(b"HTTP/1.1 101"));
        }
        sleep(Duration::from_secs(1));
        streams
    }

    /// Sends each stream of [`idle_streams`] an event.
    fn tell(&self) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET /publish HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        sleep(Duration::from_secs(1));
    }

    fn publish(&self) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let body = format!("topic=idle&data={}", "x".repeat(1024));
        write!(
            stream,
            "POST /.well-known/mercure HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        sleep(Duration::from_secs(1));
    }

    /// Resident memory in bytes.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Builds the hub as its users do, and returns the path of the binary.
fn build_hub(profile: &str) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--profile",
            profile,
            "-p",
            "longwire-hub",
            "--message-format=json",
        ])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(built.status.success());
    let messages = String::from_utf8(built.stdout).unwrap();
    let (_, path) = messages
        .rsplit_once("\"executable\":\"")
        .expect("a binary was built");
    path.split('"').next().unwrap().to_owned()
}

/// The floor: a task per socket that answers a request and waits for the peer to go.
fn serve_bare() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}/", listener.local_addr().unwrap());
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut seen = [0; 128];
                let _head = stream.read(&mut seen).await?;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                while stream.read(&mut seen).await? > 0 {}
                Ok::<(), std::io::Error>(())
            });
        }
    });
}
