//! What an echo costs a server: CPU time of its thread per message, over loopback.
//!
//! ```sh
//! cargo bench -p benches --no-default-features --features echo --bench echo
//! ```
//!
//! Arguments choose servers and loads by a part of their names (`-- session pipelined`; the first,
//! raw, always runs), `--rounds N` how often; `--test` runs every case once.
//!
//! Each server runs on one thread, whose CPU time is read before and after the traffic; clients
//! are other threads, made of raw sockets and frames that were encoded beforehand. Rounds take
//! every server in turn; medians are printed, and how often the thread waited for each message: a
//! server that is done sooner waits more often, and each wait costs it about a microsecond.
//!
//! *raw* writes back what it reads, without WebSocket. Its clients send what the others answer,
//! which is without masks: of 16 bytes it reads 18 and writes 18, where the others read 22 and
//! write 18. *floor* reads what the others read and answers what they answer, and knows nothing
//! but whole masked frames of less than 64 KiB: no rules, no limits, no control frames, no clock.
//! Like *raw* it has buffers for each connection, which at 16 KiB costs more than it saves by what
//! it leaves out. *raw with timers* is *raw* with what every server has that notices
//! a peer that is gone: a timer for each connection, here one that never fires.
//!
//! Ours serves in three ways: *session* is handed messages where they lie, and so is *lent*, which
//! copies them to send them; *socket* gets messages of its own, each of which the allocator is
//! asked for.
//!
//! Peers are used as their documentation has it for throughput: those that are a `Sink` are fed
//! while messages are at hand and flushed before they wait. fastwebsockets, ratchet and wtx write
//! each frame at once and offer nothing else; nexus-web does no IO of its own on tokio, so that
//! its reader and writer are driven by hand. Compression is off.

mod echo_servers;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

use self::echo_servers::{SERVERS, Server, echo};
use rustix::time::{ClockId, clock_gettime};
use ws_frame::{MaskKey, mask};

const ROUNDS: usize = 9;

/// How the servers are driven.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    connections: usize,
    payload: usize,
    /// Messages sent before answers are read.
    batch: usize,
    batches: usize,
}

const LOADS: [Load; 4] = [
    Load {
        name: "pipelined 16 B",
        connections: 1,
        payload: 16,
        batch: 4000,
        batches: 100,
    },
    Load {
        name: "ping-pong 16 B",
        connections: 64,
        payload: 16,
        batch: 1,
        batches: 300,
    },
    Load {
        name: "ping-pong 1 KiB",
        connections: 64,
        payload: 1024,
        batch: 1,
        batches: 300,
    },
    Load {
        name: "ping-pong 16 KiB",
        connections: 64,
        payload: 16 * 1024,
        batch: 1,
        batches: 150,
    },
];

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (mut test, mut rounds, mut wanted) = (false, ROUNDS, Vec::new());
    while let Some(arg) = args.next() {
        match &*arg {
            "--test" => test = true,
            "--rounds" => rounds = args.next().unwrap().parse().unwrap(),
            _ => wanted.push(arg),
        }
    }
    // A word that is part of a load's name chooses loads, every other chooses servers.
    let (loads, servers): (Vec<_>, Vec<_>) = wanted
        .iter()
        .partition(|word| LOADS.iter().any(|load| load.name.contains(&***word)));
    let chosen = |name: &str, words: &[&String]| {
        words.is_empty() || words.iter().any(|word| name.contains(&***word))
    };
    let servers: Vec<_> = SERVERS
        .into_iter()
        .filter(|(name, server)| *server == Server::Raw || chosen(name, &servers))
        .collect();
    for mut load in LOADS.into_iter().filter(|load| chosen(load.name, &loads)) {
        if test {
            rounds = 1;
            load.batches = 1;
            load.batch = load.batch.min(10);
        }
        let mut samples = vec![Vec::new(); servers.len()];
        for _ in 0..rounds {
            for ((name, server), samples) in servers.iter().zip(&mut samples) {
                samples.push(measure(name, *server, load));
            }
        }
        println!("\n{}", load.name);
        let mut raw = 0.0;
        for ((name, server), samples) in servers.iter().zip(&mut samples) {
            samples.sort_by(|a, b| f64::total_cmp(&a.0, &b.0));
            let (median, waits) = samples[samples.len() / 2];
            if *server == Server::Raw {
                raw = median;
            }
            println!(
                "  {name:<20} {median:>9.1} ns/message {:>7.2} x raw {waits:>6.2} waits/message",
                median / raw
            );
        }
    }
}

/// Nanoseconds of CPU that this thread has had, and how often it waited.
fn spent_by_thread() -> (u64, u64) {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let (_, waits) = status.split_once("\nvoluntary_ctxt_switches:").unwrap();
    let waits = waits.split_whitespace().next().unwrap().parse().unwrap();
    (t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64, waits)
}

/// Nanoseconds of the server's thread, and waits of it, per message.
fn measure(name: &str, server: Server, load: Load) -> (f64, f64) {
    let (tell_address, address) = mpsc::channel();
    let (tell_ready, ready) = tokio::sync::mpsc::channel::<()>(1);
    let (tell_spent, spent) = mpsc::channel();
    let (tell_begun, begun) = mpsc::channel();
    let on = thread::Builder::new().name(name.into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(serve(
            server,
            load.connections,
            tell_address,
            ready,
            tell_begun,
            tell_spent,
        ));
    });
    let on = on.unwrap();
    let address: SocketAddr = address.recv().unwrap();
    let mut streams: Vec<TcpStream> = (0..load.connections).map(|_| open(address)).collect();
    tell_ready.blocking_send(()).unwrap();
    begun.recv().unwrap();
    let request = frames(load, !server.is_raw());
    let answers = frames(load, false);
    let mut bytes = vec![0; answers.len()];
    if load.connections == 1 {
        let stream = streams[0].try_clone().unwrap();
        let writer = thread::spawn(move || {
            let mut stream = stream;
            for _ in 0..load.batches {
                stream.write_all(&request).unwrap();
            }
        });
        for _ in 0..load.batches {
            streams[0].read_exact(&mut bytes).unwrap();
        }
        writer.join().unwrap();
    } else {
        for _ in 0..load.batches {
            for stream in &mut streams {
                stream.write_all(&request).unwrap();
            }
            for stream in &mut streams {
                stream.read_exact(&mut bytes).unwrap();
            }
        }
    }
    assert!(bytes == answers, "{name} answers something else");
    tell_ready.blocking_send(()).unwrap();
    let (cpu, waits): (u64, u64) = spent.recv().unwrap();
    drop(streams);
    on.join().unwrap();
    let messages = (load.connections * load.batch * load.batches) as f64;
    (cpu as f64 / messages, waits as f64 / messages)
}

/// The messages of one batch.
fn frames(load: Load, masked: bool) -> Vec<u8> {
    let mut frame = vec![0x82];
    let bit = if masked { 0x80 } else { 0 };
    match u16::try_from(load.payload).unwrap() {
        short @ 0..126 => frame.push(bit | short.to_le_bytes()[0]),
        long => {
            frame.push(bit | 126);
            frame.extend_from_slice(&long.to_be_bytes());
        }
    }
    if masked {
        frame.extend_from_slice(&[1, 2, 3, 4]);
    }
    let start = frame.len();
    frame.resize(start + load.payload, b'x');
    if masked {
        mask(MaskKey::new([1, 2, 3, 4]), 0, &mut frame[start..]);
    }
    frame.repeat(load.batch)
}

/// A connection after the handshake.
fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream
}

async fn serve(
    server: Server,
    connections: usize,
    tell_address: mpsc::Sender<SocketAddr>,
    mut ready: tokio::sync::mpsc::Receiver<()>,
    tell_begun: mpsc::Sender<()>,
    tell_spent: mpsc::Sender<(u64, u64)>,
) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    tell_address.send(listener.local_addr().unwrap()).unwrap();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tasks.push(tokio::spawn(echo(server, stream)));
    }
    ready.recv().await.unwrap();
    let before = spent_by_thread();
    tell_begun.send(()).unwrap();
    ready.recv().await.unwrap();
    let after = spent_by_thread();
    let spent = (after.0 - before.0, after.1 - before.1);
    tell_spent.send(spent).unwrap();
    for task in tasks {
        task.await.unwrap();
    }
}
