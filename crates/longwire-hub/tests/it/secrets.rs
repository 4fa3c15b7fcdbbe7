//! What must not be found in lines and numbers.

use jsonwebtoken::{EncodingKey, Header, encode};
use rustix::process::Signal;
use serde_json::{Value, json};
use ws_handshake::ClientRequest;

use crate::support::{Directory, ENDPOINT, Hub, Request, WebSocket, form, target};

const SECRET: &str = "canary-secret-of-the-hub-32-bytes";
const TICKET: &str = "/.well-known/longwire/ticket";

async fn hub(directory: &Directory, options: &[&str]) -> Hub {
    let path = format!("{}/secret", directory.path());
    std::fs::write(&path, SECRET).unwrap();
    let key = format!("HS256:{path}");
    let level = ["--key", &key, "--query-tokens", "--log-level", "trace"];
    Hub::start(&[&level, options].concat()).await
}

#[tokio::test]
async fn secrets_are_not_in_lines_or_numbers_wherever_they_were_sent() {
    for format in ["text", "json"] {
        let directory = Directory::new();
        let hub = hub(&directory, &["--log-format", format]).await;
        let claims = json!({
            "exp": jsonwebtoken::get_current_timestamp() + 600,
            "sub": "canary-subject",
            "mercure": { "publish": ["*"], "subscribe": ["*"] },
        });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let good = encode(&Header::default(), &claims, &key).unwrap();
        let bearer = format!("Bearer {good}");
        let response = hub
            .request(Request::new("POST", TICKET).header("Authorization", &bearer))
            .await;
        let ticket = response.text().to_owned();
        let body = form(&[
            ("topic", "canary-topic"),
            ("data", "canary-data"),
            ("id", "canary-id"),
        ]);
        let bad = "eyJhbGciOiJIUzI1NiJ9.canary-payload.canary-signature";
        for token in [good.as_str(), bad] {
            let bearer = format!("Bearer {token}");
            let cookie = format!("mercureAuthorization={token}");
            let origin = hub.url("http", "");
            let in_query = target(&[("topic", "t"), ("authorization", token)]);
            let with_ticket = target(&[("topic", "t"), ("ticket", &ticket)]);
            let post = format!("{ENDPOINT}?authorization={token}");
            for request in [
                Request::publish(&body).header("Authorization", &bearer),
                Request::publish(&body)
                    .header("Cookie", &cookie)
                    .header("Origin", &origin),
                Request::new("GET", &in_query),
                Request::new("GET", &with_ticket),
                Request::new("GET", &in_query).header("Last-Event-ID", "canary-last"),
                Request::new("DELETE", &post),
                Request::new("GET", "/nowhere?authorization=canary-nowhere"),
            ] {
                let mut connection = hub.connect().await;
                connection.send(&request).await;
                connection.head().await;
            }
            // As a subprotocol, where some put it, and in a frame.
            let url = hub.url("ws", &in_query);
            let request = ClientRequest::new(&url).unwrap();
            let request = request.protocol("longwire.v1").unwrap();
            let request = request.protocol("canary-protocol").unwrap();
            if let Ok(mut socket) = WebSocket::open(hub.connect().await, request).await {
                for frame in [
                    json!({ "type": "token", "token": token, "ref": "canary-ref" }),
                    json!({ "type": "token", "token": bad }),
                    json!({ "type": 7, "canary": "canary-nonsense" }),
                ] {
                    socket.send(&frame).await;
                    socket.next().await;
                }
            }
            // A head that is none, with a token in it.
            let mut connection = hub.connect().await;
            let broken = format!("GET /?a={token} HTTP/1.1\r\nAuthorization : {bearer}\r\n\r\n");
            connection.write(broken.as_bytes()).await;
            assert_eq!(connection.head().await.status, 400);
        }
        let authorized = Request::new("GET", "/metrics").header("Authorization", &bearer);
        let metrics = hub.request(authorized).await;
        assert_eq!(metrics.status, 200);
        hub.signal(Signal::TERM);
        let (_, lines) = hub.ended().await;
        assert!(
            lines.contains("mercure") && lines.contains("/nowhere"),
            "{lines}"
        );
        let parts = good.split('.').chain([ticket.as_str(), "canary", SECRET]);
        for secret in parts {
            assert!(!lines.contains(secret), "{secret} is in {lines}");
            assert!(
                !metrics.text().contains(secret),
                "{secret} is in the numbers"
            );
        }
    }
}

#[tokio::test]
async fn what_a_peer_sends_cannot_forge_a_line() {
    for format in ["text", "json"] {
        let directory = Directory::new();
        let hub = hub(&directory, &["--log-format", format]).await;
        let targets = [
            "/%1b]0;title%07",
            "/a%0d%0aINFO%20forged",
            "/\u{202e}gpj.exe",
            "/\u{9b}31m",
        ];
        for target in targets {
            let request = Request::new("GET", target);
            let mut connection = hub.connect().await;
            connection.send(&request).await;
            let status = connection.head().await.status;
            assert!([400, 404].contains(&status), "{status}");
        }
        let long = format!("/{}", "x".repeat(7_000));
        let mut connection = hub.connect().await;
        connection.send(&Request::new("GET", &long)).await;
        connection.head().await;
        let mut connection = hub.connect().await;
        connection
            .write(b"GET /\x1b[31m\x07 HTTP/1.1\r\nHost: a\r\n\r\n")
            .await;
        connection.head().await;
        let agent = Request::new("GET", "/other").header("User-Agent", "\u{1b}[31mred");
        let mut connection = hub.connect().await;
        connection.send(&agent).await;
        connection.head().await;
        hub.signal(Signal::TERM);
        let (_, lines) = hub.ended().await;
        let forged = |character: char| character.is_control() && character != '\n';
        assert!(
            !lines.contains(forged) && !lines.contains('\u{202e}'),
            "{lines:?}"
        );
        assert!(
            !lines.lines().any(|line| line.starts_with("INFO forged")),
            "{lines}"
        );
        assert!(!lines.contains(&"x".repeat(300)), "a line has no end");
        if format == "json" {
            for line in lines.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                assert!(
                    line["level"].is_string() && line["message"].is_string(),
                    "{line}"
                );
            }
        }
    }
}
