//! The fixtures themselves: each program starts with the least configuration, and says something.

use core::net::Ipv4Addr;
use std::io::{ErrorKind, Read};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    Authority, Page, cut, free_port, haproxy, in_own_network, mend, nghttpx, nginx, squid, within,
};

/// The answer to one request, to the end of the stream.
async fn get(port: u16, target: &str) -> String {
    let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    let request = format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    io.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("the answer", io.read_to_string(&mut answer))
        .await
        .unwrap();
    answer
}

#[tokio::test]
async fn proxies_start_and_answer() {
    let port = free_port();
    let servers = format!("server {{ listen 127.0.0.1:{port}; return 204; }}");
    if let Some(_nginx) = nginx(port, &servers).await {
        let answer = get(port, "/").await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
    let port = free_port();
    let sections = format!(
        "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
         frontend front\n bind 127.0.0.1:{port}\n http-request return status 200"
    );
    if let Some(_haproxy) = haproxy(port, &sections).await {
        let answer = get(port, "/").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let port = free_port();
    let directives = format!("http_port 127.0.0.1:{port}\nhttp_access deny all");
    if let Some(_squid) = squid(port, &directives).await {
        let answer = get(port, "http://127.0.0.1:1/").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    let (port, nobody) = (free_port(), free_port());
    let frontend = format!("--frontend=127.0.0.1,{port};no-tls");
    let backend = format!("--backend=127.0.0.1,{nobody}");
    if let Some(_nghttpx) = nghttpx(port, &[&frontend, &backend]).await {
        let answer = get(port, "/").await;
        assert!(
            answer.contains(" 502 ") || answer.contains(" 503 "),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_page_runs_in_a_browser() {
    let Some(mut page) = Page::start().await else {
        return;
    };
    assert_eq!(page.evaluate("Promise.resolve(6 * 7)").await, 42);
    page.close().await;
}

#[test]
fn certificates_are_made() {
    let authority = Authority::new();
    let (server, client) = (authority.server(), authority.client());
    for pem in [
        authority.certificate(),
        server.certificate,
        client.certificate,
    ] {
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    }
}

#[tokio::test]
async fn a_network_is_cut_and_mended() {
    if !in_own_network("fixtures::a_network_is_cut_and_mended") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    cut(address.port());
    client.write_all(b"late").await.unwrap();
    // What was sent was taken, and lost; the kernel sends it again until that helps.
    let mut bytes = [0; 4];
    let mut waited = server.into_std().unwrap();
    let nothing = waited.read(&mut bytes).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    mend();
    server = TcpStream::from_std(waited).unwrap();
    within("what was lost", server.read_exact(&mut bytes))
        .await
        .unwrap();
    assert_eq!(&bytes, b"late");
}
