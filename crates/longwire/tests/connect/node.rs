//! Node's TLS at the other end, with certificates good and bad.

use longwire::Error;
use longwire::net::rustls::{self, CertificateError};
use longwire::net::{ConnectError, Connector, Roots, Tls};
use longwire::ws::{self, Message};
use serde_json::json;

use crate::support::{Authority, Folder, Identity, Program, Tool, within};
use crate::tls::trusting;

/// Node with ws, showing `identity`; the port it listens on.
async fn node(identity: &Identity, clients: Option<&Authority>) -> Option<(Program, u16)> {
    let [node] = Tool::find([Tool::Node])?;
    let folder = Folder::new();
    let (certificate, key) = identity.write(&folder, "server");
    let authority = clients.map(|clients| folder.write("clients.crt", clients.certificate()));
    let options = json!({ "certificate": certificate, "key": key, "authority": authority });
    let mut program = Program::script(node, "connect/node/tls_server.mjs", [options.to_string()]);
    let port = program.line().await.unwrap().parse().unwrap();
    // It has read its files.
    Some((program, port))
}

fn connect(port: u16, tls: Tls) -> ws::Connect {
    ws::connect(format!("wss://localhost:{port}/")).connector(Connector::new().tls(tls))
}

async fn refused(port: u16, tls: Tls) -> rustls::Error {
    match within("the refusal", connect(port, tls).into_future()).await {
        Err(Error::Connect(ConnectError::Tls(error))) => error,
        other => panic!("{other:?}"),
    }
}

/// Who Node says that we are; then an echo of many TLS records.
async fn greeted(port: u16, tls: Tls) -> Message {
    let mut socket = within("the socket", connect(port, tls).into_future())
        .await
        .unwrap();
    let greeting = within("the greeting", socket.recv())
        .await
        .unwrap()
        .unwrap();
    let large = Message::from(vec![7; 1 << 20]);
    socket.send(&large).await.unwrap();
    let echo = within("the echo", socket.recv()).await.unwrap().unwrap();
    assert!(echo == large);
    greeting
}

#[tokio::test]
async fn trusted_and_not_trusted() {
    let authority = Authority::new();
    let Some((_node, port)) = node(&authority.server(), None).await else {
        return;
    };
    assert_eq!(
        greeted(port, trusting(&authority)).await,
        "hello nobody".into()
    );
    assert_eq!(
        refused(port, Tls::new()).await,
        CertificateError::UnknownIssuer.into()
    );
    let system = Tls::with_roots(Roots::native().unwrap());
    assert_eq!(
        refused(port, system).await,
        CertificateError::UnknownIssuer.into()
    );
}

#[tokio::test]
async fn for_another_host() {
    let authority = Authority::new();
    let identity = authority.server_for(&["other.test", "127.0.0.2"]);
    let Some((_node, port)) = node(&identity, None).await else {
        return;
    };
    let error = refused(port, trusting(&authority)).await;
    let expected = CertificateError::NotValidForName;
    let is_name = matches!(&error, rustls::Error::InvalidCertificate(found)
        if *found == expected || matches!(found, CertificateError::NotValidForNameContext { .. }));
    assert!(is_name, "{error:?}");
}

#[tokio::test]
async fn expired() {
    let authority = Authority::new();
    let Some((_node, port)) = node(&authority.expired_server(), None).await else {
        return;
    };
    let error = refused(port, trusting(&authority)).await;
    let is_expired = matches!(
        &error,
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. }
        )
    );
    assert!(is_expired, "{error:?}");
}

#[tokio::test]
async fn signed_by_itself() {
    let Some((_node, port)) = node(&Authority::self_signed(), None).await else {
        return;
    };
    let error = refused(port, Tls::new()).await;
    assert!(
        matches!(error, rustls::Error::InvalidCertificate(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_client_certificate_demanded() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let Some((_node, port)) = node(&authority.server(), Some(&clients)).await else {
        return;
    };
    let own = clients.client();
    let (certificate, key) = (own.certificate.as_bytes(), own.key.as_bytes());
    let tls = trusting(&authority).client_certificate(certificate, key);
    assert_eq!(greeted(port, tls.unwrap()).await, "hello client".into());

    // Over TLS 1.3 the server's refusal comes after our part of the handshake is done.
    let error = within(
        "the refusal",
        connect(port, trusting(&authority)).into_future(),
    )
    .await;
    let alert = match error {
        Err(Error::Connect(ConnectError::Tls(error))) => error.to_string(),
        Err(Error::Io(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(alert.contains("CertificateRequired"), "{alert}");
}
