//! Redirects: not followed unless asked, and what goes along.

use core::time::Duration;

use bytes::Bytes;
use longwire::Error;
use longwire::http::{Client, Config as Serving};
use longwire::net::{ConnectError, Connector, Roots, ServerTls};
use longwire::sse::{EventSource, EventSourceConfig, EventSourceError, Update};
use longwire::ws::{self, Config};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::scripted::{Scripted, field};
use crate::serve;
use crate::support::{Authority, within};
use crate::tls::{server, trusting};

fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

async fn refused(connect: ws::Connect) -> u16 {
    match connect.await {
        Err(Error::Status(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn not_followed_by_default() {
    let server = Scripted::start(&[&to("/elsewhere")]).await;
    assert_eq!(refused(ws::connect(server.url("/"))).await, 302);
}

#[tokio::test]
async fn the_same_origin_is_told_everything_again() {
    let server = Scripted::start(&[&to("../b?x#y"), &to("http:"), &to("/c"), ""]).await;
    let url = format!("ws://user:secret@127.0.0.1:{}/a/c", server.port);
    let connect = ws::connect(url)
        .header("Cookie", "a=b")
        .protocol("chat")
        .max_redirects(5);
    // `http:` leads nowhere.
    assert_eq!(refused(connect.clone()).await, 302);
    connect.await.unwrap();
    let asked = server.asked().await;
    assert!(
        asked[1].starts_with("GET /b?x HTTP/1.1\r\n"),
        "{}",
        asked[1]
    );
    for head in &asked {
        assert_eq!(field(head, "Authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
        assert_eq!(field(head, "Cookie"), Some("a=b"));
        assert_eq!(field(head, "Sec-WebSocket-Protocol"), Some("chat"));
    }
}

#[tokio::test]
async fn another_origin_is_told_no_secret_nor_is_the_first_one_when_it_comes_back() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = first.local_addr().unwrap();
    let other = Scripted::start(&[&to(&format!("ws://{home}/back"))]).await;
    let away = to(&format!("//eve:hers@127.0.0.1:{}/b", other.port));
    let first = Scripted::on(first, &[&away, ""]);
    ws::connect(format!("ws://user:secret@{home}/"))
        .header("Authorization", "Bearer secret")
        .header("Cookie", "secret")
        .header("X-Api-Key", "secret")
        .header("Last-Event-ID", "secret")
        .header("User-Agent", "test/1")
        .origin("http://example.com")
        .protocol("chat")
        .max_redirects(2)
        .await
        .unwrap();
    let first = first.asked().await;
    assert_eq!(first[0].matches("secret").count(), 4, "{}", first[0]);
    for head in [&other.asked().await[0], &first[1]] {
        assert_eq!(field(head, "User-Agent"), Some("test/1"));
        assert_eq!(field(head, "Sec-WebSocket-Protocol"), Some("chat"));
        assert_eq!(field(head, "Origin"), Some("http://example.com"));
        assert!(!head.contains("secret"), "{head}");
        assert_eq!(field(head, "Authorization"), None);
    }
}

#[tokio::test]
async fn another_origin_is_not_shown_our_certificate() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let (identity, own) = (authority.server(), clients.client());
    let roots = Roots::none().add_pem(clients.certificate().as_bytes());
    let tls = ServerTls::from_pem_for(
        roots.unwrap(),
        identity.certificate.as_bytes(),
        identity.key.as_bytes(),
    );
    let (port, _failed) = serve::start(Serving::default().tls(tls.unwrap())).await;
    let url = format!("wss://localhost:{port}/echo");
    let client = trusting(&authority)
        .client_certificate(own.certificate.as_bytes(), own.key.as_bytes())
        .unwrap();
    let connect = |url| ws::connect(url).connector(Connector::new().tls(client.clone()));
    connect(&url).await.unwrap();

    let elsewhere = Scripted::start(&[&to(&url)]).await;
    let error = connect(&elsewhere.url("/")).max_redirects(1).await;
    let (Err(Error::Io(_)) | Err(Error::Connect(ConnectError::Tls(_)))) = error else {
        panic!("{error:?}");
    };

    // The same for event streams.
    let url = format!("https://localhost:{port}/events");
    let elsewhere = Scripted::start(&[&to(&url)]).await;
    let away = elsewhere.url("/").replace("ws:", "http:");
    for (url, is_shown) in [(&url, true), (&away, false)] {
        let connector = Connector::new().tls(client.clone());
        let config = EventSourceConfig::new().client(Client::with_connector(connector));
        let request = http::Request::get(url).body(Bytes::new()).unwrap();
        let mut source = EventSource::with_config(request, config).unwrap();
        match within("an update", source.next_update()).await {
            // Over HTTP/2 the server answers with other text: it has let us in.
            Some(Err(EventSourceError::Refused(_))) if is_shown => {}
            Some(Ok(Update::Lost { .. })) if !is_shown => {}
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn no_more_than_asked_for() {
    let server = Scripted::start(&[&to("/1"), &to("/2"), &to("/3")]).await;
    let connect = ws::connect(server.url("/")).max_redirects(2);
    assert_eq!(refused(connect).await, 302);
    let asked = server.asked().await;
    assert!(asked[2].starts_with("GET /2 "), "{}", asked[2]);
}

#[tokio::test]
async fn tls_is_not_given_up() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = Scripted::start(&[""]).await;
    let tls = server(&authority.server());
    let answer = to(&plain.url("/"));
    let serving = tokio::spawn(async move {
        let (io, _) = listener.accept().await.unwrap();
        let mut io = tls.accept(io, Duration::from_secs(10)).await.unwrap();
        io.write_all(answer.as_bytes()).await.unwrap();
        io.flush().await.unwrap();
        io
    });
    let connect = ws::connect(format!("wss://localhost:{port}/"))
        .connector(Connector::new().tls(trusting(&authority)))
        .config(Config::default())
        .max_redirects(5);
    assert_eq!(refused(connect).await, 302);
    drop(serving.await.unwrap());
    assert!(!plain.asked.is_finished(), "it was asked");
}
