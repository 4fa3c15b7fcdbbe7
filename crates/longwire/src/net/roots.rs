//! Who is trusted.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use super::TlsError;
use super::pem::certificates;

/// The authorities whose certificates are trusted.
#[derive(Clone, Debug)]
#[must_use]
pub struct Roots(RootCertStore);

impl Roots {
    /// Mozilla's list, compiled in.
    pub fn webpki() -> Self {
        let mut store = RootCertStore::empty();
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Self(store)
    }

    /// What the system trusts, read now.
    ///
    /// # Errors
    ///
    /// [`TlsError::Native`] if the system has none that can be read.
    pub fn native() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(found.certs);
        if added > 0 {
            return Ok(Self(store));
        }
        Err(TlsError::Native(found.errors.into_iter().next()))
    }

    /// Nobody, until some are [added](Self::add_pem).
    pub fn none() -> Self {
        Self(RootCertStore::empty())
    }

    /// Trusts these certificates too, PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`], [`TlsError::NoCertificate`], [`TlsError::Rustls`] for one that is no
    /// authority's.
    pub fn add_pem(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        for certificate in certificates(pem)? {
            self.0.add(certificate)?;
        }
        Ok(self)
    }

    pub(super) fn into_store(self) -> RootCertStore {
        self.0
    }
}

/// Given to each configuration: no default of the process is set or used.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
