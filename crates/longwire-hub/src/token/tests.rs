//! What tokens grant, and which are refused.

use jsonwebtoken::{EncodingKey, Header, encode};
use rcgen::{KeyPair, RsaKeySize, SigningKey as _};
use serde_json::json;

use super::*;

const SECRET: &[u8] = b"a secret that has thirty-two bytes";

fn keys() -> Keys {
    let mut keys = Keys::default();
    keys.add_key("HS256", SECRET).unwrap();
    keys
}

fn soon() -> u64 {
    unix_time() + 600
}

fn sign(header: &str, claims: &str) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let key = EncodingKey::from_secret(SECRET);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.unwrap())
}

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn claims(exp: &str) -> String {
    format!(
        r#"{{"exp":{exp},"mercure":{{"publish":["a"],"subscribe":["/b/{{id}}"],"payload":{{}}}}}}"#
    )
}

#[test]
fn what_a_token_grants() {
    let grant = keys()
        .verify(&sign(HS256, &claims(&soon().to_string())))
        .unwrap();
    assert!(grant.publish.matches(["a"]) && grant.subscribe.matches(["/b/1"]));
    assert!(!grant.publish.matches(["/b/1"]) && !grant.subscribe.matches(["a"]));
}

#[test]
fn a_time_is_required_and_is_a_whole_number() {
    let past = (unix_time() - 1).to_string();
    for exp in [
        "null",
        "\"9999999999\"",
        "1e400",
        "-1",
        "9999999999.5",
        "1e10",
        "[]",
        "true",
        "0",
        &past,
    ] {
        assert_eq!(
            keys().verify(&sign(HS256, &claims(exp))),
            Err(InvalidToken),
            "{exp}"
        );
    }
    let none = r#"{"mercure":{"publish":["*"]}}"#;
    assert_eq!(keys().verify(&sign(HS256, none)), Err(InvalidToken));
    let twice = format!(r#"{{"exp":{0},"exp":{0},"mercure":{{}}}}"#, soon());
    assert_eq!(keys().verify(&sign(HS256, &twice)), Err(InvalidToken));
    let not_yet = format!(
        r#"{{"exp":{},"nbf":{},"mercure":{{}}}}"#,
        soon(),
        soon() - 9
    );
    assert_eq!(keys().verify(&sign(HS256, &not_yet)), Err(InvalidToken));
}

#[test]
fn claims_of_another_type_are_refused() {
    for claim in [
        r#""mercure":null"#,
        r#""mercure":{"publish":"*"}"#,
        r#""mercure":{"subscribe":[1]}"#,
        r#""mercure":{"publish":null}"#,
        r#""mercure":{"publish":["{a*}"]}"#,
        r#""sub":"x""#,
        r#""aud":"another service","mercure":{}"#,
    ] {
        let claims = format!(r#"{{"exp":{},{claim}}}"#, soon());
        assert_eq!(
            keys().verify(&sign(HS256, &claims)),
            Err(InvalidToken),
            "{claim}"
        );
    }
}

#[test]
fn only_the_algorithm_of_the_key_is_taken() {
    let claims = claims(&soon().to_string());
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{}"#,
        "HS256",
    ] {
        assert_eq!(
            keys().verify(&sign(header, &claims)),
            Err(InvalidToken),
            "{header}"
        );
    }
    let good = sign(HS256, &claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    for bad in [
        format!("{message}."),
        message.to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{message}.{}", &signature[1..]),
        format!("{good}A"),
        String::new(),
        "..".into(),
        "a".repeat(1 << 20),
    ] {
        assert_eq!(keys().verify(&bad), Err(InvalidToken), "{bad:.80}");
    }
    // The public key of another algorithm is no secret.
    let mut other = Keys::default();
    let public = ec_key().public_key_pem();
    other.add_key("ES256", public.as_bytes()).unwrap();
    let key = EncodingKey::from_secret(public.trim_ascii_end().as_bytes());
    let forged = encode(
        &Header::new(Algorithm::HS256),
        &json!({ "exp": soon(), "mercure": {} }),
        &key,
    );
    assert_eq!(other.verify(&forged.unwrap()), Err(InvalidToken));
    assert_eq!(other.verify(&good), Err(InvalidToken));
}

/// Where to find a key, and who vouches for it, is said by whoever made the token: it decides
/// nothing, and nothing is fetched. (The hub has no means to fetch anything.)
#[test]
fn what_an_unverified_token_says_of_keys_decides_nothing() {
    let claims = format!(
        r#"{{"exp":{},"iss":"http://169.254.169.254/","mercure":{{"publish":["a"]}}}}"#,
        soon()
    );
    for member in [
        r#""kid":"../../etc/passwd""#,
        r#""jku":"http://169.254.169.254/""#,
        r#""x5u":"http://169.254.169.254/""#,
        r#""jwk":{"kty":"oct","k":"AAAA"}"#,
    ] {
        let header = format!(r#"{{"alg":"HS256",{member}}}"#);
        let good = sign(&header, &claims);
        assert!(keys().verify(&good).is_ok(), "{member}");
        let mut others = Keys::default();
        others
            .add_key("HS256", b"another secret that has 32 bytes")
            .unwrap();
        assert_eq!(others.verify(&good), Err(InvalidToken), "{member}");
    }
}

/// A public key is known to everybody: as a secret it proves nothing.
#[test]
fn a_public_key_is_no_secret() {
    let pem = ec_key().public_key_pem();
    let mut keys = Keys::default();
    keys.add_key("ES256", pem.as_bytes()).unwrap();
    let claims = claims(&soon().to_string());
    for secret in [pem.as_bytes(), pem.trim_end().as_bytes()] {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(HS256),
            URL_SAFE_NO_PAD.encode(&claims)
        );
        let key = EncodingKey::from_secret(secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
        let token = format!("{message}.{}", signature.unwrap());
        assert_eq!(keys.verify(&token), Err(InvalidToken));
    }
}

#[test]
fn times_of_another_type_are_refused() {
    for nbf in ["\"0\"", "true", "[]", "{}", "-1", "1e400"] {
        let claims = format!(r#"{{"exp":{},"nbf":{nbf},"mercure":{{}}}}"#, soon());
        assert_eq!(
            keys().verify(&sign(HS256, &claims)),
            Err(InvalidToken),
            "{nbf}"
        );
    }
}

#[test]
fn a_payload_is_kept_where_it_is_shown() {
    let claims = |payload: &str| {
        format!(
            r#"{{"exp":{},"mercure":{{"subscribe":["a"]{payload}}}}}"#,
            soon()
        )
    };
    let token = |payload: &str| sign(HS256, &claims(payload));
    let with = r#","payload":{"user":"ada","groups":[1,null]}"#;
    assert_eq!(keys().verify(&token(with)).unwrap().payload, None);
    let mut showing = keys();
    showing.keep_payloads();
    let payload = |token: &str| showing.verify(token).unwrap().payload;
    let kept = payload(&token(with)).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept, json!({ "user": "ada", "groups": [1, null] }));
    assert_eq!(payload(&token("")), None);
    assert_eq!(payload(&token(r#","payload":null"#)), None);
    assert_eq!(
        payload(&token(r#","payload":"x""#)).as_deref(),
        Some("\"x\"")
    );
}

#[test]
fn a_token_without_an_end_is_taken_where_that_is_wished() {
    let none = sign(HS256, r#"{"mercure":{"publish":["*"]}}"#);
    assert_eq!(keys().verify(&none), Err(InvalidToken));
    let mut patient = keys();
    patient.take_endless();
    let grant = patient.verify(&none).unwrap();
    assert!(grant.publish.matches(["a"]) && !grant.is_over(u64::MAX - 1));
    // But not one whose end is no time, or is over.
    for exp in ["null", "\"9999999999\"", "-1", "1.5", "0"] {
        let claims = format!(r#"{{"exp":{exp},"mercure":{{}}}}"#);
        let token = sign(HS256, &claims);
        assert_eq!(patient.verify(&token), Err(InvalidToken), "{exp}");
    }
}

#[test]
fn a_token_too_long_is_refused_unread() {
    let claims = format!(
        r#"{{"exp":{},"mercure":{{}},"x":"{}"}}"#,
        soon(),
        "x".repeat(1 << 20)
    );
    assert_eq!(keys().verify(&sign(HS256, &claims)), Err(InvalidToken));
}

#[test]
fn keys_that_cannot_be_used_are_named() {
    let mut keys = Keys::default();
    for (algorithm, key, reason) in [
        ("HS256", &b"short"[..], "32 bytes"),
        ("RS256", b"not PEM", "PEM"),
        ("HS512", SECRET, "must be HS256"),
        ("none", SECRET, "must be HS256"),
    ] {
        let error = keys.add_key(algorithm, key).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
    assert!(keys.add("HS256").unwrap_err().contains("ALGORITHM:FILE"));
    assert!(
        keys.add("HS256:/nowhere/at/all")
            .unwrap_err()
            .contains("/nowhere/at/all")
    );
    assert!(keys.is_empty() && !format!("{:?}", self::keys()).contains("secret that"));
}

#[test]
fn each_algorithm_verifies_what_it_signed() {
    let claims = json!({ "exp": soon(), "mercure": { "publish": ["a"] } });
    let (es256, ed) = (
        ec_key(),
        KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
    );
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let rows = [("ES256", &es256), ("EdDSA", &ed), ("RS256", &rsa)];
    let tokens = rows.map(|(name, pair)| {
        let header = format!(r#"{{"alg":"{name}"}}"#);
        let claims = claims.to_string();
        let message = [header, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        match name {
            "ES256" | "EdDSA" => {
                let (algorithm, key) = if name == "ES256" {
                    (
                        Algorithm::ES256,
                        EncodingKey::from_ec_der(&pair.serialize_der()),
                    )
                } else {
                    (
                        Algorithm::EdDSA,
                        EncodingKey::from_ed_der(&pair.serialize_der()),
                    )
                };
                let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm);
                format!("{message}.{}", signature.unwrap())
            }
            _ => {
                let signature = pair.sign(message.as_bytes()).unwrap();
                format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
            }
        }
    });
    for (own, (name, pair)) in rows.iter().enumerate() {
        let mut keys = Keys::default();
        keys.add_key(name, pair.public_key_pem().as_bytes())
            .unwrap();
        for (index, token) in tokens.iter().enumerate() {
            assert_eq!(keys.verify(token).is_ok(), index == own, "{name}");
        }
    }
    // With all of them, each.
    let mut all = keys();
    for (name, pair) in &rows {
        all.add_key(name, pair.public_key_pem().as_bytes()).unwrap();
    }
    assert!(tokens.iter().all(|token| all.verify(token).is_ok()));
}

fn ec_key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}
