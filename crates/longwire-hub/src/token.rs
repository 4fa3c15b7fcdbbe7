//! JSON Web Tokens: what makes one of them a grant.

use core::fmt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hub_protocol::MAX_TOKEN;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::rights::{Grant, selectors};

/// Shortest secret for HS256 in bytes.
//= https://www.rfc-editor.org/rfc/rfc7518#section-3.2
//# A key of the same size as the hash output (for instance, 256 bits for "HS256") or larger MUST
//# be used with this algorithm.
const SHORTEST_SECRET: usize = 32;

/// Keys, each for one algorithm.
#[derive(Default)]
pub(crate) struct Keys {
    keys: Vec<(Validation, DecodingKey)>,
    /// Whether the payload of a token is kept, to be shown with its subscriptions.
    payloads: bool,
    /// Whether a token without `exp` is taken, which never ends.
    endless: bool,
}

/// Without the keys.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("len", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// A token that grants nothing. It is not said why: whoever made it can find out, others shall not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidToken;

/// Of a token's header, what decides whether it is looked at any further.
#[derive(Deserialize)]
struct Header {
    #[serde(rename = "alg")]
    _alg: String,
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

/// Whatever has another type than these is refused: a text is no time.
#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "some")]
    exp: Option<u64>,
    mercure: Mercure,
    sub: Option<String>,
}

/// What is there is a number.
fn some<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    u64::deserialize(from).map(Some)
}

#[derive(Deserialize)]
struct Mercure {
    #[serde(default)]
    publish: Vec<String>,
    #[serde(default)]
    subscribe: Vec<String>,
    #[serde(default)]
    payload: Option<Value>,
}

impl Keys {
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Keeps the payload of tokens.
    pub(crate) const fn keep_payloads(&mut self) {
        self.payloads = true;
    }

    /// Takes tokens that never end.
    pub(crate) fn take_endless(&mut self) {
        self.endless = true;
        for (validation, _) in &mut self.keys {
            validation.required_spec_claims.clear();
        }
    }

    /// Adds the key `ALGORITHM:FILE`.
    ///
    /// # Errors
    ///
    /// The reason, which has nothing of the key.
    pub(crate) fn add(&mut self, option: &str) -> Result<(), String> {
        let (algorithm, path) = option
            .split_once(':')
            .ok_or("a key is ALGORITHM:FILE, such as HS256:/etc/longwire/secret")?;
        let key = std::fs::read(Path::new(path)).map_err(|error| format!("{path}: {error}"))?;
        self.add_key(algorithm, &key)
            .map_err(|reason| format!("{path}: {reason}"))
    }

    fn add_key(&mut self, algorithm: &str, key: &[u8]) -> Result<(), &'static str> {
        let public = || public_key(key).ok_or("not a public key in PEM (BEGIN PUBLIC KEY)");
        let (algorithm, key) = match algorithm {
            "HS256" => {
                let secret = key.trim_ascii_end();
                if secret.len() < SHORTEST_SECRET {
                    return Err("the secret of HS256 must have at least 32 bytes");
                }
                (Algorithm::HS256, DecodingKey::from_secret(secret))
            }
            "RS256" => (Algorithm::RS256, DecodingKey::from_rsa_der(&public()?)),
            "ES256" => (Algorithm::ES256, DecodingKey::from_ec_der(&public()?)),
            "EdDSA" => (Algorithm::EdDSA, DecodingKey::from_ed_der(&public()?)),
            _ => return Err("the algorithm must be HS256, RS256, ES256 or EdDSA"),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = 0;
        validation.validate_nbf = true;
        self.keys.push((validation, key));
        Ok(())
    }

    /// The grant of a token that one of the keys has signed, with that key's algorithm and no
    /// other. Nothing that an unverified token says is acted on.
    pub(crate) fn verify(&self, token: &str) -> Result<Grant, InvalidToken> {
        if token.len() > MAX_TOKEN || token.split('.').count() != 3 {
            return Err(InvalidToken);
        }
        let header = token.split('.').next().unwrap_or_default();
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| InvalidToken)?;
        // A member given twice is an error here.
        let header: Header = serde_json::from_slice(&header).map_err(|_| InvalidToken)?;
        //= https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
        //# If any of the listed extension Header Parameters are not understood and supported by the
        //# recipient, then the JWS is invalid.
        if header.crit.is_some() {
            return Err(InvalidToken);
        }
        let verified = self
            .keys
            .iter()
            .find_map(|(validation, key)| decode::<Claims>(token, key, validation).ok());
        let Claims { exp, mercure, sub } = verified.ok_or(InvalidToken)?.claims;
        let grant = Grant {
            publish: selectors(&mercure.publish).ok_or(InvalidToken)?,
            subscribe: selectors(&mercure.subscribe).ok_or(InvalidToken)?,
            subject: sub.map(Into::into),
            payload: mercure
                .payload
                .filter(|_| self.payloads)
                .map(|payload| payload.to_string().into()),
            expires: match exp {
                Some(exp) => exp,
                None if self.endless => u64::MAX,
                None => return Err(InvalidToken),
            },
        };
        if grant.is_over(unix_time()) {
            return Err(InvalidToken);
        }
        Ok(grant)
    }
}

/// Seconds since 1970.
pub(crate) fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// The bytes of a `SubjectPublicKeyInfo` in PEM (RFC 7468, section 13).
fn public_key(pem: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (base64, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    let base64: String = base64.split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok()
}

#[cfg(test)]
mod tests;
