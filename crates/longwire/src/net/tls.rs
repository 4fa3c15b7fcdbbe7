//! TLS as a client.

use std::sync::{Arc, LazyLock};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::pem::certified_key;
use super::roots::provider;
use super::{ConnectError, Endpoint, Roots, Stream, TlsError};

/// Whom a client trusts, and who it is. TLS 1.2 and 1.3, by rustls with aws-lc-rs.
///
/// Clones share one store of sessions, from which later connections to the same host resume.
#[derive(Clone, Debug)]
#[must_use]
pub struct Tls {
    config: Arc<ClientConfig>,
}

/// Shared, so that connections made by different connectors resume each other's sessions.
static DEFAULT: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| config(Roots::webpki()));

impl Tls {
    /// Trusts [`Roots::webpki`].
    pub fn new() -> Self {
        Self {
            config: DEFAULT.clone(),
        }
    }

    /// Trusts these authorities and no others.
    pub fn with_roots(roots: Roots) -> Self {
        Self {
            config: config(roots),
        }
    }

    /// Uses a configuration of the caller's. Only its ALPN list is replaced, by what a connection
    /// needs.
    pub const fn with_config(config: Arc<ClientConfig>) -> Self {
        Self { config }
    }

    /// Shows this certificate to servers that ask for one: PEM, the chain from our own certificate
    /// up, and its key. Proxies are not shown it, nor other origins after a redirect.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`], [`TlsError::NoCertificate`], [`TlsError::Rustls`] for a key that is not
    /// supported or not that of the certificate.
    pub fn client_certificate(mut self, chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let identity = certified_key(chain, key, self.config.crypto_provider())?;
        let config = Arc::make_mut(&mut self.config);
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(identity));
        // Sessions begun without the certificate would be resumed without it.
        config.resumption = Resumption::default();
        Ok(self)
    }

    /// The same without our certificate, for those whom it was not meant for.
    pub(super) fn anonymous(&self) -> Self {
        let mut anonymous = self.clone();
        if !self.is_anonymous() {
            let config = Arc::make_mut(&mut anonymous.config);
            config.client_auth_cert_resolver = Arc::new(NoCertificate);
            // A session that is resumed would say who we are.
            config.resumption = Resumption::default();
        }
        anonymous
    }

    /// Whether there is no certificate of ours.
    pub(super) fn is_anonymous(&self) -> bool {
        !self.config.client_auth_cert_resolver.has_certs()
    }

    pub(super) async fn connect(
        &self,
        endpoint: Endpoint<'_>,
        stream: Stream,
    ) -> Result<Stream, ConnectError> {
        let name =
            ServerName::try_from(endpoint.host.to_owned()).map_err(|_| ConnectError::ServerName)?;
        let mut config = self.config.clone();
        let alpn = endpoint.alpn.iter().map(|protocol| protocol.as_bytes());
        if !alpn
            .clone()
            .eq(config.alpn_protocols.iter().map(Vec::as_slice))
        {
            Arc::make_mut(&mut config).alpn_protocols = alpn.map(<[u8]>::to_vec).collect();
        }
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map(Stream::tls)
            .map_err(ConnectError::tls)
    }
}

/// Answers a server that asks for a certificate with none.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

fn config(roots: Roots) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has cipher suites for the default versions")
        .with_root_certificates(roots.into_store())
        .with_no_client_auth();
    Arc::new(config)
}
