//! Peers that vanish without a word, and peers that stay but take nothing.

use core::time::Duration;
use std::time::Instant;

use http::HeaderMap;
use longwire::http::Config;
use longwire::sse::{Fields, SendError, Timing, channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

use super::site::{Answer, Running};
use super::support::{cut, in_own_network, size, within};

/// The default clocks at full size, a tenth of them otherwise.
fn scaled(full: u64) -> Duration {
    match std::env::var("LONGWIRE_HOSTILE").as_deref() {
        Ok("full") => Duration::from_secs(full),
        _ => Duration::from_millis(full * 100),
    }
}

#[tokio::test]
async fn a_vanished_peer_is_gone_after_heartbeat_and_time_out_hostile() {
    let name = "half_open::a_vanished_peer_is_gone_after_heartbeat_and_time_out_hostile";
    if !in_own_network(name) {
        return;
    }
    let (opened, mut streams) = mpsc::unbounded_channel();
    let timing = Timing::default().heartbeat(scaled(15));
    let config = Config::default().dead_after(scaled(30));
    let server = Running::configured(timing, config, move |_| {
        let (sender, events) = channel();
        opened.send(sender).unwrap();
        Answer::Stream(HeaderMap::new(), events)
    })
    .await;
    let mut peers = Vec::new();
    for path in ["/", "/hyper"] {
        let mut peer = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        peer.write_all(request.as_bytes()).await.unwrap();
        peer.read_exact(&mut [0; 12]).await.unwrap();
        peers.push((path, peer, streams.recv().await.unwrap()));
    }
    cut(server.address.port());
    let begun = Instant::now();
    for (path, _peer, sender) in &peers {
        within("the end of the stream", sender.closed()).await;
        // Heartbeat, time-out, and what the kernel's timers are coarse by. Scaled, also what a busy
        // machine adds: without either setting it would take 18 s.
        let bound = Duration::from_secs(size(47, 12));
        assert!(begun.elapsed() <= bound, "{path}: {:?}", begun.elapsed());
    }
}

/// A peer with a small window that reads the head and then no more.
async fn reads_nothing(server: &Running, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut peer = socket.connect(server.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.write_all(request.as_bytes()).await.unwrap();
    peer.read_exact(&mut [0; 12]).await.unwrap();
    peer
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_given_up_on_every_path() {
    let (ended, mut ends) = mpsc::unbounded_channel();
    let deadline = Duration::from_secs(1);
    let timing = Timing::default().write_deadline(deadline);
    let mut server = Running::start_with(timing, move |_| {
        let ended = ended.clone();
        Answer::sent(async move |sender| {
            let data = "x".repeat(16 * 1024);
            let end = loop {
                if let Err(error) = sender.send(&Fields::new(&data)).await {
                    break error;
                }
            };
            ended.send(end).unwrap();
        })
    })
    .await;
    for (path, said) in [
        ("/", "the peer took nothing for too long"),
        ("/hyper", "http failed: "),
    ] {
        let _peer = reads_nothing(&server, path).await;
        let end = within("the sender's end", ends.recv()).await.unwrap();
        assert_eq!(end, SendError::Closed, "{path}");
        let failure = within("the failure", server.failures.recv()).await.unwrap();
        assert!(failure.starts_with(said), "{path}: {failure}");
    }
}
