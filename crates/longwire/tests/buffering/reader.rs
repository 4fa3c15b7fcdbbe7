//! Streams whose senders the test holds, and curl reading them.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use http::HeaderMap;
use longwire::sse::{Fields, Sender, Timing, channel};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::site::{Answer, Running};
use super::support::{Program, Tool, within};

/// A server behind a proxy: each stream that is asked for comes out here.
pub(crate) struct Upstream {
    server: Running,
    streams: mpsc::UnboundedReceiver<Sender>,
}

impl Upstream {
    pub(crate) async fn start(timing: Timing) -> Self {
        let (opened, streams) = mpsc::unbounded_channel();
        let server = Running::start_with(timing, move |_| {
            let (sender, events) = channel();
            opened.send(sender).unwrap();
            Answer::Stream(HeaderMap::new(), events)
        })
        .await;
        Self { server, streams }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Reads a stream with curl, with these arguments besides; `None` if it is missing.
    pub(crate) async fn read(&mut self, arguments: &[&str]) -> Option<Reader> {
        let [curl] = Tool::find([Tool::Curl])?;
        let arguments = ["--silent", "--no-buffer"].iter().chain(arguments);
        let curl = Program::start(curl, arguments);
        let sender = within("the request to arrive", self.streams.recv()).await;
        Some(Reader {
            curl,
            sender: sender.unwrap(),
            sent: 0,
        })
    }
}

/// One stream from end to end.
pub(crate) struct Reader {
    curl: Program,
    sender: Sender,
    sent: usize,
}

impl Reader {
    /// Sends the next event.
    pub(crate) async fn send(&mut self) {
        self.sent += 1;
        let data = format!("event {}", self.sent);
        self.sender.send(&Fields::new(&data)).await.unwrap();
    }

    /// Waits until the event sent last has come, after all before it.
    pub(crate) async fn comes(&mut self) {
        let expected = format!("data: event {}", self.sent);
        loop {
            let line = self.curl.line().await.expect("the stream goes on");
            if line == expected {
                return;
            }
            assert!(line.is_empty() || line.starts_with(':'), "{line}");
        }
    }

    /// Sends events, each once the one before has come; the median of the times they took.
    pub(crate) async fn median_of(&mut self, count: usize) -> Duration {
        let mut times = Vec::new();
        for _ in 0..count {
            let begun = Instant::now();
            self.send().await;
            self.comes().await;
            times.push(begun.elapsed());
        }
        times.sort();
        times[times.len() / 2]
    }

    /// Sends events of which none comes until the stream ends; then all do.
    pub(crate) async fn comes_only_at_the_end(mut self, count: usize) {
        for _ in 0..count {
            self.send().await;
        }
        // As often as it takes to be sure that it is not merely slow.
        for _ in 0..5 {
            let line = timeout(Duration::from_millis(200), self.curl.line()).await;
            assert!(line.is_err(), "held back, but came: {line:?}");
            self.send().await;
        }
        let sent = self.sent;
        self.sender.end(None);
        let (lines, ended_well) = self.curl.finish().await;
        let events = lines.iter().filter(|line| line.starts_with("data: event"));
        assert_eq!((events.count(), ended_well), (sent, true));
    }

    /// Waits until the stream has ended on the way to the client, and on the server.
    pub(crate) async fn ends_cut(mut self) {
        while let Some(line) = self.curl.line().await {
            assert!(line.is_empty() || line.starts_with(':'), "{line}");
        }
        within("the server hears of it", self.sender.closed()).await;
    }
}
