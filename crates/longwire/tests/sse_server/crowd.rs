//! Ten thousand subscribers of one server process, a hundredth of them unless `LONGWIRE_HOSTILE`
//! is `full`. The server is a process of its own: each side has its own descriptors.

use core::net::SocketAddr;
use std::{env, fs};

use http::HeaderMap;
use longwire::http::{Config, Take, serve};
use longwire::sse::{Broadcast, Fields, Subscription};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::site::Mute;
use super::support::{Program, within};

const SERVES: &str = "LONGWIRE_SERVES";
const NAME: &str = "crowd::all_of_ten_thousand_hear_every_event_hostile";

/// Events that every subscriber gets.
const EVENTS: usize = 10;

struct App(Broadcast);

impl longwire::http::Handler for App {
    type EventStream = Subscription;
    type WebSocket = Mute;
    type Body = http_body_util::Full<bytes::Bytes>;

    fn take(&self, _: &ws_handshake::RequestHead<'_>, _: SocketAddr) -> Take<Subscription, Mute> {
        Take::EventStream(HeaderMap::new(), self.0.subscribe())
    }

    async fn http(
        &self,
        _: http::Request<hyper::body::Incoming>,
        _: SocketAddr,
    ) -> http::Response<Self::Body> {
        http::Response::default()
    }
}

/// Publishes when told to by a line, and says how many listened.
async fn server() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let ticks = Broadcast::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\nlistens on {}", listener.local_addr().unwrap());
    let app = std::sync::Arc::new(App(ticks.clone()));
    tokio::spawn(serve(
        listener,
        app,
        Config::default(),
        core::future::pending(),
    ));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await.unwrap().is_some() {
        println!("\nlistening {}", ticks.subscribers());
        for number in 0..EVENTS {
            ticks.publish(&Fields::new(&number.to_string())).unwrap();
        }
    }
}

async fn line_after(program: &mut Program, word: &str) -> String {
    loop {
        let line = program.line().await.expect("the server goes on");
        if let Some((_, rest)) = line.split_once(word) {
            return rest.trim().to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_ten_thousand_hear_every_event_hostile() {
    if env::var_os(SERVES).is_some() {
        return server().await;
    }
    let full = env::var("LONGWIRE_HOSTILE").is_ok_and(|size| size == "full");
    let count = if full { 10_000 } else { 100 };
    let exe = env::current_exe().unwrap();
    let set = format!("{SERVES}=1");
    let arguments = [
        set.as_ref(),
        exe.as_os_str(),
        "--exact".as_ref(),
        NAME.as_ref(),
        "--nocapture".as_ref(),
    ];
    let mut server = Program::start("env", arguments);
    let address: SocketAddr = line_after(&mut server, "listens on ")
        .await
        .parse()
        .unwrap();
    let resident = || -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        line.unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    };
    let mut streams = Vec::new();
    let mut before = 0;
    for nth in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        stream.write_all(request).await.unwrap();
        stream.read_exact(&mut [0; 12]).await.unwrap();
        streams.push(stream);
        if nth == count / 10 {
            before = resident();
        }
    }
    let each = resident().saturating_sub(before) * 1024 / (count * 9 / 10);
    if full {
        // With few of them, what the process needs anyway drowns it.
        assert!(each < 4096, "{each} bytes each");
    }
    server.write_line("publish").await;
    let listening = line_after(&mut server, "listening ").await;
    assert_eq!(listening, count.to_string());
    for mut stream in streams {
        let mut received = String::new();
        let mut next = 0;
        while next < EVENTS {
            let mut bytes = [0; 4096];
            let len = within("the events", stream.read(&mut bytes)).await.unwrap();
            assert_ne!(len, 0, "ended before event {next}");
            received.push_str(str::from_utf8(&bytes[..len]).unwrap());
            while received.contains(&format!("data: {next}\n\n")) {
                next += 1;
            }
        }
        assert!(!received.contains("longwire-gap"));
    }
}
