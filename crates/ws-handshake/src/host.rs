//! Which names a server answers to: the defence against DNS rebinding.

use crate::InvalidOrigin;
use crate::authority::{Authority, ipv6};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

/// Why a request is not served, by [`OriginPolicy`](crate::OriginPolicy) or [`HostPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Forbidden {
    /// There is no `Origin`, and `Sec-Fetch-Site` says that a page of another site asks.
    CrossSite,
    /// The request is for a name that this server does not answer to.
    Host,
    /// A cookie authenticates the request, but it does not say which page sent it.
    MissingOrigin,
    /// The `Origin` is not allowed, not an origin, or repeated.
    Origin,
}

impl Forbidden {
    /// The HTTP status that says it: 421 for [`Host`](Self::Host), else 403.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Host => 421,
            _ => 403,
        }
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CrossSite => "a page of another site asks",
            Self::Host => "this server does not answer to that name",
            Self::MissingOrigin => "a request with a cookie must name its origin",
            Self::Origin => "the origin is not allowed",
        })
    }
}

impl core::error::Error for Forbidden {}

/// The names that a server answers to.
///
/// A server on a loopback address needs [`loopback`](Self::loopback): without it any page can give
/// its own name the address 127.0.0.1 and is then of the same origin.
///
/// ```
/// use ws_handshake::HostPolicy;
///
/// let policy = HostPolicy::loopback().allow("hub.internal:8080")?;
/// assert!(policy.check(Some("localhost:8080")).is_ok());
/// assert!(policy.check(Some("127.0.0.1:8080")).is_ok());
/// assert!(policy.check(Some("hub.internal:8080")).is_ok());
/// assert!(policy.check(Some("evil.example:8080")).is_err());
/// # Ok::<(), ws_handshake::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPolicy {
    any: bool,
    loopback: bool,
    list: Vec<(String, Option<u16>)>,
}

impl HostPolicy {
    /// Every name.
    #[must_use]
    pub const fn any() -> Self {
        Self {
            any: true,
            loopback: false,
            list: Vec::new(),
        }
    }

    /// `localhost`, the addresses 127.0.0.0/8 and `[::1]`, with any port.
    #[must_use]
    pub const fn loopback() -> Self {
        Self {
            any: false,
            loopback: true,
            list: Vec::new(),
        }
    }

    /// Only the names that [`allow`](Self::allow) adds.
    #[must_use]
    pub const fn listed() -> Self {
        Self {
            any: false,
            loopback: false,
            list: Vec::new(),
        }
    }

    /// Allows one more name: `host` with any port, or `host:port` with this one alone.
    ///
    /// # Errors
    ///
    /// [`InvalidOrigin`] if it is not of this form, or has a star: there are no patterns.
    pub fn allow(mut self, host: &str) -> Result<Self, InvalidOrigin> {
        let authority = Authority::parse(host).ok_or(InvalidOrigin)?;
        if authority.host.contains('*') {
            return Err(InvalidOrigin);
        }
        self.list
            .push((authority.host.to_ascii_lowercase(), authority.port));
        Ok(self)
    }

    /// Whether a request for `host` is served: the `Host` field or `:authority`, as
    /// [`RequestHead::host`](crate::RequestHead::host) gives it.
    ///
    /// # Errors
    ///
    /// [`Forbidden::Host`] if not, or if there is none.
    pub fn check(&self, host: Option<&str>) -> Result<(), Forbidden> {
        if self.any {
            return Ok(());
        }
        let authority = host.and_then(Authority::parse).ok_or(Forbidden::Host)?;
        let listed = self.list.iter().any(|(host, port)| {
            authority.same_host(host) && port.is_none_or(|port| authority.port == Some(port))
        });
        if listed || (self.loopback && is_loopback(authority.host)) {
            Ok(())
        } else {
            Err(Forbidden::Host)
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
        || ipv6(host).is_some_and(|address| address.is_loopback())
}
