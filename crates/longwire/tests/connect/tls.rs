//! Certificates, and the ways in which TLS ends.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use longwire::net::rustls::pki_types::ServerName;
use longwire::net::rustls::{
    self, CertificateError, ClientConfig, ClientConnection, Error, RootCertStore,
};
use longwire::net::{ConnectError, Connector, Endpoint, Roots, ServerTls, Stream, Tls, TlsError};
use longwire::ws;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Authority, Identity};

const SOON: Duration = Duration::from_secs(10);

/// A server that accepts one connection, and the port it listens on.
async fn serve(tls: ServerTls) -> (u16, impl Future<Output = Result<Stream, ConnectError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = async move {
        let (io, _) = listener.accept().await.unwrap();
        tls.accept(io, SOON).await
    };
    (port, accepted)
}

pub(crate) fn server(identity: &Identity) -> ServerTls {
    ServerTls::from_pem(identity.certificate.as_bytes(), identity.key.as_bytes()).unwrap()
}

pub(crate) fn trusting(authority: &Authority) -> Tls {
    Tls::with_roots(
        Roots::none()
            .add_pem(authority.certificate().as_bytes())
            .unwrap(),
    )
}

/// Both ends of the attempt to reach `localhost`.
async fn shake(
    server: ServerTls,
    client: Tls,
    alpn: &[&str],
) -> (Result<Stream, ConnectError>, Result<Stream, ConnectError>) {
    let (port, accepted) = serve(server).await;
    let connector = Connector::new().tls(client);
    let endpoint = Endpoint::tls("localhost", port).alpn(alpn);
    tokio::join!(accepted, connector.connect(endpoint))
}

async fn refused(server: ServerTls, client: Tls) -> Error {
    match shake(server, client, &[]).await.1 {
        Err(ConnectError::Tls(error)) => error,
        other => panic!("{other:?}"),
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# Otherwise, all further communication on this channel MUST run through the encrypted tunnel
//# [RFC5246].
#[tokio::test]
async fn bytes_both_ways_and_the_protocol_agreed_on() {
    let authority = Authority::new();
    let server = server(&authority.server());
    let (accepted, connected) = shake(server, trusting(&authority), &["other", "http/1.1"]).await;
    let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
    assert_eq!(connected.alpn(), Some(&b"http/1.1"[..]));
    assert_eq!(accepted.alpn(), Some(&b"http/1.1"[..]));
    assert!(connected.is_secure());
    connected.write_all(b"ping").await.unwrap();
    connected.flush().await.unwrap();
    let mut bytes = [0; 4];
    accepted.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ping");
    connected.shutdown().await.unwrap();
    assert_eq!(accepted.read(&mut bytes).await.unwrap(), 0, "a clean end");
}

/// How the client's read ends when the server has ended the connection in this way.
async fn ended(end: impl AsyncFnOnce(Stream)) -> io::Result<usize> {
    let authority = Authority::new();
    let server = server(&authority.server());
    let (accepted, connected) = shake(server, trusting(&authority), &[]).await;
    end(accepted.unwrap()).await;
    connected.unwrap().read(&mut [0; 4]).await
}

#[tokio::test]
async fn a_connection_cut_off_is_an_error_and_no_end() {
    let clean = ended(async |mut stream: Stream| stream.shutdown().await.unwrap()).await;
    assert_eq!(clean.unwrap(), 0);
    let cut = ended(async |stream| drop(stream)).await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    let reset = ended(async |stream: Stream| stream.tcp().set_zero_linger().unwrap()).await;
    assert_eq!(reset.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.2.1
//= type=test
//# If at any point the underlying transport layer connection is unexpectedly lost, the client MUST
//# _Fail the WebSocket Connection_.
#[tokio::test]
async fn a_web_socket_cut_off_is_an_error_and_no_end() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://localhost:{}/", listener.local_addr().unwrap().port());
    let tls = server(&authority.server());
    let connector = Connector::new().tls(trusting(&authority));
    let (socket, ()) = tokio::join!(ws::connect(url).connector(connector).into_future(), async {
        let (io, _) = listener.accept().await.unwrap();
        let io = tls.accept(io, SOON).await.unwrap();
        let accepted = ws::accept(io, ws::Config::default(), |accept| Ok(accept)).await;
        accepted.unwrap().send("the last word").await.unwrap();
    });
    let mut socket = socket.unwrap();
    let message = socket.recv().await.unwrap().unwrap();
    assert_eq!(message, "the last word".into());
    match socket.recv().await {
        Some(Err(longwire::Error::Io(error))) => {
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(socket.closed().code(), ws::CloseCode::ABNORMAL);
}

/// rustls alone, whose first flight is sent in records of one byte each.
#[tokio::test]
async fn a_client_hello_in_as_many_records_as_it_has_bytes() {
    let authority = Authority::new();
    let (port, accepted) = serve(server(&authority.server())).await;
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate_der().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let talk = async {
        let mut io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut out = Vec::new();
        client.write_tls(&mut out).unwrap();
        let (head, hello) = out.split_at(5);
        assert_eq!(
            usize::from(u16::from_be_bytes([head[3], head[4]])),
            hello.len()
        );
        let split: Vec<u8> = hello
            .iter()
            .flat_map(|&byte| [22, 3, 1, 0, 1, byte])
            .collect();
        io.write_all(&split).await.unwrap();
        while client.is_handshaking() {
            let mut buf = Vec::new();
            assert_ne!(io.read_buf(&mut buf).await.unwrap(), 0);
            let mut input = &buf[..];
            while !input.is_empty() {
                client.read_tls(&mut input).unwrap();
                client.process_new_packets().unwrap();
            }
            let mut out = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut out).unwrap();
            }
            io.write_all(&out).await.unwrap();
        }
        io
    };
    let (accepted, _io) = tokio::join!(accepted, talk);
    accepted.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_the_handshake() {
    // close_notify; an empty record; no TLS at all.
    for bytes in [
        &b"\x15\x03\x03\x00\x02\x01\x00"[..],
        b"\x16\x03\x01\x00\x00",
        b"GET ",
    ] {
        let (port, accepted) = serve(server(&Authority::new().server())).await;
        let (accepted, ()) = tokio::join!(accepted, async {
            let mut io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            io.write_all(bytes).await.unwrap();
        });
        let refused = matches!(accepted, Err(ConnectError::Tls(_) | ConnectError::Io(_)));
        assert!(refused, "{bytes:?}: {accepted:?}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let error = refused(
        server(&authority.server_for(&["other.test"])),
        trusting(&authority),
    )
    .await;
    let wrong_name = matches!(
        error,
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })
    );
    assert!(wrong_name, "{error:?}");
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let expired = authority.expired_server();
    let error = refused(server(&expired), trusting(&authority)).await;
    let is_expired = matches!(
        error,
        Error::InvalidCertificate(CertificateError::ExpiredContext { .. })
    );
    assert!(is_expired, "{error:?}");
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If this fails (e.g., the server's certificate could not be verified), then the client MUST _Fail
//# the WebSocket Connection_ and abort the connection.
#[tokio::test]
async fn an_unknown_issuer_is_refused() {
    let server = server(&Authority::new().server());
    let error = refused(server.clone(), Tls::new()).await;
    assert_eq!(error, CertificateError::UnknownIssuer.into());
    // An authority of the same name with another key.
    let error = refused(server, trusting(&Authority::new())).await;
    assert_eq!(error, CertificateError::BadSignature.into());
}

#[tokio::test]
async fn a_client_shows_its_certificate_to_a_server_that_asks() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let identity = authority.server();
    let server = ServerTls::from_pem_for(
        Roots::none()
            .add_pem(clients.certificate().as_bytes())
            .unwrap(),
        identity.certificate.as_bytes(),
        identity.key.as_bytes(),
    )
    .unwrap();
    let (accepted, connected) = shake(server.clone(), trusting(&authority), &[]).await;
    assert!(
        matches!(accepted, Err(ConnectError::Tls(_))),
        "{accepted:?}"
    );
    // Over TLS 1.3 the client hears of it only with its first read.
    assert!(connected.unwrap().read(&mut [0; 4]).await.is_err());

    let own = clients.client();
    let client = trusting(&authority)
        .client_certificate(own.certificate.as_bytes(), own.key.as_bytes())
        .unwrap();
    let (accepted, connected) = shake(server, client, &[]).await;
    accepted.unwrap();
    connected.unwrap();
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_to_the_next_client() {
    let (first, second) = (Authority::new(), Authority::new());
    let server = server(&first.server());
    let next = second.server();
    let wrong = server.replace(next.certificate.as_bytes(), first.server().key.as_bytes());
    assert!(wrong.is_err(), "the key of another certificate");
    shake(server.clone(), trusting(&first), &[])
        .await
        .1
        .unwrap();
    server
        .clone()
        .replace(next.certificate.as_bytes(), next.key.as_bytes())
        .unwrap();
    shake(server, trusting(&second), &[]).await.1.unwrap();
}

#[tokio::test]
async fn a_handshake_that_nobody_answers_ends_at_its_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connector = Connector::new().tls_within(Duration::from_millis(50));
    let error = connector.connect(Endpoint::tls("localhost", port)).await;
    assert!(matches!(error, Err(ConnectError::TlsDeadline)), "{error:?}");

    // Nor does the server wait for longer; the first in the queue is the client from above.
    let _client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    listener.accept().await.unwrap();
    let (io, _) = listener.accept().await.unwrap();
    let server = server(&Authority::new().server());
    let error = server.accept(io, Duration::from_millis(50)).await;
    assert!(matches!(error, Err(ConnectError::TlsDeadline)), "{error:?}");
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connector = Connector::new();
    let (error, ()) = tokio::join!(connector.connect(Endpoint::tls("localhost", port)), async {
        let (mut io, _) = listener.accept().await.unwrap();
        io.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    });
    assert!(matches!(error, Err(ConnectError::Tls(_))), "{error:?}");
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# Clients MUST use the Server Name Indication extension in the TLS handshake [RFC6066].
#[tokio::test]
async fn the_name_of_the_server_is_indicated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connector = Connector::new();
    let connect = connector.connect(Endpoint::tls("localhost", port));
    let indicated = async {
        let (mut io, _) = listener.accept().await.unwrap();
        let mut acceptor = rustls::server::Acceptor::default();
        loop {
            let mut bytes = [0; 4096];
            let len = io.read(&mut bytes).await.unwrap();
            acceptor.read_tls(&mut &bytes[..len]).unwrap();
            if let Some(accepted) = acceptor.accept().map_err(|(error, _)| error).unwrap() {
                return accepted.client_hello().server_name().map(str::to_owned);
            }
        }
    };
    let (connected, indicated) = tokio::join!(connect, indicated);
    assert_eq!(indicated.as_deref(), Some("localhost"));
    assert!(connected.is_err(), "nobody finished the handshake");
}

/// A wrong file is told apart from a broken one when it is loaded, not when somebody connects.
#[test]
fn what_is_no_certificate_or_key_is_said() {
    let identity = Authority::new().server();
    let (certificate, key) = (identity.certificate.as_bytes(), identity.key.as_bytes());
    let cut = &certificate[..certificate.len() / 2];
    let der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let trusted = |pem: &[u8]| Roots::none().add_pem(pem).unwrap_err();
    assert!(matches!(trusted(b""), TlsError::NoCertificate));
    assert!(matches!(trusted(key), TlsError::NoCertificate));
    assert!(matches!(trusted(cut), TlsError::Pem(_)));
    assert!(matches!(trusted(der), TlsError::Rustls(_)));
    let served = |certificate, key| ServerTls::from_pem(certificate, key).unwrap_err();
    assert!(matches!(served(key, key), TlsError::NoCertificate));
    assert!(matches!(served(certificate, certificate), TlsError::Pem(_)));
    let other = Authority::new().server();
    let mixed = served(certificate, other.key.as_bytes());
    assert!(matches!(mixed, TlsError::Rustls(_)), "{mixed}");
    // What is shown says which, and the error below can be had.
    assert!(trusted(b"").to_string().contains("no certificate"));
    assert!(trusted(cut).to_string().contains("PEM"));
    for error in [trusted(cut), mixed] {
        let source = core::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().ends_with(&source), "{error}");
    }
}
