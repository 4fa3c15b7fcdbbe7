//! Our server behind other people's reverse proxies.

use core::time::Duration;
use std::io::ErrorKind;

use longwire::Error;
use longwire::ws::{self, Config};
use serde_json::json;

use crate::client::{Client, Library};
use crate::server::{PONG, Server};
use crate::support::{Program, free_port, haproxy, nginx};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proxy {
    Haproxy,
    Nginx,
}

impl Proxy {
    /// Starts it in front of `backend`: a connection on which nothing comes for `idle` from one
    /// side is cut. Its port, and itself; `None` if it is missing.
    async fn start(self, backend: u16, idle: Duration) -> Option<(u16, Program)> {
        let port = free_port();
        let idle = idle.as_millis();
        let program = match self {
            Self::Haproxy => {
                let sections = format!(
                    "defaults
                        mode http
                        retries 0
                        timeout connect 5s
                        timeout client 5s
                        timeout server 5s
                        timeout tunnel {idle}ms
                    frontend front
                        bind 127.0.0.1:{port}
                        default_backend back
                    backend back
                        server one 127.0.0.1:{backend}"
                );
                haproxy(port, &sections).await?
            }
            Self::Nginx => {
                let servers = format!(
                    "server {{
                        listen 127.0.0.1:{port};
                        location / {{
                            proxy_pass http://127.0.0.1:{backend};
                            proxy_http_version 1.1;
                            proxy_set_header Upgrade $http_upgrade;
                            proxy_set_header Connection $http_connection;
                            proxy_set_header Host $http_host;
                            proxy_read_timeout {idle}ms;
                        }}
                    }}"
                );
                nginx(port, &servers).await?
            }
        };
        Some((port, program))
    }

    /// The status with which it says that nobody listens behind it.
    fn down(self) -> u16 {
        match self {
            Self::Haproxy => 503,
            Self::Nginx => 502,
        }
    }
}

macro_rules! behind_every_proxy {
    ($($test:ident: $what:ident($proxy:ident);)*) => {$(
        #[tokio::test]
        async fn $test() {
            $what(Proxy::$proxy).await;
        }
    )*};
}

behind_every_proxy! {
    haproxy_passes_everything: passes_everything(Haproxy);
    nginx_passes_everything: passes_everything(Nginx);
    haproxy_does_not_cut_what_is_pinged: cuts_only_silence(Haproxy);
    nginx_does_not_cut_what_is_pinged: cuts_only_silence(Nginx);
    haproxy_says_that_nobody_listens: says_that_nobody_listens(Haproxy);
    nginx_says_that_nobody_listens: says_that_nobody_listens(Nginx);
}

/// The upgrade, messages and pings both ways, and closing from either side.
async fn passes_everything(proxy: Proxy) {
    let Some(mut client) = Client::start(Library::Ws, None).await else {
        return;
    };
    let mut server = Server::start(Config::default()).await;
    let idle = Duration::from_secs(60);
    let Some((port, _program)) = proxy.start(server.address.port(), idle).await else {
        return;
    };
    let url = format!("ws://127.0.0.1:{port}/chat");
    let (protocol, _) = client.open(&url, &["chat"]).await;
    assert_eq!(protocol, "chat", "{proxy:?}");
    let text = json!(["text", "gr\u{fc}\u{df}e"]);
    client.expect(text.clone(), text).await;
    let binary = json!(["binary", 1 << 20, true]);
    client.expect(json!(["binary", 1 << 20]), binary).await;
    let (ping, pong) = (json!(["ping", "p"]), json!(["pong", "p"]));
    client.expect(ping, pong).await;
    let closed = json!(["close", 3001, ""]);
    client.expect(json!(["close", 3001, "done"]), closed).await;
    let ended = server.ended().await.unwrap();
    assert_eq!(ended, (3001, "done".to_owned()), "{proxy:?}");

    client.open(&url, &[]).await;
    let closed = json!(["close", 1012, "restart"]);
    client
        .expect(json!(["text", "close 1012 restart"]), closed)
        .await;
    assert_eq!(server.ended().await.unwrap().0, 1012, "{proxy:?}");
    client.open(&url, &[]).await;
    let closed = json!(["close", 1006, ""]);
    client.expect(json!(["text", "drop"]), closed).await;
    client.finish().await;
}

/// A connection lives as long as we ping it, and not without.
async fn cuts_only_silence(proxy: Proxy) {
    let Some(mut client) = Client::start(Library::Ws, None).await else {
        return;
    };
    let idle = Duration::from_secs(6);
    let often = Duration::from_millis(200);
    let server = Server::start(Config::default().ping_after(often)).await;
    let Some((port, program)) = proxy.start(server.address.port(), idle).await else {
        return;
    };
    client.open(&format!("ws://127.0.0.1:{port}/"), &[]).await;
    // Pings for longer than the proxy waits.
    server.hears_more(33 * PONG).await;
    let text = json!(["text", "still here"]);
    client.expect(text.clone(), text).await;
    client.act(json!(["close", 1000, ""])).await;
    let closed = json!(["close", 1000, ""]);
    assert_eq!(client.next_but_pings().await, closed, "{proxy:?}");
    drop(program);

    let mut server = Server::start(Config::default()).await;
    let Some((port, _program)) = proxy.start(server.address.port(), idle).await else {
        return;
    };
    client.open(&format!("ws://127.0.0.1:{port}/"), &[]).await;
    assert_eq!(client.next().await, json!(["close", 1006, ""]), "{proxy:?}");
    match (proxy, server.ended().await) {
        (Proxy::Haproxy, Err(Error::Io(reset))) => {
            assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        }
        (Proxy::Nginx, Ok((1006, _))) => {}
        (_, ended) => panic!("{proxy:?}: {ended:?}"),
    }
    client.finish().await;
}

async fn says_that_nobody_listens(proxy: Proxy) {
    let Some(mut client) = Client::start(Library::Ws, None).await else {
        return;
    };
    let idle = Duration::from_secs(60);
    let Some((port, _program)) = proxy.start(free_port(), idle).await else {
        return;
    };
    let open = json!(["open", format!("ws://127.0.0.1:{port}/"), []]);
    client.expect(open, json!(["refused", proxy.down()])).await;
    client.finish().await;

    match ws::connect(format!("ws://127.0.0.1:{port}/")).await {
        Err(Error::Status(refused)) => assert_eq!(refused.status(), proxy.down()),
        other => panic!("{proxy:?}: {other:?}"),
    }
}
