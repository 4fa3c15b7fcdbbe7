//! The hub's program.

use core::net::SocketAddr;
use std::process::Stdio;

use bytes::Bytes;
use http_body_util::BodyExt;
use longwire::hub::PublishForm;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::within;

pub(crate) const ENDPOINT: &str = "/.well-known/mercure";

/// A hub that runs; killed when dropped.
#[derive(Debug)]
pub(crate) struct Hub {
    child: Child,
    pub(crate) address: SocketAddr,
    client: longwire::http::Client,
}

impl Hub {
    pub(crate) async fn start(listen: &str, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_longwire"))
            .args(["serve", "--memory", "--listen", listen])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = within("the hub listens", lines.next_line()).await.unwrap();
        let line = line.expect("the hub says where it listens");
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split_once('/'));
        let address = address.expect("an address").0.parse().unwrap();
        Self {
            child,
            address,
            client: longwire::http::Client::new(),
        }
    }

    /// Kills it, and starts another in its place, without its log.
    pub(crate) async fn restart(&mut self) {
        self.child.kill().await.unwrap();
        *self = Self::start(&self.address.to_string(), &[]).await;
    }

    /// Publishes past every proxy; the id of the event.
    pub(crate) async fn publish(&self, topic: &str, data: &str) -> String {
        let mut body = Vec::new();
        PublishForm::text([topic], data).encode(&mut body);
        let request = http::Request::post(format!("http://{}{ENDPOINT}", self.address))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        let response = within("an answer", self.client.send(request))
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}
