//! Who may ask: names that the hub answers to, and origins of web pages.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use http::{HeaderMap, HeaderValue};
use ws_handshake::{Forbidden, HostPolicy, InvalidOrigin, OriginPolicy, RequestHead, Scheme};

/// The rules for every request of the hub's endpoint, whichever carrier it came over.
#[derive(Debug)]
pub(crate) struct Access {
    hosts: HostPolicy,
    origins: OriginPolicy,
}

impl Access {
    /// The hub's own pages may ask, and those of `origins`. A page that gives its own name a
    /// loopback address is not one of the hub's: only loopback names are answered to.
    pub(crate) fn new(origins: &[String]) -> Result<Self, InvalidOrigin> {
        let mut policy = OriginPolicy::same_origin();
        for origin in origins {
            policy = policy.allow(origin)?;
        }
        Ok(Self {
            hosts: HostPolicy::loopback(),
            origins: policy,
        })
    }

    pub(crate) fn check(&self, head: &RequestHead<'_>) -> Result<(), Forbidden> {
        self.hosts.check(head.host())?;
        self.origins.check(&head.initiator(Scheme::Http))
    }
}

/// What lets a page of an origin that passed [`Access::check`] read the answer.
pub(crate) fn cors(head: &RequestHead<'_>, headers: &mut HeaderMap) {
    headers.insert(VARY, HeaderValue::from_static("origin"));
    let origin = head
        .header("origin")
        .and_then(|origin| HeaderValue::from_bytes(origin).ok());
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("last-event-id, longwire-position");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// What the answer to a preflight adds.
pub(crate) fn preflight(headers: &mut HeaderMap) {
    let mut add = |name, value| headers.insert(name, HeaderValue::from_static(value));
    add(ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST");
    add(
        ACCESS_CONTROL_ALLOW_HEADERS,
        "cache-control, content-type, last-event-id",
    );
    add(ACCESS_CONTROL_MAX_AGE, "7200");
}
