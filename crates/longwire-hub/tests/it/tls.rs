//! TLS: what is spoken over it, certificates that change, and peers that do not finish.

use core::future::IntoFuture;
use core::time::Duration;

use longwire::net::{Connector, Roots, Tls};
use longwire::ws::{self, Message};
use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{Directory, Hub, Program, Request, Tool, target, within};

/// A certificate for the loopback address, in files.
struct Certificate(Directory);

impl Certificate {
    fn new() -> Self {
        let files = Self(Directory::new());
        files.renew();
        files
    }

    /// Another one in the same files; gives it in PEM.
    fn renew(&self) -> String {
        let signing_key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let cert = params.self_signed(&signing_key).unwrap();
        std::fs::write(self.cert(), cert.pem()).unwrap();
        std::fs::write(self.key(), signing_key.serialize_pem()).unwrap();
        cert.pem()
    }

    fn cert(&self) -> String {
        format!("{}/cert.pem", self.0.path())
    }

    fn key(&self) -> String {
        format!("{}/key.pem", self.0.path())
    }

    async fn hub(&self, options: &[&str]) -> Hub {
        let (cert, key) = (self.cert(), self.key());
        let tls = ["--tls-cert", &cert, "--tls-key", &key];
        Hub::start(&[&tls, options].concat()).await
    }
}

fn connector(pem: &str) -> Connector {
    let roots = Roots::none().add_pem(pem.as_bytes()).unwrap();
    Connector::new().tls(Tls::with_roots(roots))
}

/// Whether a WebSocket of the hub opens for somebody who trusts this certificate alone.
async fn opens(hub: &Hub, pem: &str) -> bool {
    let url = hub.url("wss", &target(&[("topic", "t")]));
    let connect = ws::connect(url)
        .protocol("longwire.v1")
        .connector(connector(pem));
    let Ok(mut socket) = within("an answer", connect.into_future()).await else {
        return false;
    };
    matches!(
        within("open", socket.recv()).await,
        Some(Ok(Message::Text(_)))
    )
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let Some([curl]) = Tool::find([Tool::Curl]) else {
        return;
    };
    let files = Certificate::new();
    let hub = files.hub(&[]).await;
    for (version, shown) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let url = hub.url(
            "https",
            &target(&[("topic", "t"), ("lastEventID", "earliest")]),
        );
        let cert = files.cert();
        let common = ["-sSN", "--noproxy", "*", "--cacert", &cert, version];
        let (head, published) = (
            ["-w", "%{http_version} %{http_code}\n", "-d"],
            "topic=t&data=x",
        );
        let endpoint = hub.url("https", crate::support::ENDPOINT);
        let arguments = [&common[..], &head[..], &[published, &endpoint]].concat();
        let (lines, content) = Program::start(&curl, arguments).finish().await;
        let last = lines.last().unwrap();
        assert!(
            content && last.ends_with(&format!("{shown} 200")),
            "{lines:?}"
        );
        let mut stream = Program::start(&curl, [&common[..], &[&url]].concat());
        let seen = stream.lines_until(|line| line == "data: x").await;
        assert!(!seen.is_empty());
    }
    // The hub's own page may publish: its origin is one of https.
    let origin = hub.url("https", "");
    let cert = files.cert();
    for (origin, status) in [(origin.as_str(), "200"), ("https://other.example", "403")] {
        let header = format!("Origin: {origin}");
        let endpoint = hub.url("https", crate::support::ENDPOINT);
        let arguments = [
            "-sS",
            "--noproxy",
            "*",
            "--cacert",
            &cert,
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}\n",
            "-H",
            &header,
            "-d",
            "topic=t",
            &endpoint,
        ];
        let (lines, _) = Program::start(&curl, arguments).finish().await;
        assert_eq!(lines, [status], "{origin}");
    }
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_stay() {
    let files = Certificate::new();
    let first = std::fs::read_to_string(files.cert()).unwrap();
    let hub = files.hub(&[]).await;
    let url = hub.url("wss", &target(&[("topic", "t")]));
    let connect = ws::connect(url)
        .protocol("longwire.v1")
        .connector(connector(&first));
    let mut open = within("an answer", connect.into_future()).await.unwrap();
    within("open", open.recv()).await.unwrap().unwrap();

    let second = files.renew();
    assert!(opens(&hub, &first).await, "nothing has told the hub");
    hub.signal(Signal::HUP);
    within("the new certificate", async {
        while !opens(&hub, &second).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(!opens(&hub, &first).await);

    // One that cannot be used changes nothing, and the hub goes on.
    for (cert, key) in [("nonsense", None), (&second[..], Some("nonsense"))] {
        // The key first: the hub may read both only now, and never finds a pair that fits.
        if let Some(key) = key {
            std::fs::write(files.key(), key).unwrap();
        }
        std::fs::write(files.cert(), cert).unwrap();
        hub.signal(Signal::HUP);
    }
    // Of another pair.
    let other = Certificate::new();
    std::fs::copy(other.cert(), files.cert()).unwrap();
    std::fs::copy(files.0.path().to_owned() + "/key.pem", other.key()).unwrap();
    hub.signal(Signal::HUP);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(opens(&hub, &second).await);
    let send = r#"{"type":"publish","topics":["t"],"data":"still here","ref":"1"}"#;
    open.send(send).await.unwrap();
    let frames = [
        within("a frame", open.recv()).await.unwrap().unwrap(),
        within("a frame", open.recv()).await.unwrap().unwrap(),
    ];
    let texts = frames.map(|frame| format!("{frame:?}"));
    assert!(
        texts.iter().any(|text| text.contains("still here")),
        "{texts:?}"
    );
    drop(open);

    hub.signal(Signal::TERM);
    let (status, stderr) = hub.ended().await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!(
        stderr.matches("the certificate was read again").count(),
        1,
        "{stderr}"
    );
    let refused = stderr.matches("the new certificate cannot be used").count();
    // Signals that come together may be one.
    assert!((1..=3).contains(&refused), "{stderr}");
}

#[tokio::test]
async fn without_tls_a_hangup_is_no_end() {
    let hub = Hub::start(&[]).await;
    hub.signal(Signal::HUP);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        hub.request(Request::new("GET", "/healthz")).await.status,
        200
    );
}

#[tokio::test]
async fn whoever_does_not_finish_the_handshake_is_sent_away() {
    let files = Certificate::new();
    let hub = files.hub(&["--log-level", "debug"]).await;
    let mut silent = TcpStream::connect(hub.address()).await.unwrap();
    let mut plain = TcpStream::connect(hub.address()).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut plain, request)
        .await
        .unwrap();
    for stream in [&mut silent, &mut plain] {
        let mut answer = Vec::new();
        // An alert at most.
        let _ = within("the end", stream.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(b"HTTP"), "{}", answer.escape_ascii());
    }
    hub.signal(Signal::TERM);
    let (_, stderr) = hub.ended().await;
    assert!(stderr.contains("TLS"), "{stderr}");
}
