//! Peers that send much, and read little.

use core::time::Duration;

use longwire::ws::Config;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use ws_frame::{Limits, OpCode};

use crate::process::Server;
use crate::raw::{Bystander, close_code, echo, frame, open, receive};
use crate::size;
use crate::support::within;

/// What a connection may hold for a peer that misbehaves: its buffers, and what the allocator
/// keeps beside them.
const ROOM: usize = 2 << 20;

/// Sends `bytes` over and over, `count` times, until the other side has had enough.
async fn flood(io: &mut TcpStream, bytes: &[u8], count: usize) {
    for _ in 0..count {
        if io.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// 125-byte pings, 512 MiB of them, by a peer that never reads: the 101st ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_over_the_budget_hostile() {
    let config = Config::default().close_within(Duration::from_secs(1));
    let mut server = Server::start("floods::pings_over_the_budget_hostile", config).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = (server.resident(), server.descriptors());
    server.forget_peak();
    let mut io = open(server.address).await;
    let pings = frame(true, OpCode::Ping, &[b'p'; 125]).repeat(1024);
    flood(&mut io, &pings, size(4096, 40)).await;
    assert!(server.ended().await.contains("TooManyControlFrames"));
    let grown = server.peak().saturating_sub(before.0);
    assert!(grown <= ROOM, "{grown} bytes");
    somebody.is_served().await;
    server.has_descriptors(before.1).await;
    somebody.finish().await;
}

/// The same where pings are not counted: what waits to be written is bounded all the same, and
/// the peer is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uncounted_pings_never_read_hostile() {
    let limits = Limits::default().with_control_budget(u32::MAX);
    let config = Config::default()
        .frames(ws_frame::Config::default().with_limits(limits))
        .write_deadline(Duration::from_secs(size(10, 1)));
    let mut server = Server::start("floods::uncounted_pings_never_read_hostile", config).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = (server.resident(), server.descriptors());
    server.forget_peak();
    let mut io = open(server.address).await;
    let pings = frame(true, OpCode::Ping, &[b'p'; 125]).repeat(1024);
    // More than the kernel's buffers take, both ways: or else everything is simply answered.
    flood(&mut io, &pings, 4096).await;
    assert_eq!(server.ended().await, "Stalled");
    let grown = server.peak().saturating_sub(before.0);
    assert!(grown <= ROOM, "{grown} bytes");
    somebody.is_served().await;
    server.has_descriptors(before.1).await;
    somebody.finish().await;
}

/// A hundred thousand messages of one byte are a hundred thousand echoes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiny_messages_hostile() {
    let server = Server::start("floods::tiny_messages_hostile", Config::default()).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = server.resident();
    server.forget_peak();
    let (mut reader, mut writer) = open(server.address).await.into_split();
    let count = size(100_000, 10_000);
    let sending = tokio::spawn(async move {
        let message = frame(true, OpCode::Binary, b"m");
        for _ in 0..count {
            writer.write_all(&message).await.unwrap();
        }
        writer
    });
    let mut echoes = vec![0; 3 * count];
    let all = tokio::io::AsyncReadExt::read_exact(&mut reader, &mut echoes);
    within("every echo", all).await.unwrap();
    assert!(echoes.chunks(3).all(|echo| echo == b"\x82\x01m"));
    let grown = server.peak().saturating_sub(before);
    assert!(grown <= ROOM, "{grown} bytes");
    somebody.is_served().await;
    drop(sending.await.unwrap());
    somebody.finish().await;
}

/// Empty fragments without end: the 1,025th ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_fragments_hostile() {
    let config = Config::default().close_within(Duration::from_secs(1));
    let mut server = Server::start("floods::empty_fragments_hostile", config).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = server.resident();
    server.forget_peak();
    let mut io = open(server.address).await;
    io.write_all(&frame(false, OpCode::Text, b""))
        .await
        .unwrap();
    let fragments = frame(false, OpCode::Continuation, b"").repeat(1000);
    flood(&mut io, &fragments, size(10_000, 100)).await;
    assert_eq!(close_code(&mut io).await, Some(1008));
    drop(io);
    assert!(server.ended().await.contains("TooManyFragments"));
    let grown = server.peak().saturating_sub(before);
    assert!(grown <= ROOM, "{grown} bytes");
    somebody.is_served().await;
    somebody.finish().await;
}

/// Lengths that are declared and do not come cost what has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declared_lengths_hostile() {
    let mut server = Server::start("floods::declared_lengths_hostile", Config::default()).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = (server.resident(), server.descriptors());
    let mut connections = Vec::new();
    let count = size(9_000, 100);
    let declared = &frame(true, OpCode::Binary, &vec![b'd'; 1 << 20])[..15];
    for _ in 0..count {
        let mut io = open(server.address).await;
        io.write_all(declared).await.unwrap();
        connections.push(io);
    }
    somebody.is_served().await;
    let each = server.resident().saturating_sub(before.0) / count;
    assert!(each <= 20 << 10, "{each} bytes a connection");
    drop(connections);
    for _ in 0..count {
        assert_eq!(server.ended().await, "1006");
    }
    server.has_descriptors(before.1).await;
    somebody.finish().await;
}

/// A peer that reads nothing while we send is given up, and what waited for it is freed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_reads_what_it_asked_for_hostile() {
    let config = Config::default().write_deadline(Duration::from_secs(size(10, 1)));
    let mut server = Server::start("floods::never_reads_what_it_asked_for_hostile", config).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = (server.resident(), server.descriptors());
    server.forget_peak();
    let count = size(1_000, 10);
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut io = open(server.address).await;
        let ask = frame(true, OpCode::Text, b"send 100000");
        io.write_all(&ask).await.unwrap();
        connections.push(io);
    }
    for _ in 0..count {
        assert_eq!(server.ended().await, "Stalled");
    }
    somebody.is_served().await;
    // One block of 64 KiB that is sent, and what comes behind it.
    let each = server.peak().saturating_sub(before.0) / count;
    assert!(each <= 256 << 10, "{each} bytes a connection");
    server.has_descriptors(before.1).await;
    somebody.finish().await;
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
//= type=test
//# An endpoint SHOULD use a method that cleanly closes the TCP connection, as well as the TLS
//# session, if applicable, discarding any trailing bytes that may have been received.
/// A peer that is told to close and goes on sending has the time that closing may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_sending_when_told_to_close_hostile() {
    let config = Config::default().close_within(Duration::from_secs(1));
    let test = "floods::goes_on_sending_when_told_to_close_hostile";
    let mut server = Server::start(test, config).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let mut io = open(server.address).await;
    echo(&mut io, "hello").await;
    io.write_all(&frame(true, OpCode::Text, b"close"))
        .await
        .unwrap();
    while receive(&mut io).await.unwrap().0 != OpCode::Close {}
    let messages = frame(true, OpCode::Binary, b"more").repeat(4096);
    let sending = tokio::spawn(async move { flood(&mut io, &messages, usize::MAX).await });
    assert_eq!(server.ended().await, "Silent");
    somebody.is_served().await;
    within("the end of what it sends", sending).await.unwrap();
    somebody.finish().await;
}
