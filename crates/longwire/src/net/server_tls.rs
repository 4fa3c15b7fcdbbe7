//! TLS as a server.

use core::time::Duration;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::pem::certified_key;
use super::roots::provider;
use super::{ConnectError, Roots, Stream, TlsError};

/// The certificate of a server, which accepts TLS connections with it. TLS 1.2 and 1.3, by rustls
/// with aws-lc-rs; HTTP/2 and HTTP/1.1 by ALPN.
///
/// Clones share what they hold: a certificate that one [replaces](Self::replace) is that of all.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl ServerTls {
    /// Shows this certificate: PEM, the chain from the server's own certificate up, and its key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`], [`TlsError::NoCertificate`], [`TlsError::Rustls`] for a key that is not
    /// supported or not that of the certificate.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::build(chain, key, None)
    }

    /// The same, for clients that show a certificate issued by `roots`; others are refused.
    ///
    /// # Errors
    ///
    /// As for [`from_pem`](Self::from_pem); [`TlsError::NoCertificate`] if `roots` has none.
    pub fn from_pem_for(roots: Roots, chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::build(chain, key, Some(roots))
    }

    /// Uses a configuration of the caller's as it is, its ALPN list included.
    #[must_use]
    pub fn with_config(config: Arc<ServerConfig>) -> Self {
        Self {
            config: Arc::new(RwLock::new(config)),
        }
    }

    /// Shows this certificate from the next connection on. Connections that are open, and the
    /// other settings, stay as they are.
    ///
    /// # Errors
    ///
    /// As for [`from_pem`](Self::from_pem); then nothing is changed.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let mut config = ServerConfig::clone(&self.current());
        let identity = certified_key(chain, key, config.crypto_provider())?;
        config.cert_resolver = Arc::new(SingleCertAndKey::from(identity));
        let mut current = self.config.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(config);
        Ok(())
    }

    /// Shakes hands; `within` bounds the time it takes.
    ///
    /// # Errors
    ///
    /// [`ConnectError::TlsDeadline`], [`ConnectError::Tls`], [`ConnectError::Io`]. The connection
    /// is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn accept(&self, io: TcpStream, within: Duration) -> Result<Stream, ConnectError> {
        let accept = TlsAcceptor::from(self.current()).accept(Stream::from(io));
        timeout(within, accept)
            .await
            .map_err(|_| ConnectError::TlsDeadline)?
            .map(Stream::tls)
            .map_err(ConnectError::tls)
    }

    fn current(&self) -> Arc<ServerConfig> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        config.clone()
    }

    fn build(chain: &[u8], key: &[u8], clients: Option<Roots>) -> Result<Self, TlsError> {
        let provider = provider();
        let identity = certified_key(chain, key, &provider)?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let roots = Arc::new(roots.into_store());
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                    .build()
                    .map_err(|_| TlsError::NoCertificate)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        config.alpn_protocols = ALPN.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Self::with_config(Arc::new(config)))
    }
}

/// What a server can be asked to speak.
const ALPN: &[&str] = &[
    #[cfg(feature = "http2")]
    "h2",
    "http/1.1",
];
