//! Who may ask from a browser: Origin rules, for WebSocket and for any other request.

use crate::Forbidden;
use crate::authority::Authority;
use crate::grammar::ascii;
use crate::known::Once;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The scheme that a client used to reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the two schemes of HTTP")]
pub enum Scheme {
    /// Without TLS; port 80 if none is named.
    Http,
    /// With TLS; port 443 if none is named.
    Https,
}

/// What a request says about who started it: a page of which origin, and whether its cookies
/// matter.
#[derive(Clone, Copy, Debug)]
pub struct Initiator<'a> {
    scheme: Scheme,
    host: Option<&'a str>,
    origin: Once<'a>,
    fetch_site: Once<'a>,
    cookie: bool,
}

impl<'a> Initiator<'a> {
    /// For a request to `host` (`host[:port]`: the `Host` field or `:authority`) that was sent
    /// with `scheme`. `origin` and `fetch_site` are the values of the `Origin` and
    /// `Sec-Fetch-Site` fields; of several `Origin` fields none can be trusted: refuse them, as
    /// [`RequestHead::initiator`](crate::RequestHead::initiator) does.
    #[must_use]
    pub const fn new(
        scheme: Scheme,
        host: Option<&'a str>,
        origin: Option<&'a [u8]>,
        fetch_site: Option<&'a [u8]>,
    ) -> Self {
        let origin = match origin {
            Some(origin) => Once::Value(origin),
            None => Once::Never,
        };
        let fetch_site = match fetch_site {
            Some(site) => Once::Value(site),
            None => Once::Never,
        };
        Self::of(scheme, host, origin, fetch_site)
    }

    pub(crate) const fn of(
        scheme: Scheme,
        host: Option<&'a str>,
        origin: Once<'a>,
        fetch_site: Once<'a>,
    ) -> Self {
        Self {
            scheme,
            host,
            origin,
            fetch_site,
            cookie: false,
        }
    }

    /// Says whether a cookie authenticates this request, and it opens a WebSocket or changes
    /// something (POST). Such a request must name its origin: the browser adds the cookie whoever
    /// wrote the page. Default: no.
    #[must_use]
    pub const fn with_cookie(mut self, cookie: bool) -> Self {
        self.cookie = cookie;
        self
    }

    /// Whether the browser says that a page of another site started it.
    fn is_cross_site(&self) -> bool {
        match self.fetch_site {
            Once::Never => false,
            Once::Value(site) => site.eq_ignore_ascii_case(b"cross-site"),
            Once::Repeated => true,
        }
    }
}

/// Which origins may ask. The default is [`same_origin`](Self::same_origin).
///
/// An `Origin` that is there must be allowed. A request without one comes from no page, or is a
/// plain GET of the same origin, and passes, unless a cookie authenticates it
/// ([`Initiator::with_cookie`]) or `Sec-Fetch-Site` is `cross-site`.
///
/// ```
/// use ws_handshake::{Initiator, OriginPolicy, Scheme};
///
/// let policy = OriginPolicy::same_origin().allow("https://app.example.com")?;
/// let from = |origin| Initiator::new(Scheme::Https, Some("hub.example.com"), origin, None);
/// assert!(policy.check(&from(Some(b"https://hub.example.com"))).is_ok());
/// assert!(policy.check(&from(Some(b"https://app.example.com"))).is_ok());
/// assert!(policy.check(&from(Some(b"https://app.example.com.evil.com"))).is_err());
/// assert!(policy.check(&from(None)).is_ok());
/// assert!(policy.check(&from(None).with_cookie(true)).is_err());
/// # Ok::<(), ws_handshake::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPolicy {
    any: bool,
    same_origin: bool,
    null: bool,
    list: Vec<Origin>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Default for OriginPolicy {
    fn default() -> Self {
        Self::same_origin()
    }
}

impl OriginPolicy {
    /// Everyone may ask, with or without an origin. Only for what any page may know and do.
    #[must_use]
    pub const fn any() -> Self {
        Self {
            any: true,
            same_origin: false,
            null: false,
            list: Vec::new(),
        }
    }

    /// Pages of the origin that the request is sent to: same scheme, host and port.
    #[must_use]
    pub const fn same_origin() -> Self {
        Self {
            any: false,
            same_origin: true,
            null: false,
            list: Vec::new(),
        }
    }

    /// Only the origins that [`allow`](Self::allow) adds.
    #[must_use]
    pub const fn listed() -> Self {
        Self {
            any: false,
            same_origin: false,
            null: false,
            list: Vec::new(),
        }
    }

    /// Allows one more origin: `scheme://host[:port]`, or `null`, which stands for every page
    /// without an origin of its own, sandboxed and local ones among them.
    ///
    /// Scheme and host compare in any case, a missing port is the default one of `http` and
    /// `https`. Hosts are written in ASCII (`xn--`), as browsers send them. There are no
    /// patterns, and a star is refused.
    ///
    /// # Errors
    ///
    /// [`InvalidOrigin`] if it is not of this form; a path, even `/`, does not belong.
    pub fn allow(mut self, origin: &str) -> Result<Self, InvalidOrigin> {
        if origin == "null" {
            self.null = true;
            return Ok(self);
        }
        let (scheme, authority) = parse(origin).ok_or(InvalidOrigin)?;
        if authority.host.contains('*') {
            return Err(InvalidOrigin);
        }
        self.list.push(Origin {
            scheme: scheme.to_ascii_lowercase(),
            host: authority.host.to_ascii_lowercase(),
            port: port(scheme, authority),
        });
        Ok(self)
    }

    /// Whether the request may go on.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] says why not; answer with [`Forbidden::status`].
    pub fn check(&self, initiator: &Initiator<'_>) -> Result<(), Forbidden> {
        if self.any {
            return Ok(());
        }
        let origin = match initiator.origin {
            Once::Value(origin) => origin,
            Once::Repeated => return Err(Forbidden::Origin),
            Once::Never if initiator.is_cross_site() => return Err(Forbidden::CrossSite),
            Once::Never if initiator.cookie => return Err(Forbidden::MissingOrigin),
            Once::Never => return Ok(()),
        };
        if self.allows(ascii(origin), initiator) {
            Ok(())
        } else {
            Err(Forbidden::Origin)
        }
    }

    fn allows(&self, origin: &str, initiator: &Initiator<'_>) -> bool {
        if origin == "null" {
            return self.null;
        }
        let Some((scheme, authority)) = parse(origin) else {
            return false;
        };
        let port = port(scheme, authority);
        let is_own = || {
            let own = match initiator.scheme {
                Scheme::Http => "http",
                Scheme::Https => "https",
            };
            initiator
                .host
                .and_then(Authority::parse)
                .is_some_and(|target| {
                    scheme.eq_ignore_ascii_case(own)
                        && authority.same_host(target.host)
                        && port == self::port(own, target)
                })
        };
        (self.same_origin && is_own())
            || self.list.iter().any(|allowed| {
                scheme.eq_ignore_ascii_case(&allowed.scheme)
                    && authority.same_host(&allowed.host)
                    && port == allowed.port
            })
    }
}

/// The text is not `scheme://host[:port]` or `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a unit")]
pub struct InvalidOrigin;

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an origin of the form scheme://host[:port]")
    }
}

impl core::error::Error for InvalidOrigin {}

/// The ASCII serialization of RFC 6454 §6.2, and nothing around it.
fn parse(origin: &str) -> Option<(&str, Authority<'_>)> {
    let (scheme, authority) = origin.split_once("://")?;
    let mut bytes = scheme.bytes();
    if !bytes.next()?.is_ascii_alphabetic()
        || !bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        return None;
    }
    Some((scheme, Authority::parse(authority)?))
}

fn port(scheme: &str, authority: Authority<'_>) -> Option<u16> {
    authority.port.or_else(|| {
        if scheme.eq_ignore_ascii_case("http") {
            Some(80)
        } else if scheme.eq_ignore_ascii_case("https") {
            Some(443)
        } else {
            None
        }
    })
}
