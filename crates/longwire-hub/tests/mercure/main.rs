//! The Mercure protocol, draft 07, from the outside: each sentence with a keyword of RFC 2119 that
//! concerns a hub, asked of `longwire serve` as a process; and clients that others have made.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

mod active;
mod authorization;
mod clients;
mod cross_origin;
mod discovery;
mod history;
mod publication;
mod selectors;
mod subscription;

#[allow(
    dead_code,
    unused_imports,
    reason = "the other tests of the hub use more of it"
)]
#[path = "../it"]
mod it {
    pub(crate) mod support;
}

pub(crate) use it::support;

use support::{Hub, Request, Response};

/// Asks with a token.
async fn get(hub: &Hub, token: &str, path: &str) -> Response {
    let bearer = format!("Bearer {token}");
    let request = Request::new("GET", path).header("Authorization", &bearer);
    hub.request(request).await
}
