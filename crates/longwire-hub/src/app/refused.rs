//! Answers that say why not.

use core::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full};
use ws_handshake::Reject;

use super::Body;
use crate::access::Denied;
use crate::limits::{CROWDED, Full as Crowd};
use crate::publishing::Refusal;

/// How to say who one is.
//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
//# The server generating a 401 response MUST send a WWW-Authenticate header field (Section 11.6.1)
//# containing at least one challenge applicable to the target resource.
const BEARER: &str = "Bearer";

/// An answer that says why not, in plain text.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    reason: String,
    /// When to ask again.
    after: Option<Duration>,
    /// Whether the connection is closed.
    closes: bool,
}

impl Refused {
    pub(super) fn new(status: u16, reason: impl ToString) -> Self {
        Self {
            status,
            reason: reason.to_string(),
            after: None,
            closes: false,
        }
    }

    /// Nobody more can be served.
    pub(super) fn crowded() -> Self {
        Self {
            after: Some(CROWDED),
            closes: true,
            ..Self::new(503, "the hub has as many connections as it can serve")
        }
    }

    /// In whole seconds (RFC 9110 §10.2.3).
    fn retry_after(&self) -> Option<String> {
        let after = self.after?;
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        Some(seconds.max(1).to_string())
    }

    /// Writes the whole answer, with these header fields besides, after which the connection is closed.
    pub(super) fn encode(&self, headers: &HeaderMap, out: &mut Vec<u8>) {
        let mut reject = Reject::new(self.status);
        for (name, value) in headers {
            if let Ok(more) = reject.clone().header(name.as_str(), value.as_bytes()) {
                reject = more;
            }
        }
        let after = self.retry_after();
        let challenge = (self.status == 401).then_some(BEARER);
        for (name, value) in [
            ("WWW-Authenticate", challenge),
            ("Retry-After", after.as_deref()),
        ] {
            if let Some(value) = value
                && let Ok(more) = reject.clone().header(name, value.as_bytes())
            {
                reject = more;
            }
        }
        reject
            .body(format!("{}\n", self.reason).as_bytes())
            .encode(out);
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::new(denied.status, denied.reason)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let mut refused = Self::new(refusal.code().status(), refusal.reason());
        refused.after = refusal.retry_after();
        refused
    }
}

impl From<Crowd> for Refused {
    fn from(crowd: Crowd) -> Self {
        let reason = match crowd {
            Crowd::Address => "too many subscriptions from this address",
            Crowd::Subject => "too many subscriptions with tokens of this subject",
            Crowd::Total => return Self::crowded(),
        };
        Self {
            after: Some(CROWDED),
            ..Self::new(429, reason)
        }
    }
}

impl From<Refused> for Response<Bytes> {
    fn from(refused: Refused) -> Self {
        let mut response = Self::new(format!("{}\n", refused.reason).into());
        *response.status_mut() =
            StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        if refused.status == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(BEARER));
        }
        let after = refused.retry_after();
        if let Some(after) = after.and_then(|after| HeaderValue::from_str(&after).ok()) {
            headers.insert(RETRY_AFTER, after);
        }
        if refused.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Refused> for Response<Body> {
    fn from(refused: Refused) -> Self {
        Response::<Bytes>::from(refused).map(|body| Either::Left(Full::new(body)))
    }
}
