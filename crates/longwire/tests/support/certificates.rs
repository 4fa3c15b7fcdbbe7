//! Certificates made for one test.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::Folder;

/// Signs certificates; trusted by whoever is told so.
#[derive(Debug)]
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
#[derive(Debug)]
pub(crate) struct Identity {
    /// As PEM.
    pub(crate) certificate: String,
    /// As PEM.
    pub(crate) key: String,
    /// As DER.
    pub(crate) certificate_der: Vec<u8>,
    /// As PKCS#8 DER.
    pub(crate) key_der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = named("Longwire test authority", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Its own certificate, as PEM.
    pub(crate) fn certificate(&self) -> String {
        self.0.pem()
    }

    /// Its own certificate, as DER.
    pub(crate) fn certificate_der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A certificate for `localhost` that signed itself.
    pub(crate) fn self_signed() -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = named("server", &["localhost"]).self_signed(&key).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            certificate_der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }

    /// A server's certificate for `localhost` and 127.0.0.1.
    pub(crate) fn server(&self) -> Identity {
        self.server_for(&["localhost", "127.0.0.1"])
    }

    /// A server's certificate for these names and addresses.
    pub(crate) fn server_for(&self, names: &[&str]) -> Identity {
        self.sign(named("server", names), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A server's certificate for `localhost` that was valid in January 2020.
    pub(crate) fn expired_server(&self) -> Identity {
        let mut params = named("server", &["localhost"]);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate.
    pub(crate) fn client(&self) -> Identity {
        self.sign(named("client", &[]), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Identity {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            certificate_der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }
}

impl Identity {
    /// Writes `{name}.crt` and `{name}.key`.
    pub(crate) fn write(&self, folder: &Folder, name: &str) -> (PathBuf, PathBuf) {
        (
            folder.write(&format!("{name}.crt"), &self.certificate),
            folder.write(&format!("{name}.key"), &self.key),
        )
    }
}

fn named(name: &str, subjects: &[&str]) -> CertificateParams {
    let subjects: Vec<String> = subjects.iter().map(|&name| name.into()).collect();
    let mut params = CertificateParams::new(subjects).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
