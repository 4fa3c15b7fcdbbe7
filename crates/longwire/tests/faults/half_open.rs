//! Peers that vanish without a word: nothing comes from them, and nobody says so.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::fs;

use longwire::Error;
use longwire::ws::{self, Config};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::raw::{Bystander, open};
use crate::size;
use crate::support::{cut, in_own_network, within};

/// Waits until no more descriptors and tasks are there than `before`.
async fn released(before: (usize, usize)) {
    let all = async {
        while descriptors() > before.0 || tasks() > before.1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within("descriptors and tasks are released", all).await;
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// With the times that a connection has by default a dead peer is gone within 37 s.
#[tokio::test]
async fn is_noticed_and_released_hostile() {
    if !in_own_network("half_open::is_noticed_and_released_hostile") {
        return;
    }
    let scaled = Config::default()
        .ping_after(Duration::from_millis(500))
        .pong_within(Duration::from_millis(200));
    let config = size(Config::default(), scaled);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = |io, config| async move {
        let mut socket = ws::accept(io, config, |accept| Ok(accept)).await.unwrap();
        loop {
            match socket.recv().await {
                Some(Ok(message)) => socket.send(message).await.unwrap(),
                Some(Err(error)) => return (error, Instant::now()),
                None => panic!("nobody closes"),
            }
        }
    };
    let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let healthy = elsewhere.local_addr().unwrap();
    // With the default times: where this machine is late, somebody is not taken for dead.
    tokio::spawn(
        async move { serve(elsewhere.accept().await.unwrap().0, Config::default()).await },
    );
    let somebody = Bystander::start(healthy).await;

    let before = (descriptors(), tasks());
    let mut servers = JoinSet::new();
    let mut clients = Vec::new();
    for _ in 0..size(1_000, 10) {
        let (client, _) = tokio::join!(open(address), async {
            servers.spawn(serve(listener.accept().await.unwrap().0, config));
        });
        clients.push(client);
    }
    let since = Instant::now();
    cut(address.port());
    while let Some(ended) = servers.join_next().await {
        let (error, at) = ended.unwrap();
        assert!(matches!(error, Error::Silent), "{error:?}");
        let took = at - since;
        assert!(took <= Duration::from_secs(37), "{took:?}");
    }
    somebody.is_served().await;
    drop(clients);
    released(before).await;
    somebody.finish().await;
}
