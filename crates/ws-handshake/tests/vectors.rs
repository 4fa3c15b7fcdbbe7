//! Every row of `fuzz/vectors/handshake.json`, whole and cut in two at every byte.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use serde_json::Value;
use ws_handshake::{
    Answer, BodyLength, ClientHandshake, ClientRequest, Extension, Extensions, HandshakeError,
    Head, HostPolicy, Initiator, Limits, Nonce, OriginPolicy, Request, RequestHead, ResponseError,
    Scheme,
};

fn rows(section: &str) -> Vec<Value> {
    let text = include_str!("../../../fuzz/vectors/handshake.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let rows = vectors[section].as_array().unwrap().clone();
    assert!(!rows.is_empty(), "{section}");
    rows
}

/// Characters up to U+00FF are the bytes of these numbers.
fn bytes(value: &Value) -> Vec<u8> {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no string"));
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap().to_owned())
        .collect()
}

fn named(extensions: impl Iterator<Item = Extension<'static>>) -> Vec<String> {
    extensions.map(|extension| extension.to_string()).collect()
}

/// Gives `first` and then all of `buf` to `parse`, which must ask for more or decide at once.
fn in_two<T, E>(
    buf: &[u8],
    first: usize,
    mut parse: impl FnMut(&[u8]) -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    match parse(&buf[..first]) {
        Ok(None) => parse(buf),
        decided => decided,
    }
}

#[test]
fn heads_are_read_or_refused_whatever_the_split() {
    for row in rows("heads") {
        let buf = bytes(&row["head"]).leak();
        let name = &row["name"];
        let whole = RequestHead::parse(buf, &mut 0, &Limits::default());
        match (&whole, row["error"].as_str()) {
            (Ok(Some(Head { value: head, len })), None) => {
                assert_eq!(head.method(), row["method"], "{name}");
                assert_eq!(head.target(), row["target"], "{name}");
                assert_eq!(head.host(), row["host"].as_str(), "{name}");
                match head.body() {
                    BodyLength::Bytes(n) => assert_eq!(row["body"], n, "{name}"),
                    BodyLength::Chunked => assert_eq!(row["body"], "chunked", "{name}"),
                }
                assert_eq!(*len, buf.len(), "{name}");
            }
            (Err(error), Some(expected)) => {
                assert_eq!(format!("{error:?}"), expected, "{name}");
                assert_eq!(row["status"], error.status(), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        let whole = whole.map(|head| head.map(|head| head.len));
        for cut in 0..=buf.len() {
            let mut searched = 0;
            let split = in_two(buf, cut, |part| {
                let head = RequestHead::parse(part, &mut searched, &Limits::default())?;
                Ok::<_, HandshakeError>(head.map(|head| head.len))
            });
            assert_eq!(split, whole, "{name}, cut at {cut}");
        }
    }
}

#[test]
fn requests_are_accepted_or_refused_whatever_the_split() {
    for row in rows("requests") {
        let buf = bytes(&row["head"]).leak();
        let name = &row["name"];
        let whole = Request::parse(buf, &mut 0, &Limits::default());
        let mut out = Vec::new();
        match (&whole, row["error"].as_str()) {
            (Ok(Some(Head { value: request, .. })), None) => {
                let protocols: Vec<_> = request.protocols().collect();
                assert_eq!(protocols, texts(&row["protocols"]), "{name}");
                assert_eq!(
                    named(request.extensions()),
                    texts(&row["extensions"]),
                    "{name}"
                );
                request.clone().accept().encode(&mut out);
                let accept = format!(
                    "\r\nSec-WebSocket-Accept: {}\r\n",
                    row["accept"].as_str().unwrap()
                );
                assert!(
                    String::from_utf8(out.clone()).unwrap().contains(&accept),
                    "{name}"
                );
            }
            (Err(error), Some(expected)) => {
                assert_eq!(format!("{error:?}"), expected, "{name}");
                assert_eq!(row["status"], error.status(), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        let whole = whole.map(|head| {
            head.map(|head| {
                head.value.accept().encode(&mut out);
                head.len
            })
        });
        for cut in 0..=buf.len() {
            let mut searched = 0;
            let split = in_two(buf, cut, |part| {
                let head = Request::parse(part, &mut searched, &Limits::default())?;
                Ok::<_, HandshakeError>(head.map(|head| head.len))
            });
            assert_eq!(split, whole, "{name}, cut at {cut}");
        }
    }
}

/// What of an answer the vectors speak of.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Accepted {
        protocol: Option<String>,
        extensions: Vec<String>,
        len: usize,
    },
    Refused {
        status: u16,
        len: usize,
    },
}

fn outcome(head: Head<Answer<'static>>) -> Outcome {
    let len = head.len;
    match head.value {
        Answer::Accepted(accepted) => Outcome::Accepted {
            protocol: accepted.protocol().map(str::to_owned),
            extensions: named(accepted.extensions()),
            len,
        },
        Answer::Refused(refused) => Outcome::Refused {
            status: refused.status(),
            len,
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn responses_are_accepted_or_refused_whatever_the_split() {
    for row in rows("responses") {
        let buf: &'static [u8] = bytes(&row["head"]).leak();
        let name = &row["name"];
        let (protocols, extensions) = (texts(&row["protocols"]), texts(&row["extensions"]));
        let mut request = ClientRequest::new("ws://server.example.com/chat").unwrap();
        for protocol in &protocols {
            request = request.protocol(protocol).unwrap();
        }
        for extension in &extensions {
            request = request.extension(extension).unwrap();
        }
        let mut sent = Vec::new();
        let handshake =
            ClientHandshake::start(&request, Nonce::new(*b"the sample nonce"), &mut sent);
        let whole = handshake.clone().finish(buf);
        match (&whole, row["error"].as_str()) {
            (Ok(Some(head)), None) => match head.value.clone() {
                Answer::Accepted(accepted) => {
                    let expected = &row["accepted"];
                    assert_eq!(accepted.protocol(), expected["protocol"].as_str(), "{name}");
                    let extensions = named(accepted.extensions());
                    assert_eq!(extensions, texts(&expected["extensions"]), "{name}");
                    assert_eq!(head.len, buf.len(), "{name}");
                }
                Answer::Refused(refused) => {
                    let expected = &row["refused"];
                    assert_eq!(expected["status"], refused.status(), "{name}");
                    assert_eq!(refused.body(), bytes(&expected["body"]), "{name}");
                    assert_eq!(&buf[head.len..], refused.body(), "{name}");
                }
                other => panic!("{name}: {other:?}"),
            },
            (Err(error), Some(expected)) => {
                assert_eq!(format!("{error:?}"), expected, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        let whole = whole.map(|head| head.map(outcome));
        for cut in 0..=buf.len() {
            let mut handshake = handshake.clone();
            let split = in_two(buf, cut, |part| {
                let part: &'static [u8] = part.to_vec().leak();
                Ok::<_, ResponseError>(handshake.finish(part)?.map(outcome))
            });
            assert_eq!(split, whole, "{name}, cut at {cut}");
        }
    }
}

#[test]
fn extension_lists_are_read_or_refused() {
    for row in rows("extensions") {
        let value = bytes(&row["value"]);
        let parsed = Extensions::parse(&value).map(|list| {
            list.map(|extension| {
                let params = extension
                    .params()
                    .map(|(name, value)| serde_json::json!([name, value]))
                    .collect::<Vec<_>>();
                serde_json::json!([extension.name(), params])
            })
            .collect::<Vec<_>>()
        });
        assert_eq!(parsed.ok(), row["list"].as_array().cloned(), "{row}");
    }
}

#[test]
fn origins_pass_or_not() {
    for row in rows("origins") {
        let policy = match row["policy"].as_str().unwrap() {
            "any" => OriginPolicy::any(),
            "same-origin" => OriginPolicy::same_origin(),
            origin => OriginPolicy::listed().allow(origin).unwrap(),
        };
        let scheme = match row["scheme"].as_str().unwrap() {
            "http" => Scheme::Http,
            _ => Scheme::Https,
        };
        let field = |name: &str| row[name].as_str().map(|_| bytes(&row[name]));
        let (origin, site) = (field("origin"), field("fetch_site"));
        let host = row["host"].as_str();
        let cookie = row["cookie"].as_bool().unwrap();
        let initiator =
            Initiator::new(scheme, host, origin.as_deref(), site.as_deref()).with_cookie(cookie);
        let allowed = policy.check(&initiator);
        assert_eq!(row["allowed"], allowed.is_ok(), "{row}: {allowed:?}");
        if let Err(forbidden) = allowed {
            assert_eq!(forbidden.status(), 403);
        }
    }
}

#[test]
fn hosts_are_served_or_not() {
    for row in rows("hosts") {
        let policy = match row["policy"].as_str().unwrap() {
            "any" => HostPolicy::any(),
            "loopback" => HostPolicy::loopback(),
            host => HostPolicy::listed().allow(host).unwrap(),
        };
        let allowed = policy.check(row["host"].as_str());
        assert_eq!(row["allowed"], allowed.is_ok(), "{row}");
        if let Err(forbidden) = allowed {
            assert_eq!(forbidden.status(), 421);
        }
    }
}

#[test]
fn urls_are_taken_apart_or_refused() {
    for row in rows("urls") {
        let url = row["url"].as_str().unwrap();
        match (ClientRequest::new(url), row["error"].as_str()) {
            (Ok(request), None) => {
                assert_eq!(request.is_secure(), row["secure"], "{url}");
                assert_eq!(request.host(), row["host"], "{url}");
                assert_eq!(row["port"], request.port(), "{url}");
                assert_eq!(request.authority(), row["authority"], "{url}");
                assert_eq!(request.target(), row["target"].as_str().unwrap(), "{url}");
                let mut out = Vec::new();
                let _handshake = ClientHandshake::start(&request, Nonce::new([0; 16]), &mut out);
                let head = Request::parse(&out, &mut 0, &Limits::default())
                    .unwrap()
                    .unwrap()
                    .value;
                assert_eq!(head.head().host(), row["authority"].as_str(), "{url}");
                assert_eq!(head.head().target(), row["target"], "{url}");
                let authorization = head.header("authorization");
                assert_eq!(
                    authorization,
                    row["authorization"].as_str().map(str::as_bytes),
                    "{url}"
                );
            }
            (Err(error), Some(expected)) => assert_eq!(format!("{error:?}"), expected, "{url:?}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}
