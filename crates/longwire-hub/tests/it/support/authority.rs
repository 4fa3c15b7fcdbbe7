//! Who signs tokens.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{Carrier, Directory, Hub, Request, Response, Seen, Subscriber, form};

/// Where a token becomes a ticket.
pub(crate) const TICKET: &str = "/.well-known/longwire/ticket";

/// A key in a file, and what it signs.
#[derive(Debug)]
pub(crate) struct Authority(Directory);

impl Authority {
    pub(crate) const SECRET: &str =
        "canary: a secret that nobody may see, and 64 bytes of it, at least";

    pub(crate) fn new() -> Self {
        let directory = Directory::new();
        let secret = format!("{}\n", Self::SECRET);
        std::fs::write(format!("{}/secret", directory.path()), secret).unwrap();
        Self(directory)
    }

    /// The option that gives the hub the key.
    pub(crate) fn key(&self) -> String {
        format!("HS256:{}/secret", self.0.path())
    }

    /// A hub with the key and these options.
    pub(crate) async fn hub(&self, options: &[&str]) -> Hub {
        self.hub_on("127.0.0.1:0", options).await
    }

    /// The same at this address.
    pub(crate) async fn hub_on(&self, listen: &str, options: &[&str]) -> Hub {
        Hub::start_on(listen, &[&["--key", &self.key()], options].concat()).await
    }

    /// A token for so many seconds.
    pub(crate) fn token(&self, publish: &[&str], subscribe: &[&str], seconds: u64) -> String {
        self.sign(&json!({
            "exp": now() + seconds,
            "mercure": { "publish": publish, "subscribe": subscribe },
        }))
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let key = EncodingKey::from_secret(Self::SECRET.as_bytes());
        encode(&Header::default(), claims, &key).unwrap()
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub(crate) async fn publish(hub: &Hub, token: &str, fields: &[(&str, &str)]) -> Response {
    let (bearer, body) = (bearer(token), form(fields));
    hub.request(Request::publish(&body).header("Authorization", &bearer))
        .await
}

pub(crate) async fn ticket(hub: &Hub, token: &str) -> String {
    let bearer = bearer(token);
    let request = Request::new("POST", TICKET).header("Authorization", &bearer);
    let response = hub.request(request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("cache-control"), Some("no-store"));
    response.text().to_owned()
}

/// Subscribes with a token; the position that a subscription begins with is passed over.
pub(crate) async fn subscribe(
    carrier: Carrier,
    hub: &Hub,
    token: &str,
    parameters: &[(&str, &str)],
) -> Subscriber {
    let ticket = ticket(hub, token).await;
    let all = [parameters, &[("ticket", ticket.as_str())]].concat();
    let mut subscriber = Subscriber::open(carrier, hub, &all).await;
    let id = parameters.iter().find(|(name, _)| *name == "lastEventID");
    if carrier == Carrier::WebSocket || id.is_none_or(|(_, id)| *id == "earliest") {
        let first = subscriber.next().await;
        assert!(matches!(first, Seen::Position(_)), "{first:?}");
    }
    subscriber
}
