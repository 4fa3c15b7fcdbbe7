//! Peers that take their time.

use core::time::Duration;

use longwire::ws::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ws_frame::OpCode;

use crate::process::Server;
use crate::raw::{Bystander, REQUEST, frame, open, receive};
use crate::size;
use crate::support::within;

/// Ten thousand handshakes, a byte now and then: all are given up in time, and others connect
/// meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_hostile() {
    let config = Config::default().handshake_within(Duration::from_secs(size(10, 2)));
    let mut server = Server::start("slow::handshakes_hostile", config).await;
    let descriptors = server.descriptors();
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let before = server.resident();
    let count = size(10_000, 100);
    let mut attackers = Vec::new();
    for _ in 0..count {
        attackers.push(tokio::spawn(async move {
            let mut io = tokio::net::TcpStream::connect(server.address)
                .await
                .unwrap();
            for byte in REQUEST.bytes() {
                if io.write_all(&[byte]).await.is_err() {
                    return;
                }
                let pause = Duration::from_millis(size(5_000, 250));
                let end = tokio::time::timeout(pause, io.read_u8()).await;
                if let Ok(byte) = end {
                    assert!(byte.is_err(), "an answer, not the end");
                    return;
                }
            }
            panic!("a handshake went through");
        }));
    }
    somebody.is_served().await;
    let each = server.resident().saturating_sub(before) / count;
    assert!(each <= 16 << 10, "{each} bytes a connection");
    for _ in 0..count {
        assert_eq!(server.ended().await, "HeadDeadline");
    }
    somebody.finish().await;
    for attacker in attackers {
        within("the end of a handshake", attacker).await.unwrap();
    }
    server.has_descriptors(descriptors).await;
}

/// A message that comes byte by byte comes, and its sender is not taken for dead: between two
/// bytes it does not answer pings, it has no room to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_byte_at_a_time() {
    let config = Config::default()
        .ping_after(Duration::from_millis(100))
        .pong_within(Duration::from_secs(5));
    let server = Server::start("slow::one_byte_at_a_time", config).await;
    let somebody = Bystander::start(server.address).await;
    let mut io = open(server.address).await;
    for byte in frame(true, OpCode::Text, b"byte by byte") {
        io.write_all(&[byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(size(1_000, 400))).await;
    }
    let mut pings = 0;
    let message = loop {
        let (opcode, payload) = receive(&mut io).await.expect("the connection lives");
        if opcode != OpCode::Ping {
            break payload;
        }
        pings += 1;
    };
    assert_eq!(message, b"byte by byte");
    assert!(pings > 0);
    somebody.is_served().await;
    somebody.finish().await;
}
