//! Certificates, and the ways in which TLS ends.

use core::time::Duration;

use longwire::net::rustls::{CertificateError, Error};
use longwire::net::{ConnectError, Connector, Endpoint, Roots, ServerTls, Stream, Tls};
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

#[tokio::test]
async fn a_connection_cut_off_is_an_error_and_no_end() {
    let authority = Authority::new();
    let server = server(&authority.server());
    let (accepted, connected) = shake(server, trusting(&authority), &[]).await;
    // Dropped without close_notify.
    drop(accepted);
    let error = connected.unwrap().read(&mut [0; 4]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
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
