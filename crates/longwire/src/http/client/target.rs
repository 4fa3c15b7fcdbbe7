//! Where a request goes.

#[cfg(feature = "http2")]
use http::uri::Scheme;
use http::uri::{Authority, PathAndQuery, Uri};

#[cfg(feature = "http2")]
use super::RequestError;
use crate::net::Endpoint;

/// The parts of an absolute URI that say where a request goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) secure: bool,
    /// Without userinfo.
    pub(super) authority: Authority,
    pub(super) path: PathAndQuery,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let secure = match uri.scheme()?.as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        let authority = match authority.as_str().rsplit_once('@') {
            Some((_, host)) => host.parse().ok()?,
            None => authority.clone(),
        };
        let path = uri.path_and_query().cloned();
        Some(Self {
            secure,
            authority,
            path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }

    pub(super) fn host(&self) -> &str {
        let host = self.authority.host();
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        address.unwrap_or(host)
    }

    pub(super) fn port(&self) -> u16 {
        let default = if self.secure { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    pub(super) fn endpoint(&self) -> Endpoint<'_> {
        if !self.secure {
            return Endpoint::tcp(self.host(), self.port());
        }
        let alpn: &[&str] = if cfg!(feature = "http2") {
            &["h2", "http/1.1"]
        } else {
            &["http/1.1"]
        };
        Endpoint::tls(self.host(), self.port()).alpn(alpn)
    }

    /// The target as HTTP/2 has it.
    #[cfg(feature = "http2")]
    pub(super) fn absolute(&self) -> Result<Uri, RequestError> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if self.secure {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        });
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(self.path.clone());
        Uri::from_parts(parts).map_err(|_| RequestError::Url)
    }
}
