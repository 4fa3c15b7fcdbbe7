//! Who may ask: names that the hub answers to, and origins of web pages.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use http::{HeaderMap, HeaderValue};
use hub_protocol::query_parameter;
use ws_handshake::{Forbidden, HostPolicy, InvalidOrigin, OriginPolicy, RequestHead, Scheme};

use crate::rights::{Grant, Policy};
use crate::settings::Settings;
use crate::tickets::Tickets;
use crate::token::{InvalidToken, Keys};

/// The rules for every request of the hub's endpoint, whichever carrier it came over.
#[derive(Debug)]
pub(crate) struct Access {
    hosts: HostPolicy,
    origins: OriginPolicy,
    keys: Keys,
    tickets: Tickets,
    /// Whether a token may stand in a URL.
    query_tokens: bool,
    pub(crate) policy: Policy,
}

/// Why a request is refused before it is looked at.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) status: u16,
    pub(crate) reason: String,
}

impl From<Forbidden> for Denied {
    fn from(error: Forbidden) -> Self {
        Self {
            status: error.status(),
            reason: error.to_string(),
        }
    }
}

/// What a request says who it is from, by where it says so.
enum Credentials<'b> {
    None,
    Token(Cow<'b, str>),
    Cookie(&'b str),
    Ticket(String),
    /// Something that cannot be a token.
    Unreadable,
}

impl Access {
    /// Without a key, everybody on this machine may do what is public; then, only loopback names
    /// are answered to, whatever address a page may have given its own name. The hub's own pages
    /// may ask, and those of `origins`.
    pub(crate) fn new(settings: &Settings, keys: Keys) -> Result<Self, InvalidOrigin> {
        let mut origins = OriginPolicy::same_origin();
        for origin in &settings.origins {
            origins = origins.allow(origin)?;
        }
        let mut hosts = match (settings.listen.ip().is_loopback(), &settings.hosts[..]) {
            (true, _) => HostPolicy::loopback(),
            (false, []) => HostPolicy::any(),
            (false, _) => HostPolicy::listed(),
        };
        for host in &settings.hosts {
            hosts = hosts.allow(host)?;
        }
        let policy = match (keys.is_empty(), settings.anonymous) {
            (true, _) => Policy::Demo,
            (false, true) => Policy::Anonymous,
            (false, false) => Policy::Closed,
        };
        Ok(Self {
            hosts,
            origins,
            keys,
            tickets: Tickets::default(),
            query_tokens: settings.query_tokens,
            policy,
        })
    }

    /// Whether a page may ask at all: before anybody says who they are.
    pub(crate) fn check_origin(
        &self,
        head: &RequestHead<'_>,
        scheme: Scheme,
    ) -> Result<(), Denied> {
        self.hosts.check(head.host())?;
        self.origins.check(&head.initiator(scheme))?;
        Ok(())
    }

    /// The grant of whoever asks; `None` if they do not say who they are.
    pub(crate) fn check(
        &self,
        head: &RequestHead<'_>,
        scheme: Scheme,
    ) -> Result<Option<Arc<Grant>>, Denied> {
        self.check_origin(head, scheme)?;
        if self.policy == Policy::Demo {
            return Ok(None);
        }
        let unauthorized = || Denied {
            status: 401,
            reason: "the token is not valid, or not any more".into(),
        };
        let grant = match self.credentials(head) {
            Credentials::None => return Ok(None),
            Credentials::Unreadable => None,
            Credentials::Token(token) => self.verify(&token).ok(),
            Credentials::Cookie(token) => {
                // A page of another origin sends cookies too, and a request without an origin may
                // be one.
                let initiator = head.initiator(scheme);
                let reads = !head.wants_upgrade() && matches!(head.method(), "GET" | "HEAD");
                self.origins.check(&initiator.with_cookie(!reads))?;
                self.verify(token).ok()
            }
            Credentials::Ticket(ticket) => self.tickets.redeem(&ticket, Instant::now()),
        };
        grant.map(Some).ok_or_else(unauthorized)
    }

    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Grant>, InvalidToken> {
        self.keys.verify(token).map(Arc::new)
    }

    /// A ticket for a grant.
    pub(crate) fn ticket(&self, grant: &Arc<Grant>) -> Option<String> {
        self.tickets.issue(grant, Instant::now())
    }

    fn credentials<'b>(&self, head: &RequestHead<'b>) -> Credentials<'b> {
        if let Some(field) = head.header("authorization") {
            let bearer = str::from_utf8(field)
                .ok()
                .and_then(|field| field.split_once(' '));
            return match bearer {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    Credentials::Token(token.trim_ascii().into())
                }
                _ => Credentials::Unreadable,
            };
        }
        let query = head.query().unwrap_or_default();
        if let Some(ticket) = query_parameter(query, "ticket") {
            return Credentials::Ticket(ticket);
        }
        if self.query_tokens
            && let Some(token) = query_parameter(query, "authorization")
        {
            return Credentials::Token(token.into());
        }
        let cookies = head
            .header("cookie")
            .and_then(|field| str::from_utf8(field).ok());
        let mut cookies = cookies.into_iter().flat_map(|field| field.split(';'));
        let cookie = cookies.find_map(|cookie| {
            let (name, value) = cookie.trim_ascii().split_once('=')?;
            (name == "mercureAuthorization").then_some(value)
        });
        cookie.map_or(Credentials::None, Credentials::Cookie)
    }
}

/// The page that asks, if one does.
pub(crate) fn origin(head: &RequestHead<'_>) -> Option<HeaderValue> {
    HeaderValue::from_bytes(head.header("origin")?).ok()
}

/// What lets a page of an origin that passed [`Access::check`] read the answer.
pub(crate) fn cors(origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let credentials = HeaderValue::from_static("true");
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// The header fields of answers that a page may read, beside those that it may always read.
const EXPOSED: &str = "etag, last-event-id, link, longwire-position, retry-after, www-authenticate";

/// What the answer to a preflight adds.
pub(crate) fn preflight(methods: &'static str, headers: &mut HeaderMap) {
    let mut add = |name, value| headers.insert(name, HeaderValue::from_static(value));
    add(ACCESS_CONTROL_ALLOW_METHODS, methods);
    add(
        ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, cache-control, content-type, if-none-match, last-event-id",
    );
    add(ACCESS_CONTROL_MAX_AGE, "7200");
}
