//! What many connections cost a server that has nothing to say: 15,000 WebSockets in one process,
//! each pinged when it is quiet, with their clients in two others.
//!
//! ```sh
//! cargo bench -p benches --bench connections [-- COUNT]
//! ```
//!
//! It prints the resident memory of the server per connection, its CPU time over a minute in which
//! every connection is pinged twice or more, and how many of them echo afterwards.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use longwire::ws::{self, Config};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 15_000;
/// Connections before the first figure: what a server needs only once is not counted.
const WARM: usize = 100;
const CLIENTS: usize = 2;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    allow_descriptors();
    match args[..] {
        ["--serve", ping_after] => serve(Duration::from_millis(ping_after.parse().unwrap())),
        ["--connect", address, count] => {
            connect(address.parse().unwrap(), count.parse().unwrap());
        }
        _ => {
            let test = args.contains(&"--test");
            let count = args.iter().find_map(|arg| arg.parse().ok());
            let count = count.unwrap_or(if test { CONNECTIONS / 100 } else { CONNECTIONS });
            report(count, test);
        }
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

fn report(count: usize, test: bool) {
    let (ping_after, idle) = if test { (500, 2) } else { (25_000, 60) };
    let mut server = Process::start(&["--serve".into(), ping_after.to_string()]);
    let address = server.line();
    let _warm = Process::connected(&address, WARM);
    let before = server.resident();
    let begun = Instant::now();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|nth| Process::connected(&address, (count + nth) / CLIENTS))
        .collect();
    let connecting = begun.elapsed();
    // What was needed for the handshakes is done, and the first pings are not due yet.
    thread::sleep(Duration::from_secs(1));
    let memory = server.resident().saturating_sub(before);
    let (cpu, begun) = (server.cpu(), Instant::now());
    thread::sleep(Duration::from_secs(idle));
    let (cpu, span) = (server.cpu() - cpu, begun.elapsed());
    let (mut alive, mut pings) = (0, 0);
    for client in &mut clients {
        client.input.write_all(b"echo\n").unwrap();
        let line = client.line();
        let (echoed, pinged) = line.split_once(' ').unwrap();
        alive += echoed.parse::<usize>().unwrap();
        pings += pinged.parse::<usize>().unwrap();
    }
    println!(
        "connections            {count}, opened in {:.1} s",
        connecting.as_secs_f64()
    );
    println!("memory per connection  {} bytes resident", memory / count);
    println!("pings answered         {pings}");
    println!(
        "CPU                    {:.2} % of a core over {:.0} s",
        100.0 * cpu.as_secs_f64() / span.as_secs_f64(),
        span.as_secs_f64()
    );
    println!("alive afterwards       {alive}");
    assert_eq!(alive, count, "connections were lost");
    assert!(pings >= 2 * count, "not every connection was pinged twice");
}

/// This program in another role; ends when dropped.
struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(args: &[String]) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    /// Clients, once all of them are connected.
    fn connected(address: &str, count: usize) -> Self {
        let mut clients = Self::start(&["--connect".into(), address.into(), count.to_string()]);
        assert_eq!(clients.line(), "connected");
        clients
    }

    fn line(&mut self) -> String {
        self.output.next().expect("a line").unwrap()
    }

    /// Bytes of resident memory.
    fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kibibytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kibibytes << 10
    }

    /// CPU time so far, in the kernel too.
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // Behind the name, which may hold spaces; the first field there is the third of all.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn serve(ping_after: Duration) {
    let config = Config::default().ping_after(ping_after);
    Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        loop {
            let (io, _) = listener.accept().await.unwrap();
            longwire::net::tune(&io).unwrap();
            tokio::spawn(async move {
                let mut socket = ws::accept(io, config, |accept| Ok(accept)).await?;
                while let Some(message) = socket.recv().await {
                    socket.send(message?).await?;
                }
                Ok::<(), longwire::Error>(())
            });
        }
    });
}

/// Holds `count` connections; for a line of input, echoes on each, and says how many did and how
/// many pings were answered.
fn connect(address: SocketAddr, count: usize) {
    Runtime::new().unwrap().block_on(async {
        let (ask, _) = broadcast::channel(1);
        let mut clients = JoinSet::new();
        for _ in 0..count {
            let mut io = TcpStream::connect(address).await.unwrap();
            io.write_all(REQUEST).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(io.read_u8().await.unwrap());
            }
            assert!(head.starts_with(b"HTTP/1.1 101 "));
            clients.spawn(hold(io, ask.subscribe()));
        }
        println!("connected");
        let asked = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
        if asked.await.unwrap().unwrap() == 0 {
            return;
        }
        ask.send(()).unwrap();
        let (mut alive, mut pings) = (0, 0);
        while let Some(held) = clients.join_next().await {
            let (echoed, pinged) = held.unwrap();
            alive += usize::from(echoed);
            pings += pinged;
        }
        println!("{alive} {pings}");
    });
}

/// Answers pings until asked to echo: whether that worked, and how many pings came.
async fn hold(mut io: TcpStream, mut asked: broadcast::Receiver<()>) -> (bool, usize) {
    let (mut pings, mut wait) = (0, true);
    loop {
        let mut header = [0; 2];
        tokio::select! {
            read = io.peek(&mut header) => match read {
                Ok(1..) => {}
                _ => return (false, pings),
            },
            _ = asked.recv(), if wait => {
                wait = false;
                // A text of one byte.
                if io.write_all(b"\x81\x81\0\0\0\0e").await.is_err() {
                    return (false, pings);
                }
                continue;
            }
        }
        // Either a ping without payload, or the echo.
        let frame = io.read_u16().await;
        match frame {
            Ok(0x8900) if io.write_all(b"\x8a\x80\0\0\0\0").await.is_ok() => pings += 1,
            Ok(0x8101) => return (matches!(io.read_u8().await, Ok(b'e')), pings),
            _ => return (false, pings),
        }
    }
}
