//! Publishing over HTTP, on the bare socket and through hyper.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hub_protocol::{MAX_BODY, PublishError, PublishForm};
use hyper::body::{Body as _, Incoming};
use longwire::http::Reply;
use resume::Position;
use ws_handshake::RequestHead;

use super::refused::Refused;
use super::{App, Body, ENDPOINT, LONGWIRE_POSITION, answered, has_token_in_url};
use crate::access::{cors, origin};
use crate::client::Client;
use crate::event::Event;
use crate::hub::Posting;
use crate::publishing::{Publishing, Refusal};
use crate::rights::Grant;
use crate::token::unix_time;

/// Most header fields of the answer to a publisher.
const FIELDS: usize = 8;
/// A body that is not complete by then is given up.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

impl App {
    /// Publishes the form in `body`, which is all there.
    pub(super) fn publish_brief(
        &self,
        head: &RequestHead<'_>,
        body: &[u8],
        peer: SocketAddr,
    ) -> Reply {
        let client = self.client(peer, head);
        let published = self
            .may_publish(head, &client)
            .and_then(|grant| self.publish_form(body, grant.as_deref(), Some(peer)));
        let posting = match published {
            Ok(posting) => posting,
            Err(refused) => {
                let mut response = Response::from(refused);
                self.cors_of_refusal(head, client.scheme, response.headers_mut());
                answered(&self.hub, peer, ("POST", ENDPOINT), response.status());
                return Reply::Now(response);
            }
        };
        let may_read = MayRead::of(head);
        match posting {
            Posting::Decided(Publishing::Done(outcome)) => {
                let response = response(outcome, &may_read);
                answered(&self.hub, peer, ("POST", ENDPOINT), response.status());
                Reply::Now(response)
            }
            later => {
                let hub = self.hub.clone();
                Reply::Later(Box::pin(async move {
                    let response = response(later.outcome().await, &may_read);
                    answered(&hub, peer, ("POST", ENDPOINT), response.status());
                    response
                }))
            }
        }
    }

    /// Publishes the form in `body`, which is on its way.
    pub(super) async fn publish(
        &self,
        head: &RequestHead<'_>,
        client: &Client,
        body: &mut Incoming,
    ) -> Result<Response<Body>, Refused> {
        let grant = self.may_publish(head, client)?;
        let too_large = PublishError::BodyTooLarge;
        if body.size_hint().lower() > MAX_BODY as u64 {
            return Err(Refused::new(too_large.status(), too_large));
        }
        let collected = Limited::new(body, MAX_BODY).collect();
        let body = tokio::time::timeout(BODY_DEADLINE, collected)
            .await
            .map_err(|_| Refused::new(408, "the body was not complete in time"))?
            .map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => Refused::new(too_large.status(), too_large),
                Err(error) => Refused::new(400, error),
            })?;
        // Over HTTP/2, a client may have several under way.
        let posting = self.publish_form(&body.to_bytes(), grant.as_deref(), None)?;
        let response = response(posting.outcome().await, &MayRead::of(head));
        Ok(response.map(|body| Either::Left(Full::new(body))))
    }

    /// Checks what can be checked before the body is there.
    fn may_publish(
        &self,
        head: &RequestHead<'_>,
        client: &Client,
    ) -> Result<Option<Arc<Grant>>, Refused> {
        let grant = self.access.check(head, client.scheme)?;
        let form = head.header("content-type").is_some_and(is_form);
        if !form || head.header(CONTENT_ENCODING.as_str()).is_some() {
            let reason = "publish with content type application/x-www-form-urlencoded, unencoded";
            return Err(Refused::new(415, reason));
        }
        let subject = grant.as_ref().and_then(|grant| grant.subject.as_ref());
        self.limits
            .publish(client.address, subject, self.hub.now())
            .map_err(Refusal::TooSoon)
            .inspect_err(|_| self.hub.metrics.rate_limited.add(1))?;
        Ok(grant)
    }

    fn publish_form(
        &self,
        body: &[u8],
        grant: Option<&Grant>,
        from: Option<SocketAddr>,
    ) -> Result<Posting, Refused> {
        let form = PublishForm::parse(body).map_err(|error| Refused::new(error.status(), error))?;
        self.access.policy.publish(&form, grant, unix_time())?;
        Ok(self.hub.publish_here(form, from))
    }
}

/// Who may read the answer to a publisher beside the publisher.
struct MayRead {
    /// The page that asks, if one does.
    origin: Option<HeaderValue>,
    /// Whether caches may not.
    private: bool,
}

impl MayRead {
    fn of(head: &RequestHead<'_>) -> Self {
        Self {
            origin: origin(head),
            private: has_token_in_url(head),
        }
    }
}

fn response(outcome: Result<Arc<Event>, Refusal>, may_read: &MayRead) -> Response<Bytes> {
    let mut response = match outcome {
        Err(refusal) => Response::from(Refused::from(refusal)),
        Ok(event) => {
            let mut response = Response::new(Bytes::new());
            // One allocation for all fields.
            response.headers_mut().reserve(FIELDS);
            if !event.form.ephemeral {
                let mut position = Vec::with_capacity(Position::MAX_TEXT_LEN);
                event.position.encode(&mut position);
                let position = Bytes::from(position);
                let id = event.form.id.as_ref().map(|id| id.clone().into());
                *response.body_mut() = id.unwrap_or_else(|| position.clone());
                if let Ok(position) = HeaderValue::from_maybe_shared(position) {
                    response.headers_mut().insert(LONGWIRE_POSITION, position);
                }
            }
            response
        }
    };
    let headers = response.headers_mut();
    if may_read.private {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    cors(may_read.origin.as_ref(), headers);
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn is_form(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}
