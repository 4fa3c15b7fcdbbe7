//! Through proxies: squid, microsocks, and scripted ones that misbehave.

use core::time::Duration;
use std::path::Path;

use longwire::Error;
use longwire::http::Config as Serving;
use longwire::net::{ConnectError, Connector, Proxies, Proxy, ProxyError};
use longwire::ws;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use ws_handshake::ResponseError;

use crate::handshake::talk;
use crate::scripted::{Scripted, field, read_head};
use crate::serve;
use crate::support::{Authority, Folder, free_port, microsocks, squid, within};
use crate::tls::{server, trusting};

fn through(proxy: &str) -> Connector {
    Connector::new().proxies(Proxies::all(Proxy::parse(proxy).unwrap()))
}

/// What a proxy said when asked for `url`.
async fn refusal(url: &str, connector: Connector) -> ProxyError {
    match within(
        "the refusal",
        ws::connect(url).connector(connector).into_future(),
    )
    .await
    {
        Err(Error::Connect(ConnectError::Proxy(error))) => error,
        other => panic!("{other:?}"),
    }
}

fn status(error: ProxyError) -> u16 {
    match error {
        ProxyError::Status(response) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

/// Echoes without and with TLS; the host is a name that the proxy looks up.
async fn talk_through(proxy: &str) {
    let (port, _failed) = serve::start(Serving::default()).await;
    let url = format!("ws://localhost:{port}/echo");
    talk(ws::connect(url).connector(through(proxy))).await;

    let authority = Authority::new();
    let serving = Serving::default().tls(server(&authority.server()));
    let (port, _failed) = serve::start(serving).await;
    let url = format!("wss://localhost:{port}/echo");
    let connector = through(proxy).tls(trusting(&authority));
    talk(ws::connect(url).connector(connector)).await;
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# Once a connection to the server has been established (including a connection via a proxy or over
//# a TLS-encrypted tunnel), the client MUST send an opening handshake to the server.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the client is configured to use a proxy when using the WebSocket Protocol to connect to host
//# /host/ and port /port/, then the client SHOULD connect to that proxy and ask it to open a TCP
//# connection to the host given by /host/ and the port given by /port/.
#[tokio::test]
async fn squid_opens_connections_and_says_why_not() {
    let port = free_port();
    let (allowed, nobody) = (free_port(), free_port());
    let directives = format!(
        "http_port 127.0.0.1:{port}
        acl barred port {nobody}
        http_access deny barred
        http_access allow all"
    );
    let Some(_squid) = squid(port, &directives).await else {
        return;
    };
    let proxy = format!("127.0.0.1:{port}");
    talk_through(&proxy).await;
    let barred = format!("ws://127.0.0.1:{nobody}/");
    assert_eq!(status(refusal(&barred, through(&proxy)).await), 403);
    // Nobody listens there.
    let silent = format!("ws://127.0.0.1:{allowed}/");
    assert_eq!(status(refusal(&silent, through(&proxy)).await), 503);
}

#[tokio::test]
async fn squid_asks_for_name_and_password() {
    let helper = Path::new("/usr/lib/squid/basic_ncsa_auth");
    let port = free_port();
    let folder = Folder::new();
    // `secret`, as `openssl passwd -apr1 -salt longwire` writes it.
    let users = folder.write("users", "us er:$apr1$longwire$WBeIVaI7PvZKRvDR34exS1\n");
    let directives = format!(
        "http_port 127.0.0.1:{port}
        auth_param basic program {} {}
        auth_param basic realm test
        acl known proxy_auth REQUIRED
        http_access allow known
        http_access deny all",
        helper.display(),
        users.display(),
    );
    let Some(_squid) = squid(port, &directives).await else {
        return;
    };
    talk_through(&format!("http://us%20er:secret@127.0.0.1:{port}")).await;
    for user_info in ["", "us%20er:wrong@"] {
        let proxy = format!("http://{user_info}127.0.0.1:{port}");
        match refusal("ws://localhost/", through(&proxy)).await {
            ProxyError::Status(response) => {
                assert_eq!(response.status(), 407);
                let challenge = &response.headers()["proxy-authenticate"];
                assert_eq!(challenge, "Basic realm=\"test\"");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn socks_opens_connections_and_says_why_not() {
    let port = free_port();
    let Some(_microsocks) = microsocks(port, &[]).await else {
        return;
    };
    let proxy = format!("socks5://127.0.0.1:{port}");
    talk_through(&proxy).await;
    let nobody = format!("ws://127.0.0.1:{}/", free_port());
    let error = refusal(&nobody, through(&proxy)).await;
    assert!(matches!(error, ProxyError::Refused(5)), "{error:?}");
}

#[tokio::test]
async fn socks_asks_for_name_and_password() {
    let port = free_port();
    let Some(_microsocks) = microsocks(port, &["-u", "us er", "-P", "secret"]).await else {
        return;
    };
    talk_through(&format!("socks5h://us%20er:secret@127.0.0.1:{port}")).await;
    let without = through(&format!("socks5://127.0.0.1:{port}"));
    let error = refusal("ws://localhost/", without).await;
    assert!(matches!(error, ProxyError::Method), "{error:?}");
    let wrong = through(&format!("socks5://us%20er:wrong@127.0.0.1:{port}"));
    let error = refusal("ws://localhost/", wrong).await;
    assert!(matches!(error, ProxyError::Credentials), "{error:?}");
}

#[tokio::test]
async fn tls_to_the_proxy_and_within_it() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tls = server(&authority.server());
    let (target, _failed) = serve::start(Serving::default().tls(tls.clone())).await;
    tokio::spawn(async move {
        let (io, _) = listener.accept().await.unwrap();
        let mut io = tls.accept(io, Duration::from_secs(10)).await.unwrap();
        let mut head = [0; 4096];
        let len = io.read(&mut head).await.unwrap();
        let expected = format!("CONNECT localhost:{target} HTTP/1.1\r\n");
        assert!(head[..len].starts_with(expected.as_bytes()));
        io.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
        let _ = copy_bidirectional(&mut io, &mut server).await;
    });
    let connector = through(&format!("https://localhost:{port}")).tls(trusting(&authority));
    let url = format!("wss://localhost:{target}/echo");
    talk(ws::connect(url).connector(connector)).await;
}

#[tokio::test]
async fn what_a_proxy_is_asked_and_what_it_is_not_told() {
    let proxy = Scripted::start(&["HTTP/1.1 502 x\r\nContent-Length: 0\r\n\r\n"]).await;
    let connector = through(&format!("http://me:mine@127.0.0.1:{}", proxy.port));
    let error = refusal("ws://user:secret@[2001:db8::1]/path", connector).await;
    assert_eq!(status(error), 502);
    let asked = &proxy.asked().await[0];
    assert!(
        asked.starts_with("CONNECT [2001:db8::1]:80 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert_eq!(field(asked, "Host"), Some("[2001:db8::1]:80"));
    assert_eq!(
        field(asked, "Proxy-Authorization"),
        Some("Basic bWU6bWluZQ==")
    );
    assert_eq!(asked.lines().count(), 4, "{asked}");
}

#[tokio::test]
async fn answers_to_connect_that_are_wrong() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n", "x".repeat(20_000));
    for (answer, expected) in [
        (
            "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 x\r\n\r\n",
            ProxyError::Early,
        ),
        (&*endless, ProxyError::Answer(ResponseError::HeadTooLarge)),
        (
            "\x05\x00\r\n\r\n",
            ProxyError::Answer(ResponseError::StatusLine),
        ),
    ] {
        let proxy = Scripted::start(&[answer]).await;
        let connector = through(&format!("127.0.0.1:{}", proxy.port));
        let error = refusal("ws://example.com/", connector).await;
        assert_eq!(error.to_string(), expected.to_string());
    }
}

#[tokio::test]
async fn an_interim_answer_is_not_the_last_word() {
    let proxy = Scripted::start(&["HTTP/1.1 102 x\r\n\r\nHTTP/1.1 504 x\r\n\r\n"]).await;
    let connector = through(&format!("127.0.0.1:{}", proxy.port));
    let error = refusal("ws://example.com/", connector).await;
    assert_eq!(status(error), 504);
}

#[tokio::test]
async fn a_proxy_that_is_silent_gone_or_hangs_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let connector = through(&proxy).connect_within(Duration::from_millis(100));
    let attempt = ws::connect("ws://example.com/").connector(connector);
    let error = within("the deadline", attempt.into_future()).await;
    let deadline = matches!(error, Err(Error::Connect(ConnectError::Deadline)));
    assert!(deadline, "{error:?}");
    drop(listener.accept().await.unwrap());

    for scheme in ["http", "socks5"] {
        let proxy = proxy.replace("http", scheme);
        let (error, ()) = tokio::join!(refusal("ws://example.com/", through(&proxy)), async {
            let (mut io, _) = listener.accept().await.unwrap();
            match scheme {
                "http" => drop(read_head(&mut io).await),
                _ => drop(io.read_exact(&mut [0; 3]).await.unwrap()),
            }
        });
        assert!(matches!(error, ProxyError::Closed), "{error:?}");
    }

    drop(listener);
    let error = refusal("ws://example.com/", through(&proxy)).await;
    match error {
        ProxyError::Connect(error) => assert!(matches!(*error, ConnectError::Tcp(_))),
        other => panic!("{other:?}"),
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the client is not configured to use a proxy, then a direct TCP connection SHOULD be opened to
//# the host given by /host/ and the port given by /port/.
#[tokio::test]
async fn excepted_hosts_are_reached_directly() {
    let (port, _failed) = serve::start(Serving::default()).await;
    // Nobody listens there.
    let proxy = Proxy::parse(&format!("127.0.0.1:{}", free_port())).unwrap();
    let proxies = Proxies::all(proxy).except("example.com, 127.0.0.0/8");
    let connector = Connector::new().proxies(proxies);
    let url = format!("ws://127.0.0.1:{port}/echo");
    talk(ws::connect(url).connector(connector)).await;
}
