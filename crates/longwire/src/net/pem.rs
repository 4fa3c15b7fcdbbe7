//! Certificates and keys from PEM.

use core::fmt;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Why certificates or keys cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The system's trusted certificates could not be read; without an error, it has none.
    Native(Option<rustls_native_certs::Error>),
    /// There is no certificate in the text.
    NoCertificate,
    /// The text is not PEM, or has no private key where one is needed.
    Pem(pem::Error),
    /// A certificate or key that rustls does not take.
    Rustls(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native(Some(error)) => {
                write!(f, "the system's certificates could not be read: {error}")
            }
            Self::Native(None) => f.write_str("the system trusts no certificate"),
            Self::NoCertificate => f.write_str("there is no certificate in the PEM text"),
            Self::Pem(error) => write!(f, "the PEM text cannot be used: {error}"),
            Self::Rustls(error) => write!(f, "the certificate or key cannot be used: {error}"),
        }
    }
}

impl core::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Native(error) => error.as_ref().map(|error| error as _),
            Self::NoCertificate => None,
            Self::Pem(error) => Some(error),
            Self::Rustls(error) => Some(error),
        }
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Rustls(error)
    }
}

/// All certificates in `pem`, at least one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(TlsError::Pem)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    Ok(certificates)
}

/// A chain and the key of its first certificate.
pub(super) fn certified_key(
    chain: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Pem)?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}
