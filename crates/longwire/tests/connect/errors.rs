//! What failures say to somebody who reads a log, and what they were caused by.

use core::error::Error as _;
use core::time::Duration;
use std::io;

use longwire::Error;
use longwire::net::{ConnectError, Connector, Proxies, Proxy, ProxyError};
use longwire::ws::{self, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use ws_handshake::{HeaderError, ResponseError, UrlError};

use crate::scripted::Scripted;
use crate::support::{free_port, within};

async fn failure(connect: ws::Connect) -> Error {
    within("the failure", connect.into_future())
        .await
        .unwrap_err()
}

/// Whether an error of this type is right below.
fn caused_by<E: core::error::Error + 'static>(error: &Error) -> bool {
    error.source().is_some_and(|source| source.is::<E>())
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let nobody = free_port();
    let error = failure(ws::connect(format!("ws://127.0.0.1:{nobody}/"))).await;
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(
        error.to_string(),
        format!("no address of the host could be reached: {cause}")
    );
}

#[tokio::test]
async fn a_url_or_a_header_that_cannot_be_sent() {
    let error = failure(ws::connect("ws://")).await;
    assert!(caused_by::<UrlError>(&error), "{error:?}");
    assert!(error.to_string().starts_with("the URL cannot be used: "));
    let error = failure(ws::connect("ws://127.0.0.1:1/").header("no name", "hush")).await;
    assert!(caused_by::<HeaderError>(&error), "{error:?}");
    let shown = error.to_string();
    assert!(
        shown.starts_with(r#"the header "no name" cannot be sent: "#),
        "{shown}"
    );
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn an_answer_that_is_another_or_none() {
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let server = Scripted::start(&[refusal, "SSH-2.0-server\r\n\r\n"]).await;
    let error = failure(ws::connect(server.url("/"))).await;
    assert_eq!(error.to_string(), "the server answered 403 Forbidden");
    assert!(error.source().is_none());
    let error = failure(ws::connect(server.url("/"))).await;
    assert!(caused_by::<ResponseError>(&error), "{error:?}");
    let shown = error.to_string();
    assert!(
        shown.starts_with("the server's answer is wrong: "),
        "{shown}"
    );

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", silent.local_addr().unwrap());
    let config = Config::default().handshake_within(Duration::from_millis(50));
    let error = failure(ws::connect(url).config(config)).await;
    assert_eq!(error.to_string(), "the head was not complete in time");
    assert!(error.source().is_none());
}

#[tokio::test]
async fn a_proxy_that_says_why_not() {
    for (code, reason) in [
        (1, "general failure"),
        (2, "not allowed by its rules"),
        (3, "network unreachable"),
        (4, "host unreachable"),
        (5, "connection refused"),
        (6, "time to live expired"),
        (7, "command not supported"),
        (8, "kind of address not supported"),
        (9, "unknown failure"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("socks5://{}", listener.local_addr().unwrap());
        let proxies = Proxies::all(Proxy::parse(&proxy).unwrap());
        let connector = Connector::new().proxies(proxies);
        let connect = ws::connect("ws://example.com/").connector(connector);
        let (error, ()) = tokio::join!(failure(connect), async {
            let (mut io, _) = listener.accept().await.unwrap();
            let mut greeting = [0; 3];
            io.read_exact(&mut greeting).await.unwrap();
            io.write_all(&[5, 0]).await.unwrap();
            // CONNECT to a name of 11 bytes, and a port.
            let mut request = [0; 4 + 1 + 11 + 2];
            io.read_exact(&mut request).await.unwrap();
            io.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])
                .await
                .unwrap();
        });
        assert_eq!(
            error.to_string(),
            format!("the proxy opened no connection: {reason} (code {code})")
        );
        assert!(caused_by::<ProxyError>(&error));
    }

    // One that is not there: the cause is below the cause.
    let nobody = free_port();
    let proxies = Proxies::all(Proxy::parse(&format!("http://127.0.0.1:{nobody}")).unwrap());
    let connector = Connector::new().proxies(proxies);
    let error = failure(ws::connect("ws://example.com/").connector(connector)).await;
    let proxy = error.source().unwrap();
    let connect = proxy.source().unwrap();
    assert!(connect.is::<Box<ConnectError>>() || connect.is::<ConnectError>());
    let cause = connect.source().unwrap().downcast_ref::<io::Error>();
    assert_eq!(cause.unwrap().kind(), io::ErrorKind::ConnectionRefused);
    let shown = error.to_string();
    assert!(
        shown.starts_with("the proxy opened no connection: it could not be reached: "),
        "{shown}"
    );
}
