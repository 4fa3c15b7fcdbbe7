//! The proxy configurations of the book, in front of the real hub: events pass as they come, and
//! WebSockets are forwarded.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

#[path = "../../crates/longwire/tests/support/port.rs"]
mod port;

use core::time::Duration;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

const NGINX: &str = include_str!("../examples/proxies/nginx.conf");
const HAPROXY: &str = include_str!("../examples/proxies/haproxy.cfg");
const APACHE: &str = include_str!("../examples/proxies/apache.conf");

/// A running program, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM: nginx and Apache then end their workers, too.
        let pid = self.0.id().to_string();
        let told = Command::new("kill").arg(pid).status();
        if !told.is_ok_and(|status| status.success()) {
            // It has ended by itself.
            return;
        }
        self.0.wait().expect("a child can be waited for");
    }
}

/// The hub, on a free port.
fn hub() -> (Running, u16) {
    // Beside the folder of this test program; built with the workspace's tests.
    let tests = env::current_exe().unwrap();
    let hub: PathBuf = tests.ancestors().nth(2).unwrap().join("longwire");
    let mut child = Command::new(&hub)
        .args(["serve", "--listen", "127.0.0.1:0", "--memory"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}; run the tests of the workspace", hub.display()));
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let port = line.trim().trim_end_matches('/').rsplit(':').next();
    (Running(child), port.unwrap().parse().unwrap())
}

/// Where a program is; `None`, with a line that says so, where tests may be left out.
fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap();
    let mut folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let program = folders
        .find(|folder| folder.join(name).is_file())
        .map(|folder| folder.join(name));
    if program.is_none() {
        assert!(
            env::var_os("LONGWIRE_SKIP_MISSING_TOOLS").is_some(),
            "{name} is missing: `cargo xtask ci --install` installs it"
        );
        eprintln!("NOT RUN: {name} is missing");
    }
    program
}

/// Starts a proxy by a configuration of the book in front of `hub`, and waits until it accepts.
fn proxy(
    name: &str,
    file: &str,
    config: &str,
    hub: u16,
    arguments: &[&str],
) -> Option<(Running, u16)> {
    let program = find(name)?;
    let port = port::free_port();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{port}"));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.display().to_string();
    let config = config
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{hub}"))
        .replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"))
        .replace("ServerRoot \".\"", &format!("ServerRoot \"{path}\""));
    let file = folder.join(file);
    fs::write(&file, config).unwrap();
    let file = file.display().to_string();
    let arguments = arguments.iter().map(|argument| match *argument {
        "CONFIG" => &*file,
        "FOLDER" => &*path,
        other => other,
    });
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&folder);
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut running = Running(child);
    for _ in 0..3_000 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some((running, port));
        }
        if let Some(status) = running.0.try_wait().unwrap() {
            panic!("{name} ended: {status}");
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("{name} does not listen on {port}")
}

/// A connection on which nothing for a minute is a failure.
fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let hang = Some(Duration::from_secs(60));
    stream.set_read_timeout(hang).unwrap();
    stream
}

fn publish(port: u16, data: &str) {
    let body = format!("topic=t&data={data}");
    let mut stream = connect(port);
    write!(
        stream,
        "POST /.well-known/mercure HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Everything through the proxy on `port`.
fn passes(port: u16) {
    let mut stream = connect(port);
    let request = "GET /.well-known/mercure?topic=t HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "event: longwire-position"));
    // Each is published only when the one before has arrived: nothing can be waiting for more.
    for n in 0..5 {
        publish(port, &n.to_string());
        assert!(lines.any(|line| line == format!("data: {n}")));
    }

    let mut socket = connect(port);
    let request = "GET /.well-known/mercure?topic=t HTTP/1.1\r\nHost: localhost\r\n\
                   Upgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Protocol: longwire.v1\r\n\r\n";
    socket.write_all(request.as_bytes()).unwrap();
    let until = |socket: &mut TcpStream, text: &str| {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(text) {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        seen
    };
    let head = until(&mut socket, r#""type":"open""#);
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    publish(port, "over");
    until(&mut socket, r#""data":"over""#);
}

#[test]
fn nginx() {
    let (_hub, hub) = hub();
    let arguments = ["-e", "stderr", "-p", "FOLDER", "-c", "CONFIG"];
    if let Some((_nginx, port)) = proxy("nginx", "nginx.conf", NGINX, hub, &arguments) {
        passes(port);
    }
}

#[test]
fn haproxy() {
    let (_hub, hub) = hub();
    let arguments = ["-db", "-f", "CONFIG"];
    if let Some((_haproxy, port)) = proxy("haproxy", "haproxy.cfg", HAPROXY, hub, &arguments) {
        passes(port);
    }
}

#[test]
fn apache() {
    let (_hub, hub) = hub();
    let arguments = ["-DFOREGROUND", "-f", "CONFIG"];
    if let Some((_apache, port)) = proxy("apache2", "apache.conf", APACHE, hub, &arguments) {
        passes(port);
    }
}
