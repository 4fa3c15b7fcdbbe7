//! The web API of active subscriptions (draft-dunglas-mercure, section "Subscription API").

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LINK};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use hub_protocol::SubscriptionPath;
use ws_handshake::RequestHead;

use super::through_hyper::HUB_LINK;
use super::{App, Body, Refused, value};
use crate::access::{cors, origin};
use crate::client::Client;
use crate::presence;
use crate::publishing::Refusal;
use crate::token::unix_time;

impl App {
    /// The document of a path, for those who may subscribe to it.
    pub(super) fn subscriptions(
        &self,
        head: &RequestHead<'_>,
        client: &Client,
        path: &SubscriptionPath<'_>,
    ) -> Result<Response<Body>, Refused> {
        let grant = self.access.check(head, client.scheme)?;
        let grant = grant
            .filter(|grant| !grant.is_over(unix_time()))
            .ok_or(Refusal::Unauthorized)?;
        //= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-8.2
        //# The requested URL MUST match at least one of the topic selectors provided in the
        //# mercure.subscribe key of the JWS.
        let granted = |path: &str| grant.subscribe.matches([path]);
        if !granted(head.path()) && !granted(&path.to_string()) {
            return Err(Refused::new(403, "the token does not grant this"));
        }
        let document = presence::document(&self.hub, path)?
            .ok_or_else(|| Refused::new(404, "there is no such subscription"))?;
        let tag = self.validators.tag(&document);
        let known = head.header("if-none-match");
        let known = known.is_some_and(|known| is_among(tag.as_bytes(), known));
        let mut response = Response::new(Either::Left(Full::from(document)));
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Either::Left(Full::default());
        }
        let headers = response.headers_mut();
        headers.insert(ETAG, value(&tag));
        //= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-8.2
        //# As data returned by this web API is volatile, clients SHOULD validate that a response
        //# coming from cache is still valid before using it.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(LINK, HUB_LINK);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/ld+json"),
        );
        cors(origin(head).as_ref(), headers);
        Ok(response)
    }
}

/// Whether an entity tag, or any, is on a list of them.
//= https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
//# A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match
fn is_among(tag: &[u8], list: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|entry| {
        let entry = entry.trim_ascii();
        entry == b"*" || entry.strip_prefix(b"W/").unwrap_or(entry) == tag
    })
}
